"""Writing files and folders that appear only when they are complete; free space; the workspace lock."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bertsent.base import permissions
from bertsent.base.display import size, visible
from bertsent.base.errors import BusyError, StorageError, UsageError
from bertsent.base.permissions import ANYBODY

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # what flock gives on a file system without locks
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns an `OSError` of a write below `path` into a `StorageError` that names `path`.

    A failed write or fsync is never retried in place: after a failed fsync the kernel may have dropped
    the pages (Rebello et al., USENIX ATC 2020), so the caller starts over with a new file.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of stdout has closed it: the disk is not at fault
    except OSError as error:
        if error.errno in _FULL:
            fact, hint = "No space left on the disk", "free some space and run the same command again"
        elif error.errno in _READ_ONLY:
            fact, hint = "Not allowed to write", permissions.hint(path)
        else:
            fact, hint = f"Writing failed ({error.strerror or error})", "check the disk, then run again"
        raise StorageError(f"{fact}: {visible(str(path))}.", hint=hint) from error


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file, or a link to one.

    A name that is too long, or below an unreadable folder, gives False; `Path.is_file` would raise.
    """
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder, or a link to one. Like `is_file` it never raises."""
    return os.path.isdir(path)  # noqa: PTH112


def is_vacant(path: Path) -> bool:
    """Whether `publish_directory` can put a folder at `path`: nothing is there, or an empty folder."""
    if is_folder(path) and not path.is_symlink():
        return not any(path.iterdir())
    return not os.path.lexists(path)


def now() -> str:
    """The time in UTC, to the second, as ISO 8601 with a Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file beside `path`, which replaces `path` when the block ends without an error.

    Readers see the old file or the complete new one. When the block fails, the temporary file is removed
    and the old one stays.

    Raises:
        StorageError: if the folder cannot be written or the disk is full.
    """
    with _replacement(path) as (handle, _), os.fdopen(handle, "wb", closefd=False) as file:
        yield file
        file.flush()


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Like `atomic_write`, for what opens files by their names: yields the name of the temporary file."""
    with _replacement(path) as (_, temporary):
        yield temporary


@contextlib.contextmanager
def _replacement(path: Path) -> Iterator[tuple[int, Path]]:
    """Yields a descriptor and the name of a temporary file that replaces `path` at the end of the block."""
    with _temporary_name(path) as temporary, disk_errors(path):
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, ANYBODY)
        try:
            permissions.keep(path, handle)
            yield handle, temporary
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
        sync_directory(path.parent)


_unfinished: set[Path] = set()  # temporary files and folders of this process that may lie on the disk


@contextlib.contextmanager
def _temporary_name(target: Path) -> Iterator[Path]:
    """Yields a name beside `target` for a temporary file or folder, and removes what has it after the block.

    A signal may end the run between any two steps, also in the code of `with` itself, where no `finally` is
    reached. So the name is noted before anything has it, and what is still noted goes when the process ends.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    name = target.parent / f".{target.name}.{os.urandom(4).hex()}.tmp"
    _unfinished.add(name)
    try:
        yield name
    finally:
        _remove(name)
        _unfinished.discard(name)


@atexit.register
def _remove_unfinished() -> None:
    while _unfinished:
        _remove(_unfinished.pop())


def _remove(path: Path) -> None:
    """Removes a temporary file, or a folder with what is in it; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 by `atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "surrogatepass"))


@contextlib.contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Makes an empty folder beside `target` and removes it at the end of the block, unless it was renamed.

    It lies beside the target because a rename is atomic within one file system only.
    """
    with _temporary_name(target) as folder:
        with disk_errors(target):
            folder.mkdir(mode=0o700)
        yield folder


def publish_directory(folder: Path, target: Path, *, sync_each: bool = True, replace: bool = False) -> bool:
    """Renames a finished folder to `target` after its files have reached the disk.

    Files and folders get the modes that the umask leaves of 0666 and 0777; a folder keeps its setgid bit.

    Args:
        folder: The finished folder, on the file system of `target`.
        target: Its new path.
        sync_each: Sync every file, which reports a failing disk. False: sync the whole system once, for many
            small files that can be fetched again if the disk fails.
        replace: Replace what is at `target`. For a moment nothing is there; if the rename fails, the old
            content is put back.

    Returns:
        False if `target` is a file or a folder that is not empty; it stays as it was. With `replace`, False
        means that another process put something there at that moment.

    Raises:
        StorageError: if the disk fails or is full.
    """
    given = ~permissions.umask()
    with disk_errors(target):
        for parent, _, names in os.walk(folder, topdown=False):
            for name in names:
                path = Path(parent, name)
                path.chmod(ANYBODY & given)
                if sync_each:
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
            Path(parent).chmod(0o777 & given | Path(parent).stat().st_mode & stat.S_ISGID)
            if sync_each:
                sync_directory(Path(parent))
        if not sync_each:
            os.sync()
        published = _rename(folder, target)
        if not published and replace:
            with temporary_sibling(target) as aside:
                target.rename(aside / "before")
                try:
                    published = _rename(folder, target)
                except BaseException:
                    (aside / "before").rename(target)
                    raise
        if published:
            sync_directory(target.parent)
    return published


def _rename(folder: Path, target: Path) -> bool:
    try:
        folder.rename(target)  # POSIX refuses a target folder that is not empty
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            return False
        raise
    return True


def remove_stale(parent: Path, *, older_than: float = 86_400, pattern: str = ".*.tmp") -> None:
    """Removes temporary files and folders that a killed run left in `parent`.

    It leaves those younger than `older_than` seconds: a run may still be writing them.
    """
    with contextlib.suppress(OSError):
        for path in parent.glob(pattern):
            if time.time() - path.lstat().st_mtime > older_than:
                _remove(path)


def sync_directory(path: Path) -> None:
    """Syncs the list of names in a folder, which makes a rename in it durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_unused(path: Path, *, force: bool) -> None:
    """Refuses an output that exists, before any work begins.

    Raises:
        UsageError: if it exists and may not be replaced.
    """
    if os.path.exists(path) and not force:  # noqa: PTH110 - Path.exists may raise
        raise UsageError(f"{visible(str(path))} exists.", hint="--force replaces it")


def require_space(folder: Path, needed: int) -> None:
    """Checks before a long job that `folder` can be written and has `needed` bytes free.

    Raises:
        StorageError: if it cannot be written, or has less free; then the message gives both numbers.
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
    """Holds the lock file at `path` during the block; the kernel frees it when the process dies.

    `<name>.owner` beside it tells others what the holder is `doing`.

    Raises:
        BusyError: at once, if another process has the lock; the message names it.
        StorageError: if the lock file cannot be made.
    """
    from filelock import Timeout

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            raise StorageError(
                f"The lock file {visible(str(path))} is a link.", hint="remove it, then run again"
            )
    owner = path.with_name(path.name + ".owner")
    with disk_errors(path):
        try:
            holder = _acquired(path)
        except Timeout as error:  # an OSError, which `disk_errors` would take for a failing disk
            raise _busy(owner) from error
    try:
        remove_stale(owner.parent, older_than=0, pattern=f".{owner.name}.*.tmp")  # only the holder writes it
        write_text(owner, f"{doing}, process {os.getpid()}, since {now()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        holder.release()


def _acquired(path: Path) -> BaseFileLock:
    """The lock at `path`; on a file system without locks, a file beside it, which a crash may leave."""
    from filelock import FileLock, SoftFileLock

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same file, which filelock itself takes for one of the errors
        try:
            return FileLock(path).acquire(timeout=0).lock
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
    return SoftFileLock(path.with_name(path.name + ".soft")).acquire(timeout=0).lock


def _busy(owner: Path) -> BusyError:
    holder = ""
    with contextlib.suppress(OSError):
        holder = owner.read_text(encoding="utf-8").strip()
    return BusyError(
        "Another run holds this workspace.",
        received=visible(holder) or "its name is unknown",
        hint="wait for it to end, then run the same command again",
    )
