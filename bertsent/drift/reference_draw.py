"""Which training rows a reference keeps: some of each kind, and of the parts of one text the longest."""

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

    Args:
        rows: The word pieces of the training rows, in their order.
        recent: Indices of the recent rows. They fill at most half of each kind.
        settings: How many rows are kept, and which are short.
        random: For the draw.
    """
    length = np.array([len(row) for row in rows], np.int64)
    is_recent = np.zeros(len(rows), np.bool_)
    is_recent[recent] = True
    short = np.flatnonzero(length <= settings.most_short)
    whole = _without_parts(rows, short[np.lexsort((-length[short], ~is_recent[short]))], settings)
    drawn = []
    for kind in (whole, np.flatnonzero(length > settings.most_short)):
        order = random.permutation(kind)
        first = order[is_recent[order]][: settings.max_rows // 2]
        rest = order[~np.isin(order, first)][: settings.max_rows - len(first)]
        drawn += [first, rest]
    return np.sort(np.concatenate(drawn))


def _without_parts(rows: Sequence[NDArray[np.int32]], candidates: Ints, settings: ReferenceSettings) -> Ints:
    """The candidates that are not part of an earlier one, ascending.

    Training data may hold a sentence and its phrases. If both were compared, a new row would differ from the
    old ones by being whole, and by having no copy among them. A row counts as a part if most of its runs of
    word pieces stand in one earlier row.
    """
    row_of: dict[bytes, int] = {}  # the first row that holds a run
    whole = []
    for index in candidates.tolist():
        row = rows[index]
        size = min(settings.run, len(row))
        runs = {row[start : start + size].tobytes() for start in range(len(row) - size + 1)}
        shared = Counter(row_of[run] for run in runs if run in row_of)
        if max(shared.values(), default=0) <= settings.most_shared * len(runs):
            whole.append(index)
            for run in runs:
                row_of.setdefault(run, index)
    return np.sort(np.array(whole, np.int64))
