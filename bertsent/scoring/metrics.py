"""Computes metrics from scores and gold labels, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.records.metrics import Confusion, LengthBand, Metrics, ScoreBand
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings

_EPSILON = 1e-7  # keeps the log of a score of 0 or 1 finite; near 1 float32 resolves no smaller steps
_CONFIDENCE, _LOW, _HIGH = 0.95, 0.025, 0.975
_Z = 1.959963984540054  # the normal distribution has 0.975 below it
_PART = 1 << 20  # most weights in memory at a time, for any number of resamples
_POINTS = 200  # at most, of an ROC curve; more are not visible in a plot

_SETTINGS, _SEED = EvaluateSettings(), TrainSettings().seed
_NONE = (float("nan"), float("nan"))

Floats = NDArray[np.float64]
Interval = tuple[float, float]


def measure(
    scores: ArrayLike,
    gold: ArrayLike,
    *,
    threshold: float,
    intervals: bool = False,
    seed: int = _SEED,
    settings: EvaluateSettings = _SETTINGS,
) -> Metrics:
    """Compares scores with gold labels.

    With `intervals` every metric gets a 95 % interval that contains it and does not depend on the row order:

    - accuracy, precision, recall: exact (Clopper and Pearson 1934). So is F1 = 2q / (1 + q), where q is
      the share of true positives among the rows that are positive or predicted positive.
    - ROC AUC, log loss, macro F1 and MCC: percentiles of a bootstrap (Efron and Tibshirani 1993). They are
      too narrow with a few dozen rows, and do not exist for a single row. Macro F1 and MCC need of a
      resample only its confusion counts, which follow a multinomial distribution, so those are drawn;
      a resample in which one does not exist is left out. Resamples cannot change an AUC of 0 or 1, nor a
      macro F1 or an MCC at an end of its range: those get the exact interval for as many pairs of a
      positive and a negative row as can be formed without using a row twice.
    - ECE: from the same resamples, but not their percentiles. Noise in a bin raises the ECE whatever its
      sign: the estimate lies above the truth, and the ECE of a resample above the estimate. So percentiles
      never contain the truth of a well-calibrated classifier (in 0 of 200 simulated sets of 50 to 5,000
      rows; these intervals contained it in at least 94 % of the sets, at any calibration). Lower end: by the
      triangle inequality the truth lies below the estimate by at most the sum of the bins' errors. Upper
      end: the basic bootstrap, which mirrors the resamples at the estimate.

    Args:
        scores: P(positive), float [n] in [0, 1].
        gold: Labels, int [n], 0 or 1.
        threshold: Scores at or above it are predicted positive.
        intervals: Whether to compute intervals, which takes half a second for 12,500 rows.
        seed: Of the resamples.
        settings: Bins of the ECE, number of resamples.
    """
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    confusion = Confusion(*np.bincount(2 * gold + (scores >= threshold), minlength=4).tolist())
    rows = _SortedRows(scores, gold, bins=settings.bins)
    auc, loss, bin_errors = (part[0] for part in rows.weighted(np.ones((1, len(scores)))))
    return Metrics(
        confusion=confusion,
        log_loss=float(loss),
        roc_auc=float(auc),
        ece=float(np.abs(bin_errors).sum()),
        intervals=count_intervals(confusion, seed=seed, settings=settings) | _bootstrap(rows, seed, settings)
        if intervals
        else {},
    )


def count_intervals(
    confusion: Confusion, *, seed: int = _SEED, settings: EvaluateSettings = _SETTINGS
) -> dict[str, Interval]:
    """The 95 % intervals of the metrics that follow from confusion counts, as `measure` gives them: accuracy,
    precision, recall, f1, macro_f1, mcc."""
    intervals = _exact(confusion)
    if confusion.n < 2:
        return intervals | {"macro_f1": _NONE, "mcc": _NONE}
    drawn = resampled_counts(confusion, seed=seed, settings=settings)
    pairs = min(
        confusion.true_positive + confusion.false_negative, confusion.true_negative + confusion.false_positive
    )
    _, alarms, misses, hits = drawn.T
    totals = {"positive": hits + misses, "negative": confusion.n - hits - misses}
    macro = _bounded(confusion.macro_f1, macro_f1(hits, alarms, **totals), pairs)
    correlation = _bounded(confusion.mcc, mcc(hits, alarms, **totals), pairs, lowest=-1.0)
    return intervals | {"macro_f1": macro, "mcc": correlation}


def resampled_counts(
    confusion: Confusion, *, seed: int = _SEED, settings: EvaluateSettings = _SETTINGS
) -> Floats:
    """The confusion counts of bootstrap samples, float64 [resamples, 4] in the order of `Confusion`."""
    counts = np.array(
        [confusion.true_negative, confusion.false_positive, confusion.false_negative, confusion.true_positive]
    )
    random = np.random.default_rng(seed)
    drawn = random.multinomial(confusion.n, counts / confusion.n, size=settings.resamples)
    return drawn.astype(np.float64)


def macro_f1(true: Floats, false: Floats, *, positive: ArrayLike, negative: ArrayLike) -> Floats:
    """`Confusion.macro_f1` of many confusion tables at once, float64 of their shape.

    Args:
        true: True positives of each.
        false: False positives of each.
        positive: All positive rows.
        negative: All negative rows.
    """
    positive, negative = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    wrong, right = positive - true + false, negative - false
    with np.errstate(invalid="ignore"):  # with one class only it may be 0 / 0
        mean = true / (2 * true + wrong) + right / (2 * right + wrong)
    return np.where((positive > 0) & (negative > 0), mean, np.nan)


def mcc(true: Floats, false: Floats, *, positive: ArrayLike, negative: ArrayLike) -> Floats:
    """`Confusion.mcc` of many confusion tables at once; arguments as for `macro_f1`."""
    positive, negative = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    predicted = true + false
    spread = np.sqrt(predicted * (positive + negative - predicted)) * np.sqrt(positive * negative)
    with np.errstate(invalid="ignore"):  # 0 / 0 where it does not exist
        return np.asarray((true * negative - false * positive) / spread, np.float64)


def resamples(n: int, count: int, seed: int) -> Iterator[Floats]:
    """Yields the weights [k, n] of `count` draws of n rows with replacement, some draws at a time."""
    random = np.random.default_rng(seed)
    most = max(1, _PART // n)
    for start in range(0, count, most):
        k = min(most, count - start)
        drawn = random.integers(n, size=(k, n)) + n * np.arange(k)[:, None]
        yield np.bincount(drawn.ravel(), minlength=k * n).reshape(k, n).astype(np.float64)


def percentiles(estimate: float, drawn: Floats) -> Interval:
    """The middle 95 % of resampled estimates, widened to contain the estimate; NaN without any."""
    if not len(drawn):
        return _NONE
    low, high = np.quantile(drawn, (_LOW, _HIGH)).tolist()
    return min(low, estimate), max(high, estimate)


def proportion(part: int, whole: int) -> Interval:
    """The exact 95 % interval of the share `part` of `whole` (Clopper and Pearson 1934); NaN for 0 of 0."""
    from scipy.stats import binomtest

    if not whole:
        return _NONE
    interval = binomtest(part, whole).proportion_ci(_CONFIDENCE, "exact")
    return float(interval.low), float(interval.high)


def wilson(part: int, whole: int) -> Interval:
    """The 95 % score interval of the share `part` of `whole` (Wilson 1927); NaN for 0 of 0.

    Shorter than the exact one of `proportion`, which holds with more than 95 % in small groups, and good down
    to a few rows (Brown, Cai and DasGupta 2001). With p = part / n and z = 1.96 its ends are
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    """
    if not whole:
        return _NONE
    share, spread = part / whole, _Z * _Z / whole
    middle = share + spread / 2
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4)
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def by_length(correct: ArrayLike, lengths: ArrayLike, *, limits: Sequence[int]) -> tuple[LengthBand, ...]:
    """Accuracy by length, shortest first; bands without a row are left out.

    Args:
        correct: Whether each prediction is correct, bool [n].
        lengths: Word pieces of each text, int [n].
        limits: The longest length of each band, ascending; one more band holds longer texts.
    """
    correct, band = np.asarray(correct, np.bool_), np.searchsorted(limits, np.asarray(lengths, np.int64))
    counts = np.bincount(band, minlength=len(limits) + 1).tolist()
    hits = np.bincount(band[correct], minlength=len(limits) + 1).tolist()
    return tuple(
        LengthBand(below + 1, last, n, right / n, proportion(right, n))
        for below, last, n, right in zip([0, *limits], [*limits, None], counts, hits, strict=True)
        if n
    )


def by_kind(
    scores: ArrayLike, gold: ArrayLike, lengths: ArrayLike, settings: EvaluateSettings = _SETTINGS
) -> dict[str, Metrics]:
    """The metrics of "short" and of "long" texts, with intervals; {} if there are too few of a kind.

    Args:
        scores: P(positive), float [n] in [0, 1].
        gold: Labels, int [n], 0 or 1.
        lengths: Word pieces of each text, int [n].
        settings: Where short texts end, and how many of each kind are enough.
    """
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    is_short = np.asarray(lengths, np.int64) <= settings.most_short
    if min(is_short.sum(), (~is_short).sum()) < settings.least_of_a_kind:
        return {}
    return {
        kind: measure(
            scores[rows], gold[rows], threshold=DEFAULT_THRESHOLD, intervals=True, settings=settings
        )
        for kind, rows in (("short", is_short), ("long", ~is_short))
    }


def by_score(scores: ArrayLike, gold: ArrayLike, *, bands: int) -> tuple[ScoreBand, ...]:
    """Counts the rows of each class in `bands` equal bands of scores; a score of 1 is in the last band."""
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    band_of = np.clip((scores * bands).astype(np.int64), 0, bands - 1)
    negative, positive = (np.bincount(band_of[gold == label], minlength=bands).tolist() for label in (0, 1))
    sums = np.bincount(band_of, weights=scores, minlength=bands).tolist()
    return tuple(
        ScoreBand(
            low=band / bands,
            high=(band + 1) / bands,
            negative=negative[band],
            positive=positive[band],
            mean=sums[band] / n if (n := negative[band] + positive[band]) else float("nan"),
            interval=proportion(positive[band], n),
        )
        for band in range(bands)
    )


def roc(scores: ArrayLike, gold: ArrayLike) -> tuple[tuple[float, float], ...]:
    """Points (false positive rate, true positive rate) from (0, 0) to (1, 1): at most 200, evenly spaced
    along the curve; () with one class only."""
    from sklearn.metrics import roc_curve

    if len(np.unique(np.asarray(gold))) < 2:
        return ()
    x, y, _ = roc_curve(gold, scores, drop_intermediate=False)
    chosen = np.unique(np.searchsorted(x + y, np.linspace(0, 2, _POINTS)).clip(max=len(x) - 1))
    return tuple(zip(x[chosen].tolist(), y[chosen].tolist(), strict=True))


class _SortedRows:
    """Rows sorted by score, so that metrics with any row weights are sums over runs of adjacent rows.

    Args:
        scores: float64 [n].
        gold: int64 [n].
        bins: Number of equal bins of confidence in [0, 1]; each includes its upper edge (Guo et al. 2017, "On
            Calibration of Modern Neural Networks"). Confidence is max(score, 1 - score).
    """

    def __init__(self, scores: Floats, gold: NDArray[np.int64], *, bins: int) -> None:
        order = np.lexsort((gold, scores))
        scores, gold = scores[order], gold[order]
        confidence = np.maximum(scores, 1 - scores)
        bin_of = (np.searchsorted(np.linspace(0, 1, bins + 1), confidence) - 1).clip(0, bins - 1)
        self.n, self.positive = len(scores), gold.astype(np.float64)
        clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
        self.loss = -np.log(np.where(gold == 1, clipped, 1 - clipped))
        self.error = ((scores >= DEFAULT_THRESHOLD) == gold) - confidence
        self.ties = np.flatnonzero(np.diff(scores, prepend=-np.inf))  # first rows of equal scores
        # First rows of the runs with one bin of confidence. A bin has two runs, one on each side of 0.5.
        self.stretches = np.flatnonzero(np.diff(bin_of, prepend=-1))
        self.bins = (bin_of[self.stretches, None] == np.arange(bins)).astype(np.float64)

    def weighted(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """ROC AUC [k], log loss [k] and the signed error of each bin [k, bins], if row i counts w_i times.

        AUC: the weight of the pairs in which the positive row scores higher, where a tie counts half (Mann
        and Whitney 1947). With P_s and N_s the weights of the positive and negative rows of score s:
        AUC = sum_s P_s (sum_{t < s} N_t + N_s / 2) / (sum_s P_s * sum_s N_s).
        Log loss: sum_i w_i loss_i / n. Bin error: sum_{i in bin} w_i (correct_i - confidence_i) / n; the ECE
        is the sum of their absolute values over the bins (Guo et al. 2017).

        Args:
            weights: float64 [k, n]; each of the k rows adds up to n.
        """
        if not self.n:
            return np.full(1, np.nan), np.full(1, np.nan), np.full((1, 1), np.nan)
        positive = np.add.reduceat(weights * self.positive, self.ties, axis=1)
        negative = np.add.reduceat(weights, self.ties, axis=1) - positive
        below = np.cumsum(negative, axis=1) - negative / 2
        with np.errstate(invalid="ignore"):  # with one class only it is 0 / 0
            auc = (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))
        bin_errors = np.add.reduceat(weights * self.error, self.stretches, axis=1) @ self.bins
        return auc, weights @ self.loss / self.n, bin_errors / self.n


def _exact(confusion: Confusion) -> dict[str, Interval]:
    hits = confusion.true_positive
    predicted, actual = hits + confusion.false_positive, hits + confusion.false_negative
    low, high = proportion(hits, predicted + actual - hits)
    return {
        "accuracy": proportion(confusion.true_negative + hits, confusion.n),
        "precision": proportion(hits, predicted),
        "recall": proportion(hits, actual),
        "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
    }


def _bootstrap(rows: _SortedRows, seed: int, settings: EvaluateSettings) -> dict[str, Interval]:
    if rows.n < 2:
        return {"roc_auc": _NONE, "log_loss": _NONE, "ece": _NONE}
    auc, loss, bin_errors = (part[0] for part in rows.weighted(np.ones((1, rows.n))))
    parts = [rows.weighted(weights) for weights in resamples(rows.n, settings.resamples, seed)]
    aucs, losses, drawn = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "roc_auc": _bounded(float(auc), aucs, int(min(rows.positive.sum(), rows.n - rows.positive.sum()))),
        "log_loss": percentiles(float(loss), losses),
        "ece": _ece_interval(bin_errors, drawn),
    }


def _bounded(value: float, drawn: Floats, pairs: int, *, lowest: float = 0.0) -> Interval:
    """The interval of a metric from `lowest` to 1 that needs both classes, from resampled values.

    Args:
        pairs: How many pairs of a positive and a negative row can be formed without using a row twice.
    """
    if np.isnan(value):
        return _NONE
    if value in (lowest, 1.0):
        low, high = proportion(pairs if value == 1 else 0, pairs)
        return lowest + (1 - lowest) * low, lowest + (1 - lowest) * high
    return percentiles(value, drawn[~np.isnan(drawn)])


def _ece_interval(bin_errors: Floats, drawn: Floats) -> Interval:
    ece, resampled = float(np.abs(bin_errors).sum()), np.abs(drawn).sum(1)
    below = ece - np.quantile(np.abs(drawn - bin_errors).sum(1), _HIGH)
    above = 2 * ece - np.quantile(resampled, _LOW)
    return max(0.0, float(below)), min(1.0, max(ece, float(above)))
