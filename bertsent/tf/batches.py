"""Word pieces of a split -> batches of like length for Keras, without Python in the step loop."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.records import Review
from bertsent.settings import TrainSettings
from bertsent.tf import tf
from bertsent.tokenizer import AnyTokenizer, window

_POOL = 50  # batches sorted by length together: little padding, and batches still differ every epoch


@dataclass(frozen=True, slots=True)
class Encoded:
    """A split as the classifier sees it: word pieces within the window, with [CLS] and [SEP]."""

    ids: NDArray[np.int32]  # all rows one after the other
    lengths: NDArray[np.int64]  # [rows], each at most seq_length
    labels: NDArray[np.int64]  # [rows], 0 or 1

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self) -> list[NDArray[np.int32]]:
        """The rows one by one, with [CLS] and [SEP]."""
        return np.split(self.ids, np.cumsum(self.lengths)[:-1]) if len(self) else []


def encode(reviews: Sequence[Review], tokenizer: AnyTokenizer, settings: TrainSettings) -> Encoded:
    """Tokenizes a split once, for all epochs."""
    start, end = np.array([tokenizer.start_id], np.int32), np.array([tokenizer.end_id], np.int32)
    rows = [
        np.concatenate([start, window(ids, seq_length=settings.seq_length, kind=settings.window), end])
        for ids in tokenizer.encode([review.text for review in reviews])
    ]
    return Encoded(
        ids=np.concatenate(rows) if rows else np.empty(0, np.int32),
        lengths=np.array([len(row) for row in rows], np.int64),
        labels=np.array([review.label for review in reviews], np.int64),
    )


def training_batches(split: Encoded, *, batch_size: int, seed: int, epoch: int) -> Any:
    """One epoch as a tf.data.Dataset of ids int32 [batch, longest] and labels float32 [batch, 1].

    The order follows from seed and epoch, so a resumed run sees what an unbroken one would have seen.
    Batches are cut from pools sorted by length, then shuffled.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(split))
    groups: list[NDArray[np.int64]] = []
    for first in range(0, len(order), _POOL * batch_size):
        pool = order[first : first + _POOL * batch_size]
        pool = pool[np.argsort(split.lengths[pool], kind="stable")]
        groups += np.split(pool, range(batch_size, len(pool), batch_size))
    random.shuffle(groups)
    return _dataset(split, groups)


def scoring_batches(split: Encoded, *, batch_size: int) -> tuple[Any, NDArray[np.int64]]:
    """The split sorted by length as a Dataset, and the order its rows come in."""
    order = np.argsort(split.lengths, kind="stable")
    return _dataset(split, np.split(order, range(batch_size, len(order), batch_size))), order


def _dataset(split: Encoded, groups: Sequence[NDArray[np.int64]]) -> Any:
    rows = tf.RaggedTensor.from_row_lengths(split.ids, split.lengths)
    labels = tf.constant(split.labels[:, None], tf.float32)
    order = tf.constant(np.concatenate(groups))
    ends = list(itertools.accumulate(len(group) for group in groups))
    limits = tf.constant([0, *ends], tf.int64)

    def batch(number: Any) -> Any:
        chosen = order[limits[number] : limits[number + 1]]
        return tf.gather(rows, chosen).to_tensor(), tf.gather(labels, chosen)

    dataset = tf.data.Dataset.range(len(groups)).map(batch, num_parallel_calls=2)
    options = tf.data.Options()
    # Rows of one batch differ in length, so Keras must not try to split a batch over devices by itself.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(2)
