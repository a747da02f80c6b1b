"""After a retrain: which part of what a version was made with do new reviews resemble?

A version that was retrained knows two kinds of reviews: the old ones, and those labels that the retrain was
run for. Reviews that go on as they were when it was retrained are no drift, though old rows are among what
trained; nor are reviews as they were before. So new reviews are compared with the two in the ratio that is
nearest to them. Choosing it by the new reviews can only make drift look smaller, never larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]


def blend(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, seed: int
) -> tuple[Reference, float]:
    """The reference rows and held-out rows in the ratio of newest to others that is nearest to new rows.

    Args:
        reference: What the version was made with.
        rows: The new rows.
        settings: From how many newest rows on they are looked at, and which word pieces.
        seed: Of the draw.

    Returns:
        The reference, and the share of its newest rows; as it is, and NaN, where it has too few newest rows
        or they are worded as the others are.
    """
    newest = reference.newest
    few = min(int(newest.sum()), int((~newest).sum()), len(rows)) < settings.least_rows
    share = np.nan if few else _share(reference, rows, settings)
    if np.isnan(share):
        return reference, share
    random = np.random.default_rng(seed)
    kept = _in_ratio(newest, share, random)
    held = _in_ratio(reference.heldout_newest, share, random)
    blended = replace(
        reference,
        counts=reference.counts[kept],
        label=reference.label[kept],
        length=reference.length[kept],
        newest=newest[kept],
        heldout_score=reference.heldout_score[held],
        heldout_label=reference.heldout_label[held],
        heldout_newest=reference.heldout_newest[held],
    )
    return blended, share


def _share(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> float:
    """Where the new rows lie between the others (0) and the newest (1), by the shares of rows that hold a
    word piece: the nearest point of the line, what chance adds to both products taken off. NaN where newest
    and others lie no further apart than chance (three deviations) would put them."""
    width = max(reference.counts.shape[1], *(1 + int(row.pieces.max(initial=0)) for row in rows))
    new = np.zeros(width)
    for row in rows:
        new[np.unique(row.pieces)] += 1 / len(rows)
    newest = _standing(reference.counts[reference.newest], width)
    others = _standing(reference.counts[~reference.newest], width)
    frequent = np.maximum(newest, others) >= settings.frequent
    new, newest, others = new[frequent], newest[frequent], others[frequent]
    count = int(reference.newest.sum())
    chance_newest = newest * (1 - newest) / count
    chance_others = others * (1 - others) / (reference.rows - count)
    apart = newest - others
    length = float((apart**2 - chance_newest - chance_others).sum())
    if length <= 3 * np.sqrt(2 * ((chance_newest + chance_others) ** 2).sum()):
        return float(np.nan)
    along = float(((new - others) * apart - chance_others).sum())
    return float(np.clip(along / length, 0, 1))


def _standing(counts: csr_array[np.int64, tuple[int, int]], width: int) -> Floats:
    """[width]: the share of rows that hold a piece."""
    return np.bincount(counts.indices, minlength=width) / counts.shape[0]


def _in_ratio(newest: NDArray[np.bool_], share: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Places of as many rows as there are with this share of newest ones; all, where one kind is missing."""
    there = int(newest.sum()), int((~newest).sum())
    if not all(there):
        return np.arange(len(newest))
    whole = min(count / part for count, part in zip(there, (share, 1 - share), strict=True) if part > 0)
    order = random.permutation(len(newest))
    first = order[newest[order]][: round(share * whole)]
    rest = order[~newest[order]][: round((1 - share) * whole)]
    return np.sort(np.concatenate([first, rest]))
