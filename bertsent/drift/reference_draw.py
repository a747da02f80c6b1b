"""Which training rows a reference keeps: some of each kind, and parts of other rows last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import ReferenceSettings

Ints = NDArray[np.int64]


def draw_kinds(
    rows: Sequence[NDArray[np.int32]],
    recent: Ints,
    *,
    settings: ReferenceSettings,
    random: np.random.Generator,
) -> Ints:
    """Indices of up to `settings.max_rows` short rows and as many long ones, ascending.

    The draw is random, but a part of another short row comes last.

    Args:
        rows: The word pieces of the training rows, in their order.
        recent: Indices of the recent rows. They fill at most half of each kind.
        settings: How many rows are kept, which are short, and which are parts of others.
        random: For the draw.
    """
    length = np.array([len(row) for row in rows], np.int64)
    is_recent = np.zeros(len(rows), np.bool_)
    is_recent[recent] = True
    is_part = _parts(rows, length, is_recent, settings)
    drawn = []
    for kind in (length <= settings.most_short, length > settings.most_short):
        order = random.permutation(np.flatnonzero(kind))
        order = order[np.argsort(is_part[order], kind="stable")]
        first = order[is_recent[order]][: settings.max_rows // 2]
        rest = order[~np.isin(order, first)][: settings.max_rows - len(first)]
        drawn += [first, rest]
    return np.sort(np.concatenate(drawn))


def _parts(
    rows: Sequence[NDArray[np.int32]],
    length: Ints,
    is_recent: NDArray[np.bool_],
    settings: ReferenceSettings,
) -> NDArray[np.bool_]:
    """[rows]: whether most runs of word pieces of a short row stand in one longer row, or in a recent one.

    Training data may hold a sentence and its phrases. If both were compared with new rows, a whole sentence
    would differ from them by being whole, and a new row by having no copy among them. No row is called a part
    where all short rows are kept.
    """
    is_part = np.zeros(len(rows), np.bool_)
    short = np.flatnonzero(length <= settings.most_short)
    if len(short) <= settings.max_rows:
        return is_part
    row_of: dict[bytes, int] = {}  # the first row that holds a run
    for index in short[np.lexsort((-length[short], ~is_recent[short]))].tolist():
        row = rows[index]
        size = min(settings.run, len(row))
        runs = {row[start : start + size].tobytes() for start in range(len(row) - size + 1)}
        shared = Counter(row_of[run] for run in runs if run in row_of)
        is_part[index] = max(shared.values(), default=0) > settings.most_shared * len(runs)
        if not is_part[index]:
            for run in runs:
                row_of.setdefault(run, index)
    return is_part
