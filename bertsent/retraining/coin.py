"""Could a coin have given these labels? The test by which the gate refuses random and swapped labels."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ALL_SIGNS = 12  # rows of which all signs are tried
_DRAWN_SIGNS = 10_000  # of more rows: p-values near 0.001 are exact to 0.0003
_MANY = 300  # rows from which the sum is taken for normal
_ROUNDING = 1e-12


def chance(scores: ArrayLike, gold: ArrayLike) -> float:
    """How likely scores agree so well with labels, or better, if a coin gives these; 1 without rows.

    The statistic is the sum of 2p - 1 over positive rows less that over negative ones. If a coin gives the
    labels, each row adds or takes off |2p - 1| with probability 1/2: the exact sign-flip test (Fisher 1935,
    "The Design of Experiments", section 21). Sure answers weigh more, so it needs fewer rows than a count of
    right answers. All signs of few rows are tried, and a draw, always the same, of the signs of more. Of
    many rows the sum is nearly normal.

    Args:
        scores: float [n], P(positive).
        gold: int [n], 0 or 1.
    """
    labels = np.asarray(gold, np.int64)
    lean = 2 * to_gold(scores, labels) - 1
    size, reached = np.abs(lean), lean.sum() - _ROUNDING
    if not size.any():  # no row, or none that leans either way
        return 1.0
    if len(labels) > _MANY:
        from scipy.special import ndtr

        return float(ndtr(-reached / np.sqrt(np.sum(size**2))))
    beyond = _signs(len(labels)) @ size >= reached
    if len(labels) <= _ALL_SIGNS:
        return float(np.mean(beyond))
    return float((1 + np.sum(beyond)) / (1 + _DRAWN_SIGNS))


@functools.lru_cache(maxsize=2)
def _signs(rows: int) -> NDArray[np.float64]:
    """The signs that are tried, [tries, rows]."""
    if rows <= _ALL_SIGNS:
        return np.array([*itertools.product((-1.0, 1.0), repeat=rows)])
    return np.random.default_rng(rows).choice((-1.0, 1.0), (_DRAWN_SIGNS, rows))


def to_gold(scores: ArrayLike, gold: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability that is given to each gold label; 0 where a score is not finite."""
    values = np.asarray(scores, np.float64)
    return np.where(np.isfinite(values), np.where(gold == 1, values, 1 - values), 0.0)
