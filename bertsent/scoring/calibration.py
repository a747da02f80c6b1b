"""Turns scores into calibrated probabilities, and finds the band of scores that are labelled "unsure"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.records.core import to_json
from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD

_SATURATED = 1e-7  # near 1 float32 resolves no smaller steps
_ROUNDING = 1e-9  # most that 0.5 - (0.5 - score) differs from the score; the ends are outside the band


@dataclass(frozen=True, slots=True)
class ShortTexts:
    """The temperature and the bias of short texts, where one of each does not serve all lengths."""

    temperature: float
    bias: float
    tokens: int  # texts of at most so many tokens, with [CLS] and [SEP], have these two
    long: int  # from so many tokens on a text has those of `Calibration`; between, both change in a line


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a version's scores are corrected, from its validation rows."""

    temperature: float = 1.0  # divides the logits; a value above 1 moves scores towards 0.5
    bias: float = 0.0  # then added to them; above 0 for a classifier that says "negative" too often
    # Abstention band: scores between these are labelled "unsure"; equal: no band
    unsure: tuple[float, float] = (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD)
    rows: int = 0  # validation rows it was fitted to; 0: scores are as the classifier gives them
    short: ShortTexts | None = None  # None: temperature and bias hold for all lengths
    kept: bool | None = None  # True: it is that of the version that training began with; else None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that a manifest holds; an older one has fewer values, or none."""
        low, high = values.get("unsure", (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD))
        short = values.get("short")
        return cls(
            temperature=float(values.get("temperature", 1.0)),
            bias=float(values.get("bias", 0.0)),
            unsure=(float(low), float(high)),
            rows=int(values.get("rows", 0)),
            short=None if short is None else ShortTexts(**short),
        )

    def as_json(self) -> dict[str, Any]:
        """What a manifest holds; `short` and `kept` only where there is something to say."""
        values: dict[str, Any] = to_json(self)
        return {name: value for name, value in values.items() if value is not None}

    def apply(self, logits: ArrayLike, tokens: ArrayLike) -> NDArray[np.float64]:
        """The calibrated scores of raw logits.

        Args:
            logits: [rows].
            tokens: int [rows], of each text within the window, with [CLS] and [SEP].

        Returns:
            float64 [rows] in [0, 1].
        """
        z = np.asarray(logits, np.float64)
        if self.short is None:
            return sigmoid(z / self.temperature + self.bias)
        part = shortness(tokens, short=self.short.tokens, long=self.short.long)
        slope = part / self.short.temperature + (1 - part) / self.temperature
        return sigmoid(slope * z + part * self.short.bias + (1 - part) * self.bias)


def shortness(tokens: ArrayLike, *, short: int, long: int) -> NDArray[np.float64]:
    """1 for texts of at most `short` tokens, 0 for those of at least `long`, in a line between."""
    return np.clip((long - np.asarray(tokens, np.float64)) / (long - short), 0.0, 1.0)


def logit(scores: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)), also finite for scores of exactly 0 and 1."""
    p = np.clip(np.asarray(scores, np.float64), _SATURATED, 1 - _SATURATED)
    return np.log(p) - np.log1p(-p)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), float64, of the shape of `logits`."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


def calibrate(
    scores: ArrayLike,
    gold: ArrayLike,
    settings: CalibrationSettings | None = None,
    *,
    tokens: ArrayLike | None = None,
) -> Calibration:
    """Fits temperature, bias and abstention band to validation rows.

    Temperature and bias minimise the log loss, as in Platt (1999), "Probabilistic Outputs for Support Vector
    Machines"; Guo et al. (2017), "On Calibration of Modern Neural Networks", use the temperature alone. A
    normal prior keeps the bias near 0 if there are few rows. Short texts get two of their own if that raises
    the likelihood of the labels by more than chance does (a likelihood-ratio test, Wilks 1938). An isotonic
    regression of "the prediction is correct" on the distance of the score from 0.5 gives the band, inside
    which the accuracy is below `settings.sure`.

    Args:
        scores: P(positive), float [n] in [0, 1], at temperature 1.
        gold: Labels, int [n], 0 or 1; both must occur.
        settings: Bounds, priors, the accuracy outside the band.
        tokens: int [n], of each text within the window, with [CLS] and [SEP]; None: do not ask whether short
            texts differ.
    """
    settings = settings or CalibrationSettings()
    logits, gold = logit(scores), np.asarray(gold, np.int64)
    tokens = np.full(len(gold), settings.long) if tokens is None else tokens
    part = shortness(tokens, short=settings.short, long=settings.long)
    one, alike = _platt(logits, gold, np.zeros(len(gold)), settings)
    two, differing = _platt(logits, gold, part, settings)
    short = None
    if alike - differing > settings.needed_gain:
        one = two[:2]
        short = ShortTexts(1 / two[2], two[3], settings.short, settings.long)
    fitted = Calibration(1 / one[0], one[1], rows=len(gold), short=short)
    band = _abstention_band(fitted.apply(logits, tokens), gold, sure=settings.sure)
    return replace(fitted, unsure=band)


def _platt(
    logits: NDArray[np.float64],
    gold: NDArray[np.int64],
    part: NDArray[np.float64],
    settings: CalibrationSettings,
) -> tuple[list[float], float]:
    """Slope a and bias b of long texts, A and B of short ones, and the loss at these four.

    They minimise the negative log likelihood of sigmoid(s logit + t), where s = (1 - part) a + part A and
    t = (1 - part) b + part B, plus b^2 / (2 sigma^2), (B - b)^2 / (2 sigma^2) and (A - a)^2 / (2 tau^2), the
    normal priors.
    """
    from scipy.optimize import minimize

    signs = 2 * gold - 1
    whole = 1 - part
    prior_bias, prior_slope = 1 / settings.bias_deviation**2, 1 / settings.slope_deviation**2

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, bias, short_slope, short_bias = at
        differs, moves = short_slope - slope, short_bias - bias
        margins = signs * ((whole * slope + part * short_slope) * logits + whole * bias + part * short_bias)
        by_logit = -signs * sigmoid(-margins)  # derivative of the loss
        value = np.logaddexp(0, -margins).sum()
        value += (prior_bias * (bias**2 + moves**2) + prior_slope * differs**2) / 2
        gradient = np.array(
            [
                by_logit @ (whole * logits) - prior_slope * differs,
                by_logit @ whole + prior_bias * (bias - moves),
                by_logit @ (part * logits) + prior_slope * differs,
                by_logit @ part + prior_bias * moves,
            ]
        )
        return float(value / len(gold)), gradient / len(gold)

    slopes = 1 / settings.hottest, 1 / settings.coolest
    fitted = minimize(
        loss,
        (1.0, 0.0, 1.0, 0.0),
        jac=True,
        bounds=(slopes, (None, None), slopes, (None, None)),
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    return fitted.x.tolist(), float(fitted.fun) * len(gold)


def _abstention_band(
    scores: NDArray[np.float64], gold: NDArray[np.int64], *, sure: float
) -> tuple[float, float]:
    """The scores around 0.5 at which the accuracy is below `sure`. The band is symmetric, because it holds
    few rows, and both sides together give a better estimate."""
    from sklearn.isotonic import IsotonicRegression

    distance = np.abs(scores - DEFAULT_THRESHOLD)
    correct = (scores >= DEFAULT_THRESHOLD) == (gold == POSITIVE)
    accuracy = IsotonicRegression(y_min=0, y_max=1).fit(distance, correct).predict(distance)
    enough = distance[accuracy >= sure]
    half_width = max(float(enough.min()) - _ROUNDING, 0.0) if len(enough) else DEFAULT_THRESHOLD
    return DEFAULT_THRESHOLD - half_width, DEFAULT_THRESHOLD + half_width
