"""stdin as a pipe whose reader a signal always reaches."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Wakeable(io.RawIOBase):
    """Reads a file descriptor when it has something, or when a signal came.

    A signal between the interpreter's last look for one and the system call `read` does not end that call:
    its handler would wait for the next line, on a quiet pipe for ever (the "self-pipe trick" is the cure;
    D. J. Bernstein, https://cr.yp.to/docs/selfpipe.html).
    """

    def __init__(self, source: int, wake: int) -> None:
        self._source = source
        self._wake = wake

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._source

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills `buffer` with what there is; 0 at the end.

        Raises:
            KeyboardInterrupt: or what else the handler of a signal raises.
        """
        while self._source not in select.select([self._source, self._wake], [], [])[0]:
            os.read(self._wake, 64)  # the handler runs before the next instruction
        return os.readv(self._source, [buffer])


def stdin_pipe() -> IO[bytes]:
    """stdin as bytes; waiting for it ends at a signal whose handler raises, whenever the signal comes."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        source = sys.stdin.buffer.fileno()
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        # For the rest of the process, as stdin is. ValueError: not the main thread, which gets no signals.
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        return io.BufferedReader(_Wakeable(source, wake))
    return sys.stdin.buffer
