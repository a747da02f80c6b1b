"""Arrays that are dear to compute, kept as .npz files between runs."""

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

_DIGEST = 32  # bytes of SHA-256 before the arrays: np.load reads some damaged files without a word
_KEPT = 8  # files a folder; the word pieces of 25,000 reviews take 30 MB


def cached(file: Path, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays in `file`; where it is missing or damaged, those that `compute` gives, which are written.

    The name of the file must hold a digest of all that the arrays follow from. When a file is written, the
    folder keeps the `_KEPT` that were used last.

    Raises:
        StorageError: if the disk does not take the file.
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
    for path in by_age[_KEPT:]:
        path.unlink(missing_ok=True)
    return arrays
