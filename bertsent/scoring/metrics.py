"""Scores and gold labels -> how good the answers are, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.records.metrics import Confusion, LengthBand, Metrics, ScoreBand
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings

_EPSILON = 1e-7  # keeps the log of a score of exactly 0 or 1 finite; float32 resolves no less near 1
_LOW, _HIGH = 0.025, 0.975  # of a 95 % interval
_PART = 1 << 20  # weights held at a time: memory does not grow with the number of resamples
_POINTS = 200  # of an ROC curve; more would not show

_SETTINGS, _SEED = EvaluateSettings(), TrainSettings().seed
_NONE = (float("nan"), float("nan"))

Floats = NDArray[np.float64]
Interval = tuple[float, float]


def confusion(answers: Mapping[tuple[int, bool], int]) -> Confusion:
    """The table of how often each pair of gold label (0 or 1) and "was called positive" occurred."""
    return Confusion(
        true_negative=answers.get((0, False), 0),
        false_positive=answers.get((0, True), 0),
        false_negative=answers.get((1, False), 0),
        true_positive=answers.get((1, True), 0),
    )


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

    With `intervals` every figure gets a 95 % interval that contains it, whatever the order of the rows:

    - accuracy, precision, recall: exact (Clopper and Pearson 1934). F1 too: it is 2q / (1 + q), where q is
      the share of the true positives among the rows that are positive or were called so.
    - ROC AUC and log loss: percentiles of a bootstrap (Efron and Tibshirani 1993). It is too narrow on a
      few dozen rows, and a single row has none. Where the AUC is 0 or 1, which no resample could change:
      the exact interval of as many pairs as can be formed without using a row twice.
    - ECE: from the same resamples, but not by percentiles. Noise in a bin counts as error whatever its
      sign, so the ECE lies above the truth, a resample's above that again, and percentiles of a
      well-calibrated classifier never hold the truth (0 of 200 simulated sets of 50 to 5,000 rows; these
      intervals held it in at least 94 % of the sets, at any calibration). The truth lies no further below
      the estimate than the bins' errors stray (the triangle inequality), which gives the lower end; the
      upper one mirrors the resamples (the basic bootstrap).

    Args:
        scores: P(positive), float [n] in [0, 1].
        gold: Labels, int [n], 0 or 1.
        threshold: A score at or above it counts as positive.
        intervals: Whether to compute them: half a second for 12,500 rows.
        seed: Of the resamples.
        settings: Bins of the ECE, number of resamples.
    """
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    pairs = np.bincount(2 * gold + (scores >= threshold), minlength=4).tolist()
    counts = Confusion(*pairs)
    rows = _Rows(scores, gold, bins=settings.bins)
    auc, loss, gaps = (part[0] for part in rows.figures(np.ones((1, len(scores)))))
    return Metrics(
        confusion=counts,
        log_loss=float(loss),
        roc_auc=float(auc),
        ece=float(np.abs(gaps).sum()),
        intervals=_exact(counts) | _bootstrap(rows, seed=seed, settings=settings) if intervals else {},
    )


def proportion(part: int, whole: int) -> Interval:
    """The exact 95 % interval of the share `part` of `whole` (Clopper and Pearson 1934); NaN without any."""
    from scipy.special import betaincinv

    if not whole:
        return _NONE
    low = betaincinv(part, whole - part + 1, _LOW) if part else 0.0
    high = betaincinv(part + 1, whole - part, _HIGH) if part < whole else 1.0
    return float(low), float(high)


def by_length(right: ArrayLike, lengths: ArrayLike, *, limits: Sequence[int]) -> tuple[LengthBand, ...]:
    """Accuracy by length, shortest first, without the bands that no row is in.

    Args:
        right: Whether each answer is right, bool [n].
        lengths: Word pieces of each text, int [n].
        limits: The longest length of each band, ascending; one more band holds what is longer.
    """
    right, band = np.asarray(right, np.bool_), np.searchsorted(limits, np.asarray(lengths, np.int64))
    whole = np.bincount(band, minlength=len(limits) + 1).tolist()
    part = np.bincount(band[right], minlength=len(limits) + 1).tolist()
    edges = [0, *limits]
    return tuple(
        LengthBand(
            first=edges[number] + 1,
            last=limits[number] if number < len(limits) else None,
            n=whole[number],
            accuracy=part[number] / whole[number],
            interval=proportion(part[number], whole[number]),
        )
        for number in range(len(whole))
        if whole[number]
    )


def by_score(scores: ArrayLike, gold: ArrayLike, *, bands: int) -> tuple[ScoreBand, ...]:
    """How many rows of each class have which score, in `bands` equal bands; a score of 1 is in the last."""
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    place = np.clip((scores * bands).astype(np.int64), 0, bands - 1)
    negative, positive = (np.bincount(place[gold == label], minlength=bands).tolist() for label in (0, 1))
    sums = np.bincount(place, weights=scores, minlength=bands).tolist()
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
    """Points (false positive rate, true positive rate) from (0, 0) to (1, 1), at most 200 of the curve's,
    evenly along it; none with one class only."""
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.int64)
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=np.inf))  # a threshold cannot part equal scores
    positive = np.cumsum(gold[order])[last]
    negative = last + 1 - positive
    if not len(last) or not positive[-1] or not negative[-1]:
        return ()
    x = np.concatenate([[0.0], negative / negative[-1]])
    y = np.concatenate([[0.0], positive / positive[-1]])
    kept = np.unique(np.searchsorted(x + y, np.linspace(0, 2, _POINTS)).clip(max=len(x) - 1))
    return tuple(zip(x[kept].tolist(), y[kept].tolist(), strict=True))


class _Rows:
    """Rows in the order of their scores, ready to be weighted.

    Args:
        scores: float64 [n].
        gold: int64 [n].
        bins: Equal bins of confidence over [0, 1], each with its upper edge (Guo et al. 2017, "On
            Calibration of Modern Neural Networks"). The confidence is that of the nearer label, so at
            least 0.5.
    """

    def __init__(self, scores: Floats, gold: NDArray[np.int64], *, bins: int) -> None:
        order = np.lexsort((gold, scores))
        scores, gold = scores[order], gold[order]
        confidence = np.maximum(scores, 1 - scores)
        bin_of = (np.searchsorted(np.linspace(0, 1, bins + 1), confidence) - 1).clip(0, bins - 1)
        self.n, self.positive = len(scores), gold.astype(np.float64)
        clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
        self.loss = -np.log(np.where(gold == 1, clipped, 1 - clipped))
        self.gap = ((scores >= DEFAULT_THRESHOLD) == gold) - confidence
        self.ties = np.flatnonzero(np.diff(scores, prepend=-np.inf))
        # In this order the rows of a bin stand together, once on each side of 0.5.
        self.runs = np.flatnonzero(np.diff(bin_of, prepend=-1))
        self.bins = (bin_of[self.runs, None] == np.arange(bins)).astype(np.float64)

    def figures(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """ROC AUC [k], log loss [k] and each bin's share of the ECE, signed [k, bins].

        Args:
            weights: float64 [k, n], how often each row counts; those of one k add up to n.
        """
        if not self.n:
            return np.full(1, np.nan), np.full(1, np.nan), np.full((1, 1), np.nan)
        positive = np.add.reduceat(weights * self.positive, self.ties, axis=1)
        negative = np.add.reduceat(weights, self.ties, axis=1) - positive
        below = np.cumsum(negative, axis=1) - negative / 2  # of equal scores half counts as below
        with np.errstate(invalid="ignore"):  # one class only: 0 / 0
            auc = (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))
        gaps = np.add.reduceat(weights * self.gap, self.runs, axis=1) @ self.bins
        return auc, weights @ self.loss / self.n, gaps / self.n

    def resamples(self, count: int, seed: int) -> Iterator[Floats]:
        """Yields weights [k, n] of rows drawn with replacement, `count` times in all."""
        random = np.random.default_rng(seed)
        most = max(1, _PART // self.n)
        for begun in range(0, count, most):
            k = min(most, count - begun)
            drawn = random.integers(self.n, size=(k, self.n)) + self.n * np.arange(k)[:, None]
            yield np.bincount(drawn.ravel(), minlength=k * self.n).reshape(k, self.n).astype(np.float64)


def _exact(counts: Confusion) -> dict[str, Interval]:
    right, hits = counts.true_negative + counts.true_positive, counts.true_positive
    called, there = hits + counts.false_positive, hits + counts.false_negative
    low, high = proportion(hits, called + there - hits)
    return {
        "accuracy": proportion(right, counts.n),
        "precision": proportion(hits, called),
        "recall": proportion(hits, there),
        "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
    }


def _bootstrap(rows: _Rows, *, seed: int, settings: EvaluateSettings) -> dict[str, Interval]:
    auc, loss, gaps = (part[0] for part in rows.figures(np.ones((1, rows.n))))
    if rows.n < 2:
        return {"roc_auc": _NONE, "log_loss": _NONE, "ece": _NONE}
    parts = [rows.figures(weights) for weights in rows.resamples(settings.resamples, seed)]
    aucs, losses, drawn = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "roc_auc": _of_auc(float(auc), aucs, rows),
        "log_loss": _percentiles(float(loss), losses),
        "ece": _of_ece(gaps, drawn),
    }


def _of_auc(auc: float, drawn: Floats, rows: _Rows) -> Interval:
    if np.isnan(auc):
        return _NONE
    if auc in (0.0, 1.0):
        pairs = int(min(rows.positive.sum(), rows.n - rows.positive.sum()))
        return proportion(int(auc) * pairs, pairs)
    return _percentiles(auc, drawn[~np.isnan(drawn)])


def _of_ece(gaps: Floats, drawn: Floats) -> Interval:
    ece, resampled = float(np.abs(gaps).sum()), np.abs(drawn).sum(1)
    below = ece - np.quantile(np.abs(drawn - gaps).sum(1), _HIGH)
    above = 2 * ece - np.quantile(resampled, _LOW)
    return max(0.0, float(below)), min(1.0, max(ece, float(above)))


def _percentiles(estimate: float, drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, (_LOW, _HIGH)).tolist()
    return min(low, estimate), max(high, estimate)
