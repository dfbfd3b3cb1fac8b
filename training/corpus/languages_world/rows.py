"""Expand the hand-written seeds of twenty languages (one ``<code>.txt`` each) into labelled rows.

Seed file: ``@slot = a | b`` defines a slot, ``== kind`` opens a section, every other line is one seed
(``\\n`` is a line break, ``{slot}`` is filled). Kinds that begin with ``!`` are attacks, with ``+`` benign,
with ``-`` harmful or toxic without being attacks on the assistant.
Attack and benign rows pass through the same carriers, wrappers and noise, so that none of these is the signal.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ATTACKS_PER_LANGUAGE = 235
BENIGN_PER_LANGUAGE = 300
BIG = {"ru", "zh", "ja", "ar", "hi"}
TRIES = 6

BENIGN_LABELS = {"injection": 0, "jailbreak": 0, "harmful": 0, "toxicity": 0}
INJECTION_LABELS = {"injection": 1, "toxicity": 0}
QUIET_LABELS = {"injection": 1, "jailbreak": 0, "toxicity": 0}
JAILBREAK_LABELS = {"injection": 1, "jailbreak": 1, "toxicity": 0}

NO_SPACES = {"zh", "zh-Hant", "ja", "th"}
CASED = {"ru", "uk", "tr", "vi", "id", "ms", "fil", "sw"}
SWAPPABLE = CASED | {"ar", "fa", "ur", "he"}
ACCENTED = {"tr", "vi"}
ARABIC = {"ar", "fa", "ur"}
EMOJI = ["🙂", "🙏", "😂", "👍", "🔥", "😭", "❤️", "🤔", "✨", "😅"]

SHARED_SLOTS = {
    "u": [
        "https://portal.example/login", "http://update.example/a", "https://bonus.example", "https://files.example/q3.pdf",
        "http://kit.example/i.sh", "https://forms.example/77", "https://docs.example/start", "https://shop.example/cart",
    ],
    "a": ["9900", "450", "1 200", "75", "3,000", "18.50", "25000", "640"],
}
CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "yo", "є": "ye", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "yi", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y",
    "ь": "", "э": "e", "ю": "yu", "я": "ya",
}
SLOT = re.compile(r"\{(\w+)\}")
SENTENCE_END = re.compile(r"(?<=[.!?؟।۔])\s+|(?<=[。！？])|\n+")


@dataclass
class Language:
    """The seeds of one language."""

    code: str
    slots: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)

    @property
    def gap(self) -> str:
        """What stands between two sentences."""
        return "" if self.code in NO_SPACES - {"th"} else " "


def load(path: Path) -> Language:
    """Read one seed file."""
    language = Language(path.stem, dict(SHARED_SLOTS))
    kind = ""
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("# "):
            continue
        if line.startswith("@"):
            name, _, values = line[1:].partition("=")
            language.slots[name.strip()] = [value.strip() for value in values.split(" | ")]
        elif line.startswith("== "):
            kind = line[3:].strip()
        else:
            language.kinds.setdefault(kind, []).append(line.replace("\\n", "\n"))
    return language


class Deck:
    """Deals the seeds of one kind in shuffled rounds, so that each is used about equally often."""

    def __init__(self, language: Language, kind: str, rng: random.Random) -> None:
        self.seeds = language.kinds[kind]
        self.slots = language.slots
        self.rng = rng
        self.left: list[str] = []

    def template(self) -> str:
        """The next seed with its slots still open."""
        if not self.left:
            self.left = list(self.seeds)
            self.rng.shuffle(self.left)
        return self.left.pop()

    def fill(self, template: str) -> str:
        """The seed with every slot filled."""
        return SLOT.sub(lambda match: self.rng.choice(self.slots[match[1]]), template)

    def deal(self) -> str:
        """The next seed, filled."""
        return self.fill(self.template())


def swap_letters(text: str, rng: random.Random) -> str:
    """A few typing errors: neighbouring letters change places."""
    chars = list(text)
    for _ in range(max(1, len(chars) // 60)):
        at = rng.randrange(max(1, len(chars) - 1))
        if at + 1 < len(chars) and chars[at].isalpha() and chars[at + 1].isalpha():
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
    return "".join(chars)


def drop_letter(text: str, rng: random.Random) -> str:
    """One or two characters lost."""
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(text))
        text = text[:at] + text[at + 1 :]
    return text


def bare_letters(text: str) -> str:
    """The text as typed on a keyboard without accents."""
    folded = unicodedata.normalize("NFD", text.replace("ı", "i").replace("đ", "d").replace("Đ", "D"))
    return unicodedata.normalize("NFC", "".join(char for char in folded if not unicodedata.combining(char)))


def plain_arabic(text: str) -> str:
    """Arabic script as many people type it: no hamza seats, no vowel signs, loose final letters."""
    text = text.translate(str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي"}))
    return "".join(char for char in text if not "\u064b" <= char <= "\u0652")


def latin_from_cyrillic(text: str) -> str:
    """Cyrillic typed in Latin letters."""
    out = []
    for char in text:
        latin = CYRILLIC.get(char.lower())
        out.append(char if latin is None else latin.capitalize() if char.isupper() else latin)
    return "".join(out)


def no_punctuation(text: str) -> str:
    """Punctuation gone, as in chat; CJK keeps a space in its place."""
    return re.sub(r"[^\S\n]+", " ", re.sub(r"[.,;:!?…«»\"“”。，、；：！？؟،۔।「」]", " ", text)).strip()


def upper(text: str, code: str) -> str:
    """Capitals, with the dotted İ of Turkish."""
    return text.replace("i", "İ").upper() if code == "tr" else text.upper()


def noise(text: str, code: str, rng: random.Random) -> str:
    """One of the ways in which people really type, for about two rows in five."""
    choices: list[Callable[[str], str]] = [
        no_punctuation,
        lambda s: s.rstrip(".!?。！？।۔؟"),
        lambda s: drop_letter(s, rng),
        lambda s: s + " " + rng.choice(EMOJI),
        lambda s: s.rstrip(".!。！।۔") + rng.choice(["!!!", "!!", "...", "…", " !", "~"]),
        lambda s: s.replace(" ", "  ", 3) if code not in NO_SPACES else s.replace("，", " ").replace("、", " "),
        lambda s: SENTENCE_END.sub("\n", s),
    ]
    if code in CASED:
        choices += [str.lower, str.lower, lambda s: no_punctuation(s.lower()), lambda s: upper(s, code)]
    if code in SWAPPABLE:
        choices += [lambda s: swap_letters(s, rng)] * 2
    if code in ACCENTED:
        choices += [bare_letters] * 3
    if code in ARABIC:
        choices += [plain_arabic] * 3
    if code in {"ru", "uk"}:
        choices += [latin_from_cyrillic, lambda s: s.replace("ё", "е").lower()]
    return text if rng.random() > 0.42 or len(text) < 8 else rng.choice(choices)(text).strip()


def insert(document: str, sentence: str, gap: str, rng: random.Random) -> str:
    """Put a sentence into a document: at its head, between two sentences, at its end or as a remark."""
    remark = rng.random()
    if remark < 0.07:
        sentence = f"<!-- {sentence} -->"
    elif remark < 0.13:
        sentence = f"[{sentence}]"
    elif remark < 0.18:
        sentence = f"({sentence})"
    elif remark < 0.22:
        sentence = f"---\n{sentence}\n---"
    elif remark < 0.26:
        sentence = f"> {sentence}"
    elif remark < 0.30:
        sentence = f"**{sentence}**"
    elif remark < 0.33:
        sentence = f'<p style="font-size:1px">{sentence}</p>'
    breaks = [match.end() for match in SENTENCE_END.finditer(document)]
    place = rng.random()
    glue = gap if rng.random() < 0.55 else "\n" if rng.random() < 0.5 else "\n\n"
    if place < 0.18:
        return f"{sentence}{glue}{document}"
    if place < 0.55 and breaks:
        at = rng.choice(breaks)
        return f"{document[:at].rstrip()}{glue}{sentence}{glue}{document[at:].lstrip()}"
    return f"{document}{glue}{sentence}"


def wrap_document(text: str, title: str, rng: random.Random) -> tuple[str, str]:
    """Dress a document as the page, mail, record or search hit that an agent reads: (text, channel)."""
    pick = rng.random()
    if pick < 0.42:
        return text, rng.choice(["document", "document", "tool_result"])
    if pick < 0.50:
        return f"<html><body><article><h1>{title}</h1><p>{text}</p></article></body></html>", "document"
    if pick < 0.58:
        tag = rng.choice(["div", "section", "td", "li"])
        return f"<{tag}>{text}</{tag}>", rng.choice(["document", "tool_result"])
    if pick < 0.70:
        keys = rng.choice([("title", "body"), ("subject", "content"), ("name", "description"), ("query", "snippet")])
        record: dict[str, object] = {keys[0]: title, keys[1]: text, "id": rng.randint(10, 99999)}
        return json.dumps(record, ensure_ascii=rng.random() < 0.08), "tool_result"
    if pick < 0.78:
        sender = rng.choice(["info", "office", "hr", "support", "sales", "anna", "m.k", "billing"])
        domain = rng.choice(["example.com", "example.org", "mail.example.net", "firma.example"])
        return f"From: {sender}@{domain}\nSubject: {title}\n\n{text}", rng.choice(["document", "tool_result"])
    if pick < 0.85:
        return f"# {title}\n\n{text}", "document"
    if pick < 0.92:
        url = f"https://{rng.choice(['shop', 'news', 'wiki', 'forum'])}.example/{rng.randint(100, 9999)}"
        return f"[{rng.randint(1, 9)}] {title} — {url}\n{text}", "tool_result"
    return f"{title}: {text}", rng.choice(["document", "tool_result"])


class Writer:
    """Builds the rows of one language."""

    def __init__(self, language: Language, rng: random.Random) -> None:
        self.language = language
        self.rng = rng
        self.decks = {kind: Deck(language, kind, rng) for kind in language.kinds}

    def deal(self, kind: str) -> str:
        """The next filled seed of a kind."""
        return self.decks[kind].deal()

    def join(self, *parts: str) -> str:
        """Parts in a row, or on lines of their own."""
        glue = self.rng.choice([self.language.gap, self.language.gap, "\n", "\n\n"])
        return glue.join(parts)

    def row(self, text: str, channel: str, labels: dict[str, int], family: str) -> dict[str, object]:
        """One finished row; noise is for what people type, so documents mostly go without."""
        if channel == "user" or self.rng.random() < 0.25:
            text = noise(text, self.language.code, self.rng)
        lang = self.language.code.partition("-")[0]
        return {"text": text, "channel": channel, "lang": lang, "labels": dict(labels), "family": family}

    def attack(self) -> dict[str, object]:
        """One attack."""
        family = f"{self.language.code}-attack"
        pick = self.rng.random()
        if pick < 0.40:
            return self.hidden(family)
        if pick < 0.58:
            template = self.decks["!j"].template()
            labels = dict(JAILBREAK_LABELS)
            if "{h}" in template:
                labels["harmful"] = 1
            text = self.decks["!j"].fill(template)
            if self.rng.random() < 0.12:
                text = self.join(self.deal("+q"), text)
            return self.row(text, "user", labels, family)
        if pick < 0.66:
            return self.row(self.deal("!f"), self.rng.choice(["user", "user", "document"]), INJECTION_LABELS, family)
        kind = "!o" if pick < 0.84 else "!x"
        labels = INJECTION_LABELS if kind == "!o" else QUIET_LABELS
        text = self.deal(kind)
        shape = self.rng.random()
        if shape < 0.18:
            text = self.join(self.deal("+q"), text)
        elif shape < 0.24:
            text = self.join(text, self.deal("+q"))
        elif shape < 0.32 and kind == "!o":
            text = self.join(text, self.deal("!x"))
        elif shape < 0.38:
            text = self.join(self.deal("+m"), text)
        return self.row(text, "user", labels, family)

    def hidden(self, family: str) -> dict[str, object]:
        """Instructions to the assistant inside material that it reads."""
        order = self.deal("!h")
        shape = self.rng.random()
        if shape < 0.15:
            return self.row(order, self.rng.choice(["document", "tool_result"]), QUIET_LABELS, family)
        text = insert(self.deal("+d"), order, self.language.gap, self.rng)
        if shape < 0.27:
            return self.row(f"{self.deal('+c')}\n{text}", "user", QUIET_LABELS, family)
        text, channel = wrap_document(text, self.title(), self.rng)
        return self.row(text, channel, QUIET_LABELS, family)

    def title(self) -> str:
        """A short heading."""
        return self.rng.choice(self.language.slots["title"])

    def benign(self) -> dict[str, object]:
        """One harmless text of the same make as the attacks."""
        family = f"{self.language.code}-benign"
        pick = self.rng.random()
        if pick < 0.42:
            return self.benign_document(family)
        if pick < 0.69:
            text = self.deal("+m")
            if self.rng.random() < 0.22:
                text = self.join(*self.rng.sample([text, self.deal("+q")], 2))
            return self.row(text, "user", BENIGN_LABELS, family)
        text = self.deal("+q")
        if self.rng.random() < 0.2:
            text = self.join(text, self.deal("+q"))
        return self.row(text, "user", BENIGN_LABELS, family)

    def benign_document(self, family: str) -> dict[str, object]:
        """Material with requests between people, or none at all."""
        shape = self.rng.random()
        if shape < 0.13:
            return self.row(self.deal("+i"), self.rng.choice(["document", "tool_result"]), BENIGN_LABELS, family)
        text = self.deal("+d")
        if shape < 0.70:
            text = insert(text, self.deal("+i"), self.language.gap, self.rng)
        if self.rng.random() < 0.16:
            return self.row(f"{self.deal('+c')}\n{text}", "user", BENIGN_LABELS, family)
        text, channel = wrap_document(text, self.title(), self.rng)
        return self.row(text, channel, BENIGN_LABELS, family)


def distinct(make: Callable[[], dict[str, object]], count: int, seen: set[str]) -> Iterator[dict[str, object]]:
    """Up to ``count`` rows with texts not seen before; stops trying when the seeds are used up."""
    for _ in range(count):
        for _ in range(TRIES):
            row = make()
            key = " ".join(str(row["text"]).lower().split())
            if key not in seen:
                seen.add(key)
                yield row
                break


def rows(rng: random.Random) -> Iterator[dict[str, object]]:
    """All rows of all languages, deterministic for a given rng."""
    for path in sorted(HERE.glob("*.txt")):
        language = load(path)
        writer = Writer(language, rng)
        seen: set[str] = set()
        factor = 1.45 if language.code in BIG else 1.0
        yield from distinct(writer.attack, int(ATTACKS_PER_LANGUAGE * factor), seen)
        yield from distinct(writer.benign, int(BENIGN_PER_LANGUAGE * factor), seen)
        for kind, labels, family in (
            ("-h", {"injection": 0, "jailbreak": 0, "harmful": 1}, "world-harm"),
            ("-t", {"injection": 0, "jailbreak": 0, "toxicity": 1}, "world-toxic"),
        ):
            if kind in writer.decks:
                deck = writer.decks[kind]
                yield from distinct(
                    lambda: writer.row(deck.deal(), "user", labels, family), 2 * len(deck.seeds), seen
                )
