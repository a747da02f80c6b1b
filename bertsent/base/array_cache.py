"""A cache of .npz files for arrays that are slow to compute."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.files import atomic_write

Arrays = Mapping[str, NDArray[Any]]

_DIGEST = 32  # bytes of SHA-256 before the arrays: np.load reads some damaged files without an error
_MOST_FILES = 8  # files per folder; the word pieces of 25,000 reviews take 30 MB


def cached(file: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Returns the arrays in `file`. If it is missing or damaged, calls `compute` and writes the result to it.

    The file's name must contain a digest of everything that the arrays depend on. After each write the folder
    keeps only the `_MOST_FILES` most recently used files.

    Raises:
        StorageError: if the file cannot be written.
    """
    with contextlib.suppress(OSError):
        content = file.read_bytes()
        if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
            file.touch()
            return dict(np.load(io.BytesIO(content[_DIGEST:]), allow_pickle=False))
    arrays = compute()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # NumPy types the keywords as its flag
    with atomic_write(file) as target:
        target.write(hashlib.sha256(buffer.getbuffer()).digest())
        target.write(buffer.getbuffer())
    by_age = sorted(file.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[_MOST_FILES:]:
        path.unlink(missing_ok=True)
    return arrays
