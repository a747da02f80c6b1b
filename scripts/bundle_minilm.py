"""Builds bertsent/tf/encoders/minilm from the published all-MiniLM-L6-v2 files.

    python scripts/bundle_minilm.py FOLDER

FOLDER holds `model.safetensors` and `vocab.txt` as published at
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). The weights are stored as
fp16, half the size: rounding moves the pooled output by less than bf16 training does. NumPy and
safetensors are all it needs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TARGET = Path(__file__).parent.parent / "bertsent" / "tf" / "encoders" / "minilm"
CONFIG = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "lower_case": True,
    "source": "sentence-transformers/all-MiniLM-L6-v2",
    "source_sha256": PUBLISHED_SHA256,
    "license": "Apache-2.0",
}


def main(source: Path) -> None:
    weights = source / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != PUBLISHED_SHA256:
        sys.exit(f"{weights} is not the published file: sha256 {found}, expected {PUBLISHED_SHA256}")
    tensors = {
        name: value.astype(np.float16)
        for name, value in load_file(weights).items()
        if np.issubdtype(value.dtype, np.floating)  # leaves out the constant position ids
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    save_file(tensors, TARGET / "encoder.safetensors", metadata={"source_sha256": PUBLISHED_SHA256})
    shutil.copyfile(source / "vocab.txt", TARGET / "vocab.txt")
    (TARGET / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")
    for path in sorted(TARGET.iterdir()):
        print(f"{path.name:24} {path.stat().st_size:>10} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
