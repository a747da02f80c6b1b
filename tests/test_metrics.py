"""Figures against counting by hand."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from bertsent.metrics import confusion, measure
from bertsent.records import Confusion

SCORES, GOLD = [0.9, 0.6, 0.5, 0.4, 0.2, 0.1], [1, 0, 1, 1, 0, 0]


def test_measure_counts_answers_at_the_threshold_as_positive() -> None:
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


def test_measure_of_certain_answers_is_finite() -> None:
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
    assert all(map(math.isnan, (found.log_loss, found.roc_auc, found.confusion.accuracy)))


def test_measure_as_json_has_the_documented_keys() -> None:
    found = measure(SCORES, GOLD, threshold=0.5).as_json()
    assert found.keys() >= {"n", "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "confusion"}
    assert found["confusion"] == {
        "true_negative": 2,
        "false_positive": 1,
        "false_negative": 1,
        "true_positive": 2,
    }


def test_confusion_takes_missing_pairs_as_zero() -> None:
    assert confusion({(1, True): 3}) == Confusion(true_positive=3)
    assert confusion({}).n == 0


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
