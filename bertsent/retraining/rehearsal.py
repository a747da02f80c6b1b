"""What stands for the data set if it is not there: the champion's reference.

A retrain needs old reviews twice: some to rehearse, so that the challenger keeps what the champion knows, and
others for the gate. `reference.npz` has the word pieces of up to 5,000 short and 5,000 long reviews that the
champion was trained on, with their labels, but not the order of the pieces. Each of its rows becomes a text
with these pieces in random order, a bag of words. Half of the bags can be rehearsed, with the champion's own
scores as targets. The other half never trains and is the test split of the gate. It is distillation without
the data, as Lopes et al. 2017, "Data-Free Knowledge Distillation for Deep Neural Networks", do it from means
of activations.

A challenger can learn to tell bags from texts, and keep what it knows to bags. So the gate also has the whole
reviews that come with bertsent, if the champion predicts these well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.records.core import Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import LABELS, POSITIVE
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.text import clean
from bertsent.base.version_names import spoken
from bertsent.data.reviews import FETCH_HINT
from bertsent.data.sample import read_sample
from bertsent.data.splits import find_data_set, has_data_set
from bertsent.drift import reference
from bertsent.drift.reference import Reference
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.selection import review_digest
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import window
from bertsent.versions.manifest import REFERENCE, Version

_RETRAIN = RetrainSettings()


def find_old_data(data: Path, *, warm_start: bool) -> Path | None:
    """The data set of a retrain for which none was named; None if the champion's reference has to do.

    Args:
        data: The workspace's `data/`.
        warm_start: Whether the retrain begins with the champion's weights. From the encoder it needs the
            reviews themselves.

    Raises:
        DataError: if there is more than one data set, or none for a start from the encoder.
    """
    return find_data_set(data) if has_data_set(data) or not warm_start else None


def stand_in(
    champion: Version, scorer: Scorer, rows: Sequence[Labelled], settings: RetrainSettings = _RETRAIN
) -> Splits:
    """The splits that stand for the data set of a version, made from its reference.

    Rows of the reference that are labels are left out, since a label may be trained on: the reference of a
    retrained version has both kinds. The digest of its text says for ever in which split a bag is.

    Args:
        champion: The version.
        scorer: Its scorer, for the tokenizer.
        rows: All labelled rows.

    Returns:
        `train`: bags to rehearse. `test`: bags that never train, and the packaged reviews that the champion
        was not trained on, if it predicts them well. `validation`: some of the bags of `test`, which show how
        the training goes; nothing is chosen by them.

    Raises:
        ArtefactError: if the reference cannot be read.
        DataError: if it is too small.
    """
    old = reference.read(champion.file(REFERENCE))
    texts = [clean(row.text) for row in rows]
    kind, seq_length = champion.manifest.window, champion.manifest.seq_length
    pieces = (window(ids, seq_length=seq_length, kind=kind) for ids in scorer.word_pieces(texts))
    others = ~old.copies_of(pieces)
    vocabulary = scorer.tokenizer.pieces(range(scorer.tokenizer.vocabulary_size))
    bags = {
        sha256_text(text): Review(text, int(label))
        for bag, label, use in zip(old.bags(), old.label, others, strict=True)
        if use and (text := _text(bag, vocabulary))
    }
    divided: tuple[list[Review], list[Review]] = [], []
    for digest in sorted(bags):
        divided[int(digest[:8], 16) % 2].append(bags[digest])
    train, test = divided
    validation = test[: settings.shown_bags]
    _require_both_labels(champion, train, validation)
    test += _packaged(old, scorer, settings)
    splits = {"train": train, "validation": validation, "test": test}
    digests = {name: review_digest(reviews) for name, reviews in splits.items()}
    return Splits(tuple(train), tuple(validation), tuple(test), digests)


def in_data(champion: Version, rows: Iterable[Labelled]) -> set[str]:
    """Digests of the rows whose text is in the data set that the version was trained on.

    The reference tells it by the digests of all texts trained on, less the labels among them. The validation
    and test reviews of the data set are not known to it.
    """
    digests = [row.digest for row in rows]
    seen = reference.read(champion.file(REFERENCE)).trained_on(digests)
    labels = set(champion.manifest.data.get("labels", {}).get("digests", ()))
    return {digest for digest, is_old in zip(digests, seen, strict=True) if is_old} - labels


def _packaged(old: Reference, champion: Scorer, settings: RetrainSettings) -> list[Review]:
    """The reviews that come with bertsent and did not train the champion; none if it predicts them badly."""
    rows = [Review(clean(row.text), LABELS[row.label]) for row in read_sample()]
    seen = old.trained_on([sha256_text(review.text) for review in rows])
    rows = [review for review, trained in zip(rows, seen, strict=True) if not trained]
    scores = champion.scores([row.text for row in rows], what="Scoring packaged reviews", progress=silent)
    right = [
        (score >= DEFAULT_THRESHOLD) == (review.label == POSITIVE)
        for score, review in zip(scores, rows, strict=True)
    ]
    return rows if sum(right) >= settings.knows_packaged * len(rows) else []


def _text(bag: NDArray[np.int32], vocabulary: Sequence[str]) -> str:
    """A text with these word pieces in an order that only they decide; each piece is a word by itself."""
    order = np.random.default_rng(np.ascontiguousarray(bag).astype(np.uint32))
    pieces = (vocabulary[piece] for piece in order.permutation(bag))
    return " ".join(piece.removeprefix("##") for piece in pieces if not _is_special(piece))


def _is_special(piece: str) -> bool:
    """Whether it stands for no characters of its own, as [UNK] does."""
    return len(piece) > 1 and piece[0] == "["


def _require_both_labels(champion: Version, *splits: Sequence[Review]) -> None:
    if all(len({review.label for review in reviews}) == 2 for reviews in splits):
        return
    raise DataError(
        f"There is no data set, and the reference of {spoken(champion.name)} is too small to stand for it.",
        received=", ".join(f"{len(reviews)} rows" for reviews in splits),
        hint=f"{FETCH_HINT}, or name the data set with --data",
    )
