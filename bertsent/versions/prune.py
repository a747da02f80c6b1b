"""Removes old versions of a workspace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import StorageError, UsageError
from bertsent.base.files import disk_errors, remove_stale, sync_directory
from bertsent.base.settings.workspace import Workspace
from bertsent.versions import read_locks
from bertsent.versions.manifest import MANIFEST, version_numbers
from bertsent.versions.registry import changing, intact


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` removed and kept, or would, by version number."""

    removed: tuple[int, ...]
    kept: tuple[int, ...]
    in_use: tuple[int, ...]  # kept because a process reads them
    damaged: tuple[int, ...]  # kept in addition to the number to keep
    undone: tuple[int, ...]  # kept because a rollback to the current version replaced them
    bytes: int  # that the removal frees; files that a kept version shares are not counted


def plan(workspace: Workspace, *, keep: int, only: Collection[int] | None = None) -> Pruned:
    """What `prune` would do with these arguments; changes nothing.

    Raises:
        UsageError: if `keep` is below 1.
    """
    if keep < 1:
        raise UsageError("At least 1 version must be kept: the current one.", received=keep)
    numbers = version_numbers(workspace.model)
    versions = {number: intact(number, workspace) for number in numbers}
    damaged = tuple(number for number, version in versions.items() if version is None)
    old = [number for number in numbers if number not in damaged][:-keep]
    current = versions[numbers[-1]] if numbers else None
    undone = current.manifest.lineage.get("undone") if current else None
    unneeded = [number for number in old if number != undone]
    in_use = tuple(number for number in unneeded if not _is_free(workspace.model / str(number)))
    removed = tuple(n for n in unneeded if n not in in_use and (only is None or n in only))
    kept = tuple(number for number in numbers if number not in removed)
    return Pruned(
        removed=removed,
        kept=kept,
        in_use=in_use,
        damaged=damaged,
        undone=tuple(number for number in old if number == undone),
        bytes=_freed(workspace.model, removed, kept),
    )


def prune(workspace: Workspace, *, keep: int, only: Collection[int] | None = None) -> Pruned:
    """Removes old versions from the workspace's `model/`.

    The `keep` highest intact versions and the current one stay. So do the version that a rollback to the
    current one replaced, versions that a process reads (`read_locks`), and damaged ones, which somebody may
    want to examine.

    Args:
        only: Remove none but these, which somebody has agreed to.

    Raises:
        UsageError: if `keep` is below 1.
        BusyError: if another process changes the versions.
        StorageError: if a folder cannot be removed.
    """
    with changing(workspace, "prune"):
        remove_stale(workspace.model)
        planned = plan(workspace, keep=keep, only=only)
        removed = tuple(number for number in planned.removed if _remove(workspace.model / str(number)))
    taken = tuple(number for number in planned.removed if number not in removed)  # by a reader, just now
    return replace(
        planned,
        removed=removed,
        kept=tuple(sorted(planned.kept + taken)),
        in_use=tuple(sorted(planned.in_use + taken)),
    )


def _is_free(path: Path) -> bool:
    with read_locks.lock_for_removal(path / MANIFEST) as locked:
        return locked


def _freed(folder: Path, removed: Collection[int], kept: Collection[int]) -> int:
    """Bytes of the files of the removed versions that no kept version shares by a hard link."""

    def files(numbers: Collection[int]) -> dict[tuple[int, int], int]:
        found = {}
        for number in numbers:
            for path in (folder / str(number)).iterdir():
                status = path.lstat()
                found[status.st_dev, status.st_ino] = status.st_size
        return found

    shared = files(kept)
    return sum(size for inode, size in files(removed).items() if inode not in shared)


def _remove(path: Path) -> bool:
    """Removes a version by one rename and deletes its files; returns False if a process reads it."""
    with read_locks.lock_for_removal(path / MANIFEST) as locked:
        if not locked:
            return False
        hidden = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # a name that `remove_stale` finds
        with disk_errors(path):
            path.rename(hidden)
            sync_directory(path.parent)
        shutil.rmtree(hidden, ignore_errors=True)
    if hidden.exists():
        raise StorageError(f"{visible(str(hidden))} cannot be removed.", hint="remove it by hand")
    return True
