"""Defaults of evaluation, calibration, and the explanation of a score."""

from __future__ import annotations

from dataclasses import dataclass

from bertsent.base.settings.checks import require
from bertsent.base.settings.drift import DriftSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """How the words that made a score are found and shown."""

    parts: int = 48  # runs of words that are left out in turn: half a second
    refined: int = 48  # words of the strongest runs that are then left out one by one
    least: float = 0.1  # log odds; a word of less weight is not marked ...
    share: float = 0.2  # ... nor one of less than this share of the largest weight
    listed: int = 6  # words on each side


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSettings:
    """How a version's scores become probabilities, from its validation rows."""

    # Validation rows; with fewer a version keeps the calibration that it began with: 2 rows, both right,
    # would give the lowest temperature there is, and scores of 0 and 1.
    least_rows: int = 20
    sure: float = 0.8  # accuracy; below it `predict` says unsure
    # Bounds of the temperature: a classifier outside them is broken, not badly calibrated.
    coolest: float = 0.1
    hottest: float = 20.0
    bias_deviation: float = 0.5  # of its prior, in logits: 2,500 rows move the bias freely, 20 hardly move it
    # A version may be too sure of sentences and not of pages. Texts of at most `short` tokens then have a
    # temperature and a bias of their own, and those between `short` and `long` have values between.
    short: int = 32  # tokens: a sentence of a review has 20 word pieces on average
    long: int = 128  # tokens: a paragraph, which says several things
    slope_deviation: float = 0.5  # of the prior of the difference of both slopes (1 / temperature)
    # Log likelihood that they must gain; two parameters gain more by chance once in 1,000 times.
    needed_gain: float = 6.9
    compared: int = 2000  # rows that the LiteRT file and the trained classifier both score: a minute in fp32


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """How `evaluate` measures and what it reports."""

    bins: int = 15  # of confidence, for the calibration error (Guo et al. 2017)
    resamples: int = 1000  # the number that Efron and Tibshirani (1993) recommend for an interval
    length_bands: tuple[int, ...] = (32, 64, 128, 256, 512)  # word pieces; BERT takes at most 512
    score_bands: int = 20  # of the plots; of 12,000 reviews each gets enough rows to tell noise from error
    most_short: int = DriftSettings().most_short  # word pieces of a short text, whose metrics stand apart
    least_of_a_kind: int = 200  # rows; with fewer the metrics of short texts, or of long ones, say little
    errors: int = 10  # wrong reviews reported: what one reads in a sitting
    # Of a threshold that is chosen:
    digits: int = 4  # decimals it is rounded to, or more if fewer would change a label
    folds: int = 10  # each is judged by what the others choose; nine tenths choose nearly as all rows do
    few: int = 100  # reviews of the rarer label; with fewer a recall of 0.9 has an interval of over 0.12

    def __post_init__(self) -> None:
        sizes = self.bins, self.resamples, self.score_bands
        require(min(sizes) >= 1, "bins, resamples and score bands must be at least 1.", sizes)
        bands = (0, *self.length_bands)
        require(bands == tuple(sorted({*bands})), "length bands must ascend from 1.", self.length_bands)
        require(self.errors >= 0, "errors must be at least 0.", self.errors)
        require(0 <= self.digits <= 17, "digits must be 0 to 17, as many as a number has.", self.digits)
        require(self.folds >= 2, "folds must be at least 2.", self.folds)
