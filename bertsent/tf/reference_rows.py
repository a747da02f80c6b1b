"""Writes the reference of a trained version: what `drift` will compare new reviews with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.records.training import CROSS_VALIDATION
from bertsent.drift import reference
from bertsent.tf.batches import Encoded
from bertsent.tf.training_run import TrainingRun
from bertsent.versions.manifest import REFERENCE, Version


@dataclass(frozen=True, slots=True)
class _Old:
    """The part of a reference that tells of the data set."""

    pieces: Sequence[NDArray[np.int32]]  # of training rows, within the window
    labels: Sequence[int]  # of these rows
    heldout_scores: NDArray[np.float32]  # P(positive) of rows that training did not see
    heldout_labels: Sequence[int]
    heldout_lengths: NDArray[np.int32]  # of these rows, word pieces within the window; negative: not known
    digests: Sequence[str]  # of all texts trained on


def write(
    file: Path,
    run: TrainingRun,
    encoded: Mapping[str, Encoded],
    scores: Mapping[str, NDArray[np.float32]],
) -> None:
    """Writes training rows, old and labelled, and held-out rows: validation rows and reserved labels.

    Args:
        file: The file.
        run: The run.
        encoded: Its rows by split.
        scores: P(positive) of the held-out splits, by the LiteRT file; of a run with folds also those of the
            cross-validation, which then are the held-out ones.
    """
    mix, begun_with = run.mix, run.warm_start
    if mix.stand_in and begun_with is not None:
        old = _inherited(run, begun_with, encoded)
    else:
        old = _of_data_set(run, encoded, scores)
    reserved = scores.get("reserved", np.empty(0, np.float32))
    reference.write(
        file,
        rows=[*old.pieces, *_labelled(run, encoded)],
        labels=[*old.labels, *_labels(mix.new)],
        heldout_scores=np.concatenate([old.heldout_scores, reserved]),
        heldout_labels=[*old.heldout_labels, *_labels(mix.reserved)],
        heldout_lengths=np.concatenate([old.heldout_lengths, _lengths(encoded.get("reserved"))]),
        seed=run.settings.seed,
        digests=[*old.digests, *_digests(mix.new)],
        seen=reference.read(begun_with.file(REFERENCE)).seen if begun_with else (),
        newest=[False] * len(old.pieces) + [digest in mix.newest for digest in _digests(mix.new)],
        heldout_newest=[False] * len(old.heldout_labels)
        + [digest in mix.newest for digest in _digests(mix.reserved)],
    )


def _of_data_set(
    run: TrainingRun, encoded: Mapping[str, Encoded], scores: Mapping[str, NDArray[np.float32]]
) -> _Old:
    judged = CROSS_VALIDATION if CROSS_VALIDATION in scores else "validation"
    return _Old(
        pieces=encoded["train"].word_pieces()[: len(run.mix.old)],
        labels=_labels(run.mix.old),
        heldout_scores=scores[judged],
        heldout_labels=encoded[judged].labels.tolist(),
        heldout_lengths=_lengths(encoded[judged]),
        digests=_digests(run.splits.train),
    )


def _inherited(run: TrainingRun, version: Version, encoded: Mapping[str, Encoded]) -> _Old:
    """What the version that training began with says of its data set, which is not there.

    Labels that it was trained on or that were reserved from it are left out: they come again with this run's.
    The scores of the held-out rows are that version's own and stand for those of the new one.
    """
    before = reference.read(version.file(REFERENCE))
    is_old = ~before.copies_of(_labelled(run, encoded))
    reserved = version.manifest.data.get("labels", {}).get("reserved", ())
    heldout = slice(len(before.heldout_label) - len(reserved))  # the reserved ones are last: see `write`
    return _Old(
        pieces=[bag for bag, use in zip(before.bags(), is_old, strict=True) if use],
        labels=before.label[is_old].tolist(),
        heldout_scores=before.heldout_score[heldout],
        heldout_labels=before.heldout_label[heldout].tolist(),
        heldout_lengths=before.heldout_length[heldout],
        digests=(),  # `seen` of that version has them
    )


def _labelled(run: TrainingRun, encoded: Mapping[str, Encoded]) -> list[NDArray[np.int32]]:
    """The word pieces of the labelled rows to train on."""
    return encoded["train"].word_pieces()[len(run.mix.old) :]


def _lengths(encoded: Encoded | None) -> NDArray[np.int32]:
    """[rows]: the word pieces of each row, without [CLS] and [SEP]; empty without a split."""
    pieces = encoded.word_pieces() if encoded is not None else []
    return np.array([len(row) for row in pieces], np.int32)


def _labels(reviews: Sequence[Review]) -> list[int]:
    return [int(review.label or 0) for review in reviews]


def _digests(reviews: Sequence[Review]) -> list[str]:
    return [sha256_text(review.text) for review in reviews]
