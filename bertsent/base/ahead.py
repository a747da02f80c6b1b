"""A file's digest, taken beside other work: a start has a second core, and imports that use only one."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import threading
from pathlib import Path

from bertsent.base.files import sha256_file


class DigestAhead:
    """The SHA-256 of a file, begun at once in a thread; an error waits for `result`.

    The file is mapped and digested in one call, which leaves Python's lock to the other thread all the
    while; read piece by piece it would wait for the lock at every piece, longer than all the work takes.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads are allowed: `result` does the work
            self._thread.start()

    def _run(self) -> None:
        # What cannot be mapped (an empty file, one that is not there) is left to `result`, which says why.
        with (
            contextlib.suppress(OSError, ValueError),
            open(self._path, "rb", opener=_without_waiting) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            self._digest = hashlib.sha256(mapped).hexdigest()

    def result(self) -> str:
        """The digest, as 64 hexadecimal digits.

        Raises:
            ArtefactError: if the file is not there or cannot be read.
        """
        if self._thread.ident is not None:  # it was started
            self._thread.join()
        return self._digest or sha256_file(self._path)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hang it
