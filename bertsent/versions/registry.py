"""Which version is current: another one takes over, an old one comes back, old ones go."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, BusyError, StorageError, UsageError
from bertsent.base.files import disk_errors, lock, now, remove_stale, sync_directory
from bertsent.base.records.training import Epoch
from bertsent.base.settings.workspace import Workspace
from bertsent.versions import model_card, read_locks, store
from bertsent.versions.manifest import (
    CARD,
    HISTORY,
    MANIFEST,
    Manifest,
    Version,
    read_version,
    version_numbers,
)

_ROOM = 1_000_000  # bytes that a version of hard links needs; a copy finds out by itself
_ADOPTED = "adopted"  # how a draft is called while it is made
ROLLBACK = "rollback"  # the reason in the manifest


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` did, by version number."""

    removed: tuple[int, ...]
    kept: tuple[int, ...]
    in_use: tuple[int, ...]  # kept, as a process reads them
    damaged: tuple[int, ...]  # kept, and not counted among those to keep


@contextlib.contextmanager
def _changing(workspace: Workspace, doing: str) -> Any:
    with lock(workspace.state / "publish.lock", doing):
        for pattern in (f".{_ADOPTED}.*.tmp", ".[0-9]*.tmp"):  # of killed runs: these are made under the lock
            remove_stale(workspace.model, older_than=0, pattern=pattern)
        yield


def promote(
    challenger: Version,
    *,
    workspace: Workspace,
    champion: Version,
    reason: str,
    lineage: Mapping[str, Any],
) -> Version:
    """Makes a challenger current, if the champion it was compared with still is.

    Raises:
        BusyError: if another version became current meanwhile.
        ArtefactError, StorageError: as `adopt`.
    """
    with _changing(workspace, "publish"):
        current = store.find(None, folder=workspace.model)
        if current.manifest.version != champion.manifest.version:
            raise BusyError(
                f"Version {current.name} became current while a challenger was compared with version "
                f"{champion.name}, so nothing was published.",
                hint="run the same command again",
            )
        number = champion.manifest.version
        return adopt(challenger, folder=workspace.model, after=number, reason=reason, lineage=lineage)


def rollback(number: int | None, *, workspace: Workspace) -> tuple[int, Version]:
    """Publishes an old version as the next number, so that it is current and history only grows.

    Args:
        number: Which; None for the newest whole one before the current that scores otherwise.

    Returns:
        The number that was current, and the version that is now: the same where its files were already.

    Raises:
        UsageError: if there is no such version.
        ArtefactError: if it is damaged. A damaged current one is no hindrance.
    """
    with _changing(workspace, "rollback"):
        last = current_number(workspace)
        current = _intact(last, workspace)
        if number is None:
            old = _before(last, current, workspace)
        else:
            old = store.find(str(number), folder=workspace.model)
        if current and old.classifier_digest == current.classifier_digest:
            return last, current
        lineage = {**old.manifest.lineage, "republished_from": _origin(old), "undone": last}
        return last, adopt(old, folder=workspace.model, after=last, reason=ROLLBACK, lineage=lineage)


def numbers(workspace: Workspace) -> list[int]:
    """The versions a workspace can use: its own, and those that came with bertsent under other numbers."""
    packaged = store.bundled()
    return sorted({*version_numbers(workspace.model), *(version_numbers(packaged) if packaged else ())})


def current_number(workspace: Workspace) -> int:
    """The number of the current version, whole or not.

    Raises:
        UsageError: if there is none.
    """
    own = version_numbers(workspace.model) or numbers(workspace)
    if not own:
        raise UsageError("There is no version yet.", hint="bertsent train --help")
    return own[-1]


def _before(last: int, current: Version | None, workspace: Workspace) -> Version:
    limit = _origin(current) if current else last
    for number in reversed([each for each in numbers(workspace) if each < limit]):
        old = _intact(number, workspace)
        if old and not (current and old.classifier_digest == current.classifier_digest):
            return old
    raise UsageError(
        f"There is no whole version before {last} to go back to.",
        hint="bertsent models lists what there is",
    )


def _origin(version: Version) -> int:
    """The number a version had when it was trained."""
    return int(version.manifest.lineage.get("republished_from", version.manifest.version))


def adopt(version: Version, *, folder: Path, after: int, reason: str, lineage: Mapping[str, Any]) -> Version:
    """Publishes the files of a version as the next number of `folder`, with a manifest of its own.

    The files are hard links where the file system and their owner allow it, else copies; the card is
    written anew.

    Args:
        version: Any version; all its files are compared with its manifest first.
        folder: The folder of versions.
        after: The number of the current version: taken, also where `folder` does not hold it.
        reason, lineage: For the manifest.

    Raises:
        ArtefactError: if a file of `version` is damaged.
        StorageError: if the disk does not take it.
    """
    version.verify()
    manifest = replace(version.manifest, created=now(), reason=reason, lineage=dict(lineage))
    with store.staging(folder, name=_ADOPTED, needed=_ROOM) as path:
        for name in version.manifest.files:
            if name != CARD:
                _link(version.path / name, path / name)
        _write_card(version, manifest, path)
        return store.publish(path, manifest, folder=folder, after=after)


def _link(source: Path, target: Path) -> None:
    """A hard link, unless the file belongs to somebody else, whose mode is not ours to set."""
    if source.stat().st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # another file system, or one without links
            os.link(source, target)
            return
    shutil.copyfile(source, target)


def _write_card(version: Version, manifest: Manifest, path: Path) -> None:
    if not {CARD, HISTORY} <= version.manifest.files.keys():
        return
    history = json.loads((version.path / HISTORY).read_text(encoding="utf-8"))
    epochs = [Epoch(**epoch) for epoch in history["epochs"]]
    text = model_card.render(manifest, epochs=epochs, best_epoch=history["best_epoch"])
    (path / CARD).write_text(text, encoding="utf-8")


def prune(workspace: Workspace, *, keep: int) -> Pruned:
    """Removes old versions from the workspace's `model/`.

    The `keep` highest whole versions stay, the current one always among them. A version that a process
    reads stays too: a reader holds a lock (`leases`). A damaged one stays to be looked at.

    Raises:
        UsageError: if `keep` is below 1.
        StorageError: if a folder cannot be removed.
    """
    if keep < 1:
        raise UsageError("At least 1 version must be kept: the current one.", received=keep)
    with _changing(workspace, "prune"):
        remove_stale(workspace.model)
        there = version_numbers(workspace.model)
        damaged = [number for number in there if not _intact(number, workspace)]
        left_over = [number for number in there if number not in damaged][:-keep]
        removed = [number for number in left_over if _remove(workspace.model / str(number))]
    return Pruned(
        removed=tuple(removed),
        kept=tuple(number for number in there if number not in removed),
        in_use=tuple(number for number in left_over if number not in removed),
        damaged=tuple(damaged),
    )


def _intact(number: int, workspace: Workspace) -> Version | None:
    """A version none of whose files is damaged, else None."""
    with contextlib.suppress(ArtefactError):
        version = store.find(str(number), folder=workspace.model)
        version.verify()
        return version
    return None


def _remove(path: Path) -> bool:
    """Takes a version away at once, under its number whole or not there; False if somebody reads it."""
    with read_locks.unread(path / MANIFEST) as free:
        if not free:
            return False
        hidden = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # as `remove_stale` finds it
        with disk_errors(path):
            path.rename(hidden)
            sync_directory(path.parent)
        shutil.rmtree(hidden, ignore_errors=True)
    if hidden.exists():
        raise StorageError(f"{visible(str(hidden))} cannot be removed.", hint="remove it by hand")
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """A version in the list of versions."""

    number: int
    current: bool
    packaged: bool  # it came with bertsent and is not in the workspace
    manifest: Manifest | None  # None: damaged
    bytes: int  # of its files; those of a republished version are links


def entries(workspace: Workspace) -> list[Entry]:
    """All versions that a workspace can use, ascending.

    Raises:
        ArtefactError: if `model/` cannot be read.
    """
    own, packaged = set(version_numbers(workspace.model)), store.bundled()
    found = []
    for number in numbers(workspace):
        place = workspace.model if number in own or packaged is None else packaged
        manifest = None
        with contextlib.suppress(ArtefactError):
            manifest = read_version(place / str(number)).manifest
        files = manifest.files.values() if manifest else ()
        found.append(
            Entry(
                number=number,
                current=number == current_number(workspace),
                packaged=number not in own,
                manifest=manifest,
                bytes=sum(int(each["size"]) for each in files),
            )
        )
    return found
