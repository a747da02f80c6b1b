"""After a retrain: chooses the reference mixture nearest to the new reviews.

A retrained version was made with two kinds of reviews: older ones, and recent ones, which are the labels that
the retrain was run for. New reviews that resemble either kind are no drift. So they are compared with a
mixture of both kinds, in the ratio nearest to them. This choice can make drift look smaller, never larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import document_frequency
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference


def mix_reference(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, seed: int
) -> tuple[Reference, float]:
    """Mixes recent and older rows, of the reference and held out, in the ratio nearest to the new rows.

    Args:
        reference: What the version was made with.
        rows: The new rows.
        settings: The fewest rows of each kind for a mixture, and which word pieces are compared.
        seed: For the draw.

    Returns:
        The mixture and its share of recent rows. If a kind has too few rows, or the words of both kinds do
        not differ: the unchanged reference and NaN.
    """
    recent = reference.newest
    few = min(int(recent.sum()), int((~recent).sum()), len(rows)) < settings.least_rows
    share = np.nan if few else _recent_share(reference, rows, settings)
    if np.isnan(share):
        return reference, share
    random = np.random.default_rng(seed)
    chosen = _draw(recent, share, random)
    held_out = _draw(reference.heldout_newest, share, random)
    mixture = replace(
        reference,
        counts=reference.counts[chosen],
        label=reference.label[chosen],
        length=reference.length[chosen],
        newest=recent[chosen],
        heldout_score=reference.heldout_score[held_out],
        heldout_label=reference.heldout_label[held_out],
        heldout_length=reference.heldout_length[held_out],
        heldout_newest=reference.heldout_newest[held_out],
    )
    return mixture, share


def _recent_share(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> float:
    """Where the new rows lie between the older rows (0) and the recent ones (1).

    Let n, r and o be the shares of new, recent and older rows that contain a word piece, with one entry per
    frequent piece. The point of the line from o to r nearest to n (least squares) is o + s (r - o) with

        s = (n - o).(r - o) / |r - o|^2, held within [0, 1].

    Sampling adds its variance to both products: v_r + v_o to |r - o|^2 and v_o to the numerator, with the
    binomial v = p (1 - p) / rows. This variance is subtracted. If r and o differ by chance only, what remains
    of |r - o|^2 has the standard deviation sqrt(2 sum (v_r + v_o)^2). NaN unless it exceeds three of these.
    """
    width = max(reference.counts.shape[1], *(1 + int(row.pieces.max(initial=0)) for row in rows))
    new = np.zeros(width)
    for row in rows:
        new[np.unique(row.pieces)] += 1 / len(rows)
    count = int(reference.newest.sum())
    others = reference.rows - count
    recent = document_frequency(reference.counts[reference.newest], width) / count
    older = document_frequency(reference.counts[~reference.newest], width) / others
    frequent = np.maximum(recent, older) >= settings.frequent
    new, recent, older = new[frequent], recent[frequent], older[frequent]
    variance_recent = recent * (1 - recent) / count
    variance_older = older * (1 - older) / others
    difference = recent - older
    squared = float((difference**2 - variance_recent - variance_older).sum())
    if squared <= 3 * np.sqrt(2 * ((variance_recent + variance_older) ** 2).sum()):
        return float(np.nan)
    product = float(((new - older) * difference - variance_older).sum())
    return float(np.clip(product / squared, 0, 1))


def _draw(recent: NDArray[np.bool_], share: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the most rows that have this share of recent ones; of all rows if a kind is missing."""
    counts = int(recent.sum()), int((~recent).sum())
    if not all(counts):
        return np.arange(len(recent))
    total = min(count / part for count, part in zip(counts, (share, 1 - share), strict=True) if part > 0)
    order = random.permutation(len(recent))
    first = order[recent[order]][: round(share * total)]
    rest = order[~recent[order]][: round((1 - share) * total)]
    return np.sort(np.concatenate([first, rest]))
