"""The measure `text`: can a classifier tell new reviews from old ones by their words?

A ridge regression learns "old or new" on all folds but one and scores that one; the AUC of the held-out rows
is averaged over folds and labels, and 2 AUC - 1 is 0 where the words tell nothing and 1 where they tell all.
If a share e of the new reviews is foreign and told apart by a share D of the time, it is e D. Scores of
different folds come from different classifiers and are never ranked together.

The p-value asks for new rows among the highest scores, which a few foreign ones reach: the sum of their
squared exponential scores (the scores are Savage's, 1956), weighed by a permutation test. "Old" and "new" are
shuffled within each fold and label, and the regressions fitted again; a ridge regression fits all shuffles at
once, which is why it is used. With a tenth of 200 rows foreign the sum stands 2.3 and 3.5 deviations above
chance (reviews of phone apps, of clothes), without the square 1.7 and 2.4, and the AUC 1.1 and 1.3.
(Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests"; Kim et al. 2021, "Classification
accuracy as a proxy for two-sample testing".)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import Compared, Floats, Ints

_TIE = 1e-9  # what differs by less is the same


@dataclass(frozen=True, slots=True)
class Separation:
    """How well the words tell new rows from old ones."""

    value: float  # 2 AUC - 1, -1 to 1; NaN where all features are the same
    error: float  # standard error of `value` for regressions that are given
    p_value: float  # one-sided
    spread: float  # standard deviation of the new rows' mean squared exponential score, shuffled
    foreign: Floats  # [new rows]: how far above the old rows of its fold and label, in their deviations
    n: int  # new rows


def separate(
    compared: Compared, features: Floats, *, settings: DriftSettings, random: np.random.Generator
) -> Separation:
    """Takes the measure.

    Args:
        compared: The rows, old and new.
        features: [rows, features], of `features.weigh`.
        settings: Folds, strength of the regression, shuffles.
        random: For the folds and the shuffles.
    """
    fold = _folds(compared, settings.folds, random)
    target = _shuffled(compared, fold, settings.shuffles, random)
    scores = _held_out(features, target, fold, strength=settings.ridge)
    new = int(compared.is_new.sum())
    auc, variance, high = 0.0, 0.0, np.zeros(target.shape[1])
    foreign = np.zeros(len(fold))
    for cell in _cells(compared, fold):
        is_new = compared.is_new[cell]
        share = int(is_new.sum()) / new
        cell_auc, cell_variance = _auc(scores[cell, 0], is_new)
        auc, variance = auc + share * cell_auc, variance + share**2 * cell_variance
        high += _exponential(scores[cell], target[cell]) / new
        foreign[cell] = _standing_out(scores[cell, 0], is_new)
    spread = float(high[1:].std())
    known = spread > _TIE
    return Separation(
        value=2 * auc - 1 if known else math.nan,
        error=2 * math.sqrt(max(variance, 1 / (2 * new) ** 2)),  # not below half a row: of 0 nothing is known
        p_value=_p_value(float(high[0]), high[1:], least=settings.counted) if known else math.nan,
        spread=spread,
        foreign=foreign[compared.is_new],
        n=new,
    )


def _folds(compared: Compared, folds: int, random: np.random.Generator) -> Ints:
    """A fold for each row, so that each has its part of the old and of the new rows of each label."""
    fold = np.empty(len(compared.label), np.int64)
    for label in np.unique(compared.label).tolist():
        for side in (False, True):
            rows = np.flatnonzero((compared.label == label) & (compared.is_new == side))
            fold[random.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def _cells(compared: Compared, fold: Ints) -> list[Ints]:
    """The rows of each fold and label: only they are compared with each other, and shuffled."""
    key = 2 * fold + compared.label
    return [np.flatnonzero(key == each) for each in np.unique(key).tolist()]


def _shuffled(compared: Compared, fold: Ints, shuffles: int, random: np.random.Generator) -> Floats:
    """[rows, 1 + shuffles]: 1 for new and 0 for old, first as it is."""
    target = np.empty((len(fold), 1 + shuffles))
    for cell in _cells(compared, fold):
        truth = compared.is_new[cell].astype(np.float64)
        target[cell, 0] = truth
        target[cell, 1:] = random.permuted(np.tile(truth[:, None], shuffles), axis=0)
    return target


def _held_out(features: Floats, target: Floats, fold: Ints, *, strength: float) -> Floats:
    """[rows, 1 + shuffles]: what regressions on the other folds say of each row.

    Solved for the weights of the features or of the rows, whichever are fewer: the answer is the same.
    """
    from scipy.linalg import solve

    by_row = len(features) < features.shape[1]
    alike = features @ features.T if by_row else features
    scores = np.empty_like(target)
    for each in np.unique(fold).tolist():
        mine, others = np.flatnonzero(fold == each), np.flatnonzero(fold != each)
        wanted = target[others] - target[others].mean(axis=0)
        if by_row:
            squares = alike[np.ix_(others, others)]
            read = alike[np.ix_(mine, others)]
        else:
            squares = alike[others].T @ alike[others]
            wanted = alike[others].T @ wanted
            read = alike[mine]
        squares[np.diag_indices_from(squares)] += strength
        scores[mine] = read @ solve(squares, wanted, assume_a="pos", check_finite=False)
    return scores


def _auc(scores: Floats, is_new: NDArray[np.bool_]) -> tuple[float, float]:
    """The chance that a new row scores above an old one, half for a tie, and its variance for a given scorer
    (DeLong, DeLong and Clarke-Pearson 1988)."""
    from scipy.stats import rankdata

    new, old = scores[is_new], scores[~is_new]
    ranks = rankdata(scores)
    above = (ranks[is_new] - rankdata(new)) / len(old)
    below = (ranks[~is_new] - rankdata(old)) / len(new)
    variance = sum(float(each.var(ddof=1)) / len(each) for each in (above, below) if len(each) > 1)
    return float(above.mean()), variance


def _exponential(scores: Floats, target: Floats) -> Floats:
    """[columns]: the sum of the squared exponential scores of the rows called new."""
    from scipy.stats import rankdata

    rank = (rankdata(scores, axis=0) - 0.5) / len(scores)
    return np.asarray(np.einsum("ij,ij->j", np.log1p(-rank) ** 2, target))


def _standing_out(scores: Floats, is_new: NDArray[np.bool_]) -> Floats:
    old = scores[~is_new]
    return np.asarray((scores - old.mean()) / max(float(old.std()), _TIE))


def _p_value(value: float, shuffles: Floats, *, least: int) -> float:
    """The share of shuffles that reach `value`. Where fewer than `least` do, too few to count: the tail of
    the Pearson type III distribution of their mean, deviation and skewness (Josse et al. 2008)."""
    from scipy.stats import pearson3, skew

    reaching = int((shuffles >= value - _TIE).sum())
    if reaching >= least:
        return (1 + reaching) / (1 + len(shuffles))
    above = (value - float(shuffles.mean())) / float(shuffles.std())
    return max(float(pearson3.sf(above, max(0.0, float(skew(shuffles))))), float(np.finfo(np.float64).tiny))
