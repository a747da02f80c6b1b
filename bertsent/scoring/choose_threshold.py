"""Chooses the threshold that serves a goal on labelled reviews, and says how sure it is.

A threshold counts only by the labels that it gives, so between two neighbouring scores all are alike: the
middle is taken, which is as far as can be from both, and rounded as far as no label changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.display import counted
from bertsent.base.errors import BertsentError, DataError
from bertsent.base.records.metrics import AtThreshold, ChosenThreshold, Confusion
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.goals import Goal
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings
from bertsent.scoring import metrics
from bertsent.scoring.metrics import (
    Floats,
    Interval,
    count_intervals,
    percentiles,
    proportion,
    resampled_counts,
    resamples,
)

_SETTINGS, _SEED = EvaluateSettings(), TrainSettings().seed
_OFTEN = 0.05  # of the bootstrap samples; an interval of 95 % passes over as many
_MOST_DIGITS = 17  # decimals after which a rounded number is hardly shorter than the number itself
_MEASURED = ("accuracy", "precision", "recall", "f1", "macro_f1", "mcc")


def choose_threshold(
    scores: ArrayLike,
    gold: ArrayLike,
    *,
    goal: Goal,
    current: float,
    seed: int = _SEED,
    settings: EvaluateSettings = _SETTINGS,
) -> ChosenThreshold:
    """The threshold that serves a goal best on these rows. It does not depend on the row order.

    - precision=p: of all thresholds with a precision of at least p, the one with the highest recall. It may
      fall again above that threshold, because precision need not rise with the threshold.
    - recall=r: of all thresholds with a recall of at least r, the one with the highest precision.
    - f1, macro-f1, mcc: the one with the highest value; cost: the one with the lowest mean cost.

    Of equally good ones the higher recall (precision=p: precision) counts, then the distance from 0.5.

    The 95 % interval has the percentiles of the thresholds that bootstrap samples of the rows choose; it
    contains the threshold. Samples in which no threshold meets the goal, or with one class only, choose none.

    The rows that choose a threshold flatter it. So they are also divided at random into folds with the same
    share of positive rows; each fold is judged by the threshold that the others choose, and the predictions
    of all folds are compared with the labels (Stone 1974).

    Args:
        scores: P(positive), float [n] in [0, 1].
        gold: Labels, int [n], 0 or 1.
        goal: What to choose it for.
        current: The threshold in use, to compare with.
        seed: Of the bootstrap and the folds.
        settings: Digits, resamples, folds.

    Raises:
        DataError: if not both labels occur.
    """
    order = np.lexsort((np.asarray(gold, np.int64), np.asarray(scores, np.float64)))
    scores, gold = np.asarray(scores, np.float64)[order], np.asarray(gold, np.int64)[order]
    positive = int(gold.sum())
    rarer = min(positive, len(gold) - positive)
    require_both_labels(positive, len(gold) - positive)
    best = _best(_cuts(scores, gold.astype(np.float64), np.ones(len(gold))), goal)
    threshold = _rounded(best, settings.digits)
    drawn = np.array([*_resampled(scores, gold, goal, seed, settings)])
    judge = _Judge(gold, goal, seed, settings)
    folds = min(settings.folds, rarer) if rarer > 1 else 0
    other_rows, unmet_folds = None, 0
    if folds:
        called, unmet_folds = _cross_validated(scores, gold, goal, folds, seed)
        other_rows = judge(called, float("nan"))
    return ChosenThreshold(
        goal=goal,
        met=best.met,
        threshold=threshold,
        interval=percentiles(threshold, drawn[~np.isnan(drawn)]),
        unmet=float(np.isnan(drawn).mean()),
        default=judge(scores >= DEFAULT_THRESHOLD, DEFAULT_THRESHOLD),
        current=judge(scores >= current, current),
        chosen=judge(scores >= threshold, threshold),
        other_rows=other_rows,
        folds=folds,
        unmet_folds=unmet_folds,
        few=rarer if rarer < settings.few else 0,
    )


def require_both_labels(positive: int, negative: int) -> None:
    """Does nothing if there are rows of both labels.

    Raises:
        DataError: if not: such rows choose no threshold.
    """
    if not (positive and negative):
        raise DataError(
            "Choosing a threshold needs reviews of both labels.",
            received=f"{positive} positive, {negative} negative",
            hint="add reviews of the other label, or leave out --choose-threshold",
        )


def require_met(chosen: ChosenThreshold) -> None:
    """Does nothing if the goal was met.

    Raises:
        BertsentError: naming the best that the reviews allow, if no threshold meets the goal.
    """
    if chosen.met:
        return
    name = chosen.goal.name
    best, other = chosen.chosen.values[name], "recall" if name == "precision" else "precision"
    reach = next(down for scale in (1e2, 1e4, 1e9) if (down := math.floor(best * scale) / scale) > 0)
    at_best = f"at {chosen.threshold!r}, with {other} {chosen.chosen.values[other]:.4f}"
    raise BertsentError(
        f"No threshold has a {name} of {chosen.goal.least:.15g} on these reviews.",
        received=f"at most {best:.4f}, {at_best}",
        hint=f"--choose-threshold {name}={reach:g}",
    )


def threshold_notes(chosen: ChosenThreshold) -> Iterator[str]:
    """What the user must know of a chosen threshold, in sentences."""
    if chosen.few:
        yield f"Only {counted(chosen.few, 'review')} of the rarer label: mind the intervals."
    if not chosen.folds:
        yield "One review of a label is too few to measure the threshold on other reviews."
    if chosen.met and chosen.unmet > _OFTEN:
        yield f"No threshold meets the goal in {chosen.unmet:.0%} of the bootstrap samples."
    if chosen.met and chosen.unmet_folds:
        yield f"In {chosen.unmet_folds} of {chosen.folds} folds the other reviews cannot meet the goal."


class _Cuts(NamedTuple):
    """What each set of equivalent thresholds makes of some rows: c sets, lowest first."""

    low: Floats  # [c]: the thresholds of a set lie above this score ...
    high: Floats  # [c]: ... and at most at this one
    middle: Floats  # [c]
    true: Floats  # [c]: weight of the true positives
    false: Floats  # [c]: weight of the false positives
    positive: float  # weight of all positive rows
    negative: float


class _Best(NamedTuple):
    """The thresholds that serve a goal best: above `low`, at most `high`."""

    low: float
    high: float
    middle: float
    met: bool


def _cuts(scores: Floats, gold: Floats, weights: Floats) -> _Cuts:
    """The thresholds that differ in a label of a row of some weight.

    Args:
        scores: float64 [n], ascending.
        gold: Labels, float64 [n].
        weights: How often each row counts, float64 [n]; not all 0.
    """
    there = weights > 0
    scores, gold, weights = scores[there], gold[there], weights[there]
    first = np.flatnonzero(np.diff(scores, prepend=-np.inf))  # rows of equal scores get equal labels
    positive = np.add.reduceat(weights * gold, first)
    negative = np.add.reduceat(weights, first) - positive
    low, high = np.append(0.0, scores[first]), np.append(scores[first], 1.0)
    middle = (low + high) / 2
    # A threshold lies between 0 and 1, so a score of 0 is never positive, and one of 1 always.
    usable = (low < middle) & (middle <= high) & (middle < 1)
    return _Cuts(
        low=low[usable],
        high=high[usable],
        middle=middle[usable],
        true=np.append(positive[::-1].cumsum()[::-1], 0.0)[usable],
        false=np.append(negative[::-1].cumsum()[::-1], 0.0)[usable],
        positive=float(positive.sum()),
        negative=float(negative.sum()),
    )


def _best(cuts: _Cuts, goal: Goal) -> _Best:
    with np.errstate(invalid="ignore"):  # no prediction "positive": 0 / 0
        precision = np.nan_to_num(cuts.true / (cuts.true + cuts.false), nan=-1.0)
    recall = cuts.true / cuts.positive
    met = np.ones(len(precision), np.bool_)
    if goal.name in {"precision", "recall"}:
        aim, other = (precision, recall) if goal.name == "precision" else (recall, precision)
        met = aim >= goal.least
        keys = (other, aim) if met.any() else (aim, other)
    else:
        keys = (_values(goal)(cuts), recall)
    best = np.flatnonzero(met) if met.any() else np.arange(len(met))
    for key in (*keys, -np.abs(cuts.middle - DEFAULT_THRESHOLD), cuts.middle):
        best = best[key[best] == key[best].max()]
    index = best[0]
    low, high, middle = (float(part[index]) for part in (cuts.low, cuts.high, cuts.middle))
    return _Best(low, high, middle, met=bool(met.any()))


def _values(goal: Goal) -> Callable[[_Cuts], Floats]:
    """What a goal that is no bound makes as high as can be, for each cut."""

    def cost(cuts: _Cuts) -> Floats:
        misses = cuts.positive - cuts.true
        return -(goal.false_positive * cuts.false + goal.false_negative * misses)

    def f1(cuts: _Cuts) -> Floats:
        return 2 * cuts.true / (cuts.true + cuts.false + cuts.positive)

    def macro_f1(cuts: _Cuts) -> Floats:
        return metrics.macro_f1(cuts.true, cuts.false, positive=cuts.positive, negative=cuts.negative)

    def mcc(cuts: _Cuts) -> Floats:
        values = metrics.mcc(cuts.true, cuts.false, positive=cuts.positive, negative=cuts.negative)
        return np.nan_to_num(values, nan=-2.0)  # one predicted label only: worse than any other

    return {"cost": cost, "f1": f1, "macro-f1": macro_f1, "mcc": mcc}[goal.name]


def _rounded(best: _Best, digits: int) -> float:
    """The middle with as few decimals, at least `digits`, as leave every label the same."""
    for decimals in range(digits, _MOST_DIGITS + 1):
        threshold = round(best.middle, decimals)
        if best.low < threshold <= best.high and 0 < threshold < 1:
            return threshold
    return best.middle


def _resampled(
    scores: Floats, gold: NDArray[np.int64], goal: Goal, seed: int, settings: EvaluateSettings
) -> Iterator[float]:
    """The threshold that each bootstrap sample chooses; NaN if it cannot meet the goal."""
    positive = gold.astype(np.float64)  # as a product of integers takes ten times longer
    for drawn in resamples(len(scores), settings.resamples, seed):
        for weights in drawn:
            if not 0 < weights @ positive < len(gold):
                yield float("nan")
                continue
            best = _best(_cuts(scores, positive, weights), goal)
            yield best.middle if best.met else float("nan")


def _cross_validated(
    scores: Floats, gold: NDArray[np.int64], goal: Goal, folds: int, seed: int
) -> tuple[NDArray[np.bool_], int]:
    """Whether each row is predicted positive by the threshold that the other folds choose, bool [n]; and the
    number of folds whose others cannot meet the goal, so that the closest threshold judges them."""
    random, fold_of = np.random.default_rng(seed), np.empty(len(gold), np.int64)
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(gold == label))
        fold_of[rows] = np.arange(len(rows)) % folds
    called, unmet = np.empty(len(gold), np.bool_), 0
    for fold in range(folds):
        inside = fold_of == fold
        best = _best(_cuts(scores, gold.astype(np.float64), (~inside).astype(np.float64)), goal)
        called[inside] = scores[inside] >= best.middle
        unmet += not best.met
    return called, unmet


class _Judge:
    """Compares predicted labels with gold labels, with 95 % intervals.

    Those of accuracy, precision, recall, F1, macro F1 and MCC are the ones of `measure`. The share of
    positive predictions has the exact one (Clopper and Pearson 1934), the mean cost that of a bootstrap.
    """

    def __init__(self, gold: NDArray[np.int64], goal: Goal, seed: int, settings: EvaluateSettings) -> None:
        self._gold, self._goal, self._seed, self._settings = gold, goal, seed, settings

    def __call__(self, called: NDArray[np.bool_], threshold: float) -> AtThreshold:
        counts = Confusion(*np.bincount(2 * self._gold + called, minlength=4).tolist())
        values = {name: float(getattr(counts, name)) for name in _MEASURED}
        values["share_positive"] = counts.share_positive
        ends = count_intervals(counts, seed=self._seed, settings=self._settings)
        ends["share_positive"] = proportion(counts.true_positive + counts.false_positive, counts.n)
        if self._goal.name == "cost":
            values["cost"], ends["cost"] = self._cost(counts)
        return AtThreshold(threshold, counts, values, ends)

    def _cost(self, counts: Confusion) -> tuple[float, Interval]:
        """The mean cost of a review, and its interval."""
        costs = np.array([self._goal.false_positive, self._goal.false_negative]) / counts.n
        mean = float(costs @ (counts.false_positive, counts.false_negative))
        drawn = resampled_counts(counts, seed=self._seed, settings=self._settings)
        return mean, percentiles(mean, drawn[:, 1:3] @ costs)
