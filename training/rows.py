"""Every labelled text there is to train on: local data files (never part of the project) and what we wrote ourselves."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import random
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SALLYPORT_DATA", HERE.parent.parent / "shared" / "data"))

HEADS = ("injection", "jailbreak", "harmful", "toxicity")
CATEGORIES = ("hate", "harassment", "threat", "sexual", "violence", "self_harm", "profanity")
OUTPUTS = HEADS + CATEGORIES
CHANNELS = ("user", "document", "tool_result", "tool_definition", "assistant")

# Letters of the moderation data's categories, as its authors use them.
MODERATION = {"S": "sexual", "S3": "sexual", "H": "hate", "H2": "hate", "V": "violence", "V2": "violence", "HR": "harassment", "SH": "self_harm"}
BENIGN = {head: 0 for head in HEADS}


@dataclass(frozen=True)
class Row:
    """`labels` holds 0 or 1 for each output that is known; what is absent is not trained on. Hold-outs go by `source`."""

    text: str
    channel: str
    lang: str
    labels: dict[str, int]
    source: str
    family: str = field(default="")


def _lines(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _channel(kind: str, name: str) -> str:
    if kind in ("document_benign", "unsafe_content", "benign_content"):
        return "document"
    if kind == "tool_output_benign" or name == "asb":
        return "tool_result"
    if kind == "indirect_injection":
        return "document"
    return "user"


# Categories of one source that are no injections: bare code and shell commands, questions about the model. What is
# merely obfuscated there is left out too, or the disguise itself would become the sign of an attack.
NOISE = {"ADVERSARIAL", "TRAINING_EXTRACTION", "CODE_EXECUTION", "CONTROL", "MODEL_FINGERPRINTING", "CHAIN_OF_THOUGHT", "ENCODING"}
OBFUSCATED = re.compile(r"[a-zA-Z][0-9@$|!][a-zA-Z]|[^\x00-\x7f]")


def _labels(row: dict, name: str) -> dict[str, int] | None:
    label, kind = row["label"], row.get("kind", "")
    if name == "neuralchemy" and label == 1:
        category = row["meta"]["category"]
        if category in NOISE or OBFUSCATED.search(row["text"]):
            return None
        if category == "JAILBREAK":
            return {"jailbreak": 1}
    if name == "toxicity_openai_moderation":
        found = {MODERATION[key] for key in row["meta"]["categories"] if key in MODERATION}
        labels = {"injection": 0, "jailbreak": 0, "toxicity": int(bool(found - {"self_harm"}))}
        return labels | {category: int(category in found) for category in ("hate", "harassment", "sexual", "violence", "self_harm")}
    if name == "harmful_requests":
        return {"injection": 0, "jailbreak": 0, "harmful": 1}
    if name in ("pii_presidio_generated_large", "secrets_synthetic"):
        return {"injection": 0, "jailbreak": 0, "harmful": 0}
    if label == 0:
        return dict(BENIGN)
    if kind == "jailbreak":
        return {"injection": 1, "jailbreak": 1}
    if name in ("garak", "neuralchemy"):
        return {"injection": 1}
    return {"injection": 1, "jailbreak": 0}


def _cut(text: str, position: str) -> Iterator[tuple[str, int]]:
    """An attack in a long carrier as the part that holds it, and a part that surely does not: or the carrier becomes the sign."""
    if len(text) < 700:
        yield text, 1
    elif position == "start":
        yield text[:600], 1
        yield text[len(text) // 2 :], 0
    elif position == "end":
        yield text[-600:], 1
        yield text[: len(text) // 2], 0
    else:
        yield text[: len(text) // 5], 0


def local_rows() -> Iterator[Row]:
    """The files of the data folder; nothing when there is none."""
    folder = DATA / "train"
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        if name == "asb_traces":
            continue
        for row in _lines(path):
            if name == "bipia_train" and row["label"] == 1:
                for text, label in _cut(row["text"], row["meta"]["position"]):
                    labels = {"injection": 1, "jailbreak": 0} if label else dict(BENIGN)
                    yield Row(text, "document", row.get("lang", "en"), labels, name, row["kind"])
                continue
            labels = _labels(row, name)
            if labels is not None and row["text"].strip():
                yield Row(row["text"], _channel(row.get("kind", ""), name), row.get("lang", "en"), labels, name, row.get("kind", ""))


def written_rows(seed: int = 11) -> Iterator[Row]:
    """What the folders under corpus/ make of their seeds."""
    for folder in sorted((HERE / "corpus").iterdir()):
        module = folder / "rows.py"
        if not module.is_file():
            continue
        spec = importlib.util.spec_from_file_location(f"corpus_{folder.name}", module)
        assert spec is not None and spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded
        spec.loader.exec_module(loaded)
        for row in loaded.rows(random.Random(seed)):
            labels = {key: int(value) for key, value in row["labels"].items() if key in OUTPUTS}
            category = row.get("category", "none")
            if labels.get("toxicity") == 0:
                labels |= {one: 0 for one in CATEGORIES}
            elif labels.get("toxicity") == 1 and category in CATEGORIES:
                labels[category] = 1
            yield Row(row["text"], row["channel"], row["lang"], labels, folder.name, f"{folder.name}/{row['family']}")


# Of what is installed with this project: prose, types, settings and code, as tools and retrieval bring them.
INSTALLED = (("node_modules", "*.md", 3.0), ("node_modules", "*.d.ts", 0.4), ("node_modules", "package.json", 0.4), ("node_modules", "*.mjs", 0.5))


def installed_rows(seed: int = 13) -> Iterator[Row]:
    """Pieces of the files of installed packages and of Python's library: ordinary documents, by the thousand."""
    rng = random.Random(seed)
    root = HERE.parent
    chosen = [(path, share) for folder, pattern, share in INSTALLED for path in sorted((root / folder).rglob(pattern))]
    chosen += [(path, 1.0) for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))]
    for path, share in chosen:
        if rng.random() > share or path.stat().st_size > 400_000:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        for _ in range(max(1, min(round(share * len(text) / 3000), 12))):
            start = rng.randrange(max(1, len(text) - 300))
            piece = text[start : start + rng.randrange(200, 1600)]
            if len(piece.strip()) > 100:
                yield Row(piece, rng.choice(["document", "document", "tool_result", "user"]), "en", dict(BENIGN), "installed", path.suffix)


def reserved(row: Row) -> bool:
    """A twelfth of all texts is never trained on: calibration and thresholds come from it. Chosen by the text alone."""
    return hashlib.sha256(row.text.strip().lower().encode()).digest()[0] % 12 == 0


def all_rows() -> list[Row]:
    """All rows, each text and channel once; where two sources disagree about a text, both are left out."""
    kept: dict[tuple[str, str], Row] = {}
    disputed: set[tuple[str, str]] = set()
    for row in [*local_rows(), *written_rows(), *installed_rows()]:
        key = (row.text.strip().lower(), row.channel)
        known = kept.setdefault(key, row)
        if any(known.labels.get(head, value) != value for head, value in row.labels.items()):
            disputed.add(key)
    return [row for key, row in kept.items() if key not in disputed]
