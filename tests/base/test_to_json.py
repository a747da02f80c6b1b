"""Records as JSON's own types."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsent.base.records.core import to_json


@dataclass(frozen=True, slots=True)
class Inner:
    value: float
    ends: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outer:
    path: Path
    inner: tuple[Inner, ...]
    counts: dict[str, Any]
    done: bool
    none: None = None


def test_to_json_goes_through_records_mappings_and_sequences() -> None:
    record = Outer(Path("a/b"), (Inner(0.5, (0.0, 1.0)),), {"n": 3, "of": Inner(1, (2, 3))}, done=True)
    assert to_json(record) == {
        "path": "a/b",
        "inner": [{"value": 0.5, "ends": [0.0, 1.0]}],
        "counts": {"n": 3, "of": {"value": 1, "ends": [2, 3]}},
        "done": True,
        "none": None,
    }


def test_to_json_has_no_number_that_json_lacks() -> None:
    record = Inner(math.nan, (-math.inf, math.inf))
    assert to_json([record]) == [{"value": None, "ends": [None, None]}]
    json.dumps(to_json(record), allow_nan=False)
