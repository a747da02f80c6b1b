"""Files that are either whole or not there, digests, the lock, and text that is safe to show."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from bertsent.base.display import size, visible
from bertsent.base.errors import BusyError, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_CHUNK = 1 << 20


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns an `OSError` of a write below `path` into a `StorageError` that names it.

    A failed write or fsync is never retried in place: after a failed fsync the kernel may have dropped
    the pages (Rebello et al., USENIX ATC 2020), so the caller starts over with a new file.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # no file breaks so: the reader of stdout has gone
    except OSError as error:
        if error.errno in _FULL:
            fact, hint = "No space left on the disk", "free some space and run the same command again"
        elif error.errno in _READ_ONLY:
            fact, hint = "Not allowed to write", "choose a folder you own, for example through BERTSENT_HOME"
        else:
            fact, hint = f"Writing failed ({error.strerror or error})", "look at the disk, then run again"
        raise StorageError(f"{fact}: {visible(str(path))}.", hint=hint) from error


def now() -> str:
    """The time in UTC, to the second, as ISO 8601 with a Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file beside `path` that takes its place when the block ends well.

    Readers see the old file or the whole new one. When the block fails, the temporary file is removed
    and the old one stays.

    Raises:
        StorageError: if the folder cannot be written or the disk is full.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with disk_errors(path):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
            sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "surrogatepass"))


@contextlib.contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """A new, empty folder beside `target`, removed at the end unless it was renamed away.

    Beside the target, because a rename is atomic on one file system only.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish_directory(folder: Path, target: Path, *, sync_each: bool = True) -> bool:
    """Renames a finished folder to `target` after its files have reached the disk.

    Every file gets mode 0644 and every folder 0755.

    Args:
        folder: The finished folder, on the file system of `target`.
        target: What it is to be called.
        sync_each: Sync file by file, which tells of a failing disk. Otherwise one sync of the whole
            system: for many small files that can be fetched again if the disk should fail.

    Returns:
        False, with `target` as it was, if it is a file or a folder that holds anything.

    Raises:
        StorageError: if the disk does not take it.
    """
    with disk_errors(target):
        for parent, _, names in os.walk(folder, topdown=False):
            for name in names:
                path = Path(parent, name)
                path.chmod(0o644)
                if sync_each:
                    _sync(path)
            Path(parent).chmod(0o755)
            if sync_each:
                sync_directory(Path(parent))
        if not sync_each:
            os.sync()
        try:
            folder.rename(target)  # POSIX refuses a target folder that holds anything
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                return False
            raise
        sync_directory(target.parent)
    return True


def remove_stale(parent: Path, *, older_than: float = 86_400, pattern: str = ".*.tmp") -> None:
    """Removes temporary siblings that a killed run left in `parent`, once they are `older_than` seconds
    old: a younger one may belong to a run that is still writing."""
    with contextlib.suppress(OSError):
        for path in parent.glob(pattern):
            if time.time() - path.lstat().st_mtime > older_than:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Makes the names in a folder durable (a rename is not, until its folder is synced)."""
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_space(folder: Path, needed: int) -> None:
    """Refuses early where `needed` bytes would not fit, or `folder` cannot be written.

    Raises:
        StorageError: naming the folder, what is needed and what is free.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder):
            pass
    if free < needed:
        raise StorageError(
            f"{visible(str(folder))} needs {size(needed)} of free space.",
            received=f"{size(free)} free",
            hint="free some space, or set BERTSENT_HOME to a folder on a larger disk",
        )


@contextlib.contextmanager
def lock(path: Path, doing: str) -> Iterator[None]:
    """Holds the lock file at `path` for the block; the kernel frees it when the process dies.

    Raises:
        BusyError: at once, naming the holder, if another process has it.
        StorageError: if the lock file cannot be made.
    """
    from filelock import FileLock, Timeout

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            raise StorageError(
                f"The lock file {visible(str(path))} is a link.", hint="remove it, then run again"
            )
    owner = path.with_name(path.name + ".owner")
    holder = FileLock(path)
    with disk_errors(path):
        try:
            holder.acquire(timeout=0)
        except Timeout as error:  # is an OSError, so caught before it looks like a failing disk
            raise _busy(owner) from error
    try:
        remove_stale(owner.parent, older_than=0, pattern=f".{owner.name}.*.tmp")  # only the holder writes it
        write_text(owner, f"{doing}, process {os.getpid()}, since {now()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        holder.release()


def _busy(owner: Path) -> BusyError:
    said = ""
    with contextlib.suppress(OSError):
        said = owner.read_text(encoding="utf-8").strip()
    return BusyError(
        "Another run holds this workspace.",
        received=visible(said) or "no word of who it is",
        hint="wait for it to end, then run the same command again",
    )
