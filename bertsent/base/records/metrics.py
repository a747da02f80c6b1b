"""The records of evaluation: metrics, and counts by length and by score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bertsent.base.records.core import Prediction, to_json
from bertsent.base.records.groups import Overview
from bertsent.base.settings.goals import Goal


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of gold against predicted label."""

    true_negative: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_positive: int = 0

    @property
    def n(self) -> int:
        return self.true_negative + self.false_positive + self.false_negative + self.true_positive

    @property
    def accuracy(self) -> float:
        """Share of correct predictions in [0, 1]; NaN without rows."""
        return _ratio(self.true_negative + self.true_positive, self.n)

    @property
    def precision(self) -> float:
        """Share of the predictions "positive" that are correct; NaN where there is none."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the positive reviews that are predicted positive; NaN where there is none."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where neither exists."""
        return _ratio(
            2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative
        )

    @property
    def macro_f1(self) -> float:
        """Mean of the F1 of both labels, so that a rare label counts as much as the other, in [0, 1].

        NaN with one gold label only: the F1 of the other one is 0 or does not exist, whatever is predicted.
        """
        wrong = self.false_positive + self.false_negative
        if not (self.true_positive + self.false_negative and self.true_negative + self.false_positive):
            return float("nan")
        negative_f1 = 2 * self.true_negative / (2 * self.true_negative + wrong)
        return (self.f1 + negative_f1) / 2

    @property
    def mcc(self) -> float:
        """Matthews (1975) correlation of gold and predicted label, in [-1, 1]; 0 is chance.

        With TP true positives and so on it is (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)). NaN
        with one gold label only, or one predicted label only: then a correlation does not exist.
        """
        hits, misses = self.true_positive, self.false_negative
        alarms, rejections = self.false_positive, self.true_negative
        product = (hits + alarms) * (hits + misses) * (rejections + alarms) * (rejections + misses)
        return (hits * rejections - alarms * misses) / math.sqrt(product) if product else float("nan")

    @property
    def share_positive(self) -> float:
        """Share of the predictions that are "positive" in [0, 1]; NaN without rows."""
        return _ratio(self.true_positive + self.false_positive, self.n)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a set of scores compares with the gold labels."""

    confusion: Confusion
    log_loss: float  # natural log, at least 0
    roc_auc: float  # 0 to 1; NaN with one class only
    ece: float  # expected calibration error, 0 to 1: mean distance of confidence from accuracy
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # 95 %; empty: not computed

    @property
    def values(self) -> dict[str, float]:
        """Name of a metric -> its value; NaN where it does not exist."""
        return {
            "accuracy": self.confusion.accuracy,
            "precision": self.confusion.precision,
            "recall": self.confusion.recall,
            "f1": self.confusion.f1,
            "macro_f1": self.confusion.macro_f1,
            "mcc": self.confusion.mcc,
            "roc_auc": self.roc_auc,
            "log_loss": self.log_loss,
            "ece": self.ece,
        }

    def as_json(self) -> dict[str, Any]:
        """The documented keys; a metric that does not exist is None, because JSON has no NaN."""
        metrics = {"n": self.confusion.n, **self.values, "confusion": self.confusion}
        intervals = {"intervals": self.intervals} if self.intervals else {}
        content: dict[str, Any] = to_json(metrics | intervals)
        return content


@dataclass(frozen=True, slots=True)
class Quantised:
    """How the int8 LiteRT file compares with the trained classifier it was made from, on some of the test
    rows (of the validation rows if there is no test row)."""

    agreement: float  # share of the rows that get the same label
    classifier_accuracy: float  # of the trained classifier, in fp32
    rows: int  # compared


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What `batch` scored."""

    version: str
    reviews: int
    empty: int  # rows without text: they have no score
    confusion: Confusion  # of the reviews with a gold label
    positive: int  # predictions "positive"
    unsure: int  # predictions "unsure"; in `confusion` they count by their side of the threshold
    truncated: int
    seconds: float
    output: str = ""
    not_english: int = 0  # reviews that look written in another language than the model reads
    bad_rows: int = 0  # left out, as `on_bad_row` "skip" says
    renamed: Mapping[str, str] = field(default_factory=dict)  # our name of a column -> the one it got
    guarded: int = 0  # cells that begin like a formula and got a ' before them
    cut: int = 0  # cells that hold a part of their text only
    overview: Overview | None = None  # the scores of the input and of its groups, if they were counted

    @property
    def rows(self) -> int:
        """Rows of the input that came out."""
        return self.reviews + self.empty

    @property
    def unlabelled(self) -> int:
        """Scored reviews without a gold label."""
        return self.reviews - self.labelled

    @property
    def labelled(self) -> int:
        return self.confusion.n

    @property
    def reviews_per_second(self) -> float:
        return self.reviews / self.seconds if self.seconds > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class LengthBand:
    """The accuracy on texts of similar length."""

    first: int  # word pieces; the shortest band also holds texts of no word piece
    last: int | None  # None: no limit
    n: int
    accuracy: float
    interval: tuple[float, float]  # 95 %


@dataclass(frozen=True, slots=True)
class ScoreBand:
    """The rows of each class whose scores lie from `low` up to `high`."""

    low: float
    high: float
    negative: int
    positive: int
    mean: float  # of the scores; NaN without rows
    interval: tuple[float, float]  # 95 %, of the share of positive rows

    @property
    def n(self) -> int:
        return self.negative + self.positive


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """How the predictions of a threshold compare with the gold labels."""

    threshold: float  # NaN: another one for each fold of the rows
    confusion: Confusion
    values: Mapping[str, float]  # accuracy, precision, recall, f1, macro_f1, mcc, share_positive, cost
    intervals: Mapping[str, tuple[float, float]]  # 95 %, of the same; NaN where one does not exist


@dataclass(frozen=True, slots=True)
class ChosenThreshold:
    """The threshold that serves a goal on some labelled reviews.

    If no threshold meets the goal, `met` is False and the threshold is the one that comes closest.
    """

    goal: Goal
    met: bool
    threshold: float  # rounded; it gives the same labels as the unrounded one
    interval: tuple[float, float]  # 95 %
    unmet: float  # share of the resamples in which no threshold meets the goal, 0 to 1
    default: AtThreshold  # at 0.5
    current: AtThreshold  # at the threshold of the evaluation
    chosen: AtThreshold  # on the reviews that chose it, which flatters it
    other_rows: AtThreshold | None  # each review judged by a threshold that it did not choose; None: too few
    folds: int  # in which `other_rows` was measured; 0 if it was not
    unmet_folds: int  # of which the other rows had no threshold that meets the goal
    few: int  # reviews of the rarer label, if they are few; else 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a version predicts the labels of reviews."""

    version: str
    threshold: float
    metrics: Metrics  # with intervals
    by_length: tuple[LengthBand, ...]
    by_score: tuple[ScoreBand, ...]
    roc: tuple[tuple[float, float], ...]  # (false, true positive rate), (0, 0) to (1, 1); () if not computed
    unsure: int  # predictions "unsure"; everywhere else they count by their side of the threshold
    accuracy_of_the_others: float  # of the predictions that are not "unsure"; NaN if all are
    truncated: int
    empty: int  # left out: they have no text
    unlabelled: int  # left out: they have no gold label
    wrong: tuple[Prediction, ...]  # the most confident wrong predictions, worst first
    seconds: float  # of scoring
    chosen: ChosenThreshold | None = None  # if a goal was given

    @property
    def n(self) -> int:
        return self.metrics.confusion.n

    @property
    def reviews_per_second(self) -> float:
        return self.n / self.seconds if self.seconds > 0 else float("nan")
