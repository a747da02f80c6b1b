"""The learning curve: how much accuracy labels have gained so far, and how much more would gain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.retraining.gate import GateResult
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.paired import Paired

_SETTINGS = VersionSettings()
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One retrain on the learning curve."""

    version: int | None  # None: rejected
    time: str
    labels: int  # in training
    start: str  # champion or encoder
    reserved: Paired


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """What each retrain gained, oldest first, and what `labels` more labels would gain."""

    points: tuple[CurvePoint, ...]
    labels: int
    expected: float  # gain in accuracy on reserved rows, as a share; NaN: too few retrains to estimate it
    low: float  # of its 90 % interval
    high: float
    needed: int  # more retrains needed to estimate it


def compute(
    workspace: Workspace, *, settings: VersionSettings = _SETTINGS, progress: Progress = silent
) -> LearningCurve:
    """The learning curve of a workspace, from its ledger."""
    points = tuple(map(_point, _judged(Ledger(workspace.reports).events(progress))))
    sizes = {point.labels for point in points if point.reserved.n}
    needed = max(0, settings.least_points - len(sizes))
    expected = (_NAN, _NAN, _NAN) if needed else _expected_gain(points, settings)
    return LearningCurve(points, settings.next_labels, *expected, needed)


def _judged(lines: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """One line for each challenger with an outcome: its last one, as a person may overrule the gate."""
    last: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(lines):
        challenger = line.get("challenger")
        key = repr(sorted(challenger.items())) if challenger else str(number)
        last.pop(key, None)
        last[key] = line
    yield from (line for line in last.values() if line["event"] not in {"waiting", "dropped"})


def _point(event: Mapping[str, Any]) -> CurvePoint:
    reserved = GateResult.from_json(event["gate"]).reserved
    return CurvePoint(event["version"], event["time"], event["labels"], event["start"], reserved)


def _expected_gain(points: Sequence[CurvePoint], settings: VersionSettings) -> tuple[float, float, float]:
    """The gain in accuracy on reserved rows expected of the next labels, and its 90 % interval, as shares.

    The model is y = a + b ln(labels), with y the challenger's accuracy. Far from their end, learning curves
    bend like a logarithm (Figueroa et al. 2012, "Predicting sample size required for classification
    performance"). Weighted least squares fit it to the points i:

        w_i = n_i / (s_i (1 - s_i)),   s_i = (y_i n_i + 1) / (n_i + 2)
        gain = b ln((L + next) / L),   L = the most labels so far

    s_i is Laplace's estimate, because even a model without an error so far can make one. The variance of b is
    that of the counts, times chi^2 / (points - 2) if the points lie further from the line than that. The
    interval is Student's t with points - 2 degrees of freedom. The true error is smaller, because one
    retrain's reserved rows are among those of the next.
    """
    from scipy.stats import t

    used = [point for point in points if point.reserved.n]
    x = np.log([max(point.labels, 1) for point in used])
    n = np.array([point.reserved.n for point in used], np.float64)
    y = np.array([point.reserved.challenger for point in used]) / n
    share = (y * n + 1) / (n + 2)
    weight = n / (share * (1 - share))
    (slope, level), covariance = np.polyfit(x, y, 1, w=np.sqrt(weight), cov="unscaled")
    free = len(used) - 2
    dispersion = max(1.0, float((weight * (y - level - slope * x) ** 2).sum() / free))
    last = max(point.labels for point in used)
    step = math.log((last + settings.next_labels) / max(last, 1))
    half = float(t.ppf(settings.upper, free)) * math.sqrt(dispersion * float(covariance[0, 0])) * step
    gain = float(slope) * step
    return gain, gain - half, gain + half
