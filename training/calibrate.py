"""Makes scores probabilities and sets the thresholds of the four levels, on texts that nobody trained on.

Slopes and offsets (Platt 1999) are fitted on the reserved rows. Thresholds are quantiles on ordinary traffic: for what
users say the harmless instructions of ../shared/data/eval (measured on, never trained on) and our reserved rows; for
documents the files of the Python packages that requirements.txt names, which nobody trained on.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from rows import BENIGN, DATA, HEADS, OUTPUTS, Row, all_rows, reserved
from tags import TAGS

ROOT = Path(__file__).parent.parent
CHANNELS = ("user", "document", "tool_definition", "assistant")
# Share of ordinary texts that a level may flag.
LEVELS = (0.0001, 0.001, 0.01, 0.05)
# Share of ordinary texts that the encoder reads where it need not read all.
GREY = 0.25


def channel_of(row: Row) -> str:
    return "document" if row.channel == "tool_result" else row.channel


def unseen_documents(rng: random.Random, most: int) -> list[str]:
    """Pieces of the files of the Python packages that requirements.txt names: none of them was trained on."""
    folder = Path(sysconfig.get_path("purelib"))
    paths = [path for pattern in ("*.py", "*.md", "*.rst", "*.txt", "*.json", "*.html") for path in sorted(folder.rglob(pattern))]
    texts: list[str] = []
    for path in rng.sample(paths, min(len(paths), most)):
        if path.stat().st_size > 400_000:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        start = rng.randrange(max(1, len(text) - 800))
        piece = text[start : start + rng.randrange(300, 1600)]
        if len(piece.strip()) > 150:
            texts.append(piece)
    return texts


def ordinary(rng: random.Random) -> list[Row]:
    rows: list[Row] = []
    path = DATA / "eval" / "alpaca_harmless.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        rows += [Row(text, "user", "en", dict(BENIGN), "ordinary") for text in rng.sample(texts, 8000)]
    rows += [Row(text, "document", "en", dict(BENIGN), "ordinary") for text in unseen_documents(rng, 6000)]
    return rows


def card(folder: Path, calibration: dict, thresholds: dict, grey: dict, version: str) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    linear = json.loads((ROOT / "training" / ".work" / "fast.json").read_text())
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".onnx", ".bin") or path.name == "tokenizer.json")
    made = {
        "version": version,
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        "tokens": {"begin": tokenizer.token_to_id("<s>"), "end": tokenizer.token_to_id("</s>"), "pad": tokenizer.token_to_id("<pad>")},
        "outputs": list(OUTPUTS),
        "tags": TAGS,
        "fast": linear,
        "calibration": calibration,
        "thresholds": thresholds,
        "grey": grey,
    }
    (folder / "card.json").write_text(json.dumps(made, indent=1) + "\n")


def logits(folder: Path, rows: list[Row]) -> list[dict]:
    work = ROOT / "training" / ".work"
    source, made = work / "texts.jsonl", work / "logits.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"text": row.text[:8000], "channel": channel_of(row)}) + "\n")
    subprocess.run(["node", str(ROOT / "bin" / "launch.js"), str(ROOT / "training" / "logits.ts"), str(folder), str(source), str(made)], check=True)
    with made.open() as file:
        return [json.loads(line) for line in file]


def platt(values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    if labels.min() == labels.max():
        return 1.0, 0.0
    fitted = LogisticRegression(C=10.0).fit(values[:, None], labels)
    return max(0.05, float(fitted.coef_[0, 0])), float(fitted.intercept_[0])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--version", default="1")
    given = parser.parse_args()
    rng = random.Random(5)
    identity = {"fast": {head: (1, 0) for head in HEADS}, "deep": {output: (1, 0) for output in OUTPUTS}}
    never = {channel: [1, 1, 1, 1] for channel in CHANNELS}
    flat = {"fast": {head: never for head in HEADS}, "deep": {output: never for output in OUTPUTS}}
    card(given.models, identity, flat, {channel: 0 for channel in CHANNELS}, given.version)
    kept = [row for row in all_rows() if reserved(row)]
    usual = ordinary(rng)
    rows = kept + usual
    found = logits(given.models, rows)
    calibration: dict = {"fast": {}, "deep": {}}
    thresholds: dict = {"fast": {}, "deep": {}}
    channels = np.array([channel_of(row) for row in rows])
    is_usual = np.array([row.source == "ordinary" for row in rows])
    suspicion = np.zeros(len(rows))
    for layer, outputs in (("fast", HEADS), ("deep", OUTPUTS)):
        for output in outputs:
            values = np.array([one[layer][output] for one in found])
            labels = np.array([row.labels.get(output, -1) for row in rows])
            known = (labels >= 0) & ~is_usual
            slope, offset = platt(values[known], labels[known])
            calibration[layer][output] = (round(slope, 5), round(offset, 5))
            scores = sigmoid(slope * values + offset)
            if layer == "fast":
                suspicion = np.maximum(suspicion, scores)
            levels = {}
            for channel in CHANNELS:
                # Ordinary traffic where there is any; reserved harmless rows for the rest.
                harmless = scores[(channels == channel) & is_usual]
                own = scores[(channels == channel) & ~is_usual & (labels == 0)]
                pool = harmless if len(harmless) > 500 else own if len(own) > 100 else scores[(labels == 0)]
                found_at = [float(np.quantile(pool, 1 - share, method="higher")) for share in LEVELS]
                # A level never flags what is more likely harmless than not, except the most eager one.
                least = (0.9, 0.5, 0.3, 0.1)
                levels[channel] = [round(max(at, floor), 5) for at, floor in zip(found_at, least)]
            thresholds[layer][output] = levels
            hit = scores[known & (labels == 1)]
            print(f"{layer} {output}: slope {slope:.2f} offset {offset:.2f} user {levels['user']} document {levels['document']} reserved recall at level 2: {np.mean(hit >= levels['user'][1]) if len(hit) else float('nan'):.3f}", flush=True)
    grey = {channel: round(float(np.quantile(suspicion[(channels == channel) & (is_usual | (np.array([row.labels.get('injection') == 0 for row in rows])))], 1 - GREY)), 5) for channel in CHANNELS}
    card(given.models, calibration, thresholds, grey, given.version)


if __name__ == "__main__":
    main()
