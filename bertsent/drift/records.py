"""The records of judging drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.core import to_json

MeasureName = Literal["text", "error", "label_share", "scores", "estimated_error"]
Verdict = Literal["drift", "stable", "cannot_tell"]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class NewRow:
    """A review that arrived after the version under test was trained."""

    digest: str
    pieces: NDArray[np.int32]  # within the version's window, without [CLS] and [SEP]
    label: int  # 0 negative, 1 positive; of a review without a label the predicted one
    score: float  # P(positive) by the version under test
    tokens: int  # word pieces of the whole text
    truncated: bool
    picked_by: str  # typed, random, uncertain, diverse, first or foreign


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the three measures: 0 is "the same", 1 "nothing in common"."""

    name: MeasureName
    value: float  # 0 to 1; NaN: not judged
    low: float = NAN  # 90 % interval
    high: float = NAN
    p_value: float = NAN
    adjusted: float = NAN  # p_value after Holm's correction for the measures judged
    n: int = 0  # new rows it was computed from
    why: str = ""  # why it was not judged, in words


@dataclass(frozen=True, slots=True)
class Histograms:
    """The distribution of a quantity over reference and new rows; reported, never judged."""

    p_value: float = NAN  # two-sample Kolmogorov-Smirnov
    distance: float = NAN  # Wasserstein; of lengths in the natural log of tokens, of scores unchanged
    median_old: float = NAN
    median_new: float = NAN
    edges: tuple[float, ...] = ()  # of the bins, one more than bins
    old: tuple[int, ...] = ()  # rows in each bin
    new: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word piece that became more or less frequent."""

    piece: int  # its id in the version's vocabulary
    direction: Literal["more", "less"]  # in the new rows than in the reference
    strength: float  # |difference of its frequencies| in standard errors
    text: str = ""  # the whole word, if a vocabulary was given


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Facts reported beside the measures; they never trigger drift."""

    length: Histograms = field(default_factory=Histograms)  # tokens within the window; bins on a log scale
    scores: Histograms = field(default_factory=Histograms)  # P(positive): held-out and new rows; 20 bins
    truncated_old: float = NAN  # share of rows longer than the window; NaN: unknown
    truncated_new: float = NAN
    duplicates: int = 0  # new rows whose pieces equal those of another new or a reference row
    words: tuple[Word, ...] = ()  # at most 10 each way, strongest first


@dataclass(frozen=True, slots=True)
class EstimatedAccuracy:
    """The accuracy that calibrated scores lead one to expect: the mean of max(p, 1 - p)."""

    reference: float  # of the held-out rows that were compared
    new: float  # of the new rows


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The result of `judge`."""

    verdict: Verdict
    headline: float  # the largest measure; NaN if none was judged
    threshold: float
    alpha: float  # the significance level of this look
    look: int  # 1, 2, ... since the version became current
    measures: tuple[Measure, ...]  # text, error, label_share; without labels text, scores, estimated_error
    fired: tuple[str, ...]  # names of the measures that say drift
    minimum_detectable_effect: Mapping[str, float]  # measure -> the smallest shift that this many rows reveal
    new_rows: int
    reference_rows: int
    diagnostics: Diagnostics
    reason: str  # one sentence in words
    recent_share: float = NAN  # share of reference rows from the last retrain's labels; NaN: no mixture
    foreign: tuple[str, ...] = ()  # digests of the most foreign rows, most foreign first
    without_labels: bool = False  # judged by the texts and their scores alone
    foreign_rows: int | None = None  # without labels: about how many rows look foreign; None: not compared
    estimated_accuracy: EstimatedAccuracy | None = None  # without labels; None: not compared

    def as_json(self) -> dict[str, Any]:
        """The report under the documented keys: as `to_json` gives it, with the measures by name."""
        report: dict[str, Any] = to_json(self)
        report["measures"] = {measure.pop("name"): measure for measure in report["measures"]}
        report["newest_share"] = report.pop("recent_share")
        report["smallest_visible"] = report["minimum_detectable_effect"]  # its name up to 0.4.0
        if not self.without_labels:
            del report["foreign_rows"], report["estimated_accuracy"]
        for word in report["diagnostics"]["words"]:
            if not word["text"]:
                del word["text"]
        return report
