"""The measure `text`: can a classifier tell new reviews from old ones by their words?

A ridge regression learns "old or new" on all folds but one and scores that fold. The measure is 2 AUC - 1,
with the AUC of the held-out rows averaged over folds and labels: 0 if words do not separate new from old, 1
if they separate them completely. If a share e of the new reviews is foreign and separated with
2 AUC - 1 = D, the measure is e D. Scores of different folds come from different classifiers and are never
ranked together.

The p-value asks whether new rows have the highest scores, where even a few foreign ones show. Its statistic
is the sum of the new rows' squared exponential scores (Savage 1956). A permutation test gives its
distribution: "old" and "new" are shuffled within each fold and label, and the regressions are fitted again.
Ridge regression is used because it fits all shuffles at once. If a tenth of 200 rows is foreign, the sum lies
2.3 (reviews of phone apps) and 3.5 (clothes) standard deviations above chance; without the square 1.7 and
2.4, and the AUC 1.1 and 1.3.
(Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests"; Kim et al. 2021, "Classification
accuracy as a proxy for two-sample testing".)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import Floats, Ints, MatchedRows

TIE = 1e-9  # smaller differences are rounding errors


@dataclass(frozen=True, slots=True)
class Separation:
    """How well the words separate new rows from old ones."""

    value: float  # 2 AUC - 1, -1 to 1; NaN if all features are equal
    error: float  # standard error of `value`, taking the regressions as given
    p_value: float  # one-sided
    null_deviation: float  # standard deviation of the new rows' mean squared exponential score over shuffles
    foreign: Floats  # [new rows]: z-score of a row's score among the old rows of its fold and label
    n: int  # new rows


def separate(
    matched: MatchedRows, features: Floats, *, settings: DriftSettings, random: np.random.Generator
) -> Separation:
    """Computes the measure.

    Args:
        matched: The rows, old and new.
        features: [rows, features], of `features.tfidf`.
        settings: Folds, strength of the regression, shuffles.
        random: For the folds and the shuffles.
    """
    fold = _folds(matched, settings.folds, random)
    cells = _cells(matched, fold)
    target = shuffled(matched.is_new, cells, settings.shuffles, random)
    scores = _held_out(features, target, fold, strength=settings.ridge)
    new = int(matched.is_new.sum())
    auc, variance, statistic = 0.0, 0.0, np.zeros(target.shape[1])
    foreign = np.zeros(len(fold))
    for cell in cells:
        is_new = matched.is_new[cell]
        share = int(is_new.sum()) / new
        cell_auc, cell_variance = _auc(scores[cell, 0], is_new)
        auc, variance = auc + share * cell_auc, variance + share**2 * cell_variance
        statistic += _squared_exponential_scores(scores[cell], target[cell]) / new
        old = scores[cell, 0][~is_new]
        foreign[cell] = (scores[cell, 0] - old.mean()) / max(float(old.std()), TIE)
    null_deviation = float(statistic[1:].std())
    separable = null_deviation > TIE
    return Separation(
        value=2 * auc - 1 if separable else math.nan,
        error=2 * math.sqrt(max(variance, 1 / (2 * new) ** 2)),  # half a row or more: 0 would be certainty
        p_value=permutation_p_value(statistic, least=settings.counted) if separable else math.nan,
        null_deviation=null_deviation,
        foreign=foreign[matched.is_new],
        n=new,
    )


def _folds(matched: MatchedRows, folds: int, random: np.random.Generator) -> Ints:
    """The fold of each row, stratified by side and label."""
    fold = np.empty(len(matched.label), np.int64)
    stratum = 2 * matched.label + matched.is_new
    for value in np.unique(stratum).tolist():
        rows = np.flatnonzero(stratum == value)
        fold[random.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def _cells(matched: MatchedRows, fold: Ints) -> list[Ints]:
    """The rows of each cell (a fold and a label): rows are ranked and shuffled within a cell only."""
    key = 2 * fold + matched.label
    return [np.flatnonzero(key == cell) for cell in np.unique(key).tolist()]


def shuffled(
    is_new: NDArray[np.bool_], cells: list[Ints], shuffles: int, random: np.random.Generator
) -> Floats:
    """[rows, 1 + shuffles]: 1 for new and 0 for old, shuffled within each cell; the first column is the
    truth."""
    target = np.empty((len(is_new), 1 + shuffles))
    for cell in cells:
        truth = is_new[cell].astype(np.float64)
        target[cell, 0] = truth
        target[cell, 1:] = random.permuted(np.tile(truth[:, None], shuffles), axis=0)
    return target


def _held_out(features: Floats, target: Floats, fold: Ints, *, strength: float) -> Floats:
    """[rows, 1 + shuffles]: the scores of each row by regressions on the other folds.

    The regressions are solved in the primal (a weight per feature) or the dual (a weight per row), whichever
    is smaller; the scores are the same.
    """
    from scipy.linalg import solve

    dual = len(features) < features.shape[1]
    values = features @ features.T if dual else features
    scores = np.empty_like(target)
    for number in np.unique(fold).tolist():
        own, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        centred = target[others] - target[others].mean(axis=0)
        if dual:
            gram, tested = values[np.ix_(others, others)], values[np.ix_(own, others)]
        else:
            gram, tested = values[others].T @ values[others], values[own]
            centred = values[others].T @ centred
        gram[np.diag_indices_from(gram)] += strength
        scores[own] = tested @ solve(gram, centred, assume_a="pos", check_finite=False)
    return scores


def _auc(scores: Floats, is_new: NDArray[np.bool_]) -> tuple[float, float]:
    """P(a new row scores above an old one), a tie counting half, and its variance for a given scorer (DeLong,
    DeLong and Clarke-Pearson 1988)."""
    from scipy.stats import rankdata

    new, old = scores[is_new], scores[~is_new]
    ranks = rankdata(scores)
    above = (ranks[is_new] - rankdata(new)) / len(old)
    below = (ranks[~is_new] - rankdata(old)) / len(new)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    return float(above.mean()), variance


def _squared_exponential_scores(scores: Floats, target: Floats) -> Floats:
    """[columns]: the sum of log(1 - u)^2 over the rows called new, u = (rank - 1/2) / rows."""
    from scipy.stats import rankdata

    rank = (rankdata(scores, axis=0) - 0.5) / len(scores)
    return np.asarray(np.einsum("ij,ij->j", np.log1p(-rank) ** 2, target))


def permutation_p_value(statistic: Floats, *, least: int) -> float:
    """The share of the shuffles that reach the true statistic, which comes first. Fewer than `least` are too
    few to count; then it is the tail of the Pearson type III distribution with the mean, standard deviation
    and skewness of the shuffles (Josse et al. 2008)."""
    from scipy.stats import pearson3, skew

    value, shuffles = float(statistic[0]), statistic[1:]
    reaching = int((shuffles >= value - TIE).sum())
    if reaching >= least:
        return (1 + reaching) / (1 + len(shuffles))
    standardised = (value - float(shuffles.mean())) / float(shuffles.std())
    tail = float(pearson3.sf(standardised, max(0.0, float(skew(shuffles)))))
    return max(tail, float(np.finfo(np.float64).tiny))
