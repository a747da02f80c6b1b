"""How many cores and how much memory this process may use, and ways to use less memory.

A container or `ulimit` may grant only a part of the machine.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_M_ARENA_MAX = -8  # glibc's mallopt(3): the most heaps there may be


def cores(root: Path = _ROOT) -> int:
    """How many cores this process may use at a time, at least 1; a quota of 1.5 counts as 2.

    Docker's `--cpus` and Kubernetes' limits are quotas of CPU time, which the number of cores does not
    show. More threads than the quota allows would only wait for each other.

    Args:
        root: Where `proc` and `sys` lie.
    """
    granted = [float(len(os.sched_getaffinity(0)))]
    for group in _groups("cpu", root):
        version_1 = _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        match _words(group / "cpu.max") or version_1:
            case [quota, period] if quota.isdecimal():  # neither "max" nor -1
                granted.append(int(quota) / int(period))
    return max(1, math.ceil(min(granted)))


def memory(root: Path = _ROOT) -> int | None:
    """The memory limit of this process in bytes, from its control group or `ulimit -v`; None without a limit.

    Args:
        root: Where `proc` and `sys` lie.
    """
    granted = [
        int(limit)
        for group in _groups("memory", root)
        for limit in _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        if limit.isdecimal()  # not "max"
    ]
    limit = addresses()
    return min(granted if limit is None else [*granted, limit], default=None)


def addresses() -> int | None:
    """The limit on address space (`ulimit -v`) in bytes; None without one."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def save_addresses() -> None:
    """Lets scoring run under a limit on address space (`ulimit -v`) close to the memory it uses.

    Three libraries reserve far more address space than they fill. Each thread of NumPy's OpenBLAS reserves
    30 MB, though scoring never uses OpenBLAS. pyarrow's own memory pool reserves a gigabyte and keeps freed
    memory. glibc's malloc starts a heap of 64 MB for each thread: see `share_one_heap`. NumPy and pyarrow
    read the environment when they are first imported, so call this first. Values that the user has set stay.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def share_one_heap() -> None:
    """Makes all threads allocate from one heap of glibc. Scoring seldom allocates, so threads hardly wait."""
    import ctypes  # NumPy imports it in any case

    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control group and of its parents: each may set a limit.

    This handles cgroups version 1 and 2 (man 7 cgroups). In a container its own group may be the outermost
    folder, while the path still names the groups outside: then only the last of these folders exists.
    """
    for line in _words(root / "proc/self/cgroup", separator="\n"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        outermost = root / "sys/fs/cgroup" / (controller if controllers else "")
        names = path.strip("/").split("/")
        for depth in range(len(names), -1, -1):
            yield outermost.joinpath(*names[:depth])


def _words(path: Path, *, separator: str | None = None) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").strip().split(separator)
    except (OSError, UnicodeDecodeError):  # another system, or no such limit
        return []


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drops what native code writes to file descriptor 2 in the block.

    LiteRT and its converter write messages for developers there, whatever the log level. The descriptor
    belongs to all threads: the first block silences it, and the last one that ends restores it.
    """
    _SILENCE.enter()
    try:
        yield
    finally:
        _SILENCE.leave()


class _Silence:
    """How many blocks want file descriptor 2 to be silent, and where it led before the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._saved = -1

    def enter(self) -> None:
        with self._lock:
            if not self._blocks:
                sys.stderr.flush()
                self._saved = os.dup(2)
                with Path(os.devnull).open("wb") as null:
                    os.dup2(null.fileno(), 2)
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                os.dup2(self._saved, 2)
                os.close(self._saved)


_SILENCE = _Silence()
