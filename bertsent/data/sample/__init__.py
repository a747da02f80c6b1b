"""The bundled reviews, for trying everything without the network and for checking exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parent / "reviews.jsonl"


class SampleReview(NamedTuple):
    """One bundled review."""

    split: str  # "train" or "test"
    label: str  # "positive" or "negative"
    text: str


def read_sample() -> list[SampleReview]:
    """All bundled reviews, in the order of the file."""
    lines = FILE.read_text(encoding="utf-8").split("\n")  # splitlines would also split at U+2028
    return [SampleReview(**json.loads(line)) for line in lines if line]
