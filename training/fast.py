"""The fast classifier: logistic regression over hashed word and character n-grams, eight bits a weight."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from rows import HEADS, Row, all_rows, reserved
from train import SHARE, WORK

ROOT = Path(__file__).parent.parent
BUCKETS = 1 << 18
# Windows of a long text that count as examples: all of a benign one up to this many; of an attack only the ends.
MOST = 6


def featured(texts: list[str], name: str) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Rows of features for every window, and the text that each window belongs to; made by the product's own code."""
    source, made = WORK / f"{name}.jsonl", WORK / f"{name}.bin"
    with source.open("w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text}) + "\n")
    subprocess.run(["node", str(ROOT / "bin" / "launch.js"), str(ROOT / "training" / "features.ts"), str(source), str(made)], check=True)
    raw = np.fromfile(made, dtype="<i4")
    owners: list[int] = []
    starts: list[int] = []
    counts: list[int] = []
    at = 0
    while at < len(raw):
        owners.append(raw[at])
        counts.append(raw[at + 1])
        starts.append(at + 2)
        at += 2 + raw[at + 1]
    keep = np.ones(len(raw), dtype=bool)
    for start in starts:
        keep[start - 2 : start] = False
    indices = raw[keep]
    pointer = np.concatenate([[0], np.cumsum(counts)])
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    matrix = sparse.csr_matrix((values, indices, pointer), shape=(len(owners), BUCKETS))
    matrix.sum_duplicates()
    source.unlink()
    made.unlink()
    return matrix, np.array(owners)


def chosen(rows: list[Row], owners: np.ndarray) -> np.ndarray:
    """Windows to train on: where in a long attack the attack stands is not known, so only its ends count."""
    first = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    last = np.r_[first[1:] - 1, len(owners) - 1]
    kept: list[int] = []
    for a, b in zip(first, last):
        if rows[owners[a]].labels.get("injection") == 1:
            kept += sorted({a, b})
        else:
            kept += range(a, min(b + 1, a + MOST))
    return np.array(kept)


def fit(matrix: sparse.csr_matrix, rows: list[Row], owners: np.ndarray, epochs: int = 4, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Weights [buckets, heads] and biases, by Adagrad on the masked logistic loss with weight decay by count."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    target = np.array([[rows[o].labels.get(head, 0) for head in HEADS] for o in owners], dtype=np.float32)
    known = np.array([[head in rows[o].labels for head in HEADS] for o in owners], dtype=np.float32)
    share = np.array([SHARE.get(rows[o].source, 1.0) for o in owners], dtype=np.float32)
    weights = torch.nn.EmbeddingBag(BUCKETS, len(HEADS), mode="sum", sparse=True)
    torch.nn.init.zeros_(weights.weight)
    bias = torch.nn.Parameter(torch.full((len(HEADS),), -2.0))
    slow = torch.optim.Adagrad([bias], lr=0.05)
    optimiser = torch.optim.Adagrad(weights.parameters(), lr=0.3)
    for epoch in range(epochs):
        order = rng.permutation(len(owners))
        losses = []
        for start in range(0, len(order), 256):
            picked = order[start : start + 256]
            part = matrix[picked]
            bag = weights(torch.from_numpy(part.indices.astype(np.int64)), torch.from_numpy(part.indptr[:-1].astype(np.int64)), per_sample_weights=torch.from_numpy(part.data))
            mask = torch.from_numpy(known[picked] * share[picked][:, None])
            loss = (torch.nn.functional.binary_cross_entropy_with_logits(bag + bias, torch.from_numpy(target[picked]), reduction="none") * mask).sum() / mask.sum()
            loss.backward()
            optimiser.step()
            slow.step()
            optimiser.zero_grad()
            slow.zero_grad()
            losses.append(float(loss.detach()))
        # Features that say little are noise on texts from elsewhere.
        with torch.no_grad():
            weights.weight.mul_(0.97)
        print(f"epoch {epoch} loss {np.mean(losses):.4f}", flush=True)
    return weights.weight.detach().numpy(), bias.detach().numpy()


def quantised(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.maximum(np.quantile(np.abs(weights), 0.99995, axis=0), 1e-6) / 127
    return np.clip(np.rint(weights / scale), -127, 127).astype(np.int8), scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", default="")
    parser.add_argument("--out", default="fast")
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    held = set(filter(None, given.without.split(",")))
    rows = [row for row in all_rows() if row.source not in held and not reserved(row)]
    matrix, owners = featured([row.text for row in rows], "fast-features")
    kept = chosen(rows, owners)
    weights, bias = fit(matrix[kept], rows, owners[kept])
    packed, scale = quantised(weights)
    packed.tofile(WORK / f"{given.out}.bin")
    (WORK / f"{given.out}.json").write_text(json.dumps({"scale": scale.tolist(), "bias": bias.tolist()}))


if __name__ == "__main__":
    main()
