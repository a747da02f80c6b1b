"""The records of judging drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.core import or_none

MeasureName = Literal["text", "error", "label_share"]
Verdict = Literal["drift", "stable", "cannot_tell"]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class NewRow:
    """A labelled review that arrived after the version under test was trained."""

    digest: str
    pieces: NDArray[np.int32]  # within the version's window, without [CLS] and [SEP]
    label: int  # 0 negative, 1 positive
    score: float  # P(positive) by the version under test
    tokens: int  # word pieces of the whole text
    truncated: bool
    picked_by: str  # typed, random, uncertain, diverse or first


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

    def as_json(self) -> dict[str, Any]:
        return {
            "value": or_none(self.value),
            "low": or_none(self.low),
            "high": or_none(self.high),
            "p_value": or_none(self.p_value),
            "adjusted": or_none(self.adjusted),
            "n": self.n,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Histograms:
    """The distribution of a quantity over reference and new rows; reported, never judged."""

    p_value: float = NAN  # two-sample Kolmogorov-Smirnov
    distance: float = NAN  # Wasserstein: of lengths on the natural log of tokens, of scores as they are
    median_old: float = NAN
    median_new: float = NAN
    edges: tuple[float, ...] = ()  # of the bins, one more than bins
    old: tuple[int, ...] = ()  # rows in each bin
    new: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "p_value": or_none(self.p_value),
            "distance": or_none(self.distance),
            "median_old": or_none(self.median_old),
            "median_new": or_none(self.median_new),
            "edges": list(self.edges),
            "old": list(self.old),
            "new": list(self.new),
        }


@dataclass(frozen=True, slots=True)
class Word:
    """A word piece that became more or less frequent."""

    piece: int  # its id in the version's vocabulary
    direction: Literal["more", "less"]  # in the new rows than in the reference
    strength: float  # |difference of its frequencies| in standard errors
    text: str = ""  # the whole word, if a vocabulary was given

    def as_json(self) -> dict[str, Any]:
        stated = {"piece": self.piece, "direction": self.direction, "strength": self.strength}
        return stated | ({"text": self.text} if self.text else {})


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is reported beside the measures and never triggers."""

    length: Histograms = field(default_factory=Histograms)  # tokens within the window; bins on a log scale
    scores: Histograms = field(default_factory=Histograms)  # P(positive): held-out and new rows; 20 bins
    truncated_old: float = NAN  # share of rows longer than the window; NaN: unknown
    truncated_new: float = NAN
    duplicates: int = 0  # new rows whose pieces equal those of another new or a reference row
    words: tuple[Word, ...] = ()  # at most 10 each way, strongest first

    def as_json(self) -> dict[str, Any]:
        return {
            "length": self.length.as_json(),
            "scores": self.scores.as_json(),
            "truncated_old": or_none(self.truncated_old),
            "truncated_new": or_none(self.truncated_new),
            "duplicates": self.duplicates,
            "words": [word.as_json() for word in self.words],
        }


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What `judge` says of new rows."""

    verdict: Verdict
    headline: float  # the largest measure; NaN if none was judged
    threshold: float
    alpha: float  # the significance level of this look
    look: int  # 1, 2, ... since the version became current
    measures: tuple[Measure, ...]  # text, error, label_share
    fired: tuple[str, ...]  # names of the measures that say drift
    minimum_detectable_effect: Mapping[str, float]  # measure -> the smallest shift that this many rows reveal
    new_rows: int
    reference_rows: int
    diagnostics: Diagnostics
    reason: str  # one sentence in words
    recent_share: float = NAN  # of the reference rows, those of the last retrain's labels; NaN: no mixture
    foreign: tuple[str, ...] = ()  # digests of the most foreign rows, most foreign first

    def as_json(self) -> dict[str, Any]:
        """The documented keys; a number that does not exist is None, for JSON knows no NaN."""
        effects = {name: or_none(value) for name, value in self.minimum_detectable_effect.items()}
        return {
            "verdict": self.verdict,
            "headline": or_none(self.headline),
            "threshold": self.threshold,
            "alpha": self.alpha,
            "look": self.look,
            "measures": {measure.name: measure.as_json() for measure in self.measures},
            "fired": list(self.fired),
            "minimum_detectable_effect": effects,
            "smallest_visible": effects,  # its name up to 0.4.0
            "new_rows": self.new_rows,
            "reference_rows": self.reference_rows,
            "newest_share": or_none(self.recent_share),
            "diagnostics": self.diagnostics.as_json(),
            "reason": self.reason,
            "foreign": list(self.foreign),
        }
