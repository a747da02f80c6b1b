"""Scores -> probabilities that mean what they say, and the band of scores that answer nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.settings import EVEN, POSITIVE, CalibrationSettings

_SATURATED = 1e-7  # float32 resolves no less near 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a version's validation rows say of its scores."""

    temperature: float  # logits are divided by it; 1 changes nothing, above 1 makes scores less sure
    unsure: tuple[float, float]  # between these scores too few answers are right; equal: nowhere
    rows: int  # validation rows it was found on

    def as_json(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "unsure": list(self.unsure), "rows": self.rows}


def logit(scores: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)), finite for scores of exactly 0 and 1 too."""
    p = np.clip(np.asarray(scores, np.float64), _SATURATED, 1 - _SATURATED)
    return np.log(p) - np.log1p(-p)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), float64, of the shape of `logits`."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


def calibrate(scores: ArrayLike, gold: ArrayLike, settings: CalibrationSettings | None = None) -> Calibration:
    """Finds temperature and unsure band from validation rows.

    The temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks") is the one with the least
    log loss; it moves no score across 0.5. The band comes from an isotonic regression: how often an answer
    is right, by its distance from 0.5. Inside it answers are right less often than `settings.sure`.

    Args:
        scores: P(positive), float [n] in [0, 1], at temperature 1.
        gold: Labels, int [n], 0 or 1, both of them present.
    """
    from scipy.optimize import minimize_scalar

    settings = settings or CalibrationSettings()
    logits, gold = logit(scores), np.asarray(gold, np.int64)
    signs = 2 * gold - 1

    def log_loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * logits / np.exp(log_temperature)).mean())

    bounds = (math.log(settings.coolest), math.log(settings.hottest))
    temperature = math.exp(minimize_scalar(log_loss, bounds=bounds, method="bounded").x)
    calibrated = sigmoid(logits / temperature)
    return Calibration(
        temperature=temperature, unsure=_band(calibrated, gold, sure=settings.sure), rows=len(gold)
    )


def _band(scores: NDArray[np.float64], gold: NDArray[np.int64], *, sure: float) -> tuple[float, float]:
    """The scores about 0.5 at which fewer than `sure` of the answers are right; symmetric, as few rows are
    in it and both sides together say more."""
    from sklearn.isotonic import IsotonicRegression

    confidence = np.abs(scores - EVEN)
    right = (scores >= EVEN) == (gold == POSITIVE)
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(confidence, right).predict(confidence)
    enough = confidence[fitted >= sure]
    half = float(enough.min()) if len(enough) else EVEN
    return EVEN - half, EVEN + half
