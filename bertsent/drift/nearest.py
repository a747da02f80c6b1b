"""Draws the reference rows that new rows are compared with: same labels, nearest lengths."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings

Ints = NDArray[np.int64]


def draw_nearest(
    old_label: NDArray[np.int8],
    old_length: NDArray[np.int32],
    label: NDArray[np.int8],
    length: Ints,
    *,
    settings: DriftSettings,
    random: np.random.Generator,
) -> Ints:
    """Indices of reference rows: for each label the same multiple of its new rows, at least one per fold.

    The rows of a label are drawn in rounds. In a round each new row, in random order, takes the unused
    reference row whose length is nearest to its own (ties at random). It takes one that is much longer, which
    can be thinned, rather than one that is much shorter, because then the new row would lose words. There are
    up to `settings.reference_per_row` rounds; fewer if the rows of some length are used up, because further
    rounds would give sentences fewer counterparts than pages.

    This is fair: which rows are drawn depends on labels and lengths, never on words. Of two rows with equal
    label and length, one old and one new, either may be the new one.
    """
    wanted = {value: int((label == value).sum()) for value in np.unique(label).tolist()}
    rows: dict[int, Ints] = {}
    for value in wanted:
        own = np.flatnonzero(old_label == value)
        rows[value] = own[_rounds(old_length[own], length[label == value], settings, random)]
    times = min(float(settings.reference_per_row), *(len(rows[value]) / wanted[value] for value in wanted))
    drawn = [rows[value][: max(settings.folds, int(times * wanted[value]))] for value in wanted]
    return np.sort(np.concatenate(drawn))


def _rounds(old: NDArray[np.int32], new: Ints, settings: DriftSettings, random: np.random.Generator) -> Ints:
    """Indices into `old`, round after round; the first one ends early if `old` has fewer rows than `new`."""
    order = random.permutation(len(old))
    order = order[np.argsort(old[order], kind="stable")]  # rows of one length stay in random order
    unused, lengths = order.tolist(), old[order].tolist()
    drawn: list[int] = []
    most_apart = 0
    for _ in range(settings.reference_per_row):
        taken: list[int] = []
        apart = 0
        for target in new[random.permutation(len(new))].tolist()[: len(unused)]:
            place = _place(lengths, target, settings, random)
            apart += abs(lengths.pop(place) - target) > _slack(target, settings)
            taken.append(unused.pop(place))
        if len(drawn) == 0:
            most_apart = apart + int(settings.unmatched * len(new))
        elif len(taken) < len(new) or apart > most_apart:
            break
        drawn += taken
    return np.array(drawn, np.int64)


def _place(lengths: list[int], target: int, settings: DriftSettings, random: np.random.Generator) -> int:
    """The place of the nearest length that is not much shorter than the target, else of the longest one."""
    above = bisect_left(lengths, target)
    if above == len(lengths):
        return above - 1
    if not above or lengths[above - 1] < target - _slack(target, settings):
        return above
    nearer = (lengths[above] - target) - (target - lengths[above - 1])
    return above - 1 if nearer > 0 or (nearer == 0 and random.integers(2)) else above


def _slack(length: int, settings: DriftSettings) -> float:
    """How many word pieces a row of like length may have more or less."""
    return max(settings.least_slack, settings.slack * length)
