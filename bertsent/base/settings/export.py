"""Defaults of exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["saved-model", "litert", "onnx"]  # of an export


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How an export is checked before it is published."""

    sample: int = 60  # bundled reviews of the test half that it is compared on: some seconds
    long: int = 3  # more texts, which are longer than the window
    checked: int = 200  # at most, of the user's own reviews: half a minute to a minute
    batch_size: int = 8  # of the comparison; its result does not depend on it
    exact: float = 1e-4  # largest distance of float32 scores: summing in another order moves them by 2e-6
    quantised: float = 0.02  # mean distance from int8 scores: int8 weights cost 0.005, another window 0.05
    chance: float = 0.001  # least p-value of the labels: do more differ from int8's than the manifest says?
