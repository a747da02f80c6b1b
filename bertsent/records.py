"""The frozen values that pass between the rooms of bertsent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Label = Literal["positive", "negative", "unsure"]


@dataclass(frozen=True, slots=True)
class Review:
    """One example: a text and, where known, its gold label (0 negative, 1 positive)."""

    text: str
    label: int | None = None
    path: str = ""  # the file it came from, or "file:line" for a row of a table


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a version says of one text.

    `score` is P(positive) in [0, 1]; `tokens` counts the word pieces of the whole text without [CLS] and
    [SEP]; `truncated` says that the version's window did not hold them all.
    """

    text: str
    score: float
    label: Label
    tokens: int
    truncated: bool
    version: str
    path: str = ""
    gold: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented keys of a prediction, without those only `batch` has."""
        return {
            "text": self.text,
            "score": self.score,
            "label": self.label,
            "tokens": self.tokens,
            "truncated": self.truncated,
            "version": self.version,
        }


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

    def as_json(self) -> dict[str, int]:
        return {
            "true_negative": self.true_negative,
            "false_positive": self.false_positive,
            "false_negative": self.false_negative,
            "true_positive": self.true_positive,
        }


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
        stated: dict[str, Any] = {
            "n": self.confusion.n,
            **{name: or_none(value) for name, value in self.figures.items()},
            "confusion": self.confusion.as_json(),
        }
        if self.intervals:
            stated["intervals"] = {name: [*map(or_none, ends)] for name, ends in self.intervals.items()}
        return stated


def or_none(value: float) -> float | None:
    """A figure for JSON, which knows no NaN: None where it does not exist."""
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set, cleaned, de-duplicated and split by text digest."""

    train: tuple[Review, ...]
    validation: tuple[Review, ...]
    test: tuple[Review, ...]
    digests: Mapping[str, str]  # split -> sha256 over its sorted text digests and labels
    duplicates: int = 0  # rows left out because the same text occurred before
    conflicts: int = 0  # texts left out because they occurred with both labels
    leaked: int = 0  # test rows left out because training holds the same text
    ignored: tuple[str, ...] = ()  # folders beside pos and neg that were not read


@dataclass(frozen=True, slots=True)
class Download:
    """What `download` did."""

    path: Path  # the data set, or the encoder's folder
    files: int
    bytes: int
    fetched: bool  # False: it was complete already
    sha256: str = ""  # of the archive
    counts: Mapping[str, int] = field(default_factory=dict)  # folder of the data set -> files in it


@dataclass(frozen=True, slots=True)
class Tree:
    """One part of a model's structure, with its parts below it."""

    name: str
    detail: str = ""  # what it is and the shape it gives
    parameters: int = 0  # of this part and all below it
    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an encoder does with one text, before any training."""

    encoder: str
    handle: str
    text: str
    word_pieces: tuple[str, ...]
    input_word_ids: tuple[int, ...]  # [seq_length]
    input_mask: tuple[int, ...]  # [seq_length]
    input_type_ids: tuple[int, ...]  # [seq_length]
    tokens: int
    truncated: bool
    pooled_output: tuple[float, ...]  # [hidden_size], each in [-1, 1]
    sequence_shape: tuple[int, ...]  # [batch, seq_length, hidden_size]; empty where there is none
    untrained_score: float  # sigmoid of a random head: shows that nothing is learnt yet
    parameters: int
    trainable_parameters: int
    structure: Tree


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training data, as history.json keeps it."""

    epoch: int  # from 1
    loss: float
    accuracy: float
    validation_loss: float  # log loss when calibrated, as the version would be
    validation_accuracy: float
    seconds: float
    examples_per_second: float


@dataclass(frozen=True, slots=True)
class Quantised:
    """What the int8 LiteRT file costs against the classifier it was made from, on some test rows (on
    validation rows where there is no test row)."""

    agreement: float  # share of the rows that get the same label
    classifier_accuracy: float  # of the trained classifier itself, in fp32
    rows: int  # on which the two were compared


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` did: the published version and its numbers."""

    version: int
    path: Path
    best_epoch: int
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, Metrics]  # split -> of the LiteRT file
    quantised: Quantised
    seconds: float


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


class Progress(Protocol):
    """Where the core reports how far it is; the command layer draws it.

    The core never prints: it calls these, and `silent` serves where nobody looks.
    """

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        """Begins a stretch of work of `total` units, or of unknown length."""

    def advance(self, done: int, **figures: float) -> None:
        """Sets how much is done by now, with figures to show beside it (loss, accuracy)."""

    def finish(self) -> None:
        """Ends the stretch."""

    def tell(self, message: str) -> None:
        """Says one line of how the work goes, to whoever watches it."""

    def note(self, message: str) -> None:
        """Says one line that the user should read, even one who wants no progress."""


class _Silent:
    def start(self, what: str, total: int | None, unit: str = "") -> None:
        pass

    def advance(self, done: int, **figures: float) -> None:
        pass

    def finish(self) -> None:
        pass

    def tell(self, message: str) -> None:
        pass

    def note(self, message: str) -> None:
        pass


silent: Progress = _Silent()
