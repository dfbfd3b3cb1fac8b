"""Scores texts as the product does: overlapping windows, the highest logit of each head counts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from rows import OUTPUTS, Row
from train import WINDOW, WORK, build, clean, prefixes

STRIDE = 96
# Windows of one text that are looked at: the first and last of longer ones.
MOST = 24


def windows(ids: list[int]) -> list[list[int]]:
    room = WINDOW - 6
    if len(ids) <= room:
        return [ids]
    starts = list(range(0, len(ids) - room, STRIDE)) + [len(ids) - room]
    if len(starts) > MOST:
        starts = starts[: MOST // 2] + starts[-MOST // 2 :]
    return [ids[s : s + room] for s in starts]


class Scorer:
    def __init__(self, weights: Path) -> None:
        self.trunk, self.model, self.tokenizer = build()
        self.model.load_state_dict(torch.load(weights, weights_only=True))
        self.model.eval()
        self.prefix = prefixes(self.tokenizer)

    def logits(self, rows: list[Row], batch: int = 64) -> np.ndarray:
        """[rows, outputs]: the highest logit over the windows of each text."""
        pieces = [(i, [0, *self.prefix[row.channel], *ids, 2]) for i, row in enumerate(rows) for ids in windows(self.tokenizer.encode(clean(row.text), add_special_tokens=False).ids)]
        pieces.sort(key=lambda one: len(one[1]))
        out = np.full((len(rows), len(OUTPUTS)), -math.inf, dtype=np.float32)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for start in range(0, len(pieces), batch):
                chunk = pieces[start : start + batch]
                longest = max(len(ids) for _, ids in chunk)
                ids = torch.full((len(chunk), longest), 1, dtype=torch.long)
                for k, (_, row) in enumerate(chunk):
                    ids[k, : len(row)] = torch.tensor(row)
                found = self.model(self.trunk(ids), ids).float().numpy()
                for k, (i, _) in enumerate(chunk):
                    np.maximum(out[i], found[k], out=out[i])
        return out


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return middle - half, middle + half


def weights_of(name: str) -> Path:
    return WORK / name
