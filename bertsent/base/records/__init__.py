"""The frozen values that pass between the rooms of bertsent.

As with the settings, what scoring does not need is made when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base.lazy import on_demand
from bertsent.base.records.core import Label, Prediction, Progress, Review, or_none, silent

if TYPE_CHECKING:
    from bertsent.base.records.metrics import (
        BatchSummary,
        Confusion,
        Evaluation,
        LengthBand,
        Metrics,
        Quantised,
        ScoreBand,
    )
    from bertsent.base.records.training import Download, Epoch, Preview, Splits, Trained, Tree

__all__ = [
    "BatchSummary",
    "Confusion",
    "Download",
    "Epoch",
    "Evaluation",
    "Label",
    "LengthBand",
    "Metrics",
    "Prediction",
    "Preview",
    "Progress",
    "Quantised",
    "Review",
    "ScoreBand",
    "Splits",
    "Trained",
    "Tree",
    "or_none",
    "silent",
]

if not TYPE_CHECKING:  # it must know every name by itself
    __getattr__ = on_demand("records", __all__, "figures", "training")
