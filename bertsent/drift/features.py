"""Reviews as counts of word pieces, made comparable: same labels, same lengths, no names.

Four things tell new reviews from old ones without anything having drifted, and each is taken out here:

- how quotes and dashes are set: their forms count as one (line ends, `<br />` and, for an uncased model, case
  and accents are gone before);
- the share of positive reviews: reference rows are drawn with the labels of the new rows;
- the length: within a label, rows are thinned to common lengths, piece by piece at random. A bag of words
  that lost a random part of its words is a shorter bag of the same words, so what is left of a difference
  lies in the words;
- the names of films and actors: only word pieces that stand in many of the rows are looked at. Reviews of
  films that the reference does not know are no drift.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Counts = csr_array[np.int64, tuple[int, int]]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    "\u2026": ".",
}  # what typesetting makes of a character -> the character


@dataclass(frozen=True, slots=True)
class Compared:
    """Reference rows and new rows that differ in nothing but their words, one below the other."""

    counts: Counts  # [rows, pieces], thinned
    is_new: NDArray[np.bool_]  # [rows]
    label: NDArray[np.int8]  # [rows]
    row: Ints  # [rows], the place of a new row in the list it came from; -1 for a reference row


def plain(
    reference: Reference, rows: Sequence[NewRow], vocabulary: Sequence[str]
) -> tuple[Reference, list[NewRow]]:
    """Both sides with one form of quotes, dashes and dots each; without a vocabulary as they are."""
    number = {piece: place for place, piece in enumerate(vocabulary)}
    width = max(
        [reference.counts.shape[1], len(vocabulary), *(1 + int(row.pieces.max(initial=0)) for row in rows)]
    )
    same = np.arange(width)
    for set_so, meant in _PLAIN.items():
        if set_so in number and meant in number:
            same[number[set_so]] = number[meant]
    if (same == np.arange(width)).all():
        return reference, list(rows)
    return (
        replace(reference, counts=_renumbered(reference.counts, same)),
        [replace(row, pieces=same[row.pieces].astype(np.int32)) for row in rows],
    )


def _renumbered(counts: Counts, same: Ints) -> Counts:
    from scipy.sparse import csr_array

    moved = csr_array(
        (counts.data.copy(), same[counts.indices], counts.indptr.copy()), shape=(counts.shape[0], len(same))
    )
    moved.sum_duplicates()
    return moved


def distinct(rows: Sequence[NewRow], reference: Reference) -> list[NewRow]:
    """The rows that say something new, in an order that does not depend on that of `rows`.

    Left out are copies of another row and rows that the reference holds or knows as trained on: many copies
    of one text would look like drift, and what was trained on says nothing about new reviews.
    """
    ordered = sorted(rows, key=lambda row: row.digest)
    trained = reference.knows([row.digest for row in ordered])
    met = {_signature(*pair) for pair in _pairs(reference.counts)}
    kept = []
    for row, is_known in zip(ordered, trained.tolist(), strict=True):
        signature = _signature(*np.unique(row.pieces, return_counts=True))
        if not is_known and signature not in met:
            met.add(signature)
            kept.append(row)
    return kept


def _pairs(counts: Counts) -> list[tuple[NDArray[np.int32], Ints]]:
    ends = counts.indptr.tolist()
    return [(counts.indices[begin:end], counts.data[begin:end]) for begin, end in itertools.pairwise(ends)]


def _signature(pieces: NDArray[np.int32], counts: Ints) -> bytes:
    return pieces.astype(np.int32).tobytes() + counts.astype(np.int32).tobytes()


def compare(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, random: np.random.Generator
) -> Compared | None:
    """New rows and a draw of reference rows of the same labels, thinned to the same lengths.

    A label of which there are fewer than `settings.least_per_class` new rows, or fewer reference rows than
    folds, is left out; of very many new rows some are drawn.

    Returns:
        None where fewer than `settings.least_text_rows` new rows remain.
    """
    label = np.array([row.label for row in rows], np.int8)
    chosen = _labels_to_compare(label, reference, settings)
    new = np.flatnonzero(np.isin(label, chosen))
    if len(new) < settings.least_text_rows:
        return None
    if len(new) > settings.most_text_rows:
        new = np.sort(random.permutation(new)[: settings.most_text_rows])
    old = _draw(reference.label, label[new], settings, random)
    counts = _stack(reference.counts, old, [rows[place].pieces for place in new.tolist()])
    is_new = np.repeat([False, True], [len(old), len(new)])
    labels = np.concatenate([reference.label[old], label[new]])
    common = _common_lengths(_lengths(counts), is_new, labels, settings.shortest)
    return Compared(
        counts=_thin(counts, common, random),
        is_new=is_new,
        label=labels,
        row=np.concatenate([np.full(len(old), -1), new]),
    )


def _labels_to_compare(label: NDArray[np.int8], reference: Reference, settings: DriftSettings) -> list[int]:
    least = settings.least_per_class
    return [
        each
        for each in (0, 1)
        if (label == each).sum() >= least and (reference.label == each).sum() >= settings.folds
    ]


def _draw(
    old: NDArray[np.int8], new: NDArray[np.int8], settings: DriftSettings, random: np.random.Generator
) -> Ints:
    """Places of reference rows: of each label so many times the new ones, and one for each fold at least."""
    wanted = {label: int((new == label).sum()) for label in np.unique(new).tolist()}
    there = {label: random.permutation(np.flatnonzero(old == label)) for label in wanted}
    times = min([float(settings.reference_per_row), *(len(there[each]) / wanted[each] for each in wanted)])
    drawn = [there[each][: max(settings.folds, int(times * wanted[each]))] for each in wanted]
    return np.sort(np.concatenate(drawn))


def _stack(counts: Counts, old: Ints, new: Sequence[NDArray[np.int32]]) -> Counts:
    from scipy.sparse import csr_array, vstack

    counted = [np.unique(pieces, return_counts=True) for pieces in new]
    width = max([counts.shape[1], *(int(pieces[-1]) + 1 for pieces, _ in counted if len(pieces))])
    taken = counts[old]
    above = csr_array((taken.data, taken.indices, taken.indptr), shape=(len(old), width))
    ends = np.cumsum([0, *(len(pieces) for pieces, _ in counted)])
    indices = np.concatenate([pieces for pieces, _ in counted])
    data = np.concatenate([times for _, times in counted])
    below = csr_array((data, indices, ends), shape=(len(new), width))
    return csr_array(vstack([above, below], format="csr"))


def _lengths(counts: Counts) -> Ints:
    return np.asarray(counts.sum(axis=1), np.int64)


def _common_lengths(length: Ints, is_new: NDArray[np.bool_], label: NDArray[np.int8], least: int) -> Ints:
    """For each row the smaller of its length and that of its like on the other side, but `least` pieces.

    A row's like has the same label and the same rank among its lengths: afterwards the lengths of both sides
    are spread alike from `least` on, and no row was made longer.
    """
    common = length.copy()
    for each in np.unique(label).tolist():
        sides = [np.flatnonzero((label == each) & (is_new == side)) for side in (False, True)]
        ordered = [side[np.argsort(length[side], kind="stable")] for side in sides]
        for mine, others in (ordered, ordered[::-1]):
            rank = (np.arange(len(mine)) + 0.5) / len(mine)
            like = others[(rank * len(others)).astype(np.int64)]
            common[mine] = np.minimum(length[mine], np.maximum(length[like], least))
    return common


def _thin(counts: Counts, length: Ints, random: np.random.Generator) -> Counts:
    """The rows with as many pieces as `length` says, drawn from each without replacement."""
    thinned = counts.copy()
    longer = np.flatnonzero(_lengths(counts) > length)
    for row, kept in zip(longer.tolist(), length[longer].tolist(), strict=True):
        place = slice(counts.indptr[row], counts.indptr[row + 1])
        thinned.data[place] = random.multivariate_hypergeometric(counts.data[place], kept, method="marginals")
    thinned.eliminate_zeros()
    return thinned


def weigh(compared: Compared, reference: Reference, *, settings: DriftSettings) -> Floats:
    """Which frequent word pieces stand in a row, weighed by their rarity in the reference.

    How often a piece stands in a row does not count, for names are what reviews repeat most. A piece is
    frequent that stands in `settings.frequent` of the compared rows, old and new together: so shuffling "old"
    and "new" (the permutation test) changes no feature. Rows have length 1, then the mean row of their label
    is taken off.

    Returns:
        [rows, frequent pieces].
    """
    width = compared.counts.shape[1]
    known = np.bincount(reference.counts.indices, minlength=width)
    rarity = np.log((1 + reference.rows) / (1 + known)) + 1
    standing = np.bincount(compared.counts.indices, minlength=width)
    frequent = np.flatnonzero(standing >= max(1.0, settings.frequent * len(compared.label)))
    weights = (compared.counts[:, frequent].toarray() > 0) * rarity[frequent]
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    weights = np.divide(weights, norms, out=weights, where=norms > 0)
    for label in np.unique(compared.label).tolist():
        weights[compared.label == label] -= weights[compared.label == label].mean(axis=0)
    return np.asarray(weights, np.float64)
