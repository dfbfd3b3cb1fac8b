"""Writes the trained parts as ONNX with eight-bit weights, beside the tokenizer, into a models folder."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

import vocabulary
from base import read_base
from encoder import HIDDEN, Branch, Sentence, Tagger
from tags import TAGS, TAGGER_LAST
from train import LAST, TRUNK, WORK, build

OPSET = 17
LAYERS = 12


def save(module: nn.Module, names: list[str], inputs: tuple[Tensor, ...], output: str, axes: dict[int, str], path: Path) -> None:
    plain = path.with_suffix(".fp32.onnx")
    dynamic = {name: {0: "batch", 1: "tokens"} for name in names} | {output: axes}
    torch.onnx.export(module.eval(), inputs, str(plain), input_names=names, output_names=[output], dynamic_axes=dynamic, opset_version=OPSET, dynamo=False)
    quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True, reduce_range=False, op_types_to_quantize=["MatMul", "Gemm", "Gather"])
    plain.unlink()
    print(path.name, path.stat().st_size >> 10, "KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "models")
    parser.add_argument("--guard", default="guard.pt")
    parser.add_argument("--tags", default="tags.pt")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    base = read_base()
    trunk, guard, tokenizer = build()
    guard.load_state_dict(torch.load(WORK / given.guard, weights_only=True))
    ids = torch.randint(4, 1000, (2, 16))
    hidden = torch.randn(2, 16, HIDDEN)
    save(trunk, ["ids"], (ids,), "hidden", {0: "batch", 1: "tokens"}, given.out / "trunk.onnx")
    save(guard, ["hidden", "ids"], (hidden, ids), "output", {0: "batch"}, given.out / "guard.onnx")
    if (WORK / given.tags).exists():
        tagger = Tagger(Branch(base, TRUNK, TAGGER_LAST, vocabulary.PAD), len(TAGS))
        tagger.load_state_dict(torch.load(WORK / given.tags, weights_only=True))
        save(tagger, ["hidden", "ids"], (hidden, ids), "output", {0: "batch", 1: "tokens"}, given.out / "tags.onnx")
    save(Sentence(Branch(base, TRUNK, LAYERS, vocabulary.PAD)), ["hidden", "ids"], (hidden, ids), "output", {0: "batch"}, given.out / "sentence.onnx")
    vocabulary.write(tokenizer, given.out)
    if (WORK / "fast.bin").exists():
        shutil.copy(WORK / "fast.bin", given.out / "fast.bin")


if __name__ == "__main__":
    main()
