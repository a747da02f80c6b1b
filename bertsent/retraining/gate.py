"""Decides by their scores whether a challenger may replace the champion. Pure: no files, no randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD

_GATE = GateSettings()
_NAN = float("nan")
_STEP = 1e-12  # keeps the search off the estimate itself, where the variance may be 0


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

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, -1 to 1; NaN without rows."""
        return (self.challenger - self.champion) / self.n if self.n else _NAN


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict and its grounds."""

    passed: bool
    reason: str  # one sentence
    test: Paired  # the frozen test rows of the data set
    reserved: Paired  # labelled rows that never train a version
    margin: float
    confidence: float
    stand_in: bool = False  # the test rows are bags of words of old reviews (`retraining.rehearsal`)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GateResult:
        """Reads a result from the values that `to_json` made of it.

        Raises:
            KeyError, TypeError: if they are something else.
        """
        return cls(
            passed=bool(values["passed"]),
            reason=str(values["reason"]),
            test=_read(values["test"]),
            reserved=_read(values["reserved"]),
            margin=values["margin"],
            confidence=values["confidence"],
            stand_in=bool(values.get("stand_in", False)),  # 0.4.0 wrote none
        )


def judge(
    test: PairedScores,
    reserved: PairedScores,
    *,
    drift: bool,
    stand_in: bool = False,
    settings: GateSettings = _GATE,
) -> GateResult:
    """Decides whether the challenger replaces the champion.

    It must not be worse on the test rows: the lower end of the interval of the difference in accuracy lies
    above minus the margin (non-inferiority). On the reserved rows it must predict at least as many correctly
    as the champion, and more than half. It must also be better on one of the two by McNemar's exact test, or,
    if drift was the reason to train it, better than a coin on the reserved rows. A challenger that learned
    wrong labels fails on the test rows; one that ignored them fails on the reserved rows.

    Bags of words may not show that it learned wrong labels. So where they are the test rows, the champion
    must not be worse than a coin on the reserved rows, as it is if labels are turned around.

    Args:
        test, reserved: The scores of both versions; `reserved` may be empty.
        drift: Whether drift was the reason to train the challenger.
        stand_in: Whether the test rows are bags of words of old reviews.
    """
    on_test, on_reserved = (compare(rows, confidence=settings.confidence) for rows in (test, reserved))
    kind = "stand-in" if stand_in else "test"
    passed, reason = _verdict(on_test, on_reserved, kind=kind, drift=drift, settings=settings)
    return GateResult(
        passed, reason, on_test, on_reserved, settings.margin, settings.confidence, stand_in=stand_in
    )


def passes_for_drift(result: GateResult) -> bool:
    """Whether a challenger with these comparisons takes over if drift was the reason to train it."""
    kind = "stand-in" if result.stand_in else "test"
    settings = GateSettings(margin=result.margin, confidence=result.confidence)
    return _verdict(result.test, result.reserved, kind=kind, drift=True, settings=settings)[0]


def compare(rows: PairedScores, *, confidence: float = _GATE.confidence) -> Paired:
    """Counts correct predictions pairwise. A score that is not finite counts as wrong."""
    from scipy.stats import binomtest

    gold = np.asarray(rows.gold, np.int64)
    champion, challenger = _correct(rows.champion, gold), _correct(rows.challenger, gold)
    gained, lost = int((challenger & ~champion).sum()), int((champion & ~challenger).sum())
    differ = gained + lost
    low, high = score_interval(gained, lost, len(gold), confidence=confidence)
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
    )


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


def least_rows(settings: GateSettings = _GATE) -> int:
    """The rows needed to rule out a loss of `margin` if no prediction changes; fewer can never pass.

    Without a change the lower end of the interval is -z^2 / (n + z^2).
    """
    z = _normal_quantile(settings.confidence)
    return math.floor(z**2 * (1 - settings.margin) / settings.margin) + 1


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


def _correct(scores: ArrayLike, gold: NDArray[np.int64]) -> NDArray[np.bool_]:
    values = np.asarray(scores, np.float64)
    return np.asarray(np.isfinite(values) & ((values >= DEFAULT_THRESHOLD) == (gold == 1)))


def _verdict(
    test: Paired, reserved: Paired, *, kind: str, drift: bool, settings: GateSettings
) -> tuple[bool, str]:
    chance = 1 - settings.confidence
    if not test.n:
        return False, f"there is no {kind} row to compare it on"
    if not test.low > -settings.margin:
        return False, (
            f"on {test.n} {kind} rows the difference is {_points(test.difference)} ({_range(test)}), so a "
            f"loss of {100 * settings.margin:g} points or more cannot be ruled out"
        )
    if kind == "stand-in" and _p_of_guessing(reserved.n - reserved.champion, reserved.n) <= chance:
        return False, (
            f"the champion is right on {reserved.champion} of {reserved.n} reserved rows, worse than a coin: "
            "are the labels right? Only the data set can tell (--data)"
        )
    correct = f"it is right on {reserved.challenger} of {reserved.n} reserved rows"
    if reserved.challenger < reserved.champion:
        return False, f"{correct}, the champion on {reserved.champion}"
    if reserved.n and 2 * reserved.challenger <= reserved.n:
        return False, f"{correct}, no better than a coin: are the labels right?"
    better = [
        f"better on the {name} rows ({_points(rows.difference)}, p {rows.p_better:.2g})"
        for name, rows in ((kind, test), ("reserved", reserved))
        if rows.p_better <= chance
    ]
    not_worse = f"not worse on {test.n} {kind} rows ({_points(test.difference)}, {_range(test)})"
    if better:
        return True, f"{not_worse}, {' and '.join(better)}"
    if drift and _p_of_guessing(reserved.challenger, reserved.n) <= chance:
        return True, f"{not_worse}, not worse on {reserved.n} reserved rows, and drift was the reason"
    if drift:
        return False, f"{correct}, which could be chance: label more reviews, or correct wrong labels"
    return False, (
        f"it is not shown to be better: p {test.p_better:.2g} on {test.n} {kind} rows, "
        f"{reserved.p_better:.2g} on {reserved.n} reserved rows"
    )


def _p_of_guessing(right: int, rows: int) -> float:
    """The probability that a coin gets so many rows right, or more."""
    from scipy.stats import binomtest

    return float(binomtest(right, rows, alternative="greater").pvalue) if rows else 1.0


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f} points"


def _range(rows: Paired) -> str:
    return f"{100 * rows.low:+.2f} to {100 * rows.high:+.2f}"


def _read(values: Mapping[str, Any]) -> Paired:
    numbers: dict[str, Any] = {name: _NAN if value is None else value for name, value in values.items()}
    return Paired(**numbers)
