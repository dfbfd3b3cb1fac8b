"""Texts with known entities: hand-written templates of this folder, filled from Faker's locales and from our own lists."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

from faker import Faker

HERE = Path(__file__).parent
SLOT = re.compile(r"\{\{?([a-z_0-9]+)\}?\}")

# Which locales speak for which language of the templates.
LOCALES = {
    "en": "en_US en_US en_US en_GB en_IN en_AU en_CA en_IE en_NG en_PH en_KE en_NZ",
    "de": "de_DE de_CH de_AT", "fr": "fr_FR fr_CA fr_CH", "es": "es_ES es_MX es_AR es_CO es_CL", "it": "it_IT", "pt": "pt_BR pt_PT",
    "nl": "nl_NL nl_BE", "pl": "pl_PL", "cs": "cs_CZ", "sk": "sk_SK", "sv": "sv_SE", "da": "da_DK", "no": "no_NO", "fi": "fi_FI",
    "hu": "hu_HU", "ro": "ro_RO", "el": "el_GR", "tr": "tr_TR", "ru": "ru_RU", "uk": "uk_UA", "bg": "bg_BG", "hr": "hr_HR", "sl": "sl_SI",
    "lt": "lt_LT", "ar": "ar_AA", "fa": "fa_IR", "he": "he_IL", "hi": "hi_IN", "bn": "bn_BD", "ta": "ta_IN", "zh": "zh_CN",
    "zh-Hant": "zh_TW", "ja": "ja_JP", "ko": "ko_KR", "vi": "vi_VN", "th": "th_TH", "id": "id_ID", "fil": "fil_PH", "sw": "sw",
}
# Locales whose writing goes with English sentences.
LATIN = "de_DE de_CH de_AT fr_FR fr_CA fr_CH es_ES es_MX es_AR es_CO es_CL it_IT pt_BR pt_PT nl_NL nl_BE pl_PL cs_CZ sk_SK sv_SE da_DK no_NO fi_FI hu_HU ro_RO tr_TR hr_HR sl_SI lt_LT vi_VN id_ID fil_PH sw ha_NG yo_NG ig_NG tw_GH zu_ZA".split()
# Never seen in training: they tell how the tagger does on names of other countries.
UNSEEN_LOCALES = frozenset("en_NZ fr_CH de_AT es_CL sk_SK hr_HR ta_IN fil_PH pt_PT nl_BE".split())

KIND_OF = {
    **dict.fromkeys(("person", "first", "last", "prefix_last", "prefix_person", "initials", "prefix"), "person"),
    **dict.fromkeys(("address", "address1", "street", "zip", "pobox", "number", "street_name", "flat"), "address"),
    **dict.fromkeys(("city", "state", "country"), "location"),
    **dict.fromkeys(("date", "time", "weekday", "isotime"), "date_time"),
    "org": "organization", "job": "job_title", "age": "age", "nat": "nationality",
}
# Slots of the templates of presidio-research, by ours.
PRESIDIO_SLOTS = {
    "name": "person", "name_male": "person", "name_female": "person", "first_name": "first", "first_name_male": "first", "first_name_female": "first",
    "first_name_nonbinary": "first", "last_name": "last", "last_name_male": "last", "prefix_male": "prefix", "prefix_female": "prefix",
    "organization": "org", "company": "org", "building_number": "number", "secondary_address": "flat", "postcode": "zip", "zipcode": "zip",
    "state_abbr": "state", "date_of_birth": "date", "date_time": "date", "day_of_week": "weekday", "phone_number": "phone",
    "credit_card_number": "card", "ip_address": "ip", "us_driver_license": "num",
}

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
}
WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday", "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche", "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica", "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag", "pl": "poniedziałek wtorek środę czwartek piątek sobotę niedzielę",
    "ru": "понедельник вторник среду четверг пятницу субботу воскресенье", "tr": "Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi Pazar",
}
DATES_NUMBER = ("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d.%m.%y", "%m/%d/%y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ")
STREET_KINDS = "Street St. Road Rd Avenue Ave Ave. Lane Ln Drive Dr Way Court Place Square Boulevard Blvd Close Crescent Terrace Hill Row Gardens Parkway Highway".split()


@dataclass(frozen=True)
class Text:
    """`spans` are (start, end, kind), in order and apart from each other."""

    text: str
    spans: list[tuple[int, int, str]]
    family: str = field(default="")


def lists() -> dict[str, list[str]]:
    """The lists of lists.txt; those with `;` may hold spaces."""
    made: dict[str, list[str]] = {}
    name = ""
    for line in (HERE / "lists.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name = line[3:]
        elif line:
            made.setdefault(name, []).extend(line.split(";") if ";" in line else line.split())
    return made


def templates(file: str) -> Iterator[tuple[str, str]]:
    """(language, template) of one file."""
    lang = "en"
    for line in (HERE / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            lang = line[3:]
        elif line and not line.startswith("# One") and not line.startswith("# T"):
            yield lang, line.replace("\\n", "\n")


def held_out(family: str, share: float = 0.1) -> bool:
    """Whole templates are kept away from training, always the same ones."""
    return crc32(family.encode()) % 1000 < 1000 * share


class Filler:
    """Fills templates. Values of Faker are drawn once: a pool of each field for each locale."""

    def __init__(self, seed: int, unseen: bool) -> None:
        self.rng = random.Random(seed)
        self.lists = lists()
        self.langs = {lang: [one for one in names.split() if (one in UNSEEN_LOCALES) == unseen] for lang, names in LOCALES.items()}
        self.langs = {lang: names for lang, names in self.langs.items() if names}
        self.latin = [one for one in LATIN if (one in UNSEEN_LOCALES) == unseen]
        self.seed = seed
        self.pools: dict[str, dict[str, list[str]]] = {}

    def pool(self, locale: str) -> dict[str, list[str]]:
        if locale not in self.pools:
            fake = Faker(locale)
            fake.seed_instance(self.seed + crc32(locale.encode()))
            sizes = {"name": 250, "first_name": 300, "last_name": 300, "address": 200, "street_address": 200, "street_name": 150, "city": 200, "country": 80, "postcode": 80, "company": 150, "job": 150}
            self.pools[locale] = {one: [getattr(fake, one)() for _ in range(size)] for one, size in sizes.items()}
        return self.pools[locale]

    def draw(self, locale: str, field_name: str) -> str:
        return self.rng.choice(self.pool(locale)[field_name])

    def one(self, name: str) -> str:
        return self.rng.choice(self.lists[name])

    def digits(self, pattern: str) -> str:
        return "".join(str(self.rng.randrange(10)) if c == "#" else self.rng.choice(string.ascii_uppercase) if c == "@" else c for c in pattern)

    def first(self, locale: str) -> str:
        roll = self.rng.random()
        if roll < 0.12:
            return self.one("words_as_names")
        return self.one("names") if roll < 0.3 else self.draw(locale, "first_name")

    def last(self, locale: str) -> str:
        roll = self.rng.random()
        if roll < 0.06:
            return self.one("words_as_names")
        if roll < 0.15:
            return self.one("surnames")
        return self.draw(locale, "last_name")

    def person(self, locale: str) -> str:
        roll = self.rng.random()
        if roll < 0.45:
            return self.draw(locale, "name")
        first, last = self.first(locale), self.last(locale)
        if roll < 0.8:
            return f"{first} {last}"
        if roll < 0.86:
            return f"{first} {self.digits('@')}. {last}"
        if roll < 0.9:
            return f"{first[0]}. {last}"
        if roll < 0.93:
            return f"{first} {self.first(locale)} {last}"
        if roll < 0.96:
            return f"{first} {last}-{self.last(locale)}"
        return f"{self.one('titles')} {first} {last}"

    def street(self, locale: str) -> str:
        roll = self.rng.random()
        number = self.rng.randrange(1, 1500 if self.rng.random() < 0.3 else 200)
        if roll < 0.45:
            return self.draw(locale, "street_address").replace("\n", ", ")
        if roll < 0.6:
            made = f"{number} {self.last(locale)} {self.rng.choice(STREET_KINDS)}"
            return made + self.rng.choice(["", "", f", Apt {number % 90}", f" #{number % 70}", f", Floor {number % 9}"])
        if roll < 0.7:
            return f"{number} {self.draw(locale, 'street_name')} {self.rng.randrange(1, 200)}"
        if roll < 0.8:
            return f"{number} {self.draw(locale, 'street_name')}"
        if roll < 0.9:
            return self.draw(locale, "street_name")
        return f"{self.last(locale)} {self.rng.choice(STREET_KINDS)}"

    def address(self, locale: str) -> str:
        roll = self.rng.random()
        if roll < 0.6:
            made = self.draw(locale, "address")
        else:
            parts = [self.street(locale), *([self.flat()] if roll < 0.75 else []), self.city(locale), *([self.country(locale)] if roll > 0.8 else [])]
            if roll < 0.9:
                at = self.rng.randrange(len(parts) - 1, len(parts))
                parts[at] = f"{parts[at]} {self.draw(locale, 'postcode')}"
            made = "\n".join(parts)
        return made.replace("\n", self.rng.choice([", ", ", ", ", ", "\n", " ", "\n "]))

    def flat(self) -> str:
        return self.rng.choice(["Apt. ", "Suite ", "Flat ", "Unit ", "Apt ", "Floor "]) + str(self.rng.randrange(1, 999))

    def city(self, locale: str) -> str:
        return self.one("cities") if self.rng.random() < 0.4 else self.draw(locale, "city")

    def country(self, locale: str) -> str:
        return self.one("countries") if self.rng.random() < 0.4 else self.draw(locale, "country")

    def org(self, locale: str) -> str:
        roll = self.rng.random()
        if roll < 0.35:
            return self.one("organizations")
        if roll < 0.6:
            return self.draw(locale, "company")
        parts = {"last": self.last(locale), "first": self.first(locale), "city": self.city(locale), "coined": "".join(self.rng.sample(self.lists["coined"], self.rng.randint(2, 3)))}
        if self.rng.random() < 0.8:
            parts["coined"] = parts["coined"].capitalize()
        return SLOT.sub(lambda found: parts.get(found[1]) or self.one("nouns"), self.one("org_parts"))

    def moment(self) -> datetime:
        return datetime(1930, 1, 1) + timedelta(seconds=self.rng.randrange(100 * 365 * 86400))

    def date(self, lang: str) -> str:
        at = self.moment()
        roll = self.rng.random()
        if lang in ("zh", "zh-Hant", "ja") and roll < 0.5:
            return f"{at.year}年{at.month}月{at.day}日"
        if lang == "ko" and roll < 0.5:
            return f"{at.year}년 {at.month}월 {at.day}일"
        if roll < 0.5:
            made = at.strftime(self.rng.choice(DATES_NUMBER))
            return re.sub(r"(?<!\d)0(\d)(?=[/.])", r"\1", made) if self.rng.random() < 0.5 else made
        month = MONTHS.get(lang, MONTHS["en"]).split()[at.month - 1]
        if lang not in ("en",):
            dot = ". " if lang in ("de",) else " de " if lang in ("es", "pt") else " "
            return f"{at.day}{dot}{month}" + self.rng.choice(["", f" {at.year}"])
        day = f"{at.day}{'th' if 10 < at.day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(at.day % 10, 'th')}"
        short = month[:3]
        return self.rng.choice([f"{month} {at.day}, {at.year}", f"{month} {at.day}", f"{at.day} {month} {at.year}", f"{day} of {month}", f"{month} {day}", f"{short} {at.day}", f"{short} {at.day}, {at.year}", f"{at.day}-{short}-{at.year}", f"{month} {at.year}", f"the {day} of {month}, {at.year}", at.strftime("%A, ") + f"{month} {at.day}", at.strftime("%a, %d ") + f"{short} {at.year}" + at.strftime(" %H:%M:%S")])

    def time(self) -> str:
        hour, minute = self.rng.randrange(24), self.rng.randrange(0, 60, 5)
        return self.rng.choice([f"{hour}:{minute:02}", f"{hour % 12 + 1}:{minute:02} {self.rng.choice(['am', 'pm', 'AM', 'p.m.'])}", f"{hour % 12 + 1}{self.rng.choice(['am', 'pm'])}", f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02}:{minute:02}"])

    def digits_of(self, name: str) -> str:
        """Values that are found by rules, and so are nothing to the tagger."""
        rng = self.rng
        word = lambda: rng.choice(self.lists["coined"]) + rng.choice(self.lists["coined"])
        if name == "phone":
            return self.digits(rng.choice(["+1-###-###-####", "(###) ###-####", "###-###-####", "0### ######", "+49 ### #######", "+44 20 #### ####", "## ## ## ## ##", "###.###.####x###", "##########"]))
        if name == "email":
            return f"{rng.choice([word(), self.one('names').lower() + rng.choice(['.', '_', '']) + self.one('surnames').lower()])}{rng.choice(['', '', str(rng.randrange(99))])}@{word()}.{rng.choice(['com', 'org', 'de', 'net', 'co.uk', 'fr'])}"
        if name == "card":
            return self.digits(rng.choice(["4###############", "5### #### #### ####", "37#############", "4###-####-####-####"]))
        if name == "amount":
            return self.digits(rng.choice(["$#,###", "€ ##.##", "£###", "## EUR", "$##.##", "###,## €", "#,### USD", "¥#####"]))
        if name == "isotime":
            return self.moment().strftime(rng.choice(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S,%f", "%Y-%m-%d %H:%M:%S"]))
        if name == "uuid":
            return str(uuid.UUID(int=rng.getrandbits(128)))[: rng.choice([8, 36, 36])]
        if name in ("url", "domain"):
            return rng.choice(["https://www.", "http://", "https://"]) + f"{word()}.{rng.choice(['com', 'org', 'de', 'io'])}" + rng.choice(["", "/", f"/{word()}/{rng.randrange(999)}"])
        if name == "user":
            return word() + str(rng.randrange(999))
        patterns = {"ssn": "###-##-####", "iban": "GB##@@@@##############", "ip": "##.1##.##.1##", "num": "#" * rng.randint(2, 8) if rng.random() < 0.7 else "@@-####"}
        return self.digits(patterns[name])

    def value(self, slot: str, lang: str, locale: str) -> str:
        """What stands for a slot."""
        if slot in ("first", "last", "person", "street", "address", "city", "country", "org"):
            return getattr(self, slot)(locale)
        if slot == "address1":
            return self.address(locale).replace("\n", ", ")
        if slot == "prefix":
            return self.one("titles")
        if slot in ("prefix_last", "prefix_person"):
            return f"{self.one('titles')} {self.last(locale) if slot == 'prefix_last' else self.first(locale) + ' ' + self.last(locale)}"
        if slot == "initials":
            return self.digits(self.rng.choice(["@.@.", "@. @.", "@.", "@"]))
        if slot == "pobox":
            return self.rng.choice(["PO Box ", "P.O. Box ", "Postfach ", "BP ", "P.O.Box "]) + str(self.rng.randrange(1, 9999))
        if slot == "number":
            return str(self.rng.randrange(1, 200))
        if slot == "flat":
            return self.flat()
        if slot in ("zip", "street_name"):
            return self.draw(locale, "postcode" if slot == "zip" else slot)
        if slot == "state":
            return self.one("states")
        if slot == "nat":
            return self.one("nationalities")
        if slot == "age":
            return str(self.rng.randrange(1, 99))
        if slot == "job":
            made = self.one("jobs") if self.rng.random() < 0.65 else self.draw(locale, "job")
            return made.lower() if self.rng.random() < 0.25 else made
        if slot == "date":
            return self.date(lang)
        if slot == "time":
            return self.time()
        if slot == "weekday":
            return self.rng.choice(WEEKDAYS.get(lang, WEEKDAYS["en"]).split())
        return self.digits_of(slot)

    def segments(self, lang: str, template: str) -> list[tuple[str, str]]:
        """The filled template as (text, kind or nothing) pairs."""
        own = self.langs.get(lang, self.latin)
        home = self.rng.choice(own if self.rng.random() < 0.7 or lang in ("zh", "zh-Hant", "ja", "ko", "th") else self.latin)
        made: list[tuple[str, str]] = []
        at = 0
        for found in SLOT.finditer(template):
            slot = PRESIDIO_SLOTS.get(found[1], found[1])
            locale = home if self.rng.random() < 0.75 else self.rng.choice(own + self.latin)
            made += [(template[at : found.start()], ""), (self.value(slot, lang, locale), KIND_OF.get(slot, ""))]
            at = found.end()
        return [pair for pair in [*made, (template[at:], "")] if pair[0]]


def disturbed(segments: list[tuple[str, str]], rng: random.Random) -> list[tuple[str, str]]:
    """People write without capitals, in capitals, without punctuation or accents' marks."""
    roll = rng.random()
    if roll < 0.14:
        return [(text.lower(), kind) for text, kind in segments]
    if roll < 0.18:
        return [(text.upper(), kind) for text, kind in segments]
    if roll < 0.22:
        return [(text.lower(), kind) if kind else (text, kind) for text, kind in segments]
    if roll < 0.25:
        return [(text.upper(), kind) if kind else (text, kind) for text, kind in segments]
    if roll < 0.3:
        return [(re.sub(r"[.,!?;:'\"]", "", text), kind) for text, kind in segments]
    if roll < 0.36:
        return [(text.replace("\n", rng.choice([" ", "\n\n", " | ", "; "])) if not kind else text, kind) for text, kind in segments]
    return segments


def joined(segments: list[tuple[str, str]], family: str) -> Text:
    """
    One text of the segments. Names in a row are one name, and everything in the row of a postal address is the
    address: what belongs together must not depend on how a template was cut.
    """
    text = ""
    spans: list[tuple[int, int, str]] = []
    for piece, kind in segments:
        start = len(text)
        text += piece
        if not kind or not piece.strip():
            continue
        spans.append((start, len(text), kind))
    return Text(text, merged(text, spans), family)


PLACES = ("address", "location")


def merged(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order, with the parts of one name and of one address together."""
    made: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans):
        if made:
            before, last, other = made[-1]
            gap = text[last:start]
            if kind == other == "person" and gap == " ":
                made[-1] = (before, end, kind)
                continue
            if "address" in (kind, other) and kind in PLACES and other in PLACES and re.fullmatch(r"[\s,]{0,4}", gap):
                made[-1] = (before, end, "address")
                continue
        made.append((start, end, kind))
    return made
