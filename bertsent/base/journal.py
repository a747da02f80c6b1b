"""Durable files of JSON lines. Lines are only appended, and each is on the disk before the append returns.

A kill or a full disk in the middle of an append leaves at most a torn tail: an incomplete line after the last
newline. Readers skip it, and the next append cuts it off. Several processes may append at the same time: each
locks the file in turn, and the kernel frees the lock when the process dies.

`read` and `append` handle lines that carry their own digest, so that a changed line counts as damaged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bertsent.base import permissions
from bertsent.base.digests import DIGEST, sha256_json
from bertsent.base.display import visible
from bertsent.base.errors import BusyError, StorageError
from bertsent.base.files import NO_LOCKS, disk_errors, sync_directory

PATIENCE = 10.0  # seconds to wait for an append of another process, which takes a few milliseconds


def encode(values: Mapping[str, Any]) -> str:
    """One line of JSON with its digest, in ASCII and without the line break.

    Raises:
        ValueError: if a number is not finite, which JSON cannot hold.
    """
    plain = json.loads(json.dumps(values, allow_nan=False))  # as a reader gets it: tuples become lists
    return json.dumps(plain | {DIGEST: sha256_json(plain)})


def decode(line: bytes) -> dict[str, Any] | None:
    """The values of a line, without its digest; None if the line is damaged."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        values = json.loads(line)
        if isinstance(values, dict) and values.pop(DIGEST, None) == sha256_json(values):
            return values
    return None


def read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The values of all intact lines, oldest first, and the number of damaged ones; ([], 0) without a file.

    Raises:
        StorageError: if the file exists and cannot be read.
    """
    content = b""
    with contextlib.suppress(FileNotFoundError), opened(path) as handle:
        content = read_from(handle, 0)
    *lines, tail = content.split(b"\n")
    rows = [decode(line) for line in lines if line.strip()]
    rows += [row for row in [decode(tail)] if row]  # complete; an editor may have removed its newline
    return [row for row in rows if row is not None], rows.count(None)


def append(path: Path, values: Mapping[str, Any]) -> None:
    """Adds a line with its digest.

    Raises:
        StorageError: if it cannot be written, or `path` is a link or not a regular file.
        BusyError: if another process locks the file for more than `PATIENCE` seconds.
    """
    with opened(path, os.O_RDWR | os.O_CREAT, patience=PATIENCE) as handle:
        content = read_from(handle, 0)
        tail = content[content.rfind(b"\n") + 1 :]
        end = len(content) - (0 if decode(tail) else len(tail))
        write_line(handle, path, encode(values).encode(), end=end)


@contextlib.contextmanager
def opened(path: Path, flags: int = os.O_RDONLY, *, patience: float | None = None) -> Iterator[int]:
    """A file of lines as a file descriptor.

    Args:
        patience: Lock the file against other appends until the block ends or this process dies, and wait at
            most this many seconds for the lock. None: no lock, to read only.

    Raises:
        FileNotFoundError: if there is no such file and `flags` do not create it.
        StorageError: if it cannot be opened, is a link or is not a regular file.
        BusyError: if another process locks it for longer.
    """
    if flags & os.O_CREAT:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    try:  # O_NONBLOCK, because opening a FIFO would wait for its other end
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, permissions.ANYBODY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"Cannot open {visible(str(path))} ({error.strerror}).", hint=permissions.hint(path)
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise StorageError(f"{visible(str(path))} is not a regular file.")
        with contextlib.nullcontext() if patience is None else _locked(handle, path, patience):
            yield handle
    finally:
        os.close(handle)  # frees the lock


@contextlib.contextmanager
def _locked(handle: int, path: Path, patience: float) -> Iterator[None]:
    """Holds the lock of an open file; closing the file frees it.

    Raises:
        BusyError: if another process holds it for longer.
        StorageError: if it cannot be locked.
    """
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise _busy(path) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                with disk_errors(path):
                    raise
            with _locked_by_a_file(path, patience):
                yield
            return
        time.sleep(0.01)
    yield


@contextlib.contextmanager
def _locked_by_a_file(path: Path, patience: float) -> Iterator[None]:
    """Holds a file beside `path` as its lock, on a file system without locks (some of Lustre, NFS, FUSE).

    The file of a process that died is taken over, if it ran on this machine.
    """
    from filelock import SoftFileLock, Timeout

    holder = SoftFileLock(path.with_name(f".{path.name}.lock"))
    with disk_errors(path):
        try:
            holder.acquire(timeout=patience)
        except Timeout as error:  # an OSError, which `disk_errors` would take for a failing disk
            raise _busy(path) from error
    try:
        yield
    finally:
        holder.release()


def _busy(path: Path) -> BusyError:
    return BusyError(f"Another process holds {visible(str(path))}.", hint="end it, then run again")


def read_from(handle: int, start: int) -> bytes:
    """The bytes from `start` to the end of the file."""
    os.lseek(handle, start, os.SEEK_SET)
    with open(handle, "rb", closefd=False) as file:
        return file.read()


def write_line(handle: int, path: Path, line: bytes, *, end: int) -> None:
    """Appends a line to a locked file; it is on the disk when this returns.

    Args:
        end: Length in bytes of the complete lines; the rest of the file is cut off. A complete last line that
            lacks its newline gets one.

    Raises:
        StorageError: if the line cannot be written; the complete lines stay.
    """
    with disk_errors(path):
        os.ftruncate(handle, end)
        unended = end and os.pread(handle, 1, end - 1) != b"\n"
        os.lseek(handle, end, os.SEEK_SET)
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write((b"\n" if unended else b"") + line + b"\n")
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, end)
            raise
        if not end:
            sync_directory(path.parent)
