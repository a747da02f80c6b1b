"""Locks that keep a version from being removed while a process reads it.

A reader holds a shared lock on the version's manifest. The kernel frees it when the process ends, even
by a kill.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path


def lock_for_reading(manifest: Path, *, reader: object) -> None:
    """Takes a shared lock on a version's manifest until `reader` is garbage-collected.

    On a file system without locks this does nothing: open files stay readable anyway.
    """
    with contextlib.suppress(OSError):
        handle = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(reader, os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def lock_for_removal(manifest: Path) -> Iterator[bool]:
    """Takes an exclusive lock on a version's manifest for the block.

    Yields False if a reader holds a lock, or on a file system without locks.
    """
    try:
        handle = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        locked = False
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        yield locked
    finally:
        os.close(handle)
