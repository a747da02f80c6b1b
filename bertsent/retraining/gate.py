"""Decides by their scores whether a challenger may replace the champion. Pure: no files, no randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.retraining.coin import chance, to_gold

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


class Taught(NamedTuple):
    """The labels that the challenger was trained on and the champion was not."""

    gold: ArrayLike  # int [n], 0 or 1
    champion: ArrayLike  # float [n], P(positive)


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
    # The mean difference of the probability that a version gives to the gold label, challenger less champion,
    # -1 to 1, and its one-sided bounds; NaN in results of earlier versions, and of fewer than two rows.
    score_difference: float = _NAN
    score_low: float = _NAN
    score_high: float = _NAN

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
    margin: float  # of rule 1: that of the settings, or what so few test rows can rule out
    confidence: float
    stand_in: bool = False  # the test rows are bags of words of old reviews (`retraining.rehearsal`)
    labels: int = 0  # new ones, taught and reserved, that p_chance is about
    p_chance: float = _NAN  # `chance` of them; NaN without any, and in results of earlier versions

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
            stand_in=bool(values.get("stand_in", False)),  # 0.4.0 wrote none of these
            labels=int(values.get("labels", 0)),
            p_chance=_NAN if values.get("p_chance") is None else float(values["p_chance"]),
        )


def judge(
    test: PairedScores,
    reserved: PairedScores,
    taught: Taught,
    *,
    stand_in: bool = False,
    settings: GateSettings = _GATE,
) -> GateResult:
    """Decides whether the challenger replaces the champion.

    1. It must not be worse on the test rows: the mean difference of the probability that each version gives
       to the gold label has a one-sided lower bound above minus the margin (non-inferiority). Scores tell a
       worse challenger from an equal one by far fewer rows than right and wrong answers do. The margin is
       `margin_for` these rows.
    2. It must not be shown to be worse on the reserved rows, by the same difference.
    3. A coin must not have given the new labels: see `chance`. A reserved label counts by the challenger's
       score, and a taught one by the champion's, so that no version answers for what it was trained on.
       Without a new label it must be better on the test rows, by McNemar's exact test.

    The third rule refuses random labels, and labels that are turned around: a challenger may learn these
    without a loss on old reviews, and then nothing else tells them from reviews of another kind.

    Args:
        test, reserved: The scores of both versions; `reserved` may be empty.
        taught: The other new labels; may be empty.
        stand_in: Whether the test rows are bags of words of old reviews.
    """
    on_test, on_reserved = (compare(rows, confidence=settings.confidence) for rows in (test, reserved))
    scores, gold = (
        np.concatenate(parts)
        for parts in zip(
            (np.asarray(reserved.challenger, np.float64), np.asarray(reserved.gold, np.int64)),
            (np.asarray(taught.champion, np.float64), np.asarray(taught.gold, np.int64)),
            strict=True,
        )
    )
    rule = _Rule(
        kind="stand-in" if stand_in else "test",
        margin=margin_for(on_test, settings),
        labels=len(gold),
        right=int(_correct(scores, gold).sum()),
        p_chance=chance(scores, gold),
        settings=settings,
    )
    passed, reason = _verdict(on_test, on_reserved, rule)
    return GateResult(
        passed,
        reason,
        on_test,
        on_reserved,
        rule.margin,
        settings.confidence,
        stand_in=stand_in,
        labels=rule.labels,
        p_chance=rule.p_chance,
    )


def is_of_earlier_rule(result: GateResult) -> bool:
    """Whether right and wrong answers decided it, as up to 0.4.0: scores may decide otherwise."""
    return math.isnan(result.test.score_low)


def margin_for(test: Paired, settings: GateSettings = _GATE) -> float:
    """The loss that the test rows must rule out, 0 to 1.

    It is the settings' margin if an equal challenger is likely to show that much. Else it is the loss that an
    equal one shows in `power` of all runs, (t_confidence + t_power) standard errors; at most `widest`.
    """
    if test.n < 2:
        return settings.margin
    from scipy.stats import t

    confidence, power = (float(t.ppf(level, test.n - 1)) for level in (settings.confidence, settings.power))
    error = (test.score_difference - test.score_low) / confidence
    return max(settings.margin, min(settings.widest, (confidence + power) * error))


def compare(rows: PairedScores, *, confidence: float = _GATE.confidence) -> Paired:
    """Counts correct predictions pairwise. A score that is not finite counts as wrong."""
    from scipy.stats import binomtest

    gold = np.asarray(rows.gold, np.int64)
    champion, challenger = _correct(rows.champion, gold), _correct(rows.challenger, gold)
    gained, lost = int((challenger & ~champion).sum()), int((champion & ~challenger).sum())
    differ = gained + lost
    low, high = score_interval(gained, lost, len(gold), confidence=confidence)
    differences = to_gold(rows.challenger, gold) - to_gold(rows.champion, gold)
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


def _correct(scores: ArrayLike, gold: NDArray[np.int64]) -> NDArray[np.bool_]:
    values = np.asarray(scores, np.float64)
    return np.asarray(np.isfinite(values) & ((values >= DEFAULT_THRESHOLD) == (gold == 1)))


class _Rule(NamedTuple):
    """What a challenger is held to."""

    kind: str  # of its test rows: "test" or "stand-in"
    margin: float
    labels: int  # new ones
    right: int  # of these, predictions of the version that was not trained on it
    p_chance: float
    settings: GateSettings


def _verdict(test: Paired, reserved: Paired, rule: _Rule) -> tuple[bool, str]:
    settings, kind = rule.settings, rule.kind
    if test.n < 2:
        return False, f"there are too few {kind} rows to compare it on"
    if not test.score_low > -rule.margin:
        few = (
            f"; {settings.many_rows} {kind} rows or more can show less" if test.n < settings.many_rows else ""
        )
        return False, (
            f"on {test.n} {kind} rows the probability of the right label differs by "
            f"{_points(test.score_difference)} (at least {_points(test.score_low)}), so a loss of "
            f"{100 * rule.margin:.1f} points or more cannot be ruled out{few}"
        )
    correct = f"it is right on {reserved.challenger} of {reserved.n} reserved rows"
    if _shown_worse(reserved, settings):
        return False, f"{correct}, the champion on {reserved.champion}, and its scores are worse there"
    not_worse = f"not worse on {test.n} {kind} rows ({_points(test.difference)}, {_range(test)})"
    better = [
        f"better on the {name} rows ({_points(rows.difference)}, p {rows.p_better:.2g})"
        for name, rows in ((kind, test), ("reserved", reserved))
        if rows.p_better <= 1 - settings.confidence
    ]
    if not rule.labels:
        reason = (
            f"there is no new label, and it is not better on {test.n} {kind} rows (p {test.p_better:.2g})"
        )
        return (True, f"{not_worse}, {better[0]}") if better else (False, reason)
    if rule.p_chance > settings.coin:
        told = f"{rule.right} of {rule.labels} new labels agree with a version that was not trained on them"
        if 2 * rule.right < rule.labels:
            return False, f"{told}: are positive and negative swapped? bertsent label --disputed asks again"
        return False, f"{told}, which could be chance: label more reviews, or correct wrong labels"
    grounds = better or [f"{correct}, before {reserved.champion}"]
    return True, f"{not_worse}, {' and '.join(grounds)}"


def _shown_worse(reserved: Paired, settings: GateSettings) -> bool:
    """Whether the challenger's scores on the reserved rows are worse, at the confidence for that."""
    if reserved.n < 2:
        return False
    from scipy.stats import t

    usual, asked = (
        float(t.ppf(level, reserved.n - 1)) for level in (settings.confidence, settings.shown_worse)
    )
    error = (reserved.score_high - reserved.score_difference) / usual
    return reserved.score_difference + asked * error < 0


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f} points"


def _range(rows: Paired) -> str:
    return f"{100 * rows.low:+.2f} to {100 * rows.high:+.2f}"


def _read(values: Mapping[str, Any]) -> Paired:
    numbers: dict[str, Any] = {name: _NAN if value is None else value for name, value in values.items()}
    return Paired(**numbers)
