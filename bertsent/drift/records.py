"""The frozen values of the drift measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.core import to_json

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
    """One of the three measures: 0 is "the same", 1 "nothing alike"."""

    name: MeasureName
    value: float  # 0 to 1; NaN: not judged
    low: float = NAN  # 90 % interval
    high: float = NAN
    p_value: float = NAN
    adjusted: float = NAN  # p_value after Holm's correction for the measures judged
    n: int = 0  # new rows that went into it
    why: str = ""  # in words, why it was not judged


@dataclass(frozen=True, slots=True)
class Compared:
    """How a quantity of the reference and of the new rows is spread; shown, never judged."""

    p_value: float = NAN  # two-sample Kolmogorov-Smirnov
    distance: float = NAN  # Wasserstein: of lengths on the natural log of tokens, of scores as they are
    median_old: float = NAN
    median_new: float = NAN
    edges: tuple[float, ...] = ()  # of the bins, one more than there are bins
    old: tuple[int, ...] = ()  # rows in each bin
    new: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word piece that became more or less frequent."""

    piece: int  # its id in the version's vocabulary
    direction: Literal["more", "less"]  # in the new rows than in the reference
    strength: float  # above 0; larger moved more
    text: str = ""  # the whole word, where the vocabulary was at hand


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is shown beside the measures and never triggers."""

    length: Compared = field(default_factory=Compared)  # tokens within the window; bins on a log scale
    scores: Compared = field(default_factory=Compared)  # P(positive): held-out rows against new ones; 20 bins
    truncated_old: float = NAN  # share of rows longer than the window; NaN: not known
    truncated_new: float = NAN
    duplicates: int = 0  # new rows whose pieces equal those of another new or a reference row
    words: tuple[Word, ...] = ()  # at most 10 each way, strongest first


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What `judge` found."""

    verdict: Verdict
    headline: float  # the largest measure; NaN if none was judged
    threshold: float
    alpha: float  # the significance level of this look
    look: int  # 1, 2, ... since the version became current
    measures: tuple[Measure, ...]  # text, error, label_share
    fired: tuple[str, ...]  # names of the measures that say drift
    smallest_visible: Mapping[str, float]  # measure -> the smallest shift that this batch could have shown
    new_rows: int
    reference_rows: int
    diagnostics: Diagnostics
    reason: str  # one sentence in words
    newest_share: float = NAN  # of the reference rows, those of the last retrain's labels; NaN: not parted
    foreign: tuple[str, ...] = ()  # digests of the most foreign rows, most foreign first

    def as_json(self) -> dict[str, Any]:
        """The documented keys: `to_json` of the report, with the measures by their names."""
        stated: dict[str, Any] = to_json(self)
        stated["measures"] = {measure.pop("name"): measure for measure in stated["measures"]}
        for word in stated["diagnostics"]["words"]:
            if not word["text"]:
                del word["text"]
        return stated
