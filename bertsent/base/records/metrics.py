"""The records of how good scores are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bertsent.base.records.core import Prediction, to_json


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
        """Share of right answers in [0, 1]; NaN without rows."""
        return _ratio(self.true_negative + self.true_positive, self.n)

    @property
    def precision(self) -> float:
        """Share of the answers "positive" that are right; NaN where there is none."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the positive reviews that were found; NaN where there is none."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where neither exists."""
        return _ratio(
            2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a set of scores compares with the gold labels."""

    confusion: Confusion
    log_loss: float  # natural log, at least 0
    roc_auc: float  # 0 to 1; NaN with one class only
    ece: float  # expected calibration error, 0 to 1: how far confidence and accuracy lie apart on average
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # 95 %; empty: not asked for

    @property
    def figures(self) -> dict[str, float]:
        """Name -> figure; NaN where it does not exist."""
        return {
            "accuracy": self.confusion.accuracy,
            "precision": self.confusion.precision,
            "recall": self.confusion.recall,
            "f1": self.confusion.f1,
            "roc_auc": self.roc_auc,
            "log_loss": self.log_loss,
            "ece": self.ece,
        }

    def as_json(self) -> dict[str, Any]:
        """The documented keys; a figure that does not exist is None, for JSON knows no NaN."""
        metrics = {"n": self.confusion.n, **self.figures, "confusion": self.confusion}
        intervals = {"intervals": self.intervals} if self.intervals else {}
        stated: dict[str, Any] = to_json(metrics | intervals)
        return stated


@dataclass(frozen=True, slots=True)
class Quantised:
    """What the int8 LiteRT file costs against the classifier it was made from, on some test rows (on
    validation rows where there is no test row)."""

    agreement: float  # share of the rows that get the same label
    classifier_accuracy: float  # of the trained classifier itself, in fp32
    rows: int  # on which the two were compared


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What `batch` scored."""

    version: str
    reviews: int
    empty: int  # left out: nothing to read in them
    labelled: int
    confusion: Confusion
    positive: int  # answers "positive"
    unsure: int  # answers "unsure"; in `confusion` they count by the side of the threshold they are on
    truncated: int
    seconds: float
    output: str = ""

    @property
    def reviews_per_second(self) -> float:
        return self.reviews / self.seconds if self.seconds > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class LengthBand:
    """How good the answers on texts of like length are."""

    first: int  # word pieces; the shortest band holds texts of none too
    last: int | None  # None: no limit
    n: int
    accuracy: float
    interval: tuple[float, float]  # 95 %


@dataclass(frozen=True, slots=True)
class ScoreBand:
    """How many rows of each class have scores from `low` up to `high`."""

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
class Evaluation:
    """How good a version is on labelled reviews."""

    version: str
    threshold: float
    metrics: Metrics  # with intervals
    by_length: tuple[LengthBand, ...]
    by_score: tuple[ScoreBand, ...]
    roc: tuple[tuple[float, float], ...]  # (false, true positive rate) from (0, 0) to (1, 1)
    unsure: int  # rows labelled so; all else here goes by the threshold
    accuracy_of_the_others: float  # of the rows that are not unsure; NaN without any
    truncated: int
    empty: int  # left out: nothing to read in them
    unlabelled: int  # left out: nothing to compare with
    wrong: tuple[Prediction, ...]  # the most confidently wrong, worst first
    seconds: float  # of scoring

    @property
    def n(self) -> int:
        return self.metrics.confusion.n

    @property
    def reviews_per_second(self) -> float:
        return self.n / self.seconds if self.seconds > 0 else float("nan")
