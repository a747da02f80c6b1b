"""After a retrain: chooses the reference mixture nearest to the new reviews.

A retrained version was made with two kinds of reviews: older ones, and recent ones, which are the labels that
the retrain was run for. New reviews that resemble either kind are no drift. So they are compared with a
mixture of both kinds, in the ratio nearest to them. This choice can make drift look smaller, never larger.

If the older reviews are both short and long ones, short and long ones have a mixture each. Otherwise new
sentences would seem to resemble recent ones because both are short, whatever they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import document_frequency
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference

_Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Part:
    """All rows, or all short ones, or all long ones."""

    known: _Bools  # [reference rows]
    held_out: _Bools  # [held-out rows]; those of unknown length are in no part
    new: _Bools  # [new rows]


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
        The mixture and the share of recent rows in it, weighted by the new rows of a length that has one. If
        a kind has too few rows, or the words of both kinds do not differ: the unchanged reference and NaN.
    """
    recent = reference.newest
    if min(int(recent.sum()), int((~recent).sum()), len(rows)) < settings.least_rows:
        return reference, np.nan
    parts = _parts(reference, rows, settings)
    shares = [_share_of_part(reference, rows, part, settings, divided=len(parts) > 1) for part in parts]
    weights = [int(part.new.sum()) * (not np.isnan(share)) for part, share in zip(parts, shares, strict=True)]
    if not any(weights):
        return reference, np.nan
    overall = float(np.average(np.nan_to_num(shares), weights=weights))
    random = np.random.default_rng(seed)
    chosen, held_out = [], []
    for part, share in zip(parts, shares, strict=True):
        chosen.append(_draw(part.known, recent, share, random))
        held_out.append(_draw(part.held_out, reference.heldout_newest, share, random))
    of_no_part = ~np.any([part.held_out for part in parts], axis=0)
    held_out.append(_draw(of_no_part, reference.heldout_newest, overall, random))
    return _rows_of(reference, np.sort(np.concatenate(chosen)), np.sort(np.concatenate(held_out))), overall


def _rows_of(reference: Reference, chosen: NDArray[np.int64], held_out: NDArray[np.int64]) -> Reference:
    return replace(
        reference,
        counts=reference.counts[chosen],
        label=reference.label[chosen],
        length=reference.length[chosen],
        newest=reference.newest[chosen],
        heldout_score=reference.heldout_score[held_out],
        heldout_label=reference.heldout_label[held_out],
        heldout_length=reference.heldout_length[held_out],
        heldout_newest=reference.heldout_newest[held_out],
    )


def _parts(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> list[_Part]:
    """Short and long rows apart, if there are enough older ones of each; otherwise all as one part."""
    new = np.array([len(row.pieces) <= settings.most_short for row in rows])
    known, held = reference.length <= settings.most_short, reference.heldout_length <= settings.most_short
    has_length = reference.heldout_length >= 0
    older = known[~reference.newest]
    if min(int(older.sum()), int((~older).sum())) >= settings.least_stratum:
        return [_Part(known, has_length & held, new), _Part(~known, has_length & ~held, ~new)]
    return [_Part(*(np.ones(count, np.bool_) for count in (len(known), len(held), len(new))))]


def _share_of_part(
    reference: Reference, rows: Sequence[NewRow], part: _Part, settings: DriftSettings, *, divided: bool
) -> float:
    """The share of recent rows in a part's mixture; NaN if a kind has too few rows or no words of its own."""
    recent = reference.newest[part.known]
    least = settings.least_per_class if divided else settings.least_rows
    if min(int(recent.sum()), int((~recent).sum()), int(part.new.sum())) < least:
        return float(np.nan)
    own = _rows_of(reference, np.flatnonzero(part.known), np.flatnonzero(part.held_out))
    return _recent_share(own, [rows[index] for index in np.flatnonzero(part.new).tolist()], settings)


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


def _draw(part: _Bools, recent: _Bools, share: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the most rows of a part that have this share of recent ones; of all its rows if a kind is
    missing, or if the share is NaN."""
    rows = np.flatnonzero(part)
    counts = int(recent[rows].sum()), int((~recent[rows]).sum())
    if not all(counts) or np.isnan(share):
        return rows
    total = min(count / each for count, each in zip(counts, (share, 1 - share), strict=True) if each > 0)
    order = random.permutation(rows)
    first = order[recent[order]][: round(share * total)]
    rest = order[~recent[order]][: round((1 - share) * total)]
    return np.concatenate([first, rest])
