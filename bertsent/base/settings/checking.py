"""Defaults of the check of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice

Purpose = Literal["any", "train", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """What `check` looks at, and from where on it warns."""

    purpose: Purpose = "any"  # what the reviews are for: it decides what makes them unusable
    examples: int = 3  # shown of each finding: enough to see what it is about
    sample: int = 2000  # rows that the model scores: half a minute; 0: none
    seed: int = 42  # of the draws

    many: float = 0.01  # share of the rows from which on a finding is a warning, not a note
    rare: float = 0.1  # share of the rarer label: below it a version learns mostly the other one
    few: int = 50  # rows of a label; with fewer the outcome of training is chance
    shortest: int = 3  # words; shorter texts seldom say what somebody thinks of something
    truncated: float = 0.3  # share of longer texts from which on the window is worth a warning

    # Bounds of the memory, which does not grow further with the rows.
    near_rows: int = 50_000  # first distinct texts that are compared for near copies: 60 MB
    folded: int = (
        8000  # labelled rows for the out-of-fold model: half a minute, 0.90 accurate on IMDB (2000: 0.85)
    )
    sample_characters: int = 32 * 2**20  # of all rows drawn

    # Likely wrong labels.
    least_labelled: int = 50  # rows; with fewer the thresholds of the classes are chance
    trained: float = 0.5  # share of rows that the version was trained on from which on it is no judge
    folds: int = 5
    agreement: float = 0.75  # of scores with labels; below it the model knows too little of such texts
    reversed: float = 0.25  # agreement below which the labels must be the wrong way round

    def __post_init__(self) -> None:
        require_choice("for", self.purpose, Purpose)
        require(self.examples >= 0, "examples must be at least 0.", self.examples)
        require(self.sample >= 0, "sample must be at least 0 (0: score nothing).", self.sample)
