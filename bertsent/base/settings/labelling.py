"""Defaults of labelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice

Order = Literal["random", "uncertain", "diverse", "mixed"]  # in which `label` asks


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """How `label` picks what it asks, and records the answers."""

    patience: float = 10.0  # seconds an append waits for another process's, which takes a few milliseconds
    order: Order = "mixed"  # uncertain rows teach most, random ones tell whether the reviews have changed
    again: int = 20  # about every so many, an old row is asked once more: enough to tell a careless hand
    seed: int = 42  # of the order of a pool
    sample: int = 2000  # rows of a pool that are scored: more than one answers in a sitting
    first: int = 256  # rows of a pool that are read before one is asked, 20 ms; the others follow meanwhile
    slice: int = 16  # rows scored at a time; whoever waits for the model waits for no more, 0.2 s
    remembered: int = 200  # newest labels from which "diverse" keeps its distance
    dimensions: int = 1024  # of the hashed words that "diverse" compares

    def __post_init__(self) -> None:
        require_choice("order", self.order, Order)
        require(self.again >= 0, "again must be at least 0, which is never.", self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """When two texts are copies of each other."""

    least_words: int = 8  # below it one word may turn the meaning: only the same words make a copy
    sketch: int = 48  # hashes kept of a text; the estimate of a share of one half is 0.07 off
    resemblance: float = 0.5  # of all runs of three words; of 230 words, one in ten may differ
