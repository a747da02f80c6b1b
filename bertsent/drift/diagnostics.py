"""Facts reported beside the measures but never judged: lengths, scores, truncation, words that moved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import Floats, MatchedRows, document_frequency
from bertsent.drift.records import Diagnostics, Histograms, NewRow, Word
from bertsent.drift.reference import Reference


def diagnose(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    duplicates: int,
    matched: MatchedRows | None,
    vocabulary: Sequence[str],
    settings: DriftSettings,
) -> Diagnostics:
    """Compares the new rows with the reference.

    Args:
        reference: What the version was made with.
        rows: The distinct new rows.
        duplicates: How many rows were left out as not distinct.
        matched: The rows of the text measure; None: no words are compared.
        vocabulary: The version's word pieces by id, "##" before those that continue a word; may be empty.
        settings: How many bins and words.
    """
    length = np.array([len(row.pieces) for row in rows], np.int64)
    scores = np.array([row.score for row in rows], np.float64)
    longest = int(max(reference.length.max(initial=1), length.max(initial=1)))
    return Diagnostics(
        length=_histograms(
            reference.length,
            length,
            np.geomspace(1, longest + 1, settings.length_bins + 1),
            log=True,
        ),
        scores=_histograms(
            reference.heldout_score, scores[np.isfinite(scores)], np.linspace(0, 1, settings.score_bins + 1)
        ),
        truncated_old=_truncated(reference.length),
        truncated_new=sum(row.truncated for row in rows) / len(rows) if rows else math.nan,
        duplicates=duplicates,
        words=tuple(_words(matched, rows, vocabulary, settings)) if matched is not None else (),
    )


def _histograms(
    old: NDArray[np.generic], new: NDArray[np.generic], edges: Floats, *, log: bool = False
) -> Histograms:
    from scipy.stats import ks_2samp, wasserstein_distance

    before, after = (np.clip(side.astype(np.float64), edges[0], edges[-1]) for side in (old, new))
    counts = [tuple(np.histogram(side, edges)[0].tolist()) for side in (before, after)]
    histograms = Histograms(edges=tuple(edges.tolist()), old=counts[0], new=counts[1])
    if not len(old) or not len(new):
        return histograms
    return replace(
        histograms,
        p_value=float(ks_2samp(before, after, method="asymp").pvalue),
        distance=float(
            wasserstein_distance(np.log(before), np.log(after))
            if log
            else wasserstein_distance(before, after)
        ),
        median_old=float(np.median(before)),
        median_new=float(np.median(after)),
    )


def _truncated(length: NDArray[np.int32]) -> float:
    """The share of reference rows that fill the window; nearly all of these were cut."""
    full = int((length == length.max(initial=0)).sum())
    return full / len(length) if full > 1 else 0.0  # a single longest row may be shorter than the window


def _words(
    matched: MatchedRows, rows: Sequence[NewRow], vocabulary: Sequence[str], settings: DriftSettings
) -> Iterator[Word]:
    """Yields the words whose frequency changed most, in standard errors, at equal lengths and labels."""
    change = _change(matched, least=settings.frequent)
    order = np.argsort(-np.abs(change), kind="stable")
    order = order[np.abs(change[order]) >= settings.least_moved]
    directions: tuple[tuple[Literal["more", "less"], int], ...] = (("more", 1), ("less", -1))
    for direction, sign in directions:
        words: dict[str, Word] = {}
        for piece in order[sign * change[order] > 0].tolist():
            text = _whole_word(piece, rows, vocabulary)
            if text is not None:
                words.setdefault(text or str(piece), Word(piece, direction, abs(float(change[piece])), text))
            if len(words) == settings.words:
                break
        yield from words.values()


def _change(matched: MatchedRows, *, least: float) -> Floats:
    """[pieces]: the z-score of a piece's share of the new rows against its share of the old ones, with the
    pooled standard error; 0 for a piece that is in less than the share `least` of all rows."""
    width = matched.counts.shape[1]
    n_new, n_old = int(matched.is_new.sum()), int((~matched.is_new).sum())
    new = document_frequency(matched.counts[matched.is_new], width)
    old = document_frequency(matched.counts[~matched.is_new], width)
    share = (new + old) / (n_new + n_old)
    error = np.sqrt(share * (1 - share) * (1 / n_new + 1 / n_old))
    difference = new / n_new - old / n_old
    return np.asarray(np.divide(difference, error, out=np.zeros(width), where=(share >= least) & (error > 0)))


def _whole_word(piece: int, rows: Sequence[NewRow], vocabulary: Sequence[str]) -> str | None:
    """The word to report for a piece: itself, or for a continuation the word it is most often part of.

    Returns None for punctuation, which says little to a reader, and if no new row has such a word (the
    reference does not keep the order of its pieces). Returns "" without a vocabulary.
    """
    if piece >= len(vocabulary):
        return ""
    text = vocabulary[piece]
    if not text.startswith("##"):
        return text if text[0].isalnum() else None
    words: Counter[str] = Counter()
    for row in rows:
        for index in np.flatnonzero(row.pieces == piece).tolist():
            words[_word_at(index, [vocabulary[number] for number in row.pieces.tolist()])] += 1
    return min(words, key=lambda word: (-words[word], word)) if words else None


def _word_at(index: int, pieces: Sequence[str]) -> str:
    """The word that the piece at `index` is part of."""
    first, last = index, index + 1
    while first > 0 and pieces[first].startswith("##"):
        first -= 1
    while last < len(pieces) and pieces[last].startswith("##"):
        last += 1
    return "".join(piece.removeprefix("##") for piece in pieces[first:last])
