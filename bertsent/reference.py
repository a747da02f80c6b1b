"""reference.npz: what `drift` compares new reviews with, without the data set or a text of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.files import atomic_write
from bertsent.settings import ReferenceSettings


def write(
    path: Path,
    *,
    rows: Sequence[NDArray[np.int32]],
    labels: ArrayLike,
    heldout_scores: ArrayLike,
    heldout_labels: ArrayLike,
    seed: int,
    digests: Sequence[str] = (),
    settings: ReferenceSettings | None = None,
) -> None:
    """Writes the reference of a version.

    Arrays: `indptr` [n + 1], `pieces` and `counts` (the word-piece counts of n training rows in CSR
    form), `label` [n], `length` [n] (word pieces within the window); `heldout_score` and
    `heldout_label` of the validation rows, which training did not see; `seen` [k], where digests are given.

    Args:
        path: The file.
        rows: Word pieces of the training rows, within the window, without special tokens.
        labels: Their gold labels.
        heldout_scores: P(positive) of the validation rows by the LiteRT file.
        heldout_labels: Their gold labels.
        seed: Of the draw, where there are more rows than `settings.max_rows`.
        digests: SHA-256 in hex of every text trained on, so that `drift` knows them again: eight bytes each.
        settings: How many rows are kept.
    """
    limit = (settings or ReferenceSettings()).max_rows
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(rows))[:limit])
    counted = [np.unique(rows[row], return_counts=True) for row in chosen]
    arrays: dict[str, NDArray[Any]] = {
        "indptr": np.cumsum([0, *(len(pieces) for pieces, _ in counted)], dtype=np.int64),
        "pieces": np.concatenate([pieces for pieces, _ in counted]).astype(np.int32),
        "counts": np.concatenate([counts for _, counts in counted]).astype(np.uint16),
        "label": np.asarray(labels, np.int8)[chosen],
        "length": np.array([len(rows[row]) for row in chosen], np.int32),
        "heldout_score": np.asarray(heldout_scores, np.float32),
        "heldout_label": np.asarray(heldout_labels, np.int8),
    }
    if digests:
        arrays["seen"] = np.unique(np.array([int(digest[:16], 16) for digest in digests], np.uint64))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy types the keywords as its flag
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())
