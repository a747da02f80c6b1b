"""Makes batches of similar length from the word pieces of a split, without Python in the training loop."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.array_cache import Arrays, cached
from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.records.core import Review
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, Window
from bertsent.base.text import CLEANING, tokenizable
from bertsent.scoring.tokenizer import AnyTokenizer, window
from bertsent.tf import tf

_SHORTEST, _LONGEST = 4, 64  # word pieces that a crop aims at; a sentence of a film review has 20 on average
_CROP_LIMIT = 96  # word pieces; cuts sentences that do not end
_WORTH_CACHING = 1000  # texts; fewer are tokenized in a tenth of a second
_POOL = 50  # batches that are sorted by length together: little padding, yet every epoch has other batches


@dataclass(frozen=True, slots=True)
class Encoded:
    """A split as the classifier sees it: word pieces within the window, with [CLS] and [SEP]."""

    ids: NDArray[np.int32]  # all rows, one after the other
    lengths: NDArray[np.int64]  # [rows], each at most seq_length
    targets: NDArray[np.float32]  # [rows], P(positive) to learn: the label, or a pseudo-label
    weights: NDArray[np.float32] | None = None  # [rows], of each row in the loss; None: all are 1

    @classmethod
    def of(
        cls,
        rows: Sequence[NDArray[np.int32]],
        targets: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> Encoded:
        """Makes a split of these rows."""
        ids = np.concatenate(rows) if len(rows) else np.empty(0, np.int32)
        lengths = np.array([len(row) for row in rows], np.int64)
        return cls(ids=ids, lengths=lengths, targets=targets, weights=weights)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The labels nearest to the targets, 0 or 1, [rows]."""
        return (self.targets >= DEFAULT_THRESHOLD).astype(np.int64)

    @property
    def pieces(self) -> NDArray[np.int64]:
        """The number of word pieces of each row, without [CLS] and [SEP]; [rows]."""
        return self.lengths - 2

    def rows(self) -> list[NDArray[np.int32]]:
        """The rows as separate arrays, with [CLS] and [SEP]."""
        return np.split(self.ids, np.cumsum(self.lengths)[:-1]) if len(self) else []

    def word_pieces(self) -> list[NDArray[np.int32]]:
        """The rows as separate arrays, without [CLS] and [SEP]."""
        return [row[1:-1] for row in self.rows()]


def encode(
    reviews: Sequence[Review],
    tokenizer: AnyTokenizer,
    *,
    seq_length: int,
    kind: Window,
    targets: NDArray[np.float32] | None = None,
    weights: NDArray[np.float32] | None = None,
    cache: Path | None = None,
) -> Encoded:
    """Tokenizes a split once for all epochs.

    Args:
        targets: float32 [rows], P(positive) to learn; by default the labels.
        weights: float32 [rows], of each row in the loss; by default all are 1.
        cache: The folder in which `word_pieces` keeps its results.
    """
    start, end = np.array([tokenizer.start_id], np.int32), np.array([tokenizer.end_id], np.int32)
    rows = [
        np.concatenate([start, window(ids, seq_length=seq_length, kind=kind), end])
        for ids in word_pieces([review.text for review in reviews], tokenizer, cache=cache)
    ]
    if targets is None:
        targets = np.array([review.label for review in reviews], np.float32)
    return Encoded.of(rows, targets, weights)


def word_pieces(
    texts: Sequence[str], tokenizer: AnyTokenizer, *, cache: Path | None = None
) -> list[NDArray[np.int32]]:
    """The word pieces of whole texts, cleaned; read from `cache` if the same texts were tokenized before.

    A cache file is named by a digest of tokenizer and cleaned texts. The window is applied later, so all
    windows share one file.
    """
    cleaned = [tokenizable(text, CLEANING) for text in texts]
    if cache is None or len(texts) < _WORTH_CACHING:
        return tokenizer.encode(cleaned)

    def tokenize() -> Arrays:
        rows = tokenizer.encode(cleaned)
        return {"pieces": np.concatenate(rows), "ends": np.cumsum([len(row) for row in rows])}

    digest = sha256_lines([tokenizer.digest(), *map(sha256_text, cleaned)])
    arrays = cached(cache / f"{digest}.npz", tokenize)
    return np.split(arrays["pieces"], arrays["ends"][:-1])


def head(split: Encoded, count: int) -> Encoded:
    """The first `count` rows, or all rows if there are fewer."""
    weights = None if split.weights is None else split.weights[:count]
    return Encoded.of(split.rows()[:count], split.targets[:count], weights)


def join(first: Encoded, second: Encoded) -> Encoded:
    """The rows of both, one after the other."""
    weights = None
    if first.weights is not None or second.weights is not None:
        weights = np.concatenate([_weights(first), _weights(second)])
    return Encoded(
        ids=np.concatenate([first.ids, second.ids]),
        lengths=np.concatenate([first.lengths, second.lengths]),
        targets=np.concatenate([first.targets, second.targets]),
        weights=weights,
    )


def _weights(split: Encoded) -> NDArray[np.float32]:
    return np.ones(len(split), np.float32) if split.weights is None else split.weights


def sentence_ends(tokenizer: AnyTokenizer) -> NDArray[np.int32]:
    """The word pieces that end a sentence."""
    return np.unique(tokenizer.encode([". ! ?"])[0]).astype(np.int32)


def with_crops(split: Encoded, share: float, *, ends: NDArray[np.int32], seed: int, epoch: int) -> Encoded:
    """Augmentation: adds crops to a split, `share` times as many as it has rows that are no single sentence.

    A crop starts where a sentence of a review starts, takes whole sentences until it has the drawn number of
    word pieces (4 to 64, uniform on a logarithmic scale; at most `_CROP_LIMIT`), and has the review's target.
    A model trained only on whole reviews does badly on short texts, and a sentence has the label of its
    review more often than not.
    """
    last = np.cumsum(split.lengths) - 1  # the [SEP] of each row
    first = last - split.lengths + 2  # after the [CLS] of each row
    stops = np.flatnonzero(np.isin(split.ids, ends))
    stops_inside = np.searchsorted(stops, last - 1) > np.searchsorted(stops, first)
    several = np.flatnonzero(stops_inside | (last - first > _CROP_LIMIT))
    count = int(share * len(several))
    if not count:
        return split
    random = np.random.default_rng([seed, epoch, 1])
    chosen = several[random.integers(len(several), size=count)]
    inside = first[chosen] + (random.random(count) * (last - first)[chosen]).astype(np.int64)
    starts = _after(stops, inside, first[chosen])
    wanted = np.exp(random.uniform(np.log(_SHORTEST), np.log(_LONGEST), count)).astype(np.int64)
    behind = np.minimum(_until(stops, starts + wanted - 1, last[chosen]), starts + _CROP_LIMIT)
    long_enough = behind - starts >= _SHORTEST
    start_id, end_id = split.ids[:1], split.ids[last[:1]]
    crops = [
        np.concatenate([start_id, split.ids[start:end], end_id])
        for start, end in zip(starts[long_enough], behind[long_enough], strict=True)
    ]
    whole = chosen[long_enough]  # the review of each crop
    weights = None if split.weights is None else split.weights[whole]
    return join(split, Encoded.of(crops, split.targets[whole], weights))


def _after(stops: NDArray[np.int64], positions: NDArray[np.int64], least: NDArray[np.int64]) -> Any:
    """The position after the last stop before each position, at least `least`."""
    behind = np.concatenate([[0], stops + 1])[np.searchsorted(stops, positions)]
    return np.maximum(behind, least)


def _until(stops: NDArray[np.int64], positions: NDArray[np.int64], most: NDArray[np.int64]) -> Any:
    """The position after the first stop at or after each position, at most `most`."""
    if not len(stops):
        return np.minimum(positions + 1, most)
    behind = np.append(stops + 1, np.iinfo(np.int64).max)[np.searchsorted(stops, positions)]
    return np.minimum(behind, most)


def training_batches(split: Encoded, *, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Any:
    """One epoch as a tf.data.Dataset of ids int32 [batch, longest] and targets float32 [batch, 1]; a split
    with weights gives them too, float32 [batch].

    Seed and epoch decide the order, so a resumed run gets the same batches as an uninterrupted one. Batches
    are cut from pools sorted by length, then shuffled; the first `skip` of them are left out.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(split))
    groups: list[NDArray[np.int64]] = []
    for first in range(0, len(order), _POOL * batch_size):
        pool = order[first : first + _POOL * batch_size]
        pool = pool[np.argsort(split.lengths[pool], kind="stable")]
        groups += np.split(pool, range(batch_size, len(pool), batch_size))
    random.shuffle(groups)
    return _dataset(split, groups, skip=skip)


def scoring_batches(split: Encoded, *, batch_size: int) -> tuple[Any, NDArray[np.int64]]:
    """The split sorted by length, as a Dataset, and the order of its rows."""
    order = np.argsort(split.lengths, kind="stable")
    return _dataset(split, np.split(order, range(batch_size, len(order), batch_size))), order


def _dataset(split: Encoded, groups: Sequence[NDArray[np.int64]], *, skip: int = 0) -> Any:
    rows = tf.RaggedTensor.from_row_lengths(split.ids, split.lengths)
    columns = [tf.constant(split.targets[:, None], tf.float32)]
    if split.weights is not None:
        columns.append(tf.constant(split.weights, tf.float32))
    order = tf.constant(np.concatenate(groups))
    ends = list(itertools.accumulate(len(group) for group in groups))
    limits = tf.constant([0, *ends], tf.int64)

    def batch(number: Any) -> Any:
        chosen = order[limits[number] : limits[number + 1]]
        return tf.gather(rows, chosen).to_tensor(), *(tf.gather(column, chosen) for column in columns)

    dataset = tf.data.Dataset.range(skip, len(groups)).map(batch, num_parallel_calls=2)
    options = tf.data.Options()
    # The rows of a batch differ in length, so Keras must not split a batch over devices by itself.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(2)
