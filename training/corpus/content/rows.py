"""Training rows for content moderation: toxicity, harmful requests, jailbreaks, and benign text that looks like each.

Seeds live in `*.txt` beside this file, all hand-written, in one plain format:

    # comment
    @ family | kind | category | lang | draws
    one seed a line, with {slot} or {either|or} and a literal \\n for a line break
    <<<
    a seed of several lines
    >>>

`slots.txt` holds the slot lists (`name = a; b; c`). A slot named `goal/<category>` feeds `{goal}` and gives its
category to the row, so a jailbreak frame keeps track of what it was asked for.
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


def rows(rng: random.Random) -> Iterator[dict]:
    """All rows of the area; the same for the same `rng`."""
    slots = _slots()
    goals: dict[str, list[tuple[str, str]]] = {"goal": [], "goal_noun": [], "goal_de": [], "goal_fr": [], "goal_es": []}
    for name, values in slots.items():
        base, _, category = name.partition("/")
        if base in goals:
            goals[base].extend((category, value) for value in values)

    seen: set[str] = set()
    for path in sorted(HERE.glob("*.txt")):
        if path.name == "slots.txt":
            continue
        for section in _sections(path):
            for seed in section.seeds:
                for turn in range(section.draws):
                    text, category = _fill(seed, slots, goals, rng)
                    if turn > 0:
                        if rng.random() < 0.3:
                            text = _wrapped(text, section, slots, rng)
                        if rng.random() < 0.5 or text in seen:
                            text = _noised(text, section, rng)
                    text = text.strip()
                    if not text or text in seen:
                        continue
                    seen.add(text)
                    comment = section.family.startswith(tuple(COMMENT_PREFIXES))
                    if "assistant" in section.family:
                        channel = "assistant"
                    else:
                        channel = "assistant" if comment and rng.random() < 0.2 else "user"
                    yield {
                        "text": text,
                        "channel": channel,
                        "lang": section.lang,
                        "labels": dict(KINDS[section.kind]),
                        "family": section.family,
                        "category": section.category if section.kind == "ok" or category is None else category,
                    }
