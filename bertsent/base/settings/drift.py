"""Defaults of judging drift."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsent.base.settings.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    """When new labels count as drift."""

    threshold: float = 0.1  # for the largest measure: about a tenth of the new reviews is unlike the old
    least_rows: int = 30  # with fewer nothing is judged
    least_text_rows: int = 50  # with fewer, texts are not compared: no statistic of so few rows is reliable
    least_per_class: int = 10  # of these rows, because the text measure compares within each label
    alpha: float = 0.05  # chance of a false alarm per version; look t gets 6 / (pi t)^2 of it
    alpha_of_a_look: float = 0.01  # upper limit: otherwise the first look would get 0.03
    confidence: float = 0.9  # of the intervals
    many_rows: int = 200  # with this many, measures below the threshold mean stable whatever their intervals
    power: float = 0.8  # share of batches in which the minimum detectable effect is detected

    # A text of at most so many word pieces is short, a sentence or a few; longer ones are reviews of a page.
    # Nearly all sentences of film reviews have at most 64, and nearly all of IMDB's reviews more.
    most_short: int = 64
    least_stratum: int = 100  # old rows of a kind, for rates by kind: fewer err by more than 3 points at 0.9

    # The text measure; tests/bench/drift_power.py has what was tried.
    most_text_rows: int = 1000  # a sample of more; 1000 rows reveal shifts of a few hundredths
    reference_per_row: int = 10  # per new row; with 5, a tenth of foreign rows is detected less often
    slack: float = 0.2  # share of its length by which a reference row of like length may be longer or shorter
    least_slack: int = 2  # word pieces, whatever the length
    unmatched: float = 0.1  # share of new rows for which a further round may find no row of like length
    frequent: float = 0.0125  # share of rows that must hold a word piece: rarer ones name films and actors
    shortest: int = 32  # word pieces; no row is thinned below it: fewer do not show what a text is about
    folds: int = 5
    ridge: float = 5.0  # 1 to 20 differ by less than chance; below 1 the regression follows single rows
    shuffles: int = 499  # permutations, which give p-values from 0.02 up
    counted: int = 10  # shuffles that reach the statistic; with fewer a Pearson III tail is more accurate

    # Texts without labels
    most_texts: int = 10_000  # a random part of more is scored: two minutes of whole pages on two cores
    prevailing: float = 0.9  # of training rows of one kind: held-out rows of unknown length are of it then

    length_bins: int = 18  # of the plots
    score_bins: int = 20
    words: int = 10  # word pieces listed as more frequent, and as rarer
    least_moved: float = 3.0  # standard errors; among some thousand word pieces a few move as far by chance
    foreign: int = 20  # most foreign rows that a report lists

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.threshold) and 0 < self.threshold < 1,
            "threshold must lie between 0 and 1.",
            self.threshold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """When `drift` judges again, and what its page shows."""

    # A batch too small to tell is judged again when it has grown by this factor. Every look uses up a part of
    # the alpha that all looks share: if one came with every new label, later looks could detect nothing.
    growth: float = 2.0
    foreign: int = 10  # most foreign reviews on the page: what one reads in a sitting
    contradicted: int = 10  # labels on the page that the version contradicts most, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """What a version keeps of its training data for `drift`."""

    max_rows: int = 5000  # of each kind, short and long: the text measure needs 5 to 10 for each new row
    most_short: int = DriftSettings().most_short
    run: int = 3  # word pieces; a short row most of whose runs stand in another row is a part of its text
    most_shared: float = 0.5  # of its runs; two texts with common turns of phrase share fewer
