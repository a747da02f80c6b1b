"""Reviews as counts of word pieces, made comparable: same labels, same lengths, no names.

Five things make new reviews differ from old ones without drift. This module removes each of them:

- typography: all forms of quotes, dashes and dots count as one (`clean` has removed line ends and `<br />`,
  and an uncased model's tokenizer has removed case and accents);
- full stops: whether a text has any says whether it is a whole sentence, or whether its writer ends a single
  one with a stop. With them, the same 200 sentences without their last full stop measure 0.7;
- the share of positive reviews: reference rows are drawn in the same ratio of labels as the new rows;
- length: each new row is compared with reference rows of like length, a sentence with sentences and a page
  with pages. Then, within a label, longer rows lose random word pieces until old and new rows are equally
  long. The pieces that stay are a random sample, so any difference that remains lies in the words;
- names of films and actors: only word pieces that occur in many rows are compared. Reviews of films that the
  reference does not have are no drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.nearest import draw_nearest
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference, count_pieces

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Counts = csr_array[np.int64, tuple[int, int]]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PLAIN = {  # typographic character -> keyboard character
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    "\u2026": ".",
}

_FULL_STOPS = frozenset({".", "##."})


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """Reference rows, then new rows, which differ only in their words."""

    counts: Counts  # [rows, pieces], thinned
    is_new: NDArray[np.bool_]  # [rows]
    label: NDArray[np.int8]  # [rows]
    index: Ints  # [new rows], positions in the list that `match_rows` was given


def normalise_typography(
    reference: Reference, rows: Sequence[NewRow], vocabulary: Sequence[str]
) -> tuple[Reference, list[NewRow]]:
    """Gives quotes, dashes and dots one form each on both sides; changes nothing without a vocabulary."""
    from scipy.sparse import csr_array

    ids = {piece: number for number, piece in enumerate(vocabulary)}
    counts = reference.counts
    width = max([counts.shape[1], len(vocabulary), *(1 + int(row.pieces.max(initial=0)) for row in rows)])
    plain_id = np.arange(width)
    for typeset, plain in _PLAIN.items():
        if typeset in ids and plain in ids:
            plain_id[ids[typeset]] = ids[plain]
    merged = csr_array(
        (counts.data.copy(), plain_id[counts.indices], counts.indptr.copy()), shape=(counts.shape[0], width)
    )
    merged.sum_duplicates()
    return (
        replace(reference, counts=merged),
        [replace(row, pieces=plain_id[row.pieces].astype(np.int32)) for row in rows],
    )


def distinct(rows: Sequence[NewRow], reference: Reference) -> list[NewRow]:
    """The rows that are new, ordered by digest, so that the order of `rows` does not matter.

    Copies of another row are left out (many copies of one text would look like drift). So are rows of the
    reference and rows that the version was trained on, which say nothing about new reviews.
    """
    ordered = sorted(rows, key=lambda row: row.digest)
    trained = reference.trained_on([row.digest for row in ordered]).tolist()
    pieces = np.repeat(reference.counts.indices, reference.counts.data).astype(np.int32)
    seen = {row.tobytes() for row in np.split(pieces, np.cumsum(_lengths(reference.counts))[:-1])}
    fresh = []
    for row, is_known in zip(ordered, trained, strict=True):
        bag = np.sort(row.pieces).astype(np.int32).tobytes()
        if not is_known and bag not in seen:
            seen.add(bag)
            fresh.append(row)
    return fresh


def match_rows(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, random: np.random.Generator
) -> MatchedRows | None:
    """New rows and reference rows of the same labels and like lengths, thinned to the same lengths.

    A label is left out if it has fewer than `settings.least_per_class` new rows, or fewer reference rows than
    folds. If there are more than `settings.most_text_rows` new rows, a random sample of them is taken.

    Returns:
        None if fewer than `settings.least_text_rows` new rows remain.
    """
    label = np.array([row.label for row in rows], np.int8)
    labels = [
        value
        for value in (0, 1)
        if (label == value).sum() >= settings.least_per_class
        and (reference.label == value).sum() >= settings.folds
    ]
    new = np.flatnonzero(np.isin(label, labels))
    if len(new) < settings.least_text_rows:
        return None
    if len(new) > settings.most_text_rows:
        new = np.sort(random.permutation(new)[: settings.most_text_rows])
    length = np.array([len(rows[index].pieces) for index in new.tolist()], np.int64)
    old = draw_nearest(
        reference.label, reference.length, label[new], length, settings=settings, random=random
    )
    counts = _stack(reference.counts[old], [rows[index].pieces for index in new.tolist()])
    is_new = np.repeat([False, True], [len(old), len(new)])
    both = np.concatenate([reference.label[old], label[new]])
    common = _common_lengths(_lengths(counts), is_new, both, settings.shortest)
    return MatchedRows(_thin(counts, common, random), is_new, both, index=new)


def _stack(old: Counts, new: Sequence[NDArray[np.int32]]) -> Counts:
    from scipy.sparse import csr_array, vstack

    ends, pieces, counts = count_pieces(new)
    width = max(old.shape[1], int(pieces.max(initial=0)) + 1)
    above = csr_array((old.data, old.indices, old.indptr), shape=(old.shape[0], width))
    below = csr_array((counts, pieces, ends), shape=(len(new), width))
    return csr_array(vstack([above, below], format="csr"))


def _lengths(counts: Counts) -> Ints:
    return np.asarray(counts.sum(axis=1), np.int64)


def _common_lengths(length: Ints, is_new: NDArray[np.bool_], label: NDArray[np.int8], least: int) -> Ints:
    """The length for each row that gives both sides of a label the same distribution of lengths.

    Quantile matching: the row of rank r (from 0) among the n rows of its side and label has the quantile
    q = (r + 1/2) / n (Hazen 1914). Its counterpart is the row of rank floor(q m) among the m rows of the
    other side with the same label, and

        common length = min(own length, max(counterpart's length, least)).

    So no row gets longer, and the distributions agree from the length `least` upwards.
    """
    common = length.copy()
    for value in np.unique(label).tolist():
        sides = [np.flatnonzero((label == value) & (is_new == side)) for side in (False, True)]
        ordered = [side[np.argsort(length[side], kind="stable")] for side in sides]
        for own, other in (ordered, ordered[::-1]):
            quantile = (np.arange(len(own)) + 0.5) / len(own)
            counterpart = other[(quantile * len(other)).astype(np.int64)]
            common[own] = np.minimum(length[own], np.maximum(length[counterpart], least))
    return common


def _thin(counts: Counts, length: Ints, random: np.random.Generator) -> Counts:
    """Cuts each longer row to `length` pieces, drawn from it without replacement."""
    thinned = counts.copy()
    longer = np.flatnonzero(_lengths(counts) > length)
    for row, size in zip(longer.tolist(), length[longer].tolist(), strict=True):
        own = slice(counts.indptr[row], counts.indptr[row + 1])
        thinned.data[own] = random.multivariate_hypergeometric(counts.data[own], size, method="marginals")
    thinned.eliminate_zeros()
    return thinned


def document_frequency(counts: Counts, width: int) -> Ints:
    """[width]: the number of rows that contain each piece."""
    return np.bincount(counts.indices, minlength=width)


def full_stops(vocabulary: Sequence[str]) -> list[int]:
    """The ids of the word pieces that end a sentence and say nothing more; none without a vocabulary."""
    return [number for number, piece in enumerate(vocabulary) if piece in _FULL_STOPS]


def tfidf(
    matched: MatchedRows, reference: Reference, *, settings: DriftSettings, uncompared: Sequence[int] = ()
) -> Floats:
    """Frequent word pieces of each row, weighted by inverse document frequency.

    Term frequency is 1 for a piece that the row contains and 0 for others: reviews repeat names most, so
    counts would show names. If df of N reference rows contain the piece, idf = ln((1 + N) / (1 + df)) + 1
    (the smoothed idf of scikit-learn). A row is divided by its Euclidean length; then the mean row of its
    label is subtracted. A piece is frequent if at least the share `settings.frequent` of all matched rows,
    old and new, contain it. So shuffling "old" and "new" (the permutation test) changes no feature. The
    pieces in `uncompared` are no features.

    Returns:
        [rows, frequent pieces].
    """
    width = matched.counts.shape[1]
    idf = np.log((1 + reference.rows) / (1 + document_frequency(reference.counts, width))) + 1
    least = max(1.0, settings.frequent * len(matched.label))
    frequent = np.flatnonzero(document_frequency(matched.counts, width) >= least)
    frequent = frequent[~np.isin(frequent, uncompared)]
    weights = (matched.counts[:, frequent].toarray() > 0) * idf[frequent]
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    weights = np.divide(weights, norms, out=weights, where=norms > 0)
    for label in np.unique(matched.label).tolist():
        weights[matched.label == label] -= weights[matched.label == label].mean(axis=0)
    return np.asarray(weights, np.float64)
