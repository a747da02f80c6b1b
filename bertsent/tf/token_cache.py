"""Word pieces of a training run, computed once and kept in the workspace."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.files import atomic_write
from bertsent.scoring.tokenizer import AnyTokenizer

_KEPT = 8  # files: train, validation, test and unlabelled of two runs; 30 MB each for 25,000 reviews
_WORTH = 1000  # texts; fewer are cut in a tenth of a second
_DIGEST = 32  # bytes before the arrays: np.load reads some damaged files without a word


def word_pieces(
    texts: Sequence[str], tokenizer: AnyTokenizer, *, cache: Path | None = None
) -> list[NDArray[np.int32]]:
    """The word pieces of whole texts, read from `cache` where the same texts were cut before.

    The file's name is a digest over tokenizer and texts, so that no other text or tokenizer can find it.
    A file that is damaged is written anew; the window is laid afterwards and needs no file of its own.
    """
    if cache is None or len(texts) < _WORTH:
        return tokenizer.encode(texts)
    file = cache / f"{sha256_lines([tokenizer.digest(), *map(sha256_text, texts)])}.npz"
    with contextlib.suppress(OSError):
        raw = file.read_bytes()
        if hashlib.sha256(raw[_DIGEST:]).digest() == raw[:_DIGEST]:
            arrays = np.load(io.BytesIO(raw[_DIGEST:]), allow_pickle=False)
            file.touch()  # the oldest go first
            return np.split(arrays["pieces"], arrays["ends"][:-1])
    rows = tokenizer.encode(texts)
    _write(file, rows)
    return rows


def _write(file: Path, rows: Sequence[NDArray[np.int32]]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, pieces=np.concatenate(rows), ends=np.cumsum([len(row) for row in rows]))
    with atomic_write(file) as target:
        target.write(hashlib.sha256(buffer.getbuffer()).digest())
        target.write(buffer.getbuffer())
    old = sorted(file.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]
    for path in old:
        path.unlink(missing_ok=True)
