"""Defaults of labelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice

Order = Literal["random", "uncertain", "diverse", "mixed"]  # in which `label` asks


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """How `label` picks what it asks, and records the answers."""

    patience: float = 10.0  # seconds an append waits for that of another process, which takes milliseconds
    order: Order = "mixed"  # uncertain rows teach most, random ones tell whether the reviews have changed
    again: int = 20  # about every so many, an old review is asked again: enough to notice carelessness
    seed: int = 42  # of the order of a pool
    sample: int = 2000  # rows of a pool that are scored: more than one answers in a sitting
    first: int = 256  # rows of a pool that are read before one is asked, 20 ms; the others follow meanwhile
    slice: int = 16  # rows scored at a time; the UI thread waits for no more than these, 0.2 s
    remembered: int = 200  # newest labelled texts that "diverse" keeps away from
    dimensions: int = 1024  # of the vectors of hashed words that "diverse" compares

    def __post_init__(self) -> None:
        require_choice("order", self.order, Order)
        require(self.again >= 0, "again must be at least 0, which is never.", self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """When two texts are copies of each other."""

    least_words: int = 8  # shorter texts are copies only with the same words: one may turn the meaning
    sketch: int = 48  # hashes per text; the estimate of a share of one half has a standard error of 0.07
    resemblance: float = 0.5  # share of the runs of three words; of 230 words, one in ten may differ
