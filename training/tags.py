"""Trains the tagger of personal entities in free text: names, places, addresses, organisations, dates, jobs."""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import random
import re
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

import vocabulary
from base import read_base
from encoder import Branch, Tagger
from rows import DATA, all_rows
from train import LONGEST_WORD, TRUNK, UNSEEN, WINDOW, WORK, build

KINDS = ("person", "address", "location", "organization", "date_time", "job_title", "age", "nationality")
TAGS: list[str] = ["O", *(f"{side}-{kind}" for kind in KINDS for side in ("B", "I"))]
TAGGER_LAST = 6
ROOM = WINDOW - 6
UNKNOWN = -100
FILE = "pii_presidio_generated_large"
# The file's types as ours; all others are found by rules.
PRESIDIO_KINDS = {"PERSON": "person", "PREFIX": "person", "ADDRESS": "address", "LOCATION": "location", "ORGANIZATION": "organization", "DATE_TIME": "date_time", "TITLE": "job_title"}
# Texts of these sources hold no personal entities, or few: words that could be some are not trained on.
BARE = ("clinc150_topics", "docs_code_benign", "promptschat_roleplay", "promptschat_book", "secrets_synthetic", "neuralchemy", "direct", "languages_west", "languages_world")
DATED = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d\d|\d(am|pm|th|st|nd|rd)\b|\b(19|20)\d\d\b")


def _texts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("entity_texts", Path(__file__).parent / "corpus" / "entities" / "texts.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


texts = _texts()
Text = texts.Text


def words_of(text: str) -> list[tuple[int, int, str]]:
    """(start, end, what the tokeniser gets) of each word, as src/guardrails/classifiers/words.ts cuts them."""
    made = []
    for found in re.finditer(r"\S+", text):
        plain = UNSEEN.sub("", unicodedata.normalize("NFKC", found[0]))
        pieces = -(-len(plain) // LONGEST_WORD)
        length = len(found[0])
        for k in range(pieces):
            made.append((found.start() + length * k // pieces, found.start() + length * (k + 1) // pieces, plain[k * LONGEST_WORD : (k + 1) * LONGEST_WORD]))
    return made


def tags_of(words: list[tuple[int, int, str]], spans: list[tuple[int, int, str]]) -> list[int]:
    """A word has the tag of the first span that reaches into it."""
    made = []
    last = -1
    for start, end, _ in words:
        at = next((i for i, (s, e, _) in enumerate(spans) if s < end and e > start), -1)
        made.append(0 if at < 0 else TAGS.index(("I-" if at == last else "B-") + spans[at][2]))
        last = at
    return made


def presidio() -> list[Text]:
    """The labelled rows of the data folder; `family` is the row's template."""
    made = []
    with gzip.open(DATA / "train" / f"{FILE}.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            spans = [(one["start"], one["end"], PRESIDIO_KINDS[one["type"]]) for one in row.get("spans", []) if one["type"] in PRESIDIO_KINDS]
            made.append(Text(row["text"], texts.merged(row["text"], spans), (row.get("meta") or {}).get("template", "")))
    return made


class Names:
    """Which words of a text without labels could be entities after all."""

    def __init__(self, filler: object, plain: list[str]) -> None:
        counted = Counter(word for text in plain for word in re.findall(r"(?<![\w'])[a-z]{2,}", text))
        self.common = {word for word, count in counted.items() if count >= 20}
        named: set[str] = set()
        for locale in {one for names in filler.langs.values() for one in names} | set(filler.latin):
            pool = filler.pool(locale)
            for value in [*pool["first_name"], *pool["last_name"], *pool["city"], *pool["country"]]:
                named.update(value.casefold().split())
        for key in ("names", "surnames", "cities", "countries", "states", "nationalities", "organizations", "words_as_names"):
            for value in filler.lists[key]:
                named.update(value.casefold().split())
        for table in (texts.MONTHS, texts.WEEKDAYS):
            for value in table.values():
                named.update(value.casefold().split())
        self.named = {word.strip(".,") for word in named if len(word) > 1}

    def possible(self, word: str, in_capitals: bool) -> bool:
        """`in_capitals`: the text uses capitals at all, so a word without one is no name."""
        bare = re.sub(r"^\W+|(['’]s)?\W*$", "", word)
        if DATED.search(word):
            return True
        if bare.casefold() not in self.named:
            return False
        return bare[:1].isupper() if in_capitals else bare.casefold() not in self.common


class Examples:
    """Endless labelled token windows of all kinds of text, the same ones for the same seed."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.rng = random.Random(seed)
        self.filler = texts.Filler(seed, unseen=False)
        self.tokens: Callable[[str], list[int]] = cache(lambda word: tokenizer.encode(word, add_special_tokens=False).ids)
        self.labelled = [row for row in presidio() if not texts.held_out(row.family, 0.15)]
        self.refilled = [("en", row.family) for row in self.labelled if row.family]
        written = [one for one in [*texts.templates("en.txt"), *texts.templates("other.txt")] if not texts.held_out(one[1])]
        self.english = [one for one in written if one[0] == "en"]
        self.other = [one for one in written if one[0] != "en"]
        self.none = [one for one in texts.templates("none.txt") if not texts.held_out(one[1])]
        bare = [row for row in all_rows() if row.source in BARE and row.text.strip()]
        self.names = Names(self.filler, [row.text for row in bare if row.lang == "en"])
        grouped: dict[str, list[str]] = defaultdict(list)
        for row in bare:
            if texts.held_out(row.text, 0.05):
                grouped["held"].append(row.text)
            else:
                grouped[row.source].append(row.text)
        self.held = grouped.pop("held")
        self.bare = list(grouped.values())

    def segments(self) -> tuple[list[tuple[str, str]], str]:
        roll = self.rng.random()
        pool = self.refilled if roll < 0.15 else self.english if roll < 0.68 else self.other if roll < 0.9 else self.none
        lang, template = self.rng.choice(pool)
        return texts.disturbed(self.filler.segments(lang, template), self.rng), template

    def written(self) -> Text:
        """One filled template, or a few in a row: real texts are longer than a sentence."""
        made, family = self.segments()
        while self.rng.random() < 0.3:
            made = [*made, (self.rng.choice([" ", "\n", "\n\n", ". "]), ""), *self.segments()[0]]
        return texts.joined(made, family)

    def masked(self, text: str) -> list[int]:
        """Tags of a text that has no labels: nothing, or unknown where a word could be an entity."""
        words = words_of(text)
        in_capitals = text != text.lower() and text != text.upper()
        return [UNKNOWN if self.names.possible(text[start:end], in_capitals) else 0 for start, end, _ in words]

    def window(self, words: list[tuple[int, int, str]], tags: list[int]) -> tuple[list[int], list[int]]:
        """As many words as fit, from a random one on where not all do. The first token of a word carries its tag."""
        sizes = [len(self.tokens(plain)) for _, _, plain in words]
        first = self.rng.randrange(len(words)) if sum(sizes) > ROOM else 0
        ids, target = [0], [UNKNOWN]
        for (_, _, plain), tag in zip(words[first:], tags[first:]):
            tokens = self.tokens(plain)
            if len(ids) + len(tokens) > ROOM + 1:
                break
            ids += tokens
            target += [tag, *[UNKNOWN] * (len(tokens) - 1)][: len(tokens)]
        return [*ids, 2], [*target, UNKNOWN]

    def example(self) -> tuple[list[int], list[int]]:
        roll = self.rng.random()
        if roll < 0.22:
            text = self.rng.choice(self.rng.choice(self.bare))
            if len(text) > 1500:
                at = text.find(" ", self.rng.randrange(len(text) - 1400)) + 1
                text = text[at : at + 1200]
            if self.rng.random() < 0.2:
                text = text.lower()
            words, tags = words_of(text), self.masked(text)
        else:
            one = self.rng.choice(self.labelled) if roll < 0.34 else self.written()
            if roll < 0.34 and self.rng.random() < 0.15:
                one = Text(one.text.lower(), one.spans, one.family) if len(one.text.lower()) == len(one.text) else one
            words = words_of(one.text)
            tags = tags_of(words, one.spans)
            if "{{" in one.family:
                # These templates have nationalities of their own, which their labels leave out.
                tags = [UNKNOWN if tag == 0 and plain in self.filler.lists["nationalities"] else tag for (_, _, plain), tag in zip(words, tags)]
        return self.window(words, tags) if words else self.example()


def batches(examples: Examples, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of like length: a pool is sorted, cut and shuffled."""
    while True:
        pool = sorted((examples.example() for _ in range(size * 64)), key=lambda one: len(one[0]))
        chunks = [pool[k : k + size] for k in range(0, len(pool), size)]
        examples.rng.shuffle(chunks)
        for chunk in chunks:
            longest = max(len(ids) for ids, _ in chunk)
            ids = torch.full((size, longest), vocabulary.PAD, dtype=torch.long)
            target = torch.full((size, longest), UNKNOWN, dtype=torch.long)
            for i, (row, tags) in enumerate(chunk):
                ids[i, : len(row)] = torch.tensor(row)
                target[i, : len(tags)] = torch.tensor(tags)
            yield ids, target


def made_tagger() -> Tagger:
    return Tagger(Branch(read_base(), TRUNK, TAGGER_LAST, vocabulary.PAD), len(TAGS))


def train(samples: int, out: Path, seed: int = 7, batch: int = 32, rate: float = 3e-4) -> None:
    torch.manual_seed(seed)
    trunk, _, tokenizer = build()
    model = made_tagger().train()
    examples = Examples(tokenizer, seed)
    steps = samples // batch
    decayed = [p for p in model.parameters() if p.ndim > 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}], lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min(1.0, (s + 1) / 150) * max(0.02, 1 - s / steps))
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))
    began, shown = time.time(), 0.0
    for step, (ids, target) in zip(range(steps), batches(examples, batch)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                hidden = trunk(ids)
            logits = model(hidden, ids).float()
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=UNKNOWN, label_smoothing=0.02)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        averaged.update_parameters(model)
        shown = 0.98 * shown + 0.02 * float(loss.detach())
        if step % 50 == 0:
            print(f"{step}/{steps} loss {shown:.4f} {step * batch / (time.time() - began):.0f} texts/s", flush=True)
        if step % 250 == 249:
            torch.save(averaged.module.state_dict(), out)
    torch.save(averaged.module.state_dict(), out)


class Reader:
    """Tags texts as the product does."""

    def __init__(self, weights: Path) -> None:
        self.trunk, _, tokenizer = build()
        self.model = made_tagger()
        self.model.load_state_dict(torch.load(weights, weights_only=True))
        self.model.eval()
        self.tokens: Callable[[str], list[int]] = cache(lambda word: tokenizer.encode(word, add_special_tokens=False).ids)

    def logits(self, found: list[list[tuple[int, int, str]]], batch: int = 64) -> list[np.ndarray]:
        """[words, tags] for each text, of windows that follow each other."""
        pieces: list[tuple[int, list[int], list[int], list[int]]] = []
        for i, words in enumerate(found):
            ids, places, index = [0], [], []
            for w, (_, _, plain) in enumerate(words):
                tokens = self.tokens(plain)[:ROOM]
                if len(ids) + len(tokens) > ROOM + 1:
                    pieces.append((i, [*ids, 2], places, index))
                    ids, places, index = [0], [], []
                if tokens:
                    places.append(len(ids))
                    index.append(w)
                ids += tokens
            pieces.append((i, [*ids, 2], places, index))
        pieces.sort(key=lambda one: len(one[1]))
        made = [np.tile(np.float32([9.0] + [-9.0] * (len(TAGS) - 1)), (len(words), 1)) for words in found]
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for start in range(0, len(pieces), batch):
                chunk = pieces[start : start + batch]
                ids = torch.full((len(chunk), max(len(one[1]) for one in chunk)), vocabulary.PAD, dtype=torch.long)
                for k, (_, row, _, _) in enumerate(chunk):
                    ids[k, : len(row)] = torch.tensor(row)
                logits = self.model(self.trunk(ids), ids).float().numpy()
                for k, (i, _, places, index) in enumerate(chunk):
                    made[i][index] = logits[k, places]
        return made


def spans_of(words: list[tuple[int, int, str]], logits: np.ndarray, text: str, offset: float) -> list[tuple[int, int, str]]:
    """Runs of one kind as spans; `offset` is taken from the logit of `O`."""
    made: list[tuple[int, int, str]] = []
    before = 0
    for (start, end, _), row in zip(words, logits):
        tag = int(np.argmax(row - offset * (np.arange(len(TAGS)) == 0)))
        if tag:
            kind = TAGS[tag][2:]
            if made and before and TAGS[tag].startswith("I-") and made[-1][2] == kind:
                made[-1] = (made[-1][0], end, kind)
            else:
                made.append((start, end, kind))
        before = tag
    kept = []
    for start, end, kind in made:
        raw = text[start:end]
        lead = len(raw) - len(re.sub(r"^\W+", "", raw))
        bare = re.sub(r"^\W+|\W+$", "", raw)
        if bare:
            kept.append((start + lead, start + lead + len(bare), kind))
    return kept


def covered(one: tuple[int, int, str], others: list[tuple[int, int, str]], typed: bool) -> bool:
    """Half of the span lies in spans of the same kind (address and location are one kind: it depends on the cut)."""
    def same(kind: str) -> bool:
        return not typed or kind == one[2] or {kind, one[2]} <= set(texts.PLACES)
    return 2 * sum(max(0, min(one[1], e) - max(one[0], s)) for s, e, kind in others if same(kind)) >= one[1] - one[0]


def report(name: str, rows: list[Text], found: list[list[tuple[int, int, str]]]) -> float:
    """Prints precision, recall and F2 of each kind by overlap of spans; returns F2 of all without regard to kind."""
    def line(label: str, hits: int, gold: int, right: int, given: int) -> float:
        precision, recall = right / max(1, given), hits / max(1, gold)
        f2 = 5 * precision * recall / max(1e-9, 4 * precision + recall)
        print(f"{name:10} {label:13} P {precision:.3f} R {recall:.3f} F2 {f2:.3f} n={gold}")
        return f2
    for kind in KINDS:
        gold = [(one, spans) for row, spans in zip(rows, found) for one in row.spans if one[2] == kind]
        given = [(one, row.spans) for row, spans in zip(rows, found) for one in spans if one[2] == kind]
        if gold:
            line(kind, sum(covered(*one, True) for one in gold), len(gold), sum(covered(*one, True) for one in given), len(given))
    totals = []
    for typed in (True, False):
        hits = sum(covered(one, spans, typed) for row, spans in zip(rows, found) for one in row.spans)
        right = sum(covered(one, row.spans, typed) for row, spans in zip(rows, found) for one in spans)
        totals.append(line("all, typed" if typed else "all, any kind", hits, sum(len(row.spans) for row in rows), right, sum(map(len, found))))
    return totals[1]


def held_texts(filler: object, seed: int, count: int = 600) -> list[Text]:
    """Templates that were held out, filled by the given filler."""
    rng = random.Random(seed)
    pool = [one for one in [*texts.templates("en.txt"), *texts.templates("other.txt")] if texts.held_out(one[1])]
    pool = [one for one in pool if one[0] == "en"] * 3 + [one for one in pool if one[0] != "en"]
    made = []
    for _ in range(count):
        lang, template = rng.choice(pool)
        made.append(texts.joined(texts.disturbed(filler.segments(lang, template), rng), template))
    return made


def evaluate(weights: Path, offsets: list[float]) -> float:
    """Reports each offset of `O` on what training never saw, and returns the best by F2 over all kinds."""
    reader = Reader(weights)
    examples = Examples(build()[2], 7)
    sets = {
        "presidio": [row for row in presidio() if texts.held_out(row.family, 0.15)],
        "own": held_texts(texts.Filler(101, unseen=False), 102),
        "unseen": held_texts(texts.Filler(103, unseen=True), 104),
    }
    read = {name: [words_of(row.text) for row in rows] for name, rows in sets.items()}
    logits = {name: reader.logits(words) for name, words in read.items()}
    bare = [text[:1000] for text in random.Random(105).sample(examples.held, 800)]
    bare_words = [words_of(text) for text in bare]
    bare_logits = reader.logits(bare_words)
    clear = [np.array(examples.masked(text)) == 0 for text in bare]
    best = (0.0, offsets[0])
    for offset in offsets:
        print(f"--- offset {offset}")
        scores = []
        for name, rows in sets.items():
            found = [spans_of(words, one, row.text, offset) for words, one, row in zip(read[name], logits[name], rows)]
            scores.append(report(name, rows, found))
        counted: Counter[str] = Counter()
        for one, known in zip(bare_logits, clear):
            counted.update(TAGS[tag][2:] for tag in np.argmax(one - offset * (np.arange(len(TAGS)) == 0), axis=1)[known] if tag)
        words = sum(int(known.sum()) for known in clear)
        print(f"bare: {1000 * sum(counted.values()) / words:.2f} tagged of 1,000 words ({words})", dict(counted))
        best = max(best, (sum(scores), offset))
    return best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=70_000)
    parser.add_argument("--out", default="tags.pt")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--evaluate", action="store_true", help="no training: report on the weights of --out")
    parser.add_argument("--lean", type=float, default=0.0, help="no training: take this from the bias of O in --out, once, for recall")
    given = parser.parse_args()
    if given.lean:
        state = torch.load(WORK / given.out, weights_only=True)
        state["tags.bias"][0] -= given.lean
        torch.save(state, WORK / given.out)
        return
    if given.evaluate:
        print("best offset", evaluate(WORK / given.out, [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]))
        return
    WORK.mkdir(exist_ok=True)
    if not (WORK / "pieces.npy").exists():
        pieces, order = vocabulary.cut(read_base(), all_rows(), [])
        np.save(WORK / "pieces.npy", np.array(order))
        vocabulary.write(vocabulary.tokenizer_of(pieces), WORK / "guard")
    train(given.samples, WORK / given.out, given.seed)


if __name__ == "__main__":
    main()
