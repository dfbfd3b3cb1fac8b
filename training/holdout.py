"""Leave whole sources out: trains the guard branch anew without them and measures recall on them.

Each fold takes some sources of the data folder away, or a third of the families of our own corpus; thresholds come
from texts that no fold is trained on. Writes models/held-out.json, which `npm run eval` shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rows import BENIGN, DATA, HEADS, HERE, OUTPUTS, Row, _lines, all_rows, reserved
from score import Scorer, wilson
from train import WORK, train

OUT = HERE.parent / "models" / "held-out.json"
RATES = (0.01, 0.001)
THIRDS = 3


@dataclass(frozen=True)
class Fold:
    name: str
    held: list[str]
    without: Callable[[Row], bool]


def of_sources(name: str, sources: list[str]) -> Fold:
    return Fold(name, sources, lambda row: row.source in sources)


def third(row: Row) -> int:
    """Which third a family of our corpus belongs to; -1 for texts that are not ours."""
    if not row.family.startswith(f"{row.source}/"):
        return -1
    return hashlib.sha256(row.family.encode()).digest()[0] % THIRDS


def of_families(part: int) -> Fold:
    return Fold(f"families-{part + 1}", [f"third {part + 1} of the families of every area of training/corpus"], lambda row: third(row) == part)


FOLDS = [
    of_sources("sources-1", ["tensor_trust", "bipia_train", "vietnamese_hackat104", "garak"]),
    of_sources("sources-2", ["neuralchemy", "asb", "pi_benign_500"]),
    *(of_families(part) for part in range(THIRDS)),
]


def side(row: Row) -> str:
    """Thresholds are set for what users write, and for everything that comes from elsewhere."""
    return "user" if row.channel == "user" else "document"


def sample(rows: list[Row], most: int, seed: int) -> list[Row]:
    return rows if len(rows) <= most else random.Random(seed).sample(rows, most)


def ordinary(rows: list[Row], most: int) -> dict[str, list[Row]]:
    """Everyday requests (for measuring only), and the harmless documents that training keeps back."""
    path = DATA / "eval" / "alpaca_harmless.jsonl.gz"
    requests = [Row(line["text"], "user", "en", dict(BENIGN), "alpaca_harmless") for line in _lines(path)] if path.is_file() else []
    if not requests:
        raise SystemExit(f"{path} is missing: there is nothing to set thresholds on")
    documents = [row for row in rows if reserved(row) and side(row) == "document" and row.channel != "assistant" and row.labels.get("injection") == 0]
    return {"user": sample(requests, most, 3), "document": sample(documents, most, 3)}


def above(logits: np.ndarray, rate: float) -> np.ndarray:
    """For each output the logit above which at most this share of the ordinary texts lie."""
    ordered = -np.sort(-logits, axis=0)
    return ordered[int(rate * len(ordered))]


def measured(scorer: Scorer, held: list[Row], plain: dict[str, list[Row]], most: int) -> list[dict]:
    limits = {channel: {rate: above(scorer.logits(rows), rate) for rate in RATES} for channel, rows in plain.items()}
    groups: dict[tuple[str, str, str, int], list[Row]] = defaultdict(list)
    for row in held:
        for head in HEADS:
            if head in row.labels and row.channel != "assistant":
                groups[(row.source, side(row), head, row.labels[head])].append(row)
    found = []
    for (source, channel, head, label), rows in sorted(groups.items()):
        # Texts without an attack say something about the heads that look for attacks.
        if label == 0 and head not in ("injection", "jailbreak"):
            continue
        chosen = sample(rows, most, 5)
        logits = scorer.logits(chosen)[:, OUTPUTS.index(head)]
        shares = {}
        for rate in RATES:
            hits = int((logits > limits[channel][rate][OUTPUTS.index(head)]).sum())
            low, high = wilson(hits, len(chosen))
            shares[str(rate)] = {"value": round(hits / len(chosen), 4), "low": round(max(0.0, low), 4), "high": round(min(1.0, high), 4)}
        found.append({"source": source, "channel": channel, "head": head, "what": "recall" if label else "flagged", "n": len(chosen), "at": shares})
    return found


def record(fold: Fold, samples: int, seed: int, plain: dict[str, list[Row]], rows: list[dict], out: Path) -> None:
    known = json.loads(out.read_text(encoding="utf-8"))["folds"] if out.is_file() else []
    entry = {"name": fold.name, "held": fold.held, "samples": samples, "seed": seed, "ordinary": {channel: len(texts) for channel, texts in plain.items()}, "rows": rows}
    order = [one.name for one in FOLDS]
    folds = sorted([one for one in known if one["name"] != fold.name] + [entry], key=lambda one: order.index(one["name"]) if one["name"] in order else len(order))
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({"folds": folds}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--folds", default=",".join(fold.name for fold in FOLDS), help="names, separated by commas")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--most", type=int, default=1500, help="texts of one source, channel and label that are measured; four times as many ordinary ones")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    chosen = given.folds.split(",")
    unknown = set(chosen) - {fold.name for fold in FOLDS}
    if unknown:
        raise SystemExit(f"no fold is called {', '.join(sorted(unknown))}; there are {', '.join(fold.name for fold in FOLDS)}")
    if not (WORK / "pieces.npy").exists():
        raise SystemExit("training/.work/pieces.npy is missing: run training/train.py once, which cuts the vocabulary")
    rows = all_rows()
    plain = ordinary(rows, given.most * 4)
    print({channel: len(texts) for channel, texts in plain.items()}, "ordinary texts", flush=True)
    for fold in FOLDS:
        if fold.name not in chosen:
            continue
        began = time.time()
        held = [row for row in rows if fold.without(row)]
        weights = WORK / f"holdout-{fold.name}.pt"
        print(f"{fold.name}: {len(held)} texts held out", flush=True)
        train([row for row in rows if not fold.without(row) and not reserved(row)], given.samples, weights, given.seed)
        record(fold, given.samples, given.seed, plain, measured(Scorer(weights), held, plain, given.most), given.out)
        print(f"{fold.name}: {(time.time() - began) / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
