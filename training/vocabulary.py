"""Cuts the base's vocabulary down to the pieces that matter, and writes the tokenizer that training and product share."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from base import Base
from rows import Row

# Pieces kept: of 250,002. At 384 bytes a piece this is what the size of the shipped models allows.
KEPT = 50_000
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
PAD = 1


def tokenizer_of(pieces: list[tuple[str, float]]) -> Tokenizer:
    made = Tokenizer(models.Unigram(pieces, unk_id=3))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return made


def cut(base: Base, rows: list[Row], extra: list[str]) -> tuple[list[tuple[str, float]], list[int]]:
    """The kept pieces and their rows in the base: what our texts use, all single characters, then the likeliest."""
    whole = tokenizer_of(base.pieces)
    used: Counter[int] = Counter()
    texts = [row.text[:2000] for row in rows] + extra
    for start in range(0, len(texts), 2000):
        for encoded in whole.encode_batch(texts[start : start + 2000], add_special_tokens=False):
            used.update(set(encoded.ids))
    kept = set(range(len(SPECIAL)))
    likeliest = sorted(range(len(SPECIAL), len(base.pieces)), key=lambda i: -base.pieces[i][1])
    for i, (piece, _) in enumerate(base.pieces):
        if len(piece) == 1:
            kept.add(i)
    for i, _ in used.most_common():
        if len(kept) >= KEPT - KEPT // 5:
            break
        if used[i] > 1:
            kept.add(i)
    for i in likeliest:
        if len(kept) >= KEPT:
            break
        kept.add(i)
    order = sorted(kept)
    return [base.pieces[i] for i in order], order


def write(made: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json.loads(made.to_str()), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
