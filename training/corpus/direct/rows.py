"""Direct attacks on an assistant, typed by its user, and the ordinary messages that look like them."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SLOT = re.compile(r"«(\w+)»")
LABELS = ("injection", "jailbreak", "harmful", "toxicity")
BLOCK_END = "~~~"
STEADY = {"who", "company", "string", "phrase", "secret"}  # the same throughout one text; other slots vary


@dataclass(frozen=True)
class Seed:
    """One hand-written text with the labels of the section it stands in."""

    text: str
    family: str
    channel: str
    labels: dict[str, int]
    copies: int


def _lists(name: str) -> dict[str, list[str]]:
    """Named lists: a line `[name]`, then one entry a line."""
    out: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and " " not in line:
            current = out.setdefault(line[1:-1], [])
        elif line.strip():
            current.append(line.replace("\\n", "\n"))
    return out


def _section(header: str) -> tuple[str, dict[str, str]]:
    family, *pairs = header.removeprefix("=== ").split()
    return family, dict(p.split("=", 1) for p in pairs)


def _seeds(path: Path) -> Iterator[Seed]:
    """Sections that open with `=== family key=value …`; entries are lines, or blocks where `blocks=1`."""
    for part in re.split(r"^(?==== )", path.read_text(encoding="utf-8"), flags=re.M):
        if not part.strip():
            continue
        header, _, body = part.partition("\n")
        family, keys = _section(header)
        labels = {k: int(keys[k]) for k in LABELS if keys.get(k, "") in ("0", "1")}
        entries = body.split(BLOCK_END) if keys.get("blocks") else body.splitlines()
        for entry in entries:
            if text := entry.strip():
                if not keys.get("blocks"):
                    text = text.replace("\\n", "\n")
                yield Seed(text, family, keys.get("channel", "user"), labels, int(keys.get("copies", "3")))


def _fill(text: str, slots: dict[str, list[str]], rng: random.Random) -> str:
    kept: dict[str, str] = {}

    def entry(m: re.Match[str]) -> str:
        if m[1] == "offtask":  # written small in the list; most people start a sentence large
            found, opens = rng.choice(slots[m[1]]), re.search(r"(^|[.!?:]\s+)$", m.string[: m.start()])
            return found[0].upper() + found[1:] if opens and rng.random() < 0.75 else found
        if m[1] not in STEADY:
            return rng.choice(slots[m[1]])
        return kept.setdefault(m[1], rng.choice(slots["name" if m[1] == "who" else m[1]]))

    for _ in range(4):  # an entry of a slot may itself hold a slot
        if not SLOT.search(text):
            break
        text = SLOT.sub(entry, text)
    return text


def _typos(text: str, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(max(1, len(chars) // 45)):
        i = rng.randrange(len(chars))
        if not chars[i].isalpha() or i + 1 >= len(chars):
            continue
        kind = rng.randrange(4)
        if kind == 0:
            chars[i], chars[i + 1] = chars[i + 1], chars[i]
        elif kind == 1:
            chars[i] = ""
        elif kind == 2:
            chars[i] *= 2
        else:
            chars[i] = rng.choice(string.ascii_lowercase)
    return "".join(chars)


def _bare(text: str, rng: random.Random) -> str:
    return re.sub(r"[,.!?;:'\"]+(?=\s|$)", "", text.lower())


def _texting(text: str, rng: random.Random) -> str:
    short = {"you": "u", "your": "ur", "please": "pls", "are": "r", "because": "cuz", "to": "2", "with": "w/", "and": "&"}
    words = re.split(r"(\W+)", text)
    return "".join(short[w.lower()] if w.lower() in short and rng.random() < 0.6 else w for w in words)


def _rewrap(text: str, rng: random.Random) -> str:
    """Breaks lines where a mail program would, or joins the ones there are."""
    if "\n" in text and rng.random() < 0.5:
        return re.sub(r"\s*\n\s*", " ", text)
    width, line, out = rng.randint(30, 72), 0, []
    for word in text.split(" "):
        out.append("\n" if line + len(word) > width else " ")
        line = len(word) if out[-1] == "\n" else line + len(word) + 1
        out.append(word)
    return "".join(out).strip()


def _emoji(text: str, rng: random.Random) -> str:
    return text + rng.choice([" 🙏", " 😀", " 🔥", " 😅", "!!! 🚀", " 👀", " ❤️", " 🤖", " 🙃", " ✅", " 💀", " 😭"])


def _sentence_breaks(text: str, rng: random.Random) -> str:
    return re.sub(r"(?<=[.!?]) (?=[A-Z])", lambda m: rng.choice(["\n", "\n\n", " "]), text)


def _tail(text: str, rng: random.Random) -> str:
    return text.rstrip(".!? ") + rng.choice(["...", "!!", " ?", " - thanks", " thx", "!!!!", " please", " ok?", ".", " asap", "\n\nThanks!"])


NOISE: list[tuple[float, Callable[[str, random.Random], str]]] = [
    (0.10, _typos),
    (0.08, lambda t, r: t.lower()),
    (0.07, _bare),
    (0.03, lambda t, r: t.upper()),
    (0.03, _texting),
    (0.07, _rewrap),
    (0.02, _emoji),
    (0.05, _sentence_breaks),
    (0.05, _tail),
    (0.02, lambda t, r: t.swapcase() if r.random() < 0.3 else t.title()),
    (0.02, lambda t, r: f'"{t}"'),
    (0.02, lambda t, r: re.sub(r" ", lambda m: "  " if r.random() < 0.1 else " ", t)),
]


def _noise(text: str, rng: random.Random) -> str:
    """At most one disturbance a text: the same for attacks and benign, so that noise itself tells nothing."""
    roll = rng.random()
    for share, change in NOISE:
        roll -= share
        if roll < 0:
            return change(text, rng)
    return text


def _greet(text: str, openers: list[str], rng: random.Random) -> str:
    return f"{rng.choice(openers)} {text}" if rng.random() < 0.12 and len(text) < 600 else text


def _row(text: str, channel: str, labels: dict[str, int], family: str) -> dict:
    return {"text": text, "channel": channel, "lang": "en", "labels": dict(labels), "family": family}


ATTACK = {"injection": 1, "harmful": 0, "toxicity": 0}
CLEAN = {"injection": 0, "jailbreak": 0, "harmful": 0, "toxicity": 0}


def _split_payload(phrase: str, tail: str, rng: random.Random) -> str:
    """A sentence cut into variables, as in `a='for'; b='get…'`: cut here because the place of the cut must vary."""
    cuts = sorted(rng.sample(range(2, len(phrase) - 1), min(rng.randint(1, 4), len(phrase) - 4)))
    parts = [phrase[i:j] for i, j in zip([0, *cuts], [*cuts, len(phrase)])]
    names = rng.choice(["abcdef", "xyzuvw", "pqrstu", ["s1", "s2", "s3", "s4", "s5"], ["one", "two", "three", "four", "five"]])
    quote, equals, gap = rng.choice("'\"`"), rng.choice([" = ", "=", ": "]), rng.choice(["; ", "\n", ", ", " and "])
    body = gap.join(f"{name}{equals}{quote}{part}{quote}" for name, part in zip(names, parts))
    return body + rng.choice(["\n", ". ", "; "]) + tail.replace("SUM", rng.choice(["+", " + "]).join(list(names)[: len(parts)]))


def _combined(pieces: dict[str, list[str]], rng: random.Random) -> Iterator[tuple[str, str, dict[str, int], str]]:
    """Texts whose meaning lies in how two parts meet: a harmless carrier, then a turn that is or is not an attack."""
    pick = rng.choice
    for carrier in pieces["carrier"] * 5:
        gap = pick([" ", "\n", "\n\n", " ... ", "\n---\n"])
        yield f"{carrier}{gap}{pick(pieces['pivot'])}", "user", ATTACK, "switch-after-task"
    for carrier in pieces["carrier"] * 7:
        gap = pick([" ", "\n", "\n\n", " ... ", "\n---\n"])
        yield f"{carrier}{gap}{pick(pieces['followup'])}", "user", CLEAN, "benign-two-tasks"
    for text in pieces["paste"] * 9:
        task = pick(pieces["paste_task"])
        cut = text.find(". ", rng.randrange(len(text))) + 2
        turn = pick(pieces["pivot"])
        if cut > 2 and rng.random() < 0.6:
            yield f"{task}\n\n{text[:cut]}{turn} {text[cut:]}", "user", ATTACK, "switch-in-paste"
        else:
            yield pick([f"{task}\n\n{text}\n\n{turn}", f"{text} {turn}"]), pick(["user", "document"]), ATTACK, "switch-in-paste"
    for text in pieces["paste"] * 12:
        task, more = pick(pieces["paste_task"]), pick(pieces["followup"])
        shape = rng.randrange(4)
        if shape == 0:
            yield text, pick(["user", "document"]), CLEAN, "benign-paste"
        else:
            yield [f"{task}\n\n{text}", f"{text}\n\n{task}", f"{task}\n\n\"{text}\"\n\n{more}"][shape - 1], "user", CLEAN, "benign-paste"
    for turn in pieces["human_imperative"] * 8:  # orders among people stand where an attack would stand
        text = pick(pieces["paste"])
        cut = text.find(". ", rng.randrange(len(text))) + 2
        body = f"{text[:cut]}{turn} {text[cut:]}" if cut > 2 else f"{text} {turn}"
        yield pick([body, f"{pick(pieces['paste_task'])}\n\n{body}"]), pick(["user", "document"]), CLEAN, "benign-order-in-paste"
    for turn in pieces["pivot"] * 2 + pieces["human_imperative"] * 4:  # the same in texts of several paragraphs
        parts = rng.sample(pieces["paste"], rng.randint(2, 5))
        parts.insert(rng.randint(1, len(parts)), turn)
        attack = turn in pieces["pivot"]
        lead = [pick(pieces["paste_task"])] if rng.random() < 0.6 else []
        family = "switch-in-paste" if attack else "benign-order-in-paste"
        yield "\n\n".join(lead + parts), pick(["user", "document"]), ATTACK if attack else CLEAN, family
    for _ in range(160):
        yield _split_payload(pick(pieces["split_phrase"]), pick(pieces["split_tail"]), rng), "user", ATTACK, "obfuscation"
    for _ in range(160):
        yield _split_payload(pick(pieces["split_clean"]), pick(pieces["split_clean_tail"]), rng), "user", CLEAN, "benign-code"
    for quoted in pieces["quoted_attack"] * 4:
        yield pick(pieces["ask_about"]).replace("QUOTE", quoted), "user", CLEAN, "benign-about-attacks"
    for quoted in pieces["quoted_attack"] * 4:
        yield pick(pieces["obey_quote"]).replace("QUOTE", quoted), "user", ATTACK, "obey-the-quote"


def rows(rng: random.Random) -> Iterator[dict]:
    """Every row of this area; the same rng gives the same rows."""
    slots, pieces = _lists("slots.txt"), _lists("pieces.txt")
    seen: set[str] = set()

    def fresh(text: str) -> bool:
        exact = " ".join(text.split())
        letters = re.sub(r"\W+", "", exact.lower()) or exact
        # variants that differ in case and punctuation alone teach little more than their number: few are kept
        if not exact or exact in seen or (letters in seen and rng.random() > 0.1):
            return False
        seen.update((exact, letters))
        return True

    for path in sorted(HERE.glob("*_*.txt")):
        for seed in _seeds(path):
            for n in range(seed.copies):
                channel = rng.choice(["user", "document"]) if seed.channel == "both" else seed.channel
                for _ in range(3):  # a copy that repeats an earlier one gets other slots, another noise
                    text = _fill(seed.text, slots, rng)
                    if n:
                        text = _noise(_greet(text, slots["opener"], rng) if channel == "user" else text, rng)
                    if fresh(text):
                        yield _row(text, channel, seed.labels, seed.family)
                        break
    for raw, channel, labels, family in _combined(pieces, rng):
        text = _noise(_fill(raw, slots, rng), rng)
        if fresh(text):
            yield _row(text, channel, labels, family)
