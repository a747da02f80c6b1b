"""Decides by their scores whether a challenger may replace the champion. Pure: no files, no randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bertsent.base.settings.retraining import GateSettings
from bertsent.retraining.coin import chance
from bertsent.retraining.paired import Paired, PairedScores, compare, is_correct

_GATE = GateSettings()
_NAN = float("nan")


class Taught(NamedTuple):
    """The labels that the challenger was trained on and the champion was not."""

    gold: ArrayLike  # int [n], 0 or 1
    champion: ArrayLike  # float [n], P(positive)


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
    validation: int = 0  # of the test rows: validation rows, as the data set has few test rows
    labels: int = 0  # new ones, taught and reserved, that p_chance is about
    p_chance: float = _NAN  # `chance` of them; NaN without any, and in results of earlier versions

    @property
    def kind(self) -> str:
        """What the test rows are: "test", "test and validation" or "stand-in"."""
        return _kind(self.stand_in, self.validation)

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
            validation=int(values.get("validation", 0)),
            labels=int(values.get("labels", 0)),
            p_chance=_NAN if values.get("p_chance") is None else float(values["p_chance"]),
        )


def judge(
    test: PairedScores,
    reserved: PairedScores,
    taught: Taught,
    *,
    stand_in: bool = False,
    validation: int = 0,
    settings: GateSettings = _GATE,
) -> GateResult:
    """Decides whether the challenger replaces the champion.

    1. It must not be worse on the test rows: the mean difference of the versions' agreement with the gold
       labels has a one-sided lower bound above minus the margin (non-inferiority). Scores tell a worse
       challenger from an equal one by far fewer rows than right and wrong answers do. The margin is
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
        validation: How many of the test rows are validation rows.
    """
    on_test, on_reserved = (
        compare(rows, confidence=settings.confidence, sharpness=settings.sharpness)
        for rows in (test, reserved)
    )
    scores, gold = (
        np.concatenate(parts)
        for parts in zip(
            (np.asarray(reserved.challenger, np.float64), np.asarray(reserved.gold, np.int64)),
            (np.asarray(taught.champion, np.float64), np.asarray(taught.gold, np.int64)),
            strict=True,
        )
    )
    rule = _Rule(
        kind=_kind(stand_in, validation),
        margin=margin_for(on_test, settings),
        labels=len(gold),
        right=int(is_correct(scores, gold).sum()),
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
        validation=validation,
        labels=rule.labels,
        p_chance=rule.p_chance,
    )


def _kind(stand_in: bool, validation: int) -> str:
    return "stand-in" if stand_in else "test and validation" if validation else "test"


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


class _Rule(NamedTuple):
    """What a challenger is held to."""

    kind: str  # of its test rows
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
        few = f"; {settings.many_rows} of them or more can show less" if test.n < settings.many_rows else ""
        return False, (
            f"on {test.n} {kind} rows the agreement of scores and labels differs by "
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
