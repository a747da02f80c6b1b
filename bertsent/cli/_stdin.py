"""Reads stdin as a pipe, so that a signal always interrupts the wait for input."""

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
    """Waits until a file descriptor has input or a signal comes, then reads it.

    Python checks for signals before the system call `read`. A signal between that check and the call does
    not end the call, so its handler would wait for the next line, on a quiet pipe for ever. The "self-pipe
    trick" prevents this (D. J. Bernstein, https://cr.yp.to/docs/selfpipe.html).
    """

    def __init__(self, source: int, wake: int) -> None:
        self._source = source
        self._wake = wake

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._source

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills `buffer` with the input there is; returns how many bytes, 0 at the end.

        Raises:
            KeyboardInterrupt: or whatever else the handler of a signal raises.
        """
        while self._source not in select.select([self._source, self._wake], [], [])[0]:
            os.read(self._wake, 64)  # the handler runs before the next instruction
        return os.readv(self._source, [buffer])


def stdin_pipe() -> IO[bytes]:
    """stdin as bytes. A signal whose handler raises always ends a wait for input."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        source = sys.stdin.buffer.fileno()
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        # Set for the rest of the process. ValueError: outside the main thread, which alone gets signals.
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        return io.BufferedReader(_Wakeable(source, wake))
    return sys.stdin.buffer
