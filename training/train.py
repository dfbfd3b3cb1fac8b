"""Fine-tunes the guard branch: one encoder, eleven questions. Masked binary cross-entropy over the labels that are known."""

from __future__ import annotations

import argparse
import base64
import codecs
import random
import re
import time
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

import vocabulary
from base import read_base
from encoder import Branch, Classifier, Trunk
from rows import CHANNELS, HEADS, OUTPUTS, Row, all_rows, reserved

WORK = Path(__file__).parent / ".work"
TRUNK = 3
LAST = 7
WINDOW = 128
# Runs without spaces are cut, here as in the product, so that every token belongs to a stretch of known place.
LONGEST_WORD = 32
UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]")


def clean(text: str) -> str:
    """What the product makes of a text before it is tokenised."""
    words = UNSEEN.sub("", unicodedata.normalize("NFKC", text)).split()
    return " ".join(word[i : i + LONGEST_WORD] for word in words for i in range(0, len(word), LONGEST_WORD))


def prefixes(tokenizer: Tokenizer) -> dict[str, list[int]]:
    """Tokens that tell the model where a text stands; `text` where it is not to know."""
    return {name: tokenizer.encode(name.replace("_", " ") + " :", add_special_tokens=False).ids for name in (*CHANNELS, "text")}


# How much of each source one pass sees, where not all of it once.
SHARE = {"clinc150_topics": 0.25, "neuralchemy": 0.8, "pii_presidio_generated_large": 0.4, "secrets_synthetic": 0.4}


LEET = str.maketrans("aeiostbg", "43105789")
ALIKE = str.maketrans("aeopcxyiAEOPCXHKMT", "аеорсхуіАЕОРСХНКМТ")


def disguised(text: str, rng: random.Random) -> str:
    """Spellings that people read and filters miss; attacks and harmless texts get them alike."""
    kind = rng.randrange(9)
    words = text.split(" ")
    if kind == 0:
        return "".join(c.translate(LEET) if rng.random() < 0.6 else c for c in text)
    if kind == 1:
        return rng.choice([" ", ".", "-"]).join(text) if len(text) < 160 else text
    if kind == 2:
        return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)
    if kind == 3:
        return rng.choice(["_", "-", ".", ""]).join(words)
    if kind == 4:
        return "".join(c.translate(ALIKE) if rng.random() < 0.3 else c for c in text)
    if kind == 5:
        return "".join(c * 2 if c.isalpha() and rng.random() < 0.3 else c for c in text)
    if kind == 6:
        return " ".join(w[0] + re.sub("[aeiou]", "", w[1:]) if w else w for w in words)
    if kind == 7:
        return " ".join(w[: len(w) // 2] + rng.choice("*_~|") + w[len(w) // 2 :] if len(w) > 4 and rng.random() < 0.6 else w for w in words)
    return rng.choice([" 🙂 ", " ✨ ", " 🔥 "]).join(" ".join(words[i : i + 2]) for i in range(0, len(words), 2))


def encoded(text: str, rng: random.Random) -> str:
    """What is encoded is read decoded; as it stands it says nothing."""
    raw = text[:300].encode()
    return rng.choice([lambda: base64.b64encode(raw).decode(), lambda: raw.hex(), lambda: codecs.encode(text[:300], "rot13"), lambda: "".join(f"%{b:02x}" for b in raw), lambda: text[::-1], lambda: " ".join(f"{b:08b}" for b in raw[:60])])()


def noisy(text: str, rng: random.Random) -> str:
    """The small accidents of real text; labels survive them."""
    roll = rng.random()
    if roll > 0.35:
        return text
    if roll < 0.15:
        return disguised(text, rng)
    kind = rng.randrange(6)
    if kind == 0:
        return text.lower()
    if kind == 1:
        return text.upper() if len(text) < 300 else text
    if kind == 2:
        return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    if kind == 3:
        return re.sub(r"[.,!?;:'\"]", "", text)
    letters = list(text)
    for _ in range(max(1, len(letters) // 40)):
        i = rng.randrange(len(letters))
        roll = rng.random()
        if roll < 0.4 and i + 1 < len(letters):
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        elif roll < 0.7:
            letters[i] = ""
        else:
            letters[i] *= 2
    return "".join(letters)


class Examples:
    """Rows as token windows. Attacks planted in carriers of another source keep the model from learning the carriers."""

    def __init__(self, rows: list[Row], tokenizer: Tokenizer, seed: int) -> None:
        self.rows = rows
        self.tokenizer = tokenizer
        self.prefix = prefixes(tokenizer)
        self.rng = random.Random(seed)
        self.carriers = [row.text for row in rows if row.labels.get("injection") == 0 and 200 < len(row.text) < 3000 and row.channel in ("document", "tool_result")]
        self.attacks = [row.text for row in rows if row.labels.get("injection") == 1 and row.channel == "user" and 15 < len(row.text) < 300]
        self.talk = [row.text for row in rows if row.labels.get("injection") == 0 and row.channel == "user" and 10 < len(row.text) < 300]
        self.by_source: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            self.by_source[row.source].append(i)

    def planted(self) -> tuple[str, str, dict[str, int]]:
        """A carrier with an attack in it, or with harmless talk: the seam alone must not decide."""
        carrier = self.rng.choice(self.carriers)
        start = self.rng.randrange(max(1, len(carrier) - 350))
        carrier = carrier[start : start + 350]
        bad = self.rng.random() < 0.5
        inserted = self.rng.choice(self.attacks if bad else self.talk)
        at = self.rng.choice([0, len(carrier), carrier.find(" ", len(carrier) // 2) + 1])
        glue = self.rng.choice([" ", "\n", "\n\n", " -- ", "\n---\n"])
        text = carrier[:at] + glue + inserted + glue + carrier[at:]
        return text, self.rng.choice(["document", "tool_result"]), {"injection": int(bad)}

    def window(self, ids: list[int], row: Row | None) -> list[int]:
        if len(ids) <= WINDOW - 6:
            return ids
        spare = len(ids) - (WINDOW - 6)
        attack = row is not None and row.labels.get("injection") == 1
        # Where in a long attack document the attack stands is unknown but likely near an end.
        start = self.rng.choice([0, spare]) if attack else self.rng.randrange(spare + 1)
        return ids[start : start + WINDOW - 6]

    def example(self, i: int) -> tuple[list[int], dict[str, int]]:
        if i < 0:
            text, channel, labels = self.planted()
            row = None
        else:
            row = self.rows[i]
            text, channel, labels = row.text, row.channel, row.labels
        # More than a window can hold is only in the way of the tokeniser.
        if len(text) > 6000:
            at = self.rng.choice([0, len(text) - 6000])
            text = text[at : at + 6000]
        if labels.get("injection") == 0 and self.rng.random() < 0.02:
            text = encoded(text, self.rng)
        ids = self.window(self.tokenizer.encode(clean(noisy(text, self.rng)), add_special_tokens=False).ids, row)
        known = channel if self.rng.random() < 0.75 else "text"
        return [0, *self.prefix[known], *ids, 2], labels

    def epoch(self) -> list[int]:
        order: list[int] = []
        for source, members in self.by_source.items():
            order += self.rng.sample(members, int(len(members) * SHARE.get(source, 1.0)))
        order += [-1] * (len(order) // 10)
        self.rng.shuffle(order)
        return order


def batches(examples: Examples, size: int):
    """Endless batches of like length: a pool is sorted, cut and shuffled."""
    while True:
        order = examples.epoch()
        for start in range(0, len(order), size * 64):
            pool = sorted((examples.example(i) for i in order[start : start + size * 64]), key=lambda one: len(one[0]))
            chunks = [pool[k : k + size] for k in range(0, len(pool), size)]
            examples.rng.shuffle(chunks)
            for chunk in chunks:
                yield collate(chunk)


def collate(chunk: list[tuple[list[int], dict[str, int]]]) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in chunk)
    ids = torch.full((len(chunk), longest), vocabulary.PAD, dtype=torch.long)
    target = torch.zeros(len(chunk), len(OUTPUTS))
    known = torch.zeros(len(chunk), len(OUTPUTS))
    for i, (row, labels) in enumerate(chunk):
        ids[i, : len(row)] = torch.tensor(row)
        for j, name in enumerate(OUTPUTS):
            if name in labels:
                known[i, j] = 1
                target[i, j] = labels[name]
    return ids, target, known


def build() -> tuple[Trunk, Classifier, Tokenizer]:
    base = read_base()
    order = np.load(WORK / "pieces.npy")
    tokenizer = vocabulary.tokenizer_of([base.pieces[i] for i in order])
    trunk = Trunk(base, torch.from_numpy(order), TRUNK, vocabulary.PAD).requires_grad_(False).eval()
    return trunk, Classifier(Branch(base, TRUNK, LAST, vocabulary.PAD), len(OUTPUTS)), tokenizer


def train(rows: list[Row], samples: int, out: Path, seed: int = 7, batch: int = 32, rate: float = 2e-4, begin: Path | None = None) -> None:
    torch.manual_seed(seed)
    trunk, model, tokenizer = build()
    if begin is not None:
        model.load_state_dict(torch.load(begin, weights_only=True))
    model.train()
    examples = Examples(rows, tokenizer, seed)
    steps = samples // batch
    weights = torch.tensor([1.0, 1.0, 1.0, 1.0] + [0.3] * (len(OUTPUTS) - len(HEADS)))
    decayed = [p for p in model.parameters() if p.ndim > 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}], lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min(1.0, (s + 1) / 300) * max(0.02, 1 - s / steps))
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998))
    began, shown = time.time(), 0.0
    for step, (ids, target, known) in zip(range(steps), batches(examples, batch)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                hidden = trunk(ids)
            logits = model(hidden, ids).float()
        # No more smoothing than a label in five hundred: more would press the surest attacks and the oddest harmless texts together.
        smooth = target * 0.996 + 0.002
        loss = (F.binary_cross_entropy_with_logits(logits, smooth, reduction="none") * known * weights).sum() / known.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        averaged.update_parameters(model)
        shown = 0.98 * shown + 0.02 * float(loss.detach())
        if step % 200 == 0:
            print(f"{step}/{steps} loss {shown:.4f} {step * batch / (time.time() - began):.0f} texts/s", flush=True)
            torch.save(averaged.module.state_dict(), out)
    torch.save(averaged.module.state_dict(), out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--without", default="", help="sources to hold out, separated by commas")
    parser.add_argument("--out", default="guard.pt")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=2e-4, help="the highest learning rate; it falls to nothing from there")
    parser.add_argument("--begin", default="", help="weights to go on from, instead of the base's")
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    rows = all_rows()
    if not (WORK / "pieces.npy").exists():
        pieces, order = vocabulary.cut(read_base(), rows, [])
        np.save(WORK / "pieces.npy", np.array(order))
        vocabulary.write(vocabulary.tokenizer_of(pieces), WORK / "guard")
    held = set(filter(None, given.without.split(",")))
    train([row for row in rows if row.source not in held and not reserved(row)], given.samples, WORK / given.out, given.seed, rate=given.rate, begin=WORK / given.begin if given.begin else None)


if __name__ == "__main__":
    main()
