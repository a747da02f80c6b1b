"""Evening out the labels: which rows train, with which weights, and what the loss makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_bert

from bertsent.base.records.core import Review

pytestmark = pytest.mark.usefixtures("tensorflow")
Folders = tuple[Path, Path]
OLD = tuple(Review(f"old review {number}", int(number % 5 != 0)) for number in range(40))  # 32 of 40 positive
NEW = tuple(Review(f"new review {number}", int(number % 3 != 0)) for number in range(9))  # 6 of 9


def balanced(rule: Any, *, seed: int = 42) -> Any:
    from bertsent.tf.balance import balance

    return balance(OLD, NEW, rule, seed=seed)


def test_none_takes_every_row_as_it_is() -> None:
    result = balanced("none")
    assert result.rows.tolist() == list(range(49))
    assert result.weights is None


def test_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    result = balanced("weights")
    labels = [review.label for review in (*OLD, *NEW)]
    assert result.rows.tolist() == list(range(49))
    np.testing.assert_allclose(result.weights, compute_sample_weight("balanced", labels), rtol=1e-6)
    assert result.as_json() == {
        "negative": {"n": 11, "weight": pytest.approx(49 / 22)},
        "positive": {"n": 38, "weight": pytest.approx(49 / 76)},
    }


def test_downsample_leaves_out_rows_of_the_commoner_label_old_ones_first() -> None:
    result = balanced("downsample")
    labels = np.array([review.label for review in (*OLD, *NEW)])
    assert sorted(result.rows) == result.rows.tolist()
    assert np.bincount(labels[result.rows]).tolist() == [11, 11]
    assert {*range(40, 49)} <= {*result.rows.tolist()}
    assert balanced("downsample").rows.tolist() == result.rows.tolist()
    assert balanced("downsample", seed=7).rows.tolist() != result.rows.tolist()


def test_downsample_draws_by_the_text_and_not_by_the_order() -> None:
    from bertsent.tf.balance import balance

    def texts(old: tuple[Review, ...]) -> set[str]:
        return {old[row].text for row in balance(old, (), "downsample", seed=42).rows}

    assert texts(OLD) == texts(OLD[::-1])


def test_weights_come_with_their_rows_and_crops_have_those_of_their_review() -> None:
    from bertsent.tf.batches import Encoded, join, training_batches, with_crops

    rows = [np.array([101, number + 1, *[7] * (number % 9), 8, 9, 102], np.int32) for number in range(200)]
    weights = np.arange(200, dtype=np.float32)
    split = Encoded.of(rows, np.zeros(200, np.float32), weights)
    plain = Encoded.of(rows[:3], np.ones(3, np.float32))
    assert join(split, plain).weights.tolist() == [*weights, 1, 1, 1]  # type: ignore[union-attr]
    assert join(plain, plain).weights is None
    cropped = with_crops(split, 1.0, ends=np.array([8], np.int32), seed=1, epoch=1)
    assert len(cropped) > 250
    for row, weight in zip(cropped.rows()[200:], cropped.weights[200:], strict=True):  # type: ignore[index]
        assert row[1] - 1 == weight or row[1] in {7, 8, 9}
    seen = 0
    for ids, targets, given in training_batches(split, batch_size=16, seed=1, epoch=1).as_numpy_iterator():
        assert targets.shape == (len(ids), 1)
        assert (ids[:, 1] - 1).tolist() == given.tolist()
        seen += len(ids)
    assert seen == 200


def test_the_loss_weighs_each_row(tiny_encoder: Folders) -> None:
    from bertsent.tf import encoder, fit
    from bertsent.tf.batches import Encoded, training_batches

    loaded = encoder.load(str(tiny_encoder[0]), preprocessor=str(tiny_encoder[1]))
    classifier = fit.compiled(loaded, tiny_bert.settings(tiny_encoder), steps=1)
    rows = [np.array([2, 10 + number, 20, 3], np.int32) for number in range(32)]
    targets = (np.arange(32) % 4 == 0).astype(np.float32)
    weights = np.where(targets == 1, 2.0, 2 / 3).astype(np.float32)

    def loss(split: Encoded) -> float:
        batches = training_batches(split, batch_size=32, seed=1, epoch=1)
        return float(classifier.evaluate(batches, verbose=0, return_dict=True)["loss"])

    plain = Encoded.of(rows, targets)
    logits = fit.predict_logits(classifier, plain).astype(np.float64)
    entropy = np.log1p(np.exp(-np.where(targets == 1, logits, -logits)))
    assert loss(plain) == pytest.approx(entropy.mean(), rel=1e-4)
    assert loss(Encoded.of(rows, targets, weights)) == pytest.approx((weights * entropy).mean(), rel=1e-4)
