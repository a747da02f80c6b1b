"""reference.npz: what `drift` compares new reviews with. It holds no text of the data set."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.display import size, visible
from bertsent.base.errors import ArtefactError
from bertsent.base.files import atomic_write
from bertsent.base.settings.drift import ReferenceSettings
from bertsent.drift.reference_draw import draw_kinds

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MOST_BYTES = 256 * 1024**2  # unpacked; 10,000 rows of 510 different pieces each are 32 MB
_UNKNOWN = -1  # length of a held-out row that an earlier version of bertsent wrote
_MOST_PIECES = 2**20  # ids are smaller; BERT's largest vocabulary, the multilingual one, has 119,547


@dataclass(frozen=True, slots=True)
class Reference:
    """What a version keeps of the reviews it was made with."""

    counts: csr_array[np.int64, tuple[int, int]]  # [n, pieces]: how often a row holds each word piece
    label: NDArray[np.int8]  # [n], gold
    length: NDArray[np.int32]  # [n], word pieces within the window
    heldout_score: NDArray[np.float32]  # [m], P(positive) of rows that training did not see
    heldout_label: NDArray[np.int8]  # [m], gold
    heldout_length: NDArray[np.int32]  # [m], word pieces within the window; negative: not known
    seen: NDArray[np.uint64]  # [k >= 0], sorted: the first 64 bits of the digest of each text trained on
    newest: NDArray[np.bool_]  # [n], recent rows: the labels that a retrain was run for; otherwise False
    heldout_newest: NDArray[np.bool_]  # [m], recent rows that were reserved for the gate

    @property
    def rows(self) -> int:
        return len(self.label)

    def bags(self) -> list[NDArray[np.int32]]:
        """The word pieces of each row, in the order of their ids: a review's own order is not in the file."""
        pieces = np.repeat(self.counts.indices, self.counts.data).astype(np.int32)
        return np.split(pieces, np.cumsum(self.length)[:-1]) if self.rows else []

    def copies_of(self, rows: Iterable[NDArray[np.int32]]) -> NDArray[np.bool_]:
        """[n]: whether a row has the same word pieces, each as often, as one of `rows`."""
        bags = {np.sort(row).astype(np.int32).tobytes() for row in rows}
        return np.array([bag.tobytes() in bags for bag in self.bags()], np.bool_)

    def trained_on(self, digests: Sequence[str]) -> NDArray[np.bool_]:
        """[digests]: whether the version was trained on each text, given by its SHA-256 in hex."""
        return np.isin(_first_64_bits(digests), self.seen)


def write(
    path: Path,
    *,
    rows: Sequence[NDArray[np.int32]],
    labels: ArrayLike,
    heldout_scores: ArrayLike,
    heldout_labels: ArrayLike,
    heldout_lengths: ArrayLike = (),
    seed: int,
    digests: Sequence[str] = (),
    seen: ArrayLike = (),
    newest: ArrayLike = (),
    heldout_newest: ArrayLike = (),
    settings: ReferenceSettings | None = None,
) -> None:
    """Writes the reference of a version.

    Arrays: `indptr` [n + 1], `pieces` and `counts` (the word-piece counts of n training rows in CSR form),
    `label` [n], `length` [n] (word pieces within the window); `heldout_score` and `heldout_label` [m] of the
    validation rows, which training did not see, and `heldout_length` [m] if it is given; `seen` [k] if
    digests are given; `newest` [n] and `heldout_newest` [m] of a retrain.

    Args:
        path: The file.
        rows: Word pieces of the training rows, within the window, without special tokens.
        labels: Their gold labels.
        heldout_scores: P(positive) of the validation and reserved rows, by the LiteRT file.
        heldout_labels: Their gold labels.
        heldout_lengths: Their word pieces within the window; negative where that is not known.
        seed: For the draw, if there are more rows than `settings` keeps.
        digests: SHA-256 in hex of every text trained on. Eight bytes of each are kept: `drift` recognises it.
        seen: `seen` of the version that training began with.
        newest: Which rows are labels that the retrain was run for; they fill at most half of each kind.
        heldout_newest: Which held-out rows are such labels.
        settings: How many rows are kept of each kind.
    """
    first = np.flatnonzero(newest)
    chosen = draw_kinds(
        rows, first, settings=settings or ReferenceSettings(), random=np.random.default_rng(seed)
    )
    ends, pieces, counts = count_pieces([rows[row] for row in chosen])
    arrays: dict[str, NDArray[Any]] = {
        "indptr": ends,
        "pieces": pieces.astype(np.int32),
        "counts": counts.astype(np.uint16),
        "label": np.asarray(labels, np.int8)[chosen],
        "length": np.array([len(rows[row]) for row in chosen], np.int32),
        "heldout_score": np.asarray(heldout_scores, np.float32),
        "heldout_label": np.asarray(heldout_labels, np.int8),
    }
    if np.size(heldout_lengths):
        arrays["heldout_length"] = np.asarray(heldout_lengths, np.int32)
    trained_on = np.concatenate([_first_64_bits(digests), np.asarray(seen, np.uint64)])
    if len(trained_on):
        arrays["seen"] = np.unique(trained_on)
    if len(first):
        arrays |= {"newest": np.isin(chosen, first), "heldout_newest": np.asarray(heldout_newest, np.bool_)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's types take the keywords for its flag
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def count_pieces(
    rows: Sequence[NDArray[np.int32]],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """The word-piece counts of n > 0 rows in CSR form: ends [n + 1], pieces and counts [non-zero]."""
    counted = [np.unique(row, return_counts=True) for row in rows]
    ends = np.cumsum([0, *(len(pieces) for pieces, _ in counted)], dtype=np.int64)
    pieces, counts = (np.concatenate(arrays) for arrays in zip(*counted, strict=True))
    return ends, pieces, counts


def read(path: Path) -> Reference:
    """Reads the reference of a version.

    Raises:
        ArtefactError: if the file is missing, damaged, or was not made by `write`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                raise ValueError(f"more than {_MOST_BYTES} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            return _checked(dict(arrays))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtefactError(
            f"{visible(str(path))} is not the reference of a version.",
            received=size(path.stat().st_size) if path.is_file() else "no file",
            hint="use another version (--model N), or train again",
        ) from error


def _checked(arrays: dict[str, NDArray[Any]]) -> Reference:
    """The arrays as a reference; ValueError if they do not fit each other."""
    from scipy.sparse import csr_array

    ends, pieces, counts = (arrays[name].astype(np.int64) for name in ("indptr", "pieces", "counts"))
    label, length = arrays["label"].astype(np.int8), arrays["length"].astype(np.int32)
    score, gold = arrays["heldout_score"].astype(np.float32), arrays["heldout_label"].astype(np.int8)
    held_length = arrays.get("heldout_length", np.full(len(gold), _UNKNOWN)).astype(np.int32)
    newest = arrays.get("newest", np.zeros(len(label))).astype(np.bool_)
    held_newest = arrays.get("heldout_newest", np.zeros(len(gold))).astype(np.bool_)
    consistent = (
        all(array.ndim == 1 for array in (ends, pieces, counts, label, length, score, gold))
        and len(ends) == len(label) + 1 == len(length) + 1
        and len(pieces) == len(counts) == ends[-1]
        and ends[0] == 0
        and bool((np.diff(ends) >= 0).all() and (counts > 0).all())
        and bool(((pieces >= 0) & (pieces < _MOST_PIECES)).all())
        and len(score) == len(gold)
        and held_length.shape == gold.shape
        and newest.shape == label.shape
        and held_newest.shape == gold.shape
        and bool(np.isin(np.concatenate([label, gold]), (0, 1)).all())
        and bool(((score >= 0) & (score <= 1)).all())
    )
    if not consistent:
        raise ValueError("arrays that do not fit each other")
    width = int(pieces.max(initial=0)) + 1
    rows = csr_array((counts, pieces, ends), shape=(len(label), width))
    if (np.asarray(rows.sum(axis=1)) != length).any():
        raise ValueError("counts that do not add up to the lengths")
    seen = np.sort(arrays.get("seen", np.empty(0)).astype(np.uint64))
    return Reference(rows, label, length, score, gold, held_length, seen, newest, held_newest)


def _first_64_bits(digests: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([int(digest[:16], 16) for digest in digests], np.uint64)
