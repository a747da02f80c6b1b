"""Figures against counting by hand."""

from __future__ import annotations

import itertools
import math
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from bertsent.base.records.metrics import Confusion, Metrics
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.scoring.metrics import by_kind, by_length, by_score, measure, proportion, roc

METRICS = ["accuracy", "precision", "recall", "f1", "macro_f1", "mcc", "roc_auc", "log_loss", "ece"]
SCORES, GOLD = [0.9, 0.6, 0.5, 0.4, 0.2, 0.1], [1, 0, 1, 1, 0, 0]


def test_measure_counts_scores_at_the_threshold_as_positive() -> None:
    counted = measure(SCORES, GOLD, threshold=0.5).confusion
    assert counted == Confusion(true_negative=2, false_positive=1, false_negative=1, true_positive=2)
    assert measure(SCORES, GOLD, threshold=0.51).confusion.true_positive == 1


def test_measure_agrees_with_counting_by_hand() -> None:
    draw = random.Random(3)
    scores = [draw.randrange(1, 20) / 20 for _ in range(200)]  # with ties
    gold = [draw.randrange(2) for _ in scores]
    found = measure(scores, gold, threshold=0.5)
    loss = [-math.log(score if label else 1 - score) for score, label in zip(scores, gold, strict=True)]
    positive = [score for score, label in zip(scores, gold, strict=True) if label]
    negative = [score for score, label in zip(scores, gold, strict=True) if not label]
    won = [(p > n) + 0.5 * (p == n) for p, n in itertools.product(positive, negative)]
    assert found.confusion.n == 200
    assert found.log_loss == pytest.approx(sum(loss) / len(loss))
    assert found.roc_auc == pytest.approx(sum(won) / len(won))


def test_measure_of_certain_scores_is_finite() -> None:
    right = measure([0.0, 1.0], [0, 1], threshold=0.5)
    wrong = measure([0.0, 1.0], [1, 0], threshold=0.5)
    assert (right.roc_auc, wrong.roc_auc) == (1.0, 0.0)
    assert 0 <= right.log_loss < 1e-6
    assert 10 < wrong.log_loss < 20


@pytest.mark.parametrize("label", [0, 1])
def test_measure_of_one_class_has_no_roc_auc(label: int) -> None:
    found = measure([0.2, 0.7], [label, label], threshold=0.5)
    assert math.isnan(found.roc_auc)
    assert found.confusion.accuracy == 0.5
    assert math.isfinite(found.log_loss)


def test_measure_of_nothing_is_not_a_number() -> None:
    found = measure([], [], threshold=0.5)
    assert found.confusion.n == 0
    assert all(map(math.isnan, (found.log_loss, found.roc_auc, found.confusion.accuracy, found.ece)))


def test_measure_as_json_has_the_documented_keys() -> None:
    found = measure(SCORES, GOLD, threshold=0.5).as_json()
    assert list(found) == ["n", *METRICS, "confusion"]
    assert found["confusion"] == {
        "true_negative": 2,
        "false_positive": 1,
        "false_negative": 1,
        "true_positive": 2,
    }


def test_measure_as_json_has_intervals_that_were_asked_for_without_nan() -> None:
    found = measure([0.2, 0.7], [1, 1], threshold=0.5, intervals=True).as_json()
    assert list(found) == ["n", *METRICS, "confusion", "intervals"]
    assert list(found["intervals"]) == METRICS
    assert found["roc_auc"] is None
    assert found["intervals"]["roc_auc"] == [None, None]
    assert found["intervals"]["accuracy"] == pytest.approx(exact(1, 2))


def test_confusion_ratios() -> None:
    counted = Confusion(true_negative=50, false_positive=10, false_negative=20, true_positive=20)
    assert counted.accuracy == 0.7
    assert counted.precision == pytest.approx(2 / 3)
    assert counted.recall == 0.5
    assert counted.f1 == pytest.approx(4 / 7)


def test_confusion_ratios_without_a_denominator_are_not_numbers() -> None:
    counted = Confusion(true_negative=5)
    assert counted.accuracy == 1
    assert all(map(math.isnan, (counted.precision, counted.recall, counted.f1)))


def test_macro_f1_and_mcc_need_both_labels() -> None:
    one_label, one_answer = (
        Confusion(true_positive=9, false_negative=1),
        Confusion(true_positive=9, false_positive=1),
    )
    assert all(map(math.isnan, (one_label.macro_f1, one_label.mcc, one_answer.mcc)))
    assert one_answer.macro_f1 == pytest.approx((18 / 19 + 0) / 2)


@pytest.mark.parametrize(("right", "macro", "mcc"), [(True, 1.0, 1.0), (False, 0.0, -1.0)])
def test_macro_f1_and_mcc_at_the_ends_of_their_ranges(right: bool, macro: float, mcc: float) -> None:
    gold = [0] * 9 + [1] * 5
    found = quick([0.9 if label == right else 0.1 for label in gold], gold)
    assert (found.confusion.macro_f1, found.confusion.mcc) == (macro, mcc)
    low, high = exact(5 * right, 5)  # the pairs that use no row twice
    assert found.intervals["macro_f1"] == pytest.approx((low, high))
    assert found.intervals["mcc"] == pytest.approx((2 * low - 1, 2 * high - 1))


def sample(n: int, seed: int, *, sharpness: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores, and labels that follow them; with a sharpness below 1 the scores are too sure."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, n)
    return 1 / (1 + np.exp(-logits)), (draw.random(n) < 1 / (1 + np.exp(-sharpness * logits))).astype(
        np.int64
    )


def exact(part: int, whole: int) -> tuple[float, float]:
    """An exact interval by SciPy's own binomial test."""
    interval = binomtest(part, whole).proportion_ci(method="exact")
    return float(interval.low), float(interval.high)


def quick(scores: Any, gold: Any, *, resamples: int = 200, **more: Any) -> Metrics:
    """`measure` with intervals from fewer resamples."""
    settings = EvaluateSettings(resamples=resamples)
    return measure(scores, gold, threshold=0.5, intervals=True, settings=settings, **more)


# ECE, ROC AUC and log loss


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.97])
def test_measure_agrees_with_scikit_learn(threshold: float) -> None:
    from sklearn.metrics import f1_score, log_loss, matthews_corrcoef, roc_auc_score

    scores, gold = sample(500, 1)
    scores = scores.round(2)  # with ties
    found = measure(scores, gold, threshold=threshold)
    called = scores >= threshold
    assert found.confusion.macro_f1 == pytest.approx(f1_score(gold, called, average="macro"))
    assert found.confusion.mcc == pytest.approx(matthews_corrcoef(gold, called))
    assert found.roc_auc == pytest.approx(roc_auc_score(gold, scores))
    assert found.log_loss == pytest.approx(log_loss(gold, scores))


def test_measure_ece_agrees_with_counting_by_hand() -> None:
    # (13/15, 14/15]: confidence 0.9, half of two right; (8/15, 9/15]: 0.6, wrong; (11/15, 12/15]: 0.8, right
    found = measure([0.9, 0.9, 0.6, 0.2], [1, 0, 0, 0], threshold=0.5)
    assert found.ece == pytest.approx((2 * 0.4 + 0.6 + 0.2) / 4)


def test_measure_ece_takes_both_labels_of_like_confidence_together() -> None:
    assert measure([0.9, 0.1], [1, 1], threshold=0.5).ece == pytest.approx((0.9 - 0.1) / 2)


def test_measure_ece_agrees_with_a_loop_over_bins() -> None:
    scores, gold = sample(2000, 2)
    confidence, right = np.maximum(scores, 1 - scores), (scores >= 0.5) == gold
    inside = [(confidence > low / 15) & (confidence <= (low + 1) / 15) for low in range(15)]
    by_hand = sum(
        abs(right[rows].mean() - confidence[rows].mean()) * rows.mean() for rows in inside if rows.any()
    )
    assert measure(scores, gold, threshold=0.5).ece == pytest.approx(by_hand)


def test_measure_ece_does_not_follow_the_threshold() -> None:
    scores, gold = sample(100, 3)
    assert measure(scores, gold, threshold=0.9).ece == measure(scores, gold, threshold=0.5).ece


@pytest.mark.parametrize(("gold", "ece"), [([0, 1], 0.0), ([1, 0], 1.0)])
def test_measure_ece_of_certain_scores(gold: list[int], ece: float) -> None:
    assert measure([0.0, 1.0], gold, threshold=0.5).ece == ece


# intervals


def test_measure_has_no_intervals_unless_asked() -> None:
    assert measure(SCORES, GOLD, threshold=0.5).intervals == {}


def test_measure_intervals_of_shares_are_exact() -> None:
    scores, gold = sample(300, 4)
    found = quick(scores, gold)
    counts = found.confusion
    hits, called = counts.true_positive, counts.true_positive + counts.false_positive
    there = hits + counts.false_negative
    assert found.intervals["accuracy"] == pytest.approx(exact(counts.true_negative + hits, 300))
    assert found.intervals["precision"] == pytest.approx(exact(hits, called))
    assert found.intervals["recall"] == pytest.approx(exact(hits, there))
    ends = [2 * share / (1 + share) for share in exact(hits, called + there - hits)]
    assert found.intervals["f1"] == pytest.approx(ends)


@pytest.mark.slow
def test_measure_interval_of_roc_auc_is_that_of_resampling_by_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    scores, gold = sample(80, 5)
    scores = scores.round(1)  # with ties
    draw = np.random.default_rng(0)
    drawn = [draw.integers(80, size=80) for _ in range(800)]
    ends = np.quantile([roc_auc_score(gold[rows], scores[rows]) for rows in drawn], (0.025, 0.975))
    assert quick(scores, gold, resamples=2000).intervals["roc_auc"] == pytest.approx(ends, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macro_f1", "mcc"])
def test_measure_intervals_of_counts_are_those_of_resampled_rows(name: str) -> None:
    scores, gold = sample(90, 12)
    draw = np.random.default_rng(0)
    rows = [draw.integers(90, size=90) for _ in range(2000)]
    drawn = [measure(scores[some], gold[some], threshold=0.5).values[name] for some in rows]
    ends = np.quantile(drawn, (0.025, 0.975))
    assert quick(scores, gold, resamples=2000).intervals[name] == pytest.approx(ends, abs=0.02)


def test_measure_interval_of_log_loss_is_that_of_a_mean() -> None:
    scores, gold = sample(2000, 6)
    losses = -np.log(np.where(gold == 1, scores, 1 - scores))
    reach = 1.96 * losses.std() / math.sqrt(2000)
    low, high = quick(scores, gold, resamples=1000).intervals["log_loss"]
    assert (low, high) == pytest.approx((losses.mean() - reach, losses.mean() + reach), abs=0.15 * reach)


@pytest.mark.parametrize("n", [2, 5, 30, 400])
@pytest.mark.parametrize("sharpness", [0.3, 1.0])
def test_measure_intervals_contain_the_value(n: int, sharpness: float) -> None:
    found = quick(*sample(n, n, sharpness=sharpness))
    for name, value in found.values.items():
        low, high = found.intervals[name]
        assert math.isnan(value) if math.isnan(low) else low <= value <= high, name


@pytest.mark.slow
@pytest.mark.parametrize("sharpness", [1.0, 0.5])
def test_measure_intervals_cover_the_truth(sharpness: float) -> None:
    truth = measure(*sample(400_000, 7, sharpness=sharpness), threshold=0.5).values
    if sharpness == 1:
        truth["ece"] = 0.0  # of 400,000 rows it is not quite
    covered = dict.fromkeys(METRICS, 0)
    for seed in range(100, 200):
        found = quick(*sample(300, seed, sharpness=sharpness))
        for name, (low, high) in found.intervals.items():
            covered[name] += low <= truth[name] <= high
    assert min(covered.values()) >= 89, covered  # 95 expected; fewer than 89 once in 200


def test_measure_intervals_follow_the_seed_and_not_the_order_of_rows() -> None:
    scores, gold = sample(200, 8)
    scores = scores.round(1)
    order = np.random.default_rng(0).permutation(200)
    found = quick(scores, gold, seed=1).intervals
    assert quick(scores, gold, seed=1).intervals == found
    assert quick(scores[order], gold[order], seed=1).intervals == found
    assert quick(scores, gold, seed=2).intervals["roc_auc"] != found["roc_auc"]


@pytest.mark.parametrize(
    ("gold", "auc", "interval"), [([0, 1], 1.0, (0.025**0.2, 1)), ([1, 0], 0.0, (0, 1 - 0.025**0.2))]
)
def test_measure_of_a_perfect_order_is_not_sure_of_it(
    gold: list[int], auc: float, interval: tuple[float, float]
) -> None:
    found = quick([0.2] * 9 + [0.8] * 5, gold[:1] * 9 + gold[1:] * 5)
    assert found.roc_auc == auc
    assert found.intervals["roc_auc"] == pytest.approx(interval)


def test_measure_of_one_row_has_no_resampled_interval() -> None:
    found = quick([0.7], [1])
    assert found.intervals["accuracy"] == pytest.approx((0.025, 1))
    assert all(
        math.isnan(end)
        for name in ("log_loss", "ece", "roc_auc", "mcc", "macro_f1")
        for end in found.intervals[name]
    )


def test_measure_of_nothing_has_intervals_of_nothing() -> None:
    found = quick([], [])
    assert list(found.intervals) == METRICS
    assert all(math.isnan(end) for ends in found.intervals.values() for end in ends)


def test_measure_memory_does_not_grow_with_the_resamples() -> None:
    scores, gold = sample(50_000, 9)

    def peak(resamples: int) -> int:
        tracemalloc.start()
        quick(scores, gold, resamples=resamples)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(100) < 1.2 * peak(20)


@pytest.mark.parametrize(("part", "whole"), [(0, 7), (7, 7), (3, 7), (93, 100)])
def test_proportion_is_exact(part: int, whole: int) -> None:
    assert proportion(part, whole) == pytest.approx(exact(part, whole))


def test_proportion_of_nothing_is_not_a_number() -> None:
    assert all(map(math.isnan, proportion(0, 0)))


# curves and bands


def test_by_length_puts_each_row_into_the_band_of_its_length() -> None:
    first, second, last = by_length(
        [True, False, True, True, False], [0, 32, 33, 513, 9999], limits=(32, 64, 128, 512)
    )
    assert (first.first, first.last, first.n, first.accuracy) == (1, 32, 2, 0.5)
    assert (second.first, second.last, second.n, second.accuracy) == (33, 64, 1, 1.0)
    assert (last.first, last.last, last.n, last.accuracy) == (513, None, 2, 0.5)
    assert last.interval == pytest.approx(exact(1, 2))


def test_by_score_counts_each_class_in_each_band() -> None:
    bands = by_score([0.0, 0.1, 0.25, 0.9, 1.0], [0, 1, 0, 1, 1], bands=4)
    assert [(band.negative, band.positive) for band in bands] == [(1, 1), (1, 0), (0, 0), (0, 2)]
    assert [(band.low, band.high) for band in bands] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]
    assert bands[3].mean == pytest.approx(0.95)
    assert math.isnan(bands[2].mean)
    assert bands[0].interval == pytest.approx(exact(1, 2))


def test_roc_is_the_curve_whose_area_is_the_auc() -> None:
    from sklearn.metrics import auc as area
    from sklearn.metrics import roc_auc_score

    scores, gold = sample(150, 10)
    scores = scores.round(1)
    x, y = zip(*roc(scores, gold), strict=True)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert area(x, y) == pytest.approx(roc_auc_score(gold, scores))


def test_roc_of_many_rows_keeps_few_points_and_its_shape() -> None:
    from sklearn.metrics import auc as area
    from sklearn.metrics import roc_auc_score

    scores, gold = sample(20_000, 11)
    points = roc(scores, gold)
    x, y = zip(*points, strict=True)
    assert len(points) <= 200
    assert area(x, y) == pytest.approx(roc_auc_score(gold, scores), abs=0.001)


@pytest.mark.parametrize("gold", [[], [0, 0], [1, 1]])
def test_roc_of_one_class_is_no_curve(gold: list[int]) -> None:
    assert roc([0.3, 0.7][: len(gold)], gold) == ()


# short and long texts


def test_by_kind_measures_short_and_long_texts_apart() -> None:
    settings = EvaluateSettings(most_short=10, least_of_a_kind=4)
    lengths = np.array([3, 10, 5, 1, 11, 40, 500, 20])
    gold = np.array([1, 0, 1, 0, 1, 0, 1, 0])
    scores = np.array([0.9, 0.1, 0.2, 0.3, 0.9, 0.1, 0.8, 0.2])
    kinds = by_kind(scores, gold, lengths, settings)
    assert [(kind, part.confusion.n, part.confusion.accuracy) for kind, part in kinds.items()] == [
        ("short", 4, 0.75),
        ("long", 4, 1.0),
    ]
    assert all("accuracy" in part.intervals for part in kinds.values())


def test_by_kind_says_nothing_of_a_kind_with_few_texts() -> None:
    settings = EvaluateSettings(most_short=10, least_of_a_kind=4)
    assert by_kind([0.5] * 7, [1] * 7, [5, 5, 5, 5, 50, 50, 50], settings) == {}
