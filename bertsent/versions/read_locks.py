"""Which versions are being read: a reader holds a shared lock on the version's manifest while it lives.

The kernel frees a lock when its process ends, however that happens, so a dead reader holds nothing back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path


def hold(manifest: Path, *, reader: object) -> None:
    """Marks a version as being read until `reader` is gone.

    Where the file system has no such locks nothing is marked: files that are open stay readable anyway.
    """
    with contextlib.suppress(OSError):
        handle = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(reader, os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def unread(manifest: Path) -> Iterator[bool]:
    """Says whether nobody reads a version; if so, nobody can begin to while the block lasts.

    Where it cannot be told the answer is no.
    """
    try:
        handle = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        free = False
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        yield free
    finally:
        os.close(handle)
