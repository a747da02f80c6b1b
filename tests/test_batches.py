"""Batches of like length, and the optimizers' learning rates."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from bertsent.records import Review
from bertsent.settings import Optimizer, TrainSettings

ROWS, BATCH = 1990, 16


@pytest.fixture(scope="module")
def split() -> Any:
    """Rows of 3 to 40 pieces; the piece in the middle of a row is its number."""
    pytest.importorskip("tensorflow", reason="needs bertsent[train]")
    from bertsent.tf.batches import Encoded

    lengths = np.random.default_rng(5).integers(3, 41, ROWS)
    rows = [
        np.array([101, number + 1, *[7] * (length - 3), 102], np.int32)
        for number, length in enumerate(lengths)
    ]
    return Encoded(ids=np.concatenate(rows), lengths=lengths, labels=np.arange(ROWS) % 2)


def numbers(dataset: Any) -> list[int]:
    """The numbers of the rows in the order they come."""
    return [int(row) - 1 for ids, _ in dataset.as_numpy_iterator() for row in ids[:, 1]]


def batches(split: Any, **options: int) -> Any:
    from bertsent.tf.batches import training_batches

    return training_batches(split, **{"batch_size": BATCH, "seed": 42, "epoch": 1} | options)


def test_training_batches_bring_every_row_once(split: Any) -> None:
    order = numbers(batches(split))
    assert sorted(order) == list(range(ROWS))


def test_training_batches_follow_from_seed_and_epoch(split: Any) -> None:
    order = numbers(batches(split))
    assert numbers(batches(split)) == order
    assert numbers(batches(split, epoch=2)) != order
    assert numbers(batches(split, seed=43)) != order


def test_training_batches_keep_row_and_label_together(split: Any) -> None:
    for ids, labels in batches(split).as_numpy_iterator():
        assert labels.shape == (len(ids), 1)
        assert labels.dtype == np.float32
        assert ((ids[:, 1] - 1) % 2 == labels[:, 0]).all()


def test_training_batches_hold_rows_of_like_length(split: Any) -> None:
    shapes = [ids.shape for ids, _ in batches(split).as_numpy_iterator()]
    padded = sum(rows * width for rows, width in shapes)
    assert padded < 1.1 * split.lengths.sum()  # in random order it is 1.75 times as much
    assert Counter(rows for rows, _ in shapes) == {BATCH: ROWS // BATCH, ROWS % BATCH: 1}
    assert [width for _, width in shapes] != sorted(width for _, width in shapes)


def test_training_batches_pad_with_0_to_the_longest(split: Any) -> None:
    for ids, _ in batches(split).as_numpy_iterator():
        lengths = (ids != 0).sum(axis=1)
        assert lengths.max() == ids.shape[1]
        assert (lengths == split.lengths[ids[:, 1] - 1]).all()


def test_scoring_batches_say_how_to_restore_the_order(split: Any) -> None:
    from bertsent.tf.batches import scoring_batches

    dataset, order = scoring_batches(split, batch_size=BATCH)
    restored = np.empty(ROWS, int)
    restored[order] = numbers(dataset)
    assert restored.tolist() == list(range(ROWS))
    widths = [ids.shape[1] for ids, _ in dataset.as_numpy_iterator()]
    assert widths == sorted(widths)


def test_rows_are_those_that_were_encoded(split: Any) -> None:
    rows = split.rows()
    assert [len(row) for row in rows] == split.lengths.tolist()
    assert [row[1] for row in rows] == list(range(1, ROWS + 1))
    assert {(int(row[0]), int(row[-1])) for row in rows} == {(101, 102)}


def test_encode_cuts_to_the_window(trained: Any) -> None:
    from bertsent.tf.batches import encode
    from bertsent.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_file(trained / "1" / "vocab.txt", lower_case=True)
    reviews = [Review("good " * 50, 1), Review("bad", 0)]
    encoded = encode(reviews, tokenizer, TrainSettings(seq_length=10))
    assert encoded.lengths.tolist()[0] == 10
    assert encoded.labels.tolist() == [1, 0]
    for row in encoded.rows():
        assert (row[0], row[-1]) == (tokenizer.start_id, tokenizer.end_id)


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_create_warms_up_and_decays_to_nothing(name: Optimizer) -> None:
    pytest.importorskip("tensorflow", reason="needs bertsent[train]")
    from bertsent.tf import optimizer

    settings = TrainSettings(optimizer=name, init_lr=1e-3, warmup=0.1)
    rate = optimizer.create(settings, steps=100).learning_rate
    rates = [float(rate(step)) for step in range(101)]
    assert rates[0] == 0
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == pytest.approx(9e-4)  # what the decay has left of it when the warm-up ends
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0


def test_create_starts_high_without_warmup() -> None:
    pytest.importorskip("tensorflow", reason="needs bertsent[train]")
    from bertsent.tf import optimizer

    for name in get_args(Optimizer):
        settings = replace(TrainSettings(optimizer=name, init_lr=1e-3), warmup=0.0)
        assert math.isclose(float(optimizer.create(settings, steps=100).learning_rate(0)), 1e-3, rel_tol=1e-6)
