"""Proportions of new and old rows compared stratum by stratum, with exact tests.

A stratum holds the rows of one label or one kind (short or long), or of both. Old rates are weighted to the
new rows' shares of the strata, so that another mix of reviews alone is no drift.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of `whole` rows with its Wilson interval (1927)."""

    part: int
    whole: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Expected:
    """The old rows' proportion, weighted to the new rows' shares of the strata."""

    value: float
    low: float  # of the interval, which combines those of the strata as Newcombe (1998, method 10) does
    high: float
    variance: float  # of `value`, by sampling: sum of weight^2 p (1 - p) / rows over the strata
    chances: Floats  # [new rows + 1]: P(this many hits among the new rows) without drift


def proportion(hits: Bools, *, settings: DriftSettings) -> Proportion:
    """The share of `hits` [rows > 0] that are true."""
    from scipy.stats import binomtest

    part, whole = int(hits.sum()), len(hits)
    interval = binomtest(part, whole).proportion_ci(settings.confidence, "wilson")
    return Proportion(part, whole, part / whole, float(interval.low), float(interval.high))


def strata(
    new: Sequence[NDArray[np.generic]], old: Sequence[NDArray[np.generic]]
) -> list[tuple[Bools, Bools]]:
    """The new and the old rows of each stratum that new rows have, as masks.

    Args:
        new: What makes the strata, such as labels and kinds, each [new rows].
        old: The same of the old rows, each [old rows].
    """
    keys, values = np.stack(new), np.stack(old)
    return [
        ((keys == key[:, None]).all(axis=0), (values == key[:, None]).all(axis=0))
        for key in np.unique(keys, axis=1).T
    ]


def expect(
    new: Bools, old: Bools, parts: Iterable[tuple[Bools, Bools]], *, settings: DriftSettings
) -> Expected:
    """What the hits of the old rows lead one to expect of the new rows.

    Given how many rows of a stratum are hits on both sides together, their number among the new rows is
    hypergeometric without drift. The sum over the strata has the convolution of these distributions.

    Args:
        new: Which new rows are hits, [new rows].
        old: Which old rows are hits, [old rows].
        parts: The strata, as `strata` gives them; each has old rows.
        settings: The confidence of the intervals.
    """
    from scipy.stats import hypergeom

    value, below, above, variance, chances = 0.0, 0.0, 0.0, 0.0, np.ones(1)
    for is_new, is_old in parts:
        count, weight = int(is_new.sum()), float(is_new.mean())
        one = proportion(old[is_old], settings=settings)
        value += weight * one.value
        below = math.hypot(below, weight * (one.value - one.low))
        above = math.hypot(above, weight * (one.high - one.value))
        variance += weight**2 * one.value * (1 - one.value) / one.whole
        both = one.part + int(new[is_new].sum())
        share = hypergeom.pmf(np.arange(count + 1), one.whole + count, both, count)
        chances = np.convolve(chances, share)
    return Expected(value, value - below, value + above, variance, chances)


def upper_tail(chances: Floats, hits: int) -> float:
    """P(at least so many hits): the one-sided p-value."""
    return float(min(1.0, chances[hits:].sum()))


def two_sided(chances: Floats, hits: int) -> float:
    """P(a number of hits that is as unlikely as this one, or more so): Fisher's exact test, if there is one
    stratum."""
    tie = 1 + 1e-7  # smaller relative differences are rounding errors
    return float(min(1.0, chances[chances <= chances[hits] * tie].sum()))
