"""Defaults of what goes on around a model: labelling, drift, retraining, versions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from bertsent.base.settings.checks import names, require

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
        require(self.order in get_args(Order), f"order is one of {names(Order)}.", self.order)
        require(self.again >= 0, "again must be at least 0, which is never.", self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """When two texts are copies of each other."""

    least_words: int = 8  # below it one word may turn the meaning: only the same words make a copy
    sketch: int = 48  # hashes kept of a text; the estimate of a share of one half is 0.07 off
    resemblance: float = 0.5  # of all runs of three words; of 230 words, one in ten may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """Which words made a score."""

    parts: int = 48  # runs of words that are left out in turn: half a second
    refined: int = 48  # words of the strongest runs that are then left out one by one
    least: float = 0.1  # log odds; a word that moves a score by less is not marked ...
    share: float = 0.2  # ... nor one that moves it by less than this share of what the strongest does
    shown: int = 6  # words listed on each side


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What a challenger must show before it takes over."""

    margin: float = 0.01  # of accuracy on the test rows that may be lost: a point, which nobody notices
    confidence: float = 0.95  # one-sided, of every statement of the gate
    test_rows: int = 10_000  # at most, drawn by digest: they tell 0.4 points, and take a minute or two

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.margin) and 0 < self.margin < 1,
            "margin must lie between 0 and 1.",
            self.margin,
        )
        require(0.5 < self.confidence < 1, "confidence must lie between 0.5 and 1.", self.confidence)
        require(self.test_rows >= 1, "test rows must be at least 1.", self.test_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """What a retrain trains on, and when it is tried again."""

    warm_start: bool = True  # from the champion where it has weights: minutes, and what it learnt stays
    reserved: int = 5  # one labelled row of so many is never trained on: 20 % for the gate
    least_rows: int = 30  # labelled; drift judges none below either
    least_steps: int = 120  # of a warm start: 100 labels gain 5 points in 4 epochs, and hardly any in one
    old_per_new: int = 2  # of the data's own rows beside a new one: a third of what trains is new ...
    most_old: int = 10_000  # ... or more: a warm start needs some old rows to forget nothing, not all of them
    # How far a warm start goes from the champion's weights to those that training found (Wortsman et al.
    # 2022, "Robust fine-tuning of zero-shot models"). With 500 labels of other products, all the way gained
    # 11 points on such reviews and lost 0.9 on old ones, 0.7 of it gained 10 and lost 0.7, 0.5 gained 7 and
    # lost 0.3; log loss on old ones was the champion's own at 0.7.
    step: float = 0.7
    growth: float = 0.2  # of the labels that were rejected; with fewer new ones it would end the same way


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
class LineageSettings:
    """How versions are kept and compared, and the learning curve of a workspace."""

    keep: int = 5  # versions that `models prune` leaves to go back to; one takes 24 MB, 70 with weights
    chunk: int = 2048  # reviews that two versions score in turn
    shown: int = 10  # reviews on which they differ: what one reads in a sitting
    next_labels: int = 100  # what one labels in a sitting
    least_points: int = 3  # retrains of different size; through two goes any line
    upper: float = 0.95  # quantile: both ends together make a 90 % interval
