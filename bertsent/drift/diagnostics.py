"""What is shown beside the measures: lengths, scores, truncation, and the words that moved. Never judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import Compared as ComparedRows
from bertsent.drift.features import Floats
from bertsent.drift.records import Compared, Diagnostics, NewRow, Word
from bertsent.drift.reference import Reference


def diagnose(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    duplicates: int,
    compared: ComparedRows | None,
    vocabulary: Sequence[str],
    settings: DriftSettings,
) -> Diagnostics:
    """Looks at the new rows beside the reference.

    Args:
        reference: What the version was made with.
        rows: The distinct new rows.
        duplicates: How many others were left out.
        compared: The rows of the text measure; without it no word is said to have moved.
        vocabulary: The version's word pieces by id, "##" before those that continue a word; or none.
        settings: Bins, words.
    """
    length = np.array([len(row.pieces) for row in rows], np.int64)
    scores = np.array([row.score for row in rows], np.float64)
    longest = int(max(reference.length.max(initial=1), length.max(initial=1)))
    return Diagnostics(
        length=_spread(
            reference.length,
            length,
            edges=np.geomspace(1, longest + 1, settings.length_bins + 1),
            scale=lambda values: np.log(np.maximum(values, 1)),
        ),
        scores=_spread(
            reference.heldout_score,
            scores[np.isfinite(scores)],
            edges=np.linspace(0, 1, settings.score_bins + 1),
        ),
        truncated_old=_filled(reference.length),
        truncated_new=sum(row.truncated for row in rows) / len(rows) if rows else math.nan,
        duplicates=duplicates,
        words=tuple(_words(compared, rows, vocabulary, settings)) if compared is not None else (),
    )


def _spread(
    old: NDArray[np.generic],
    new: NDArray[np.generic],
    *,
    edges: Floats,
    scale: Callable[[Floats], Floats] = lambda values: values,
) -> Compared:
    from scipy.stats import ks_2samp, wasserstein_distance

    before, after = (np.clip(side.astype(np.float64), edges[0], edges[-1]) for side in (old, new))
    counts = [tuple(np.histogram(side, edges)[0].tolist()) for side in (before, after)]
    if not len(before) or not len(after):
        return Compared(edges=tuple(edges.tolist()), old=counts[0], new=counts[1])
    return Compared(
        p_value=float(ks_2samp(before, after, method="asymp").pvalue),
        distance=float(wasserstein_distance(scale(before), scale(after))),
        median_old=float(np.median(before)),
        median_new=float(np.median(after)),
        edges=tuple(edges.tolist()),
        old=counts[0],
        new=counts[1],
    )


def _filled(length: NDArray[np.int32]) -> float:
    """The share of reference rows that fill the window: of them all but a few were longer."""
    full = int((length == length.max(initial=0)).sum())
    return full / len(length) if full > 1 else 0.0  # one longest row is just that


def _words(
    compared: ComparedRows, rows: Sequence[NewRow], vocabulary: Sequence[str], settings: DriftSettings
) -> Iterable[Word]:
    """The pieces whose share of reviews moved furthest, in standard errors, at equal lengths and labels."""
    moved = _moved(compared, least=settings.frequent)
    order = np.argsort(-np.abs(moved), kind="stable")
    order = order[np.abs(moved[order]) >= settings.least_moved]
    for direction, chosen in (("more", order[moved[order] > 0]), ("less", order[moved[order] < 0])):
        found: dict[str, Word] = {}
        for piece in chosen.tolist():
            text = _whole_word(piece, rows, vocabulary)
            if text is not None:
                word = Word(piece, "more" if direction == "more" else "less", abs(float(moved[piece])), text)
                found.setdefault(text or str(piece), word)
            if len(found) == settings.words:
                break
        yield from found.values()


def _moved(compared: ComparedRows, *, least: float) -> Floats:
    """[pieces]: the difference of the shares of rows that hold a piece, in its standard errors; 0 for a piece
    that fewer than the share `least` of all rows hold."""
    width = compared.counts.shape[1]
    new, old = (
        (np.bincount(compared.counts[side].indices, minlength=width), int(side.sum()))
        for side in (compared.is_new, ~compared.is_new)
    )
    share = (new[0] + old[0]) / (new[1] + old[1])
    error = np.sqrt(share * (1 - share) * (1 / new[1] + 1 / old[1]))
    difference = new[0] / new[1] - old[0] / old[1]
    return np.asarray(np.divide(difference, error, out=np.zeros(width), where=(share >= least) & (error > 0)))


def _whole_word(piece: int, rows: Sequence[NewRow], vocabulary: Sequence[str]) -> str | None:
    """The word to show for a piece: itself, or of a continuation the word it is most often part of.

    None where there is no such word among the new rows (the reference keeps no order of its pieces), and for
    punctuation, which says little to a reader.
    """
    if piece >= len(vocabulary):
        return ""
    text = vocabulary[piece]
    if not text.startswith("##"):
        return text if text[0].isalnum() else None
    words: Counter[str] = Counter()
    for row in rows:
        for place in np.flatnonzero(row.pieces == piece).tolist():
            words[_around([vocabulary[each] for each in row.pieces.tolist()], place)] += 1
    return min(words, key=lambda word: (-words[word], word)) if words else None


def _around(pieces: Sequence[str], place: int) -> str:
    first, last = place, place + 1
    while first > 0 and pieces[first].startswith("##"):
        first -= 1
    while last < len(pieces) and pieces[last].startswith("##"):
        last += 1
    return "".join(piece.removeprefix("##") for piece in pieces[first:last])
