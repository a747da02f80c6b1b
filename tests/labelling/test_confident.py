"""Confident learning: the arithmetic of the paper, and wrong labels that are there to be found."""

from __future__ import annotations

import numpy as np
import pytest

from bertsent.labelling.checking.confident import find_errors


def test_thresholds_joint_and_share_by_hand() -> None:
    # Thresholds: of positive (0.9 + 0.8 + 0.1) / 3 = 0.6; of negative (0.9 + 0.7 + 0.8 + 0.15) / 4 = 0.6375.
    scores = np.array([0.9, 0.8, 0.1, 0.1, 0.3, 0.2, 0.85])
    labels = np.array([1, 1, 1, 0, 0, 0, 0])
    errors = find_errors(scores, labels)
    assert errors.rows.tolist() == [2, 6]  # margins -0.8 and -0.7
    # C = [[3, 1], [1, 2]]; its rows have 4 and 3 rows already.
    assert errors.share == pytest.approx((1 + 1) / 7)


def test_rows_below_both_thresholds_are_not_counted_and_the_joint_is_scaled() -> None:
    # Thresholds: positive (0.9 + 0.9 + 0.5 + 0.1) / 4 = 0.6; negative (1 + 0.8 + 0.5) / 3 = 0.7667.
    scores = np.array([0.9, 0.9, 0.5, 0.1, 0.0, 0.2, 0.5])
    labels = np.array([1, 1, 1, 1, 0, 0, 0])
    errors = find_errors(scores, labels)
    assert errors.rows.tolist() == [3]
    # C = [[2, 0], [1, 2]]: 1 of 3 counted positive rows is wrong, so 4 / 3 of 4.
    assert errors.share == pytest.approx((4 / 3) / 7)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_errors(label: int) -> None:
    errors = find_errors(np.array([0.1, 0.9]), np.full(2, label))
    assert (len(errors.rows), errors.share) == (0, 0.0)


def test_planted_errors_are_found_and_counted() -> None:
    random = np.random.default_rng(3)
    true = random.integers(0, 2, 4000)
    scores = np.clip(np.where(true == 1, 0.85, 0.15) + random.normal(0, 0.15, 4000), 0, 1)
    wrong = random.random(4000) < 0.05
    errors = find_errors(scores, np.where(wrong, 1 - true, true))
    flagged = np.isin(np.arange(4000), errors.rows)
    assert wrong[flagged].mean() > 0.9
    assert flagged[wrong].mean() > 0.6  # scores below the mean of their class are not counted
    assert errors.share == pytest.approx(0.05, abs=0.012)
    assert wrong[errors.rows[:100]].all()
