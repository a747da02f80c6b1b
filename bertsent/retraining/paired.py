"""How two versions compare on the same rows: right answers, and scores brought to one scale. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD

_GATE = GateSettings()
_NAN = float("nan")
_STEP = 1e-12  # keeps the search off the estimate itself, where the variance may be 0
_SUREST = 1e-6  # a score this near to 0 or 1, or nearer, counts as this near


@dataclass(frozen=True, slots=True)
class PairedScores:
    """The scores of two versions on the same rows."""

    digest: str  # over the rows and their gold labels
    gold: ArrayLike  # int [n], 0 or 1
    champion: ArrayLike  # float [n], P(positive)
    challenger: ArrayLike  # float [n]


@dataclass(frozen=True, slots=True)
class Paired:
    """How two versions compare on the same rows."""

    digest: str
    n: int
    champion: int  # correct predictions
    challenger: int
    gained: int  # rows that only the challenger gets right
    lost: int  # rows that only the champion gets right
    low: float  # one-sided lower bound of the difference in accuracy, challenger minus champion
    high: float  # its one-sided upper bound
    p_better: float  # one-sided exact McNemar: P(so many gained or more) if neither version is better
    p_value: float  # two-sided
    # The mean difference of `agreement` with the gold labels, challenger less champion, -1 to 1, and its
    # one-sided bounds; NaN in results of earlier versions, and of fewer than two rows.
    score_difference: float = _NAN
    score_low: float = _NAN
    score_high: float = _NAN

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, -1 to 1; NaN without rows."""
        return (self.challenger - self.champion) / self.n if self.n else _NAN


def compare(
    rows: PairedScores, *, confidence: float = _GATE.confidence, sharpness: float = _GATE.sharpness
) -> Paired:
    """Compares predictions and scores pairwise. A score that is not finite counts as wrong.

    Args:
        rows: The scores of both versions.
        confidence: The confidence of each bound by itself.
        sharpness: That of `agreement`.
    """
    from scipy.stats import binomtest

    gold = np.asarray(rows.gold, np.int64)
    champion, challenger = is_correct(rows.champion, gold), is_correct(rows.challenger, gold)
    gained, lost = int((challenger & ~champion).sum()), int((champion & ~challenger).sum())
    differ = gained + lost
    low, high = score_interval(gained, lost, len(gold), confidence=confidence)
    challenger_agrees, champion_agrees = (
        agreement(scores, gold, sharpness=sharpness) for scores in (rows.challenger, rows.champion)
    )
    differences = challenger_agrees - champion_agrees
    mean, mean_low, mean_high = _mean_interval(differences, confidence)
    return Paired(
        digest=rows.digest,
        n=len(gold),
        champion=int(champion.sum()),
        challenger=int(challenger.sum()),
        gained=gained,
        lost=lost,
        low=low,
        high=high,
        p_better=float(binomtest(gained, differ, alternative="greater").pvalue) if differ else 1.0,
        p_value=float(binomtest(gained, differ).pvalue) if differ else 1.0,
        score_difference=mean,
        score_low=mean_low,
        score_high=mean_high,
    )


def agreement(
    scores: ArrayLike, gold: ArrayLike, *, sharpness: float = _GATE.sharpness
) -> NDArray[np.float64]:
    """How far each score agrees with its gold label: 1 is a right answer, 0 a wrong one, 0.5 undecided.

    It is the logistic function of the log-odds, first divided by their mean size over all rows and multiplied
    by `sharpness`. So it does not matter how sure a version is of all its answers, only how sure of one
    beside the others. The mean over all rows is a smooth accuracy: a score that crosses the threshold moves
    it little by little, so two versions differ less by chance than their right answers do.

    Args:
        scores: float [n], P(positive). One that is not finite agrees with no label.
        gold: int [n], 0 or 1.
        sharpness: The mean size of the log-odds, above 0. With 1 it is near to a probability, and with 100 it
            is nearly right or wrong.
    """
    from scipy.special import expit, logit

    values, labels = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    finite = np.isfinite(values)
    odds = logit(np.clip(np.where(finite, values, DEFAULT_THRESHOLD), _SUREST, 1 - _SUREST))
    size = np.abs(odds[finite]).mean() if finite.any() else 0.0
    leaning = odds * (sharpness / size) if size else odds
    return np.asarray(np.where(finite, expit(np.where(labels == 1, leaning, -leaning)), 0.0))


def _mean_interval(values: NDArray[np.float64], confidence: float) -> tuple[float, float, float]:
    """The mean of values and its one-sided bounds by Student's t; NaN for fewer than two."""
    if len(values) < 2:
        return _NAN, _NAN, _NAN
    from scipy.stats import t

    mean = float(values.mean())
    half = float(t.ppf(confidence, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def score_interval(gained: int, lost: int, n: int, *, confidence: float) -> tuple[float, float]:
    """The interval of a difference of paired proportions, (gained - lost) / n.

    This is the score interval of Tango (1998), "Equivalence test and confidence interval for the difference
    in proportions for the paired-sample design", Statistics in Medicine 17, 891-908. It keeps its level for
    small samples and rare changes. Wald's interval is too narrow there, and has no width without a change.

    Args:
        gained, lost: Rows that only the challenger, or only the champion, gets right.
        n: All rows.
        confidence: The confidence of each end by itself.
    """
    if not n:
        return _NAN, _NAN
    z = _normal_quantile(confidence)
    return _lower_end(gained, lost, n, z), -_lower_end(lost, gained, n, z)


def _normal_quantile(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(confidence))


def _lower_end(gained: int, lost: int, n: int, z: float) -> float:
    from scipy.optimize import brentq

    estimate = (gained - lost) / n
    if estimate <= -1:
        return -1.0

    def beyond(delta: float) -> float:
        """How far the count lies above its mean under a true difference of `delta`, minus z deviations."""
        return gained - lost - n * delta - z * _deviation(gained, lost, n, delta)

    return float(brentq(beyond, -1.0, estimate - _STEP))


def _deviation(gained: int, lost: int, n: int, delta: float) -> float:
    """The deviation of gained - lost, with the likeliest share of lost rows under a difference of `delta`."""
    a = 2 * n
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    return math.sqrt(max(n * (2 * share + delta * (1 - delta)), 0.0))


def is_correct(scores: ArrayLike, gold: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which scores give the gold label, bool [n]. One that is not finite does not."""
    values = np.asarray(scores, np.float64)
    return np.asarray(np.isfinite(values) & ((values >= DEFAULT_THRESHOLD) == (gold == 1)))
