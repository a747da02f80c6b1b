"""What the versions of a workspace are, where two of them differ, and what labels have bought so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.retraining.gate import GateResult, Paired
from bertsent.retraining.ledger import Ledger

_SETTINGS = VersionSettings()
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Point:
    """One retrain on the learning curve."""

    version: int | None  # None: rejected
    time: str
    labels: int  # that trained
    start: str  # champion or encoder
    reserved: Paired
    test: Paired


@dataclass(frozen=True, slots=True)
class Curve:
    """What each retrain gained, oldest first, and what `labels` more would buy."""

    points: tuple[Point, ...]
    labels: int
    expected: float  # accuracy on reserved rows, as a share; NaN: too few retrains to say
    low: float  # 90 %
    high: float
    needed: int  # more retrains that it takes to say


def curve(
    workspace: Workspace, *, settings: VersionSettings = _SETTINGS, progress: Progress = silent
) -> Curve:
    """The learning curve of a workspace, from its ledger."""
    points = tuple(_points(Ledger(workspace.reports).events(progress)))
    sizes = {point.labels for point in points if point.reserved.n}
    needed = max(0, settings.least_points - len(sizes))
    expected = (_NAN, _NAN, _NAN) if needed else _expected(points, settings)
    return Curve(points, settings.next_labels, *expected, needed)


def _points(events: Sequence[Mapping[str, Any]]) -> Iterable[Point]:
    for event in events:
        gate = GateResult.from_json(event["gate"])
        yield Point(
            version=event["version"],
            time=event["time"],
            labels=event["labels"],
            start=event["start"],
            reserved=gate.reserved,
            test=gate.test,
        )


def _expected(points: Sequence[Point], settings: VersionSettings) -> tuple[float, float, float]:
    """Gain in accuracy that the next labels would bring, with its 90 % interval.

    A straight line of the challengers' accuracy on reserved rows against the logarithm of their labels,
    weighted by the rows (learning curves bend like a logarithm where they are measured, far from their
    end: Figueroa et al. 2012, "Predicting sample size required for classification performance"). The
    error of its slope is that of the counts, or that of the points about the line where they stray
    further. The reserved rows of one retrain are among those of the next, which makes the true error
    smaller.
    """
    from scipy.stats import t

    used = [point for point in points if point.reserved.n]
    x = np.log([max(point.labels, 1) for point in used])
    n = np.array([point.reserved.n for point in used], np.float64)
    y = np.array([point.reserved.challenger for point in used]) / n
    share = (y * n + 1) / (n + 2)  # no row wrong so far does not mean that none can be
    weight = n / (share * (1 - share))
    middle = (weight * x).sum() / weight.sum()
    spread = (weight * (x - middle) ** 2).sum()
    slope = (weight * (x - middle) * y).sum() / spread
    level = (weight * y).sum() / weight.sum()
    free = len(used) - 2
    stray = (weight * (y - level - slope * (x - middle)) ** 2).sum() / free
    last = max(point.labels for point in used)
    step = math.log((last + settings.next_labels) / max(last, 1))
    half = float(t.ppf(settings.upper, free)) * math.sqrt(max(1.0, float(stray)) / float(spread)) * step
    gain = float(slope) * step
    return gain, gain - half, gain + half
