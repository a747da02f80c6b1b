"""Defaults of judging drift."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsent.base.settings.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    """When new labels count as drift."""

    threshold: float = 0.1  # of the largest measure: about a tenth of the new reviews is unlike the old ones
    least_rows: int = 30  # below it nothing is judged
    least_text_rows: int = 50  # below it texts are not compared: no statistic of texts can be trusted there
    least_per_class: int = 10  # of them, for the text measure is taken within each label
    alpha: float = 0.05  # of a false alarm at a version, shared by all looks: look t gets 6 / (pi t)^2 of it
    alpha_of_a_look: float = 0.01  # at most, of the alpha above: the first looks would get 0.03 of it
    confidence: float = 0.9  # of the intervals
    many_rows: int = 200  # from here on measures below the threshold mean stable, whatever their intervals
    power: float = 0.8  # share of batches that must show a shift for it to count as visible

    # The text measure; tests/bench/drift_power.py has what was tried.
    most_text_rows: int = 1000  # of more, so many are drawn: they tell shifts of a few hundredths
    reference_per_row: int = (
        10  # reference rows beside a new one; with 5 a tenth of foreign rows is seen less
    )
    frequent: float = 0.0125  # share of rows a word piece must stand in: rarer ones tell films and actors
    shortest: int = 32  # word pieces; no row is thinned below: of fewer, nobody tells what they are about
    folds: int = 5
    ridge: float = 5.0  # 1 to 20 differ by less than chance; below 1 the regression follows single rows
    shuffles: int = 499  # p-values down to 0.02 are counted in them
    counted: int = 10  # shuffles that reach the measure; of fewer a Pearson III tail is the better judge

    length_bins: int = 18  # of the pictures
    score_bins: int = 20
    words: int = 10  # that moved, each way
    least_moved: float = 3.0  # standard errors; of some thousand word pieces chance moves a few so far
    foreign: int = 20  # most foreign rows that a look remembers

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.threshold) and 0 < self.threshold < 1,
            "threshold must lie between 0 and 1.",
            self.threshold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How `drift` goes on from look to look."""

    # A batch that could not tell is judged again once it has grown so many times: every look takes a part of
    # the alpha that all looks share, so an hourly look at one label more would soon see nothing at all.
    growth: float = 2.0
    foreign: int = 10  # most foreign reviews on the page: what one reads in a sitting


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """What a version keeps of its training data for `drift`."""

    max_rows: int = 5000  # enough for the text measure (drift needs 5 to 10 reference rows a new row)
