"""Selects the rows of a retrain: labels to train on or to reserve, and old rows of the data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import LABELS, POSITIVE
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.labelling.decisions import Labelled

_RETRAIN = RetrainSettings()
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Selection:
    """The labelled rows a retrain may use, each text once."""

    training: tuple[Labelled, ...]
    reserved: tuple[Labelled, ...]  # never trained on, by any version: the gate compares on them
    left_out: Mapping[str, int]  # why -> rows


@dataclass(frozen=True, slots=True)
class Mix:
    """The rows that a version is trained on."""

    splits: Splits  # the data set; its validation and test rows are those of the run
    old: tuple[Review, ...]  # of its training rows: all, or those drawn for a retrain
    new: tuple[Review, ...] = ()  # labelled; only a retrain has them
    reserved: tuple[Review, ...] = ()  # labelled, and never trained on
    newest: frozenset[str] = frozenset()  # digests of the labelled rows that the retrain is run for
    stand_in: bool = False  # the splits are made from a version's reference: the data set is not there
    interpolation: float = 1.0  # alpha of `tf.fit.interpolate_weights`; 1: the weights that training found

    @property
    def digest(self) -> str:
        """The SHA-256 over old and new rows, for the fingerprint of a run."""
        return sha256_lines([review_digest(self.old), review_digest(self.new)])

    def as_json(self) -> dict[str, Any]:
        """The manifest's entry on the new rows."""
        return {
            "digest": review_digest(self.new),
            "n": len(self.new),
            "positive": sum(review.label == POSITIVE for review in self.new),
            "beside": len(self.old),
            "stand_in": self.stand_in,
            "step": self.interpolation,
            "digests": sorted(sha256_text(review.text) for review in self.new),
            "reserved": sorted(sha256_text(review.text) for review in self.reserved),
        }


def select(
    rows: Sequence[Labelled],
    splits: Splits,
    *,
    in_data: Collection[str] = (),
    settings: RetrainSettings = _RETRAIN,
) -> Selection:
    """Divides labelled rows into those to train on and those to reserve.

    Texts with the same words, whatever their case, punctuation and space, count as one, with the newest
    label: nobody can flood a version with one text. Texts of the data set are left out: validation and test
    rows must not be trained on, and training rows are trained on anyway.

    Args:
        rows: The valid rows of the label log, oldest first.
        splits: The data set.
        in_data: Digests of rows that are in the data set, if `splits` cannot tell.
    """
    in_data_set = {words_digest(review.text) for _, reviews in splits.items() for review in reviews}
    in_data_set |= {words_digest(row.text) for row in rows if row.digest in in_data}
    left_out = Counter[str]()
    newest = {words_digest(row.text): row for row in rows}
    left_out["copies of another"] = len(rows) - len(newest)
    usable = {digest: row for digest, row in newest.items() if digest not in in_data_set}
    left_out["in the data set"] = len(newest) - len(usable)
    reserved = {digest for digest in usable if is_reserved(digest, settings=settings)}
    return Selection(
        training=tuple(row for digest, row in usable.items() if digest not in reserved),
        reserved=tuple(row for digest, row in usable.items() if digest in reserved),
        left_out={why: count for why, count in left_out.items() if count},
    )


def is_reserved(words: str, *, settings: RetrainSettings = _RETRAIN) -> bool:
    """Whether the text with this digest of its words is reserved. Only the digest decides it, for ever."""
    return int(words[:8], 16) % settings.reserved == 0


def words_digest(text: str) -> str:
    """The SHA-256 of a text's words in lower case; of the text itself if it has no words."""
    words = _WORD.findall(text.lower())
    return sha256_text(" ".join(words) if words else text)


def mix(
    selection: Selection,
    splits: Splits,
    *,
    all_old: bool,
    newest: Collection[str] = (),
    stand_in: bool = False,
    settings: RetrainSettings = _RETRAIN,
) -> Mix:
    """The rows of a retrain: all labelled ones, and old ones of the data set.

    Args:
        all_old: Take all training rows of the data set; else as many as `settings` say, chosen by a hash
            over text and labelled rows, so that the next retrain gets others.
        newest: Digests of the labelled rows that the retrain is run for.
        stand_in: `splits` is made from the reference of the version to retrain.
    """
    new, reserved = (
        tuple(Review(row.text, row.label) for row in rows)
        for rows in (selection.training, selection.reserved)
    )
    alpha = settings.stand_in_interpolation if stand_in else settings.interpolation
    old: Sequence[Review] = splits.train
    if not all_old:
        salt, count = review_digest(new), min(settings.old_per_new * len(new), settings.most_old)
        old = sorted(old, key=lambda review: sha256_text(salt + review.text))[:count]
    return Mix(
        splits=splits,
        old=tuple(old),
        new=new,
        reserved=reserved,
        newest=frozenset(newest),
        stand_in=stand_in,
        interpolation=1.0 if all_old else alpha,
    )


def review_digest(reviews: Sequence[Review]) -> str:
    """The SHA-256 over the digests of texts with their labels, whatever their order."""
    return sha256_lines(sorted(f"{sha256_text(review.text)} {review.label}" for review in reviews))


def row_key(row: Labelled) -> str:
    """Identifies a row and its label in 17 characters; a corrected label changes the key."""
    return row.digest[:16] + ("+" if row.label == POSITIVE else "-")


def described(rows: Sequence[Labelled]) -> dict[str, Any]:
    """Counts and times of labelled rows, for the manifest of a version."""
    times = [row.time for row in rows if row.time]
    return {
        "n": len(rows),
        **{name: sum(row.label == label for row in rows) for name, label in LABELS.items()},
        "picked_by": dict(Counter(row.picked_by for row in rows)),
        "first": min(times, default=""),
        "last": max(times, default=""),
    }
