"""Scores -> probabilities that mean what they say, and the band of scores that answer nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD

_SATURATED = 1e-7  # float32 resolves no less near 1
_ROUNDING = 1e-9  # what 0.5 - (0.5 - score) may miss a score by; the band's own end gets an answer


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a version's validation rows say of its scores."""

    temperature: float  # logits are divided by it; 1 changes nothing, above 1 makes scores less sure
    bias: float  # added to them afterwards; above 0 where a classifier says "negative" too often
    unsure: tuple[float, float]  # between these scores too few answers are right; equal: nowhere
    rows: int  # validation rows it was found on

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """The calibrated scores of raw logits, float64 in [0, 1], of their shape."""
        return sigmoid(np.asarray(logits, np.float64) / self.temperature + self.bias)


def logit(scores: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)), finite for scores of exactly 0 and 1 too."""
    p = np.clip(np.asarray(scores, np.float64), _SATURATED, 1 - _SATURATED)
    return np.log(p) - np.log1p(-p)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), float64, of the shape of `logits`."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


def calibrate(scores: ArrayLike, gold: ArrayLike, settings: CalibrationSettings | None = None) -> Calibration:
    """Finds temperature, bias and unsure band from validation rows.

    Temperature and bias are those with the least log loss: Platt (1999), "Probabilistic Outputs for Support
    Vector Machines", which is the temperature of Guo et al. (2017), "On Calibration of Modern Neural
    Networks", and a shift. A normal prior holds the shift near 0 where the rows are few. The band comes from
    an isotonic regression: how often an answer is right, by its distance from 0.5. Inside it answers are
    right less often than `settings.sure`.

    Args:
        scores: P(positive), float [n] in [0, 1], at temperature 1.
        gold: Labels, int [n], 0 or 1, both of them present.
    """
    settings = settings or CalibrationSettings()
    logits, gold = logit(scores), np.asarray(gold, np.int64)
    temperature, bias = _platt(logits, gold, settings)
    calibrated = sigmoid(logits / temperature + bias)
    return Calibration(
        temperature=temperature,
        bias=bias,
        unsure=_band(calibrated, gold, sure=settings.sure),
        rows=len(gold),
    )


def _platt(
    logits: NDArray[np.float64], gold: NDArray[np.int64], settings: CalibrationSettings
) -> tuple[float, float]:
    """Temperature and bias with the least log loss, the bias weighed against its prior."""
    from scipy.optimize import minimize

    signs = 2 * gold - 1

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, bias = at
        margins = signs * (slope * logits + bias)
        pull = -signs * sigmoid(-margins)  # derivative of the loss by the logit
        prior = bias / settings.bias_spread**2
        value = np.logaddexp(0, -margins).sum() + bias * prior / 2
        gradient = np.array([pull @ logits, pull.sum() + prior])
        return float(value / len(gold)), gradient / len(gold)

    slopes = 1 / settings.hottest, 1 / settings.coolest
    found = minimize(
        loss, (1.0, 0.0), jac=True, bounds=(slopes, (None, None)), options={"ftol": 1e-15, "gtol": 1e-9}
    )
    slope, bias = found.x.tolist()
    return 1 / slope, bias


def _band(scores: NDArray[np.float64], gold: NDArray[np.int64], *, sure: float) -> tuple[float, float]:
    """The scores about 0.5 at which fewer than `sure` of the answers are right; symmetric, as few rows are
    in it and both sides together say more."""
    from sklearn.isotonic import IsotonicRegression

    confidence = np.abs(scores - DEFAULT_THRESHOLD)
    right = (scores >= DEFAULT_THRESHOLD) == (gold == POSITIVE)
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(confidence, right).predict(confidence)
    enough = confidence[fitted >= sure]
    half = max(float(enough.min()) - _ROUNDING, 0.0) if len(enough) else DEFAULT_THRESHOLD
    return DEFAULT_THRESHOLD - half, DEFAULT_THRESHOLD + half
