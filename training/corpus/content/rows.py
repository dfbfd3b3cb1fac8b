"""Training rows for content moderation: toxicity, harmful requests, jailbreaks, and benign text that looks like each.

Seeds live in `*.txt` beside this file, all hand-written, in one plain format:

    # comment
    @ family | kind | category | lang | draws
    one seed a line, with {slot} or {either|or} and a literal \\n for a line break
    <<<
    a seed of several lines
    >>>

`slots.txt` holds the slot lists (`name = a; b; c`). A slot named `goal/<category>` feeds `{goal}` and gives its
category to the row, so a jailbreak frame keeps track of what it was asked for. `fragments.txt` holds parts of longer
texts.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

BENIGN = {"injection": 0, "jailbreak": 0, "harmful": 0, "toxicity": 0}

# A label that is missing is masked: e.g. nobody can say whether a fictional frame "overrides instructions".
KINDS: dict[str, dict[str, int]] = {
    "ok": BENIGN,
    "tox": {"injection": 0, "jailbreak": 0, "toxicity": 1},
    "harm": {"injection": 0, "jailbreak": 0, "harmful": 1, "toxicity": 0},
    "harm_dark": {"injection": 0, "jailbreak": 0, "harmful": 1},
    "jb": {"injection": 1, "jailbreak": 1},
    "jb_goal": {"injection": 1, "jailbreak": 1, "harmful": 1},
    "jb_frame": {"jailbreak": 1, "harmful": 1},
}

SLOT = re.compile(r"\{([^{}\n]+)\}")
ARTICLE = re.compile(r"\b([Aa]) (?=(?!one|eu)[aeio])")
SAME_WITHIN_A_SEED = ("bot", "name", "job")
NOT_SEEDS = ("slots.txt", "fragments.txt")
TRIES = 4
COMMENT_PREFIXES = ["tox-", "oktox-"]


@dataclass(frozen=True)
class Section:
    """One family in one language: seeds that share labels and the number of rows drawn from each."""

    family: str
    kind: str
    category: str
    lang: str
    draws: int
    seeds: tuple[str, ...]


def _sections(path: Path) -> Iterator[Section]:
    head: list[str] = []
    seeds: list[str] = []
    block: list[str] | None = None

    def close() -> Iterator[Section]:
        if head:
            family, kind, category, lang, draws = head
            if kind not in KINDS:
                raise ValueError(f"{path.name}: unknown kind {kind!r}")
            yield Section(family, kind, category, lang, int(draws), tuple(seeds))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if block is not None:
            if line == ">>>":
                seeds.append("\n".join(block))
                block = None
            else:
                block.append(line)
        elif line == "<<<":
            block = []
        elif line.startswith("@ "):
            yield from close()
            head = [part.strip() for part in line[2:].split("|")]
            if len(head) != 5:
                raise ValueError(f"{path.name}:{number}: five fields expected")
            seeds = []
        elif line.strip() and not line.startswith("# "):
            seeds.append(line.strip().replace("\\n", "\n"))
    if block is not None:
        raise ValueError(f"{path.name}: a block is never closed")
    yield from close()


def _slots() -> dict[str, list[str]]:
    slots: dict[str, list[str]] = {}
    for line in (HERE / "slots.txt").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, values = line.split("=", 1)
            slots.setdefault(name.strip(), []).extend(v.strip() for v in values.split(";") if v.strip())
    return slots


def _fill(seed: str, slots: dict[str, list[str]], goals: dict[str, list[tuple[str, str]]],
          rng: random.Random) -> tuple[str, str | None]:
    """The seed with every slot drawn once, and the category of the goal that was drawn, if any."""
    category: str | None = None
    kept: dict[str, str] = {}

    def draw(match: re.Match[str]) -> str:
        nonlocal category
        name = match.group(1)
        if name in goals:
            category, text = rng.choice(goals[name])
            return text
        if name.startswith("goal/"):
            category = name.partition("/")[2]
        if name in SAME_WITHIN_A_SEED:
            return kept.setdefault(name, rng.choice(slots[name]))
        if name in slots:
            return rng.choice(slots[name])
        if "|" in name:
            return rng.choice(name.split("|"))
        return match.group(0)

    text = seed
    while True:
        filled = SLOT.sub(draw, text)
        if filled == text:
            break
        text = filled
    text = ARTICLE.sub(r"\1n ", text) if "{" in seed else text
    return text[:1].upper() + text[1:] if seed.startswith("{") else text, category


# --- noise: the same on attack and benign rows, so that no trick is a sign by itself ---------------------------------

LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7"}
KEYS = {"a": "qs", "e": "wr", "i": "uo", "o": "ip", "t": "ry", "n": "bm", "s": "ad", "r": "et", "l": "k", "h": "gj"}
EMOJI = ["😂", "🙄", "😡", "💀", "🔥", "👀", "😭", "🤷", "😅", "❤️", "🤔", "👏", "🤣", "😤", "🙏", "!!!", "...", "lol", "lmao",
         "smh", "tbh", "ngl", "imo", "fr", "xD", ":)", ":(", "haha"]


def _letters(text: str, rng: random.Random, low: int = 4) -> tuple[int, int] | None:
    spans = [m.span() for m in re.finditer(r"[A-Za-z]+", text) if m.end() - m.start() >= low]
    return rng.choice(spans) if spans else None


def _leet(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 3)):
        if (span := _letters(text, rng)) is None:
            return text
        start, end = span
        word = "".join(rng.choice(LEET[c.lower()]) if c.lower() in LEET and rng.random() < 0.7 else c
                       for c in text[start:end])
        text = text[:start] + word + text[end:]
    return text


def _spaced(text: str, rng: random.Random) -> str:
    if (span := _letters(text, rng)) is None:
        return text
    start, end = span
    return text[:start] + rng.choice([" ", ".", "-", "_"]).join(text[start:end]) + text[end:]


def _no_vowels(text: str, rng: random.Random) -> str:
    if (span := _letters(text, rng, 5)) is None:
        return text
    start, end = span
    word = text[start:end]
    return text[:start] + word[0] + re.sub(r"[aeiouAEIOU]", "", word[1:]) + text[end:]


def _starred(text: str, rng: random.Random) -> str:
    if (span := _letters(text, rng)) is None:
        return text
    start, end = span
    word = text[start:end]
    at = rng.randint(1, len(word) - 2)
    return text[:start] + word[:at] + rng.choice("*#-.") + word[at + 1:] + text[end:]


def _stretched(text: str, rng: random.Random) -> str:
    if (span := _letters(text, rng, 3)) is None:
        return text
    at = rng.randrange(*span)
    return text[:at] + text[at] * rng.randint(3, 6) + text[at + 1:]


def _typo(text: str, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(max(1, len(chars) // 50)):
        at = rng.randrange(len(chars))
        if not chars[at].isalpha():
            continue
        move = rng.random()
        if move < 0.3:
            chars[at] = ""
        elif move < 0.6 and at + 1 < len(chars):
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
        elif move < 0.8:
            chars[at] = rng.choice(KEYS.get(chars[at].lower(), chars[at]))
        else:
            chars[at] *= 2
    return "".join(chars)


def _plain(text: str, _rng: random.Random) -> str:
    return re.sub(r"[.,;:!?'\"’]", "", text).lower()


def _no_accents(text: str, _rng: random.Random) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _emoji(text: str, rng: random.Random) -> str:
    mark = rng.choice(EMOJI)
    return f"{mark} {text}" if rng.random() < 0.15 else f"{text} {mark}"


def _broken(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    if len(words) < 6:
        return text
    at = rng.randint(2, len(words) - 2)
    return " ".join(words[:at]) + "\n" + " ".join(words[at:])


# Swear words are masked in the seeds; people mostly write them out. Slurs against groups stay masked.
SWEAR_WORDS = {
    r"f\*\*\*": "fuck", r"f\*cking": "fucking", r"f\*ck": "fuck", r"f\*utre": "foutre", r"sh\*t": "shit",
    r"b\*tch": "bitch", r"a\*\*": "ass", r"d\*\*khead": "dickhead", r"d\*ck": "dick", r"c\*ck": "cock", r"wh\*re": "whore",
    r"sl\*t": "slut", r"b\*stard": "bastard", r"d\*mn": "damn", r"t\*ts": "tits", r"c\*nt": "cunt", r"p\*te": "pute",
    r"p\*ta": "puta", r"cabr\*n": "cabrón", r"m\*\*rda": "mierda", r"gilip\*llas": "gilipollas", r"h\*re": "hure",
    r"H\*rensohn": "Hurensohn", r"A\*\*hloch": "Arschloch", r"W\*chser": "Wichser", r"r\*pe": "rape", r"fils de p\*\*e": "fils de pute",
}
MASKED_SWEAR = [(re.compile(rf"(?<!\w){masked}", re.IGNORECASE), plain) for masked, plain in SWEAR_WORDS.items()]


def _unmasked(text: str) -> str:
    """The text with its swear words written out, in the case of their first letter."""
    for masked, plain in MASKED_SWEAR:
        text = masked.sub(lambda m, p=plain: p.capitalize() if m.group()[0].isupper() else p, text)
    return text


PLAIN_NOISE: list[Callable[[str, random.Random], str]] = [
    lambda t, _r: t.lower(), lambda t, _r: t.lower(), lambda t, _r: t.rstrip(".!?"), _plain, _typo, _typo,
    lambda t, _r: t.upper(), _broken, lambda t, _r: t.replace("'", "’"),
]
SPELLING_NOISE: list[Callable[[str, random.Random], str]] = [_leet, _spaced, _no_vowels, _starred, _stretched, _emoji, _emoji]


def _noised(text: str, section: Section, rng: random.Random) -> str:
    comment = section.family.startswith(tuple(COMMENT_PREFIXES))
    tricks = PLAIN_NOISE + (SPELLING_NOISE if comment else [_emoji, _stretched])
    if section.lang != "en":
        tricks = tricks + [_no_accents, _no_accents]
    text = rng.choice(tricks)(text, rng)
    return rng.choice(tricks)(text, rng) if rng.random() < 0.25 else text


# --- wrappers: where a seed might stand ----------------------------------------------------------------------------

def _wrapped(text: str, section: Section, slots: dict[str, list[str]], rng: random.Random) -> str:
    """A seed with a lead-in or a tail taken from lists that attack and benign families share."""
    if section.lang != "en" or len(text) > 400:
        return text
    register = "comment" if section.family.startswith(tuple(COMMENT_PREFIXES)) else "chat"
    if section.family.startswith(("jb-", "role-")):
        return text
    if rng.random() < 0.6:
        return f"{rng.choice(slots['lead/' + register])} {text}"
    tail = rng.choice(slots["tail/" + register]).replace("{name}", rng.choice(slots["name"]))
    return f"{text} {tail}"


# --- longer texts: parts strung together, attack and benign ones in the same shapes -------------------------------

# Family prefix and number of rows in which a short text of such a family stands amid small talk.
THREADS = {"tox-": 300, "oktox-": 450, "harm-": 220, "edgy-": 380}
SHAPES = [" ", " ", "\n", "\n\n", "\n- ", "list"]


def _parts() -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    name = ""
    for line in (HERE / "fragments.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            name = line[2:].strip()
        elif line and not line.startswith("# "):
            parts.setdefault(name, []).append(line)
    return parts


def _joined(pieces: list[str], rng: random.Random) -> str:
    shape = rng.choice(SHAPES)
    if shape == "list":
        return "\n".join([pieces[0], *(f"{i}. {p}" for i, p in enumerate(pieces[1:-1], 1)), pieces[-1]])
    return shape.join(pieces)


def _framed(prefix: str, parts: dict[str, list[str]], rng: random.Random) -> str:
    """An opening, some rules, perhaps a penalty, a request: the build of a long persona prompt, harmless or not."""
    pieces = rng.sample(parts[f"{prefix}-open"], 1)
    pieces += rng.sample(parts[f"{prefix}-rule"], rng.randint(2, 9))
    if rng.random() < 0.6:
        pieces.append(rng.choice(parts[f"{prefix}-penalty"]))
    return _joined([*pieces, rng.choice(parts[f"{prefix}-close"])], rng)


def _thread(seeds: list[str], calm: list[str], rng: random.Random) -> str:
    """A seed or two amid small talk, so that a long text is no sign of harmlessness and a short one none of harm."""
    pieces = seeds + rng.sample(calm, rng.randint(1, 6))
    rng.shuffle(pieces)
    return rng.choice([" ", " ", "\n", "\n\n"]).join(pieces)


def _long(sections: list[Section], rng: random.Random) -> Iterator[tuple[Section, str]]:
    parts = _parts()
    for _ in range(260):
        text = _framed("jb", parts, rng)
        kind = "jb_goal" if "{goal" in text else "jb"
        yield Section("jb-composed", kind, "none", "en", 1, ()), text
    for _ in range(380):
        yield Section("role-composed", "ok", "none", "en", 1, ()), _framed("role", parts, rng)
    for prefix, count in THREADS.items():
        pool = [s for s in sections if s.lang == "en" and s.family.startswith(prefix) and "long" not in s.family]
        for _ in range(count):
            section = rng.choices(pool, [len(s.seeds) for s in pool])[0]
            seeds = rng.sample(section.seeds, min(len(section.seeds), rng.choice([1, 1, 2])))
            thread = Section(f"{prefix}thread", section.kind, section.category, "en", 1, ())
            yield thread, _thread(seeds, parts["talk-calm"], rng)


def _drafts(sections: list[Section], rng: random.Random) -> Iterator[tuple[Section, str, int]]:
    """Each seed as often as its section asks, then the longer texts; with the number of the turn."""
    for section in sections:
        for seed in section.seeds:
            for turn in range(section.draws):
                yield section, seed, turn
    for section, text in _long(sections, rng):
        yield section, text, 0


def rows(rng: random.Random) -> Iterator[dict]:
    """All rows of the area; the same for the same `rng`."""
    slots = _slots()
    goals: dict[str, list[tuple[str, str]]] = {}
    for name, values in slots.items():
        base, _, category = name.partition("/")
        if base.startswith("goal") and category:
            goals.setdefault(base, []).extend((category, value) for value in values)
    sections = [section for path in sorted(HERE.glob("*.txt")) if path.name not in NOT_SEEDS
                for section in _sections(path)]

    seen: set[str] = set()
    for section, seed, turn in _drafts(sections, rng):
        for _ in range(TRIES):
            text, category = _fill(seed, slots, goals, rng)
            if "*" in text and rng.random() < 0.6:
                text = _unmasked(text)
            if turn > 0 and rng.random() < 0.35:
                text = _wrapped(text, section, slots, rng)
            if rng.random() < (0.5 if turn > 0 else 0.2):
                text = _noised(text, section, rng)
            text = text.strip()
            # Rows that differ in case and punctuation alone teach nothing.
            key = re.sub(r"\W+", " ", text.lower()).strip()
            if key and key not in seen:
                break
        else:
            continue
        seen.add(key)
        comment = section.family.startswith(tuple(COMMENT_PREFIXES))
        spoken = "assistant" in section.family or (comment and rng.random() < 0.2)
        yield {
            "text": text,
            "channel": "assistant" if spoken else "user",
            "lang": section.lang,
            "labels": dict(KINDS[section.kind]),
            "family": section.family,
            "category": section.category if section.kind == "ok" or category is None else category,
        }
