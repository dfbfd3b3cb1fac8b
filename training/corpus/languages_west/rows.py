"""Training rows in fifteen European languages, expanded from the hand-written seed files beside this one.

A seed file `<lang>.txt` holds sections of one seed a line:
  `=name`   values of the slot `{name}`
  `+kind`   attacks (override, extract, role, jailbreak, forged, tool; doc and aside are meant for documents)
  `-kind`   benign text (ask, hard, meta, play; doc is document text)
  `!harm`   requests that are harmful but attack no instructions
`[a|b|c]` picks one alternative, a literal `\\n` is a line break, `{n}` is a number, `%` starts a comment.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent

# Rows per language; German leads because the first users are German.
TARGETS = {
    "de": 2700, "fr": 720, "es": 720, "it": 640, "pt": 640, "nl": 640, "pl": 640, "cs": 560, "ro": 560,
    "sv": 560, "da": 400, "nb": 400, "fi": 560, "hu": 560, "el": 560,
}
ATTACK_SHARE = 0.45
HARM_SHARE = 0.03
# Rows in which two languages meet: half of Europe translates, quotes and forwards.
CROSSED = 800
DOC_KINDS = {"doc", "aside"}
# Fewer families for the smaller languages: a hold-out of five rows measures nothing.
SMALL_FAMILY = {
    "override": "takeover", "role": "takeover", "forged": "takeover", "extract": "takeover", "tool": "planted",
    "doc": "planted", "aside": "planted",
}
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SLOT = re.compile(r"\{([a-z_]+)\}")

SHARED_SLOTS: dict[str, list[str]] = {
    "email": ["audit@mail-sync.example", "backup@datenpost.example", "j.keller@partner-desk.example",
              "info@novalog.example", "ops@cloudrelay.example", "m.rossi@studio-rm.example", "intake@formbox.example",
              "report@collect-eu.example"],
    "url": ["https://status-check.example/p", "http://cdn-img.example/x.png", "https://forms.novalog.example/in",
            "https://docs.partner-desk.example/sync", "http://10.2.14.7/log", "https://t.example/u7"],
    "company": ["Novalog", "Brandt & Söhne", "Ferrovia Sud", "Helios Energie", "Nordwind", "Atlas Mobil", "Mediplan",
                "Kontor 12", "Lumera", "Baltika", "Orvella", "Terra Verde"],
    # Addresses stand in ordinary documents too; without these a link alone would look like an attack.
    "contact": ["{url}", "→ {url}", "Info: {url}", "{company}, {url}", "PDF: {url}", "{email} | {url}", "Web: {url}",
                "FAQ: {url}", "Tel. 0{n} {n}{n}{n}", "{name}, {email}", "Link: {url}", "Source: {url}", "({url})", "{file} -> {url}"],
    "file": ["config.yaml", "kunden.csv", "README.md", "notes.txt", "report_q3.pdf", "db_dump.sql", ".env",
             "invoice_2291.pdf", "budget.xlsx"],
}


class Corpus:
    """The seeds of one language, and how one of them becomes text."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.slots: dict[str, list[str]] = dict(SHARED_SLOTS)
        self.sections: dict[str, list[str]] = {}
        current: list[str] = []
        for raw in (HERE / f"{lang}.txt").read_text(encoding="utf-8").splitlines():
            line = raw.strip()
            if not line or line.startswith("%"):
                continue
            if re.fullmatch(r"=[a-z_]+", line):
                current = self.slots[line[1:]] = []
            elif re.fullmatch(r"[+!-][a-z]+", line):
                current = self.sections.setdefault(line, [])
            else:
                current.append(line)

    def fill(self, seed: str, rng: random.Random) -> str:
        """Slots may hold alternatives and other slots, so this repeats until nothing is left to replace."""
        text = seed
        for _ in range(6):
            before = text
            text = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)
            text = re.sub(r"\{n\}", lambda _: str(rng.randint(2, rng.choice([12, 40, 99]))), text)
            text = SLOT.sub(lambda m: rng.choice(self.slots[m.group(1)]) if m.group(1) in self.slots else m.group(0), text)
            if text == before:
                break
        return re.sub(r"  +", " ", text.replace("\\n", "\n")).strip()

    def pick(self, section: str, rng: random.Random) -> str:
        return self.fill(rng.choice(self.sections[section]), rng)


def strip_marks(text: str) -> str:
    """What people type on a foreign keyboard: no accents at all."""
    plain = text.translate(str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "ß": "ss"}))
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def german_digraphs(text: str) -> str:
    return text.translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}))


def typos(text: str, rng: random.Random) -> str:
    """Swapped, doubled or lost letters in about one word of eight."""
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) < 4 or not word.isalpha() or rng.random() > 0.13:
            continue
        at = rng.randrange(1, len(word) - 1)
        words[i] = rng.choice([
            word[:at] + word[at + 1] + word[at] + word[at + 2:],
            word[:at] + word[at + 1:],
            word[:at] + word[at] + word[at:],
        ])
    return " ".join(words)


def no_punctuation(text: str) -> str:
    return re.sub(r"[.,;:!?¿¡„“”\"»«]+", "", text)


def shout(text: str, rng: random.Random) -> str:
    return text.upper() if rng.random() < 0.5 else text.rstrip(".!") + "!" * rng.randint(2, 4)


def noise(text: str, lang: str, rng: random.Random) -> str:
    """The same disturbances for attacks and benign text, so that none of them tells the classes apart."""
    steps: list[tuple[float, Callable[[str], str]]] = [
        (0.05, lambda t: typos(t, rng)),
        (0.07, str.lower),
        (0.07, german_digraphs if lang == "de" else strip_marks),
        (0.02, strip_marks),
        (0.04, no_punctuation),
        (0.03, lambda t: shout(t, rng)),
        (0.03, lambda t: t + rng.choice([" 🙏", " 😊", " 😅", " 👍", " ❗", " 🔥", " :)", " ^^", " ..."])),
        (0.02, lambda t: re.sub(r"(?<=[.!?]) ", "\n", t)),
        (0.05, lambda t: t.rstrip(".")),
    ]
    for chance, step in steps:
        if rng.random() < chance:
            text = step(text)
    return text.strip()


def in_document(corpus: Corpus, planted: str, rng: random.Random) -> str:
    """An instruction sits anywhere in a document: at the top, between paragraphs, in a comment, at the end."""
    joiner = rng.choice(["\n\n", "\n", " "])
    parts = [corpus.pick("-doc", rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 10]))]
    form = rng.random()
    if form < 0.08:
        planted = f"<!-- {planted} -->"
    elif form < 0.12:
        planted = f'<div style="display:none">{planted}</div>'
    elif form < 0.15:
        planted = f"> {planted}"
    elif form < 0.19:
        planted = f"[{planted}]"
    elif form < 0.22:
        planted = f"// {planted}"
    elif form < 0.25:
        planted = f"*** {planted} ***"
    parts.insert(rng.randint(0, len(parts)), planted)
    return joiner.join(parts)


def as_document(corpus: Corpus, rng: random.Random) -> str:
    """Benign documents have the same lengths, seams and marks as those that carry an attack."""
    parts = [corpus.pick("-doc", rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 10]))]
    if rng.random() < 0.3:
        parts.append(corpus.fill("{contact}", rng))
    at = rng.randrange(len(parts))
    marks = [(0.10, "<!-- ", " -->"), (0.04, '<div style="display:none">', "</div>"), (0.03, '<div class="note">', "</div>"),
             (0.04, "> ", ""), (0.06, "[", "]"), (0.05, "// ", ""), (0.04, "*** ", " ***")]
    form = rng.random()
    for share, left, right in marks:
        if form < share:
            parts[at] = f"{left}{parts[at]}{right}"
            break
        form -= share
    return rng.choice(["\n\n", "\n", " "]).join(parts)


def tool_shape(text: str, rng: random.Random) -> str:
    """Tool results are seldom bare prose."""
    form = rng.random()
    flat = text.replace("\\", "/").replace('"', "'").replace("\n", "\\n")
    if form < 0.3:
        return f'{{"{rng.choice(["content", "body", "text", "result", "snippet"])}": "{flat}"}}'
    if form < 0.45:
        return f'{{"id": {rng.randint(10, 99999)}, "status": "{rng.choice(["ok", "open", "done"])}", "note": "{flat}"}}'
    if form < 0.55:
        return f"[{rng.randint(1, 9)}] {text}"
    if form < 0.63:
        return f"<{(tag := rng.choice(['item', 'page', 'mail', 'td']))}>{text}</{tag}>"
    return text


def row(text: str, channel: str, lang: str, labels: dict[str, int], family: str) -> dict:
    return {"text": text, "channel": channel, "lang": lang, "labels": labels, "family": family}


def family(lang: str, section: str) -> str:
    sign, kind = section[0], section[1:]
    if lang == "de":
        return f"de-{'benign-' if sign == '-' else ''}{kind}"
    if sign == "-":
        return f"{lang}-benign-{'doc' if kind == 'doc' else 'user'}"
    return f"{lang}-{SMALL_FAMILY.get(kind, kind)}"


def framed(corpus: Corpus, text: str, rng: random.Random) -> str:
    """People greet, explain and sign, whether they ask or attack."""
    form = rng.random()
    if form < 0.14:
        text = corpus.fill("{context}", rng) + rng.choice([" ", " ", "\n"]) + text
    elif form < 0.22:
        text = corpus.fill("{hello}", rng) + rng.choice([" ", "\n", "\n\n"]) + text
    elif form < 0.27:
        text = corpus.fill("{hello} {context}", rng) + " " + text
    if rng.random() < 0.09:
        text = text + rng.choice([" ", "\n", "\n\n"]) + corpus.fill("{bye}", rng)
    return text


def attack(corpus: Corpus, english: Corpus, section: str, seed: str, rng: random.Random) -> dict:
    lang, kind = corpus.lang, section[1:]
    labels = {"injection": 1, "jailbreak": int(kind == "jailbreak"), "toxicity": 0}
    if "{harm}" in seed:
        labels["harmful"] = 1
    elif kind in DOC_KINDS or "{task}" in seed:
        labels["harmful"] = 0
    if kind in {"override", "role", "forged"} and "{task}" not in seed:
        # "Your limits are lifted" may mean the operator's rules or the safety rules; nobody can say which.
        del labels["jailbreak"]
    text = corpus.fill(seed, rng)
    name = family(lang, section)
    mixed = rng.random()
    if kind == "tool":
        return row(text, "tool_definition", lang, labels, name)
    if kind in DOC_KINDS:
        # An aside says too little alone: only the document around it shows that it is out of place.
        if kind == "aside" or rng.random() < 0.7:
            text = in_document(corpus, text, rng)
        channel = rng.choice(["document", "document", "tool_result", "tool_result", "user"])
        if channel == "user":
            text = corpus.fill("{carry}", rng) + rng.choice(["\n\n", "\n", " "]) + text
        if channel == "tool_result":
            return row(tool_shape(noise(text, lang, rng), rng), channel, lang, labels, name)
        return row(noise(text, lang, rng), channel, lang, labels, name)
    if mixed < 0.16:
        text = corpus.pick("-ask", rng) + rng.choice([" ", "\n", "\n\n", "\n\n---\n"]) + text
    elif mixed < 0.20:
        text = text + rng.choice([" ", "\n", "\n\n"]) + corpus.pick("-ask", rng)
    elif mixed < 0.24:
        text = english.pick("-ask", rng) + rng.choice([" ", "\n"]) + text
    elif mixed < 0.28:
        text = text + rng.choice([" ", "\n"]) + english.pick("+override", rng)
        labels = {key: value for key, value in labels.items() if value}
    elif mixed < 0.33 and kind != "jailbreak":
        text = corpus.pick("-ask", rng) + rng.choice([" ", "\n"]) + english.pick("+override", rng)
        labels = {"injection": 1}
        name = f"{lang}-mixed" if lang == "de" else "mixed-english-attack"
    elif mixed < 0.37 and kind != "jailbreak":
        planted = in_document(corpus, text, rng)
        shaped = tool_shape(planted, rng)
        return row(shaped, rng.choice(["document", "tool_result"]), lang, labels, family(lang, "+doc"))
    return row(noise(framed(corpus, text, rng), lang, rng), "user", lang, labels, name)


def benign(corpus: Corpus, english: Corpus, section: str, seed: str, rng: random.Random) -> dict:
    lang, kind = corpus.lang, section[1:]
    labels = {"injection": 0, "jailbreak": 0, "harmful": 0, "toxicity": 0}
    text = corpus.fill(seed, rng)
    name = family(lang, section)
    if kind == "tool":
        return row(text, "tool_definition", lang, labels, name)
    if kind == "doc":
        if rng.random() < 0.6:
            text = text + rng.choice(["\n\n", "\n", " "]) + as_document(corpus, rng)
        channel = rng.choice(["document", "document", "tool_result", "tool_result", "user"])
        if channel == "user":
            text = corpus.fill("{carry}", rng) + rng.choice(["\n\n", "\n", " "]) + text
        if channel == "tool_result":
            return row(tool_shape(noise(text, lang, rng), rng), channel, lang, labels, name)
        return row(noise(text, lang, rng), channel, lang, labels, name)
    mixed = rng.random()
    if mixed < 0.16:
        text = text + rng.choice([" ", "\n", "\n\n", "\n\n---\n"]) + corpus.pick(rng.choice(["-ask", "-hard"]), rng)
    elif mixed < 0.20:
        text = english.pick("-ask", rng) + rng.choice([" ", "\n"]) + text
    elif mixed < 0.24:
        text = text + rng.choice([" ", "\n"]) + english.pick("-ask", rng)
    elif mixed < 0.36:
        # What attacks switch to is harmless by itself, and people ask for it.
        text = text + rng.choice([" ", "\n", "\n\n"]) + corpus.fill("{task}", rng) + rng.choice([".", "", "!"])
    return row(noise(framed(corpus, text, rng), lang, rng), "user", lang, labels, name)


def harmful(corpus: Corpus, seed: str, rng: random.Random) -> dict:
    """Harm asked for plainly: no attack on anybody's instructions."""
    labels = {"injection": 0, "jailbreak": 0, "harmful": 1}
    name = "de-harm" if corpus.lang == "de" else "west-harm"
    return row(noise(corpus.fill(seed, rng), corpus.lang, rng), "user", corpus.lang, labels, name)


def crossed(corpora: list[Corpus], rng: random.Random) -> dict:
    """A text in one language with a passage in another, which is an attack or is not."""
    host, guest = rng.sample(corpora, 2)
    planted = rng.random() < ATTACK_SHARE
    labels = {"injection": int(planted), "jailbreak": 0, "harmful": 0, "toxicity": 0}
    name = "crossed-attack" if planted else "crossed-benign"
    if rng.random() < 0.4:
        channel = rng.choice(["document", "tool_result"])
        passage = guest.pick("+doc" if planted else "-doc", rng)
        text = in_document(host, passage, rng)
    else:
        channel = "user"
        passage = guest.pick(rng.choice(["+override", "+extract"]) if planted else rng.choice(["-ask", "-doc"]), rng)
        opening = host.fill("{carry}", rng) if rng.random() < 0.5 else host.pick("-ask", rng)
        text = opening + rng.choice([" ", "\n", "\n\n"]) + passage
    return row(noise(text, host.lang, rng), channel, host.lang, labels, name)


def cycle(corpus: Corpus, sections: list[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Every seed once before any comes again."""
    pairs = [(section, seed) for section in sections for seed in corpus.sections[section]]
    while pairs:
        rng.shuffle(pairs)
        yield from pairs


def rows(rng: random.Random) -> Iterator[dict]:
    english = Corpus("en")
    corpora = [Corpus(lang) for lang in TARGETS]
    for _ in range(CROSSED):
        yield crossed(corpora, rng)
    for corpus in corpora:
        target = TARGETS[corpus.lang]
        seen: set[str] = set()
        plans: list[tuple[str, int, Callable[[str, str], dict]]] = [
            ("+", int(target * ATTACK_SHARE), lambda section, seed: attack(corpus, english, section, seed, rng)),
            ("-", int(target * (1 - ATTACK_SHARE)), lambda section, seed: benign(corpus, english, section, seed, rng)),
            ("!", int(target * HARM_SHARE), lambda section, seed: harmful(corpus, seed, rng)),
        ]
        for sign, wanted, build in plans:
            made = 0
            for tries, (section, seed) in enumerate(cycle(corpus, [s for s in corpus.sections if s[0] == sign], rng)):
                if made >= wanted or tries > wanted * 4:
                    break
                item = build(section, seed)
                if item["text"] not in seen:
                    seen.add(item["text"])
                    made += 1
                    yield item
