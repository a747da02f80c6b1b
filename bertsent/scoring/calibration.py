"""Turns scores into calibrated probabilities, and finds the band of scores that are labelled "unsure"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD

_SATURATED = 1e-7  # near 1 float32 resolves no smaller steps
_ROUNDING = 1e-9  # most that 0.5 - (0.5 - score) differs from the score; the ends are outside the band


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a version's scores are corrected, from its validation rows."""

    temperature: float  # divides the logits; 1 changes nothing, a value above 1 moves scores towards 0.5
    bias: float  # then added to them; above 0 for a classifier that says "negative" too often
    unsure: tuple[float, float]  # abstention band: scores between these are labelled "unsure"; equal: no band
    rows: int  # validation rows it was fitted to

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """The calibrated scores of raw logits, float64 in [0, 1], of their shape."""
        return sigmoid(np.asarray(logits, np.float64) / self.temperature + self.bias)


def logit(scores: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)), also finite for scores of exactly 0 and 1."""
    p = np.clip(np.asarray(scores, np.float64), _SATURATED, 1 - _SATURATED)
    return np.log(p) - np.log1p(-p)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), float64, of the shape of `logits`."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


def calibrate(scores: ArrayLike, gold: ArrayLike, settings: CalibrationSettings | None = None) -> Calibration:
    """Fits temperature, bias and abstention band to validation rows.

    Temperature and bias minimise the log loss, as in Platt (1999), "Probabilistic Outputs for Support Vector
    Machines"; Guo et al. (2017), "On Calibration of Modern Neural Networks", use the temperature alone. A
    normal prior keeps the bias near 0 if there are few rows. An isotonic regression of "the prediction is
    correct" on the distance of the score from 0.5 gives the band, inside which the accuracy is below
    `settings.sure`.

    Args:
        scores: P(positive), float [n] in [0, 1], at temperature 1.
        gold: Labels, int [n], 0 or 1; both must occur.
    """
    settings = settings or CalibrationSettings()
    logits, gold = logit(scores), np.asarray(gold, np.int64)
    temperature, bias = _platt(logits, gold, settings)
    calibrated = sigmoid(logits / temperature + bias)
    return Calibration(
        temperature=temperature,
        bias=bias,
        unsure=_abstention_band(calibrated, gold, sure=settings.sure),
        rows=len(gold),
    )


def _platt(
    logits: NDArray[np.float64], gold: NDArray[np.int64], settings: CalibrationSettings
) -> tuple[float, float]:
    """The temperature 1 / a and the bias b that minimise the log loss of sigmoid(a logit + b) plus
    b^2 / (2 sigma^2), which is the normal prior of b."""
    from scipy.optimize import minimize

    signs = 2 * gold - 1

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, bias = at
        margins = signs * (slope * logits + bias)
        by_logit = -signs * sigmoid(-margins)  # derivative of the loss
        prior = bias / settings.bias_deviation**2
        value = np.logaddexp(0, -margins).sum() + bias * prior / 2
        gradient = np.array([by_logit @ logits, by_logit.sum() + prior])
        return float(value / len(gold)), gradient / len(gold)

    slopes = 1 / settings.hottest, 1 / settings.coolest
    fitted = minimize(
        loss, (1.0, 0.0), jac=True, bounds=(slopes, (None, None)), options={"ftol": 1e-15, "gtol": 1e-9}
    )
    slope, bias = fitted.x.tolist()
    return 1 / slope, bias


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
