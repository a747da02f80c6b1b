"""Copies among the rows of a data set: inside it, between train and test, and of what is labelled already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.data.duplicates import sketch
from bertsent.labelling.checking.rows import Rows
from bertsent.labelling.decisions import Labelled

Ints = NDArray[np.int64]
Pair = tuple[int, int]  # numbers of two rows with text


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows that copy others."""

    count: int = 0  # rows, or texts where a finding counts texts
    examples: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledCopies:
    """Rows whose text a person has labelled already."""

    count: int = 0
    contradicted: int = 0  # with the other label
    examples: tuple[int, ...] = ()  # of these


@dataclass(frozen=True, slots=True)
class CopiesInData:
    """What the digests and sketches of the rows show. Copies have the same words, whatever their case and
    punctuation; near copies share at least half of their runs of three words."""

    repeated: Pairs  # the same words again in the same part
    near: Pairs
    contradicted: Pairs  # texts, with both labels
    near_contradicted: Pairs
    leaked: Pairs  # rows of other parts whose words the train part has
    near_leaked: Pairs
    labelled: LabelledCopies
    compared: int  # distinct texts that were compared for near copies
    distinct: int  # distinct texts


def find_copies(rows: Rows, labelled: Sequence[Labelled], *, examples: int) -> CopiesInData:
    """Finds the copies in the rows.

    Args:
        rows: All rows, read.
        labelled: What a person has labelled.
        examples: How many pairs to return of each kind.
    """
    keys = np.asarray(rows.keys, np.uint64)
    labels, part = np.asarray(rows.labels, np.int8), np.asarray(rows.part, np.int8)
    order = np.argsort(keys, kind="stable")
    begins = np.ones(len(keys), np.bool_)
    begins[1:] = keys[order[1:]] != keys[order[:-1]]
    group = np.empty(len(keys), np.int64)
    group[order] = np.cumsum(begins) - 1
    first = order[begins][group] if len(keys) else group
    number = {name: index for index, name in enumerate(rows.parts)}
    in_train = part == number.get("train", -1)
    near = [(int(rows.near_rows[one]), int(rows.near_rows[other])) for one, other in rows.near.pairs()]
    return CopiesInData(
        repeated=_repeated(keys, part, first, examples),
        near=_some([pair for pair in near if part[pair[0]] == part[pair[1]]], examples),
        contradicted=_contradicted(group, labels, examples),
        near_contradicted=_some([pair for pair in near if {*labels[[*pair]].tolist()} == {0, 1}], examples),
        leaked=_leaked(keys, in_train, examples),
        near_leaked=_some([pair for pair in near if in_train[pair[0]] != in_train[pair[1]]], examples),
        labelled=_labelled(keys, labels, labelled, examples),
        compared=len(rows.near),
        distinct=int(begins.sum()),
    )


def _some(pairs: Sequence[Pair], examples: int) -> Pairs:
    return Pairs(len(pairs), tuple(pairs[:examples]))


def _repeated(keys: NDArray[np.uint64], part: NDArray[np.int8], first: Ints, examples: int) -> Pairs:
    count = sum(
        len(inside) - len(np.unique(inside)) for inside in (keys[part == one] for one in np.unique(part))
    )
    later = np.flatnonzero((first != np.arange(len(first))) & (part[first] == part))[:examples]
    return Pairs(count, tuple((int(first[row]), row) for row in later.tolist()))


def _contradicted(group: Ints, labels: NDArray[np.int8], examples: int) -> Pairs:
    """Texts with both labels; the examples are their first negative and positive rows."""
    count = int(group.max(initial=-1)) + 1
    has = [np.bincount(group[labels == label], minlength=count) > 0 for label in (0, 1)]
    both = np.flatnonzero(has[0] & has[1])
    shown = []
    for one in both[:examples].tolist():
        members = np.flatnonzero(group == one)
        shown.append(
            (int(members[labels[members] == 0][0]), int(members[labels[members] == 1][0])),
        )
    return Pairs(len(both), tuple(shown))


def _leaked(keys: NDArray[np.uint64], in_train: NDArray[np.bool_], examples: int) -> Pairs:
    train = np.flatnonzero(in_train)
    rows = np.flatnonzero(~in_train)
    leaked = rows[np.isin(keys[rows], keys[train])] if len(train) else rows[:0]
    return Pairs(
        len(leaked),
        tuple((int(train[keys[train] == keys[row]][0]), row) for row in leaked[:examples].tolist()),
    )


def _labelled(
    keys: NDArray[np.uint64], labels: NDArray[np.int8], labelled: Sequence[Labelled], examples: int
) -> LabelledCopies:
    by_key: Mapping[int, int] = {int.from_bytes(sketch(row.text).words, "big"): row.label for row in labelled}
    if not by_key:
        return LabelledCopies()
    rows = np.flatnonzero(np.isin(keys, np.fromiter(by_key, np.uint64)))
    human = np.array([by_key[key] for key in keys[rows].tolist()], np.int8)
    wrong = rows[(labels[rows] >= 0) & (labels[rows] != human)]
    return LabelledCopies(len(rows), len(wrong), tuple(wrong[:examples].tolist()))
