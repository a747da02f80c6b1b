"""Which texts a version was trained on: its reference holds the first 64 bits of the digest of each."""

from __future__ import annotations

import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.versions.manifest import REFERENCE, Version

_SEEN = "seen"
_MOST_BYTES = 256 * 1024**2  # unpacked: 32 million texts


def key(text: str) -> int:
    """What identifies a clean text: the first 64 bits of its SHA-256."""
    return int(sha256_text(text)[:16], 16)


def trained_texts(version: Version) -> NDArray[np.uint64]:
    """The keys of the texts that a version was trained on, sorted; empty if it does not say.

    Raises:
        ArtefactError: if its reference is damaged.
    """
    if REFERENCE not in version.manifest.files:
        return np.empty(0, np.uint64)
    path = version.file(REFERENCE)
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
        if sizes.get(f"{_SEEN}.npy", 0) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            seen = arrays[_SEEN] if _SEEN in arrays else np.empty(0)
            return np.sort(seen.astype(np.uint64))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtefactError(
            f"{visible(str(path))} is not the reference of a version.", hint="use another version (--model N)"
        ) from error
