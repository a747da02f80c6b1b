"""Changes and lists the versions of a workspace: promote a challenger, roll back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, BusyError, UsageError
from bertsent.base.files import lock, now, remove_stale
from bertsent.base.records.training import Epoch
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import PACKAGED, capital, is_packaged, spoken
from bertsent.versions import model_card, store
from bertsent.versions.manifest import (
    CARD,
    HISTORY,
    NUMBER,
    Manifest,
    Version,
    read_version,
    version_numbers,
)
from bertsent.versions.strays import find_strays

_ROOM = 1_000_000  # bytes: enough for a version of hard links; a copy reports a full disk itself
_ADOPTED = "adopted"  # name of the staging folder
ROLLBACK = "rollback"  # the reason in the manifest


@contextlib.contextmanager
def changing(workspace: Workspace, doing: str) -> Iterator[None]:
    """Locks the versions of a workspace for the block, which changes them; removes what a kill left behind.

    Raises:
        BusyError: if another process changes them.
    """
    with lock(workspace.state / "publish.lock", doing):
        for pattern in (f".{_ADOPTED}.*.tmp", ".[0-9]*.tmp"):  # made under this lock, so their run was killed
            remove_stale(workspace.model, older_than=0, pattern=pattern)
        yield


def promote(
    challenger: Version,
    *,
    workspace: Workspace,
    champion: Version,
    reason: str,
    lineage: Mapping[str, Any],
    reserved: int = 0,
) -> Version:
    """Publishes a challenger as the current version, if the champion it was compared with is still current.

    Args:
        reserved: As in `store.publish`.

    Raises:
        BusyError: if another version has become current.
        ArtefactError, StorageError: as `adopt`.
    """
    with changing(workspace, "publish"):
        current = store.find(None, folder=workspace.model)
        if current.id != champion.id:
            raise BusyError(
                f"{capital(current.name)} became current while a challenger was compared with "
                f"{spoken(champion.name)}, so nothing was published.",
                hint="run the same command again",
            )
        return adopt(
            challenger,
            folder=workspace.model,
            # Records of 0.4.0 call the packaged version by its own number, so that is not given again.
            after=champion.manifest.version,
            parent=champion.id,
            reason=reason,
            lineage=lineage,
            reserved=reserved,
        )


def rollback(which: int | str | None, *, workspace: Workspace) -> tuple[int | str, Version]:
    """Makes an old version current again by publishing it under the next number; no version is removed.

    Args:
        which: The number of the old version, or `packaged`. None for the newest intact one that was trained
            before the current version and has another classifier; that is the packaged one only if the
            current version was made from it.

    Returns:
        The number that was current (or `packaged`), and the version that is current now. Nothing is published
        if the current version already has the same classifier.

    Raises:
        UsageError: if there is no such version, or `which` is the folder of one.
        ArtefactError: if it is damaged. The current version may be damaged.
    """
    with changing(workspace, "rollback"):
        which = None if which is None else str(which)
        if which is not None and which != PACKAGED and not NUMBER.fullmatch(which):
            raise UsageError(
                f"A rollback takes the number of a version, or {PACKAGED}.",
                received=visible(which)[:200],
                hint="bertsent models lists all versions",
            )
        last = _current(workspace)
        current = intact(last, workspace)
        old = (
            store.find(which, folder=workspace.model, option="N")
            if which
            else _previous(last, current, workspace)
        )
        if current and old.classifier_digest == current.classifier_digest:
            return last, current
        lineage = {**old.manifest.lineage, "republished_from": _trained_as(old), "undone": last}
        return (
            last,
            adopt(
                old,
                folder=workspace.model,
                after=old.manifest.version,  # as in `promote`
                parent=last,
                reason=ROLLBACK,
                lineage=lineage,
            ),
        )


def _current(workspace: Workspace) -> int | str:
    """What the current version is called, intact or not."""
    numbers = version_numbers(workspace.model)
    return numbers[-1] if numbers else store.find(None, folder=workspace.model).id


def _previous(last: int | str, current: Version | None, workspace: Workspace) -> Version:
    """The newest intact version that was trained before the current one and has another classifier.

    The packaged version is it only where the current one was made from it: nobody should get it by surprise.
    """
    limit = _trained_as(current) if current else last
    names: list[int | str] = []
    if current and is_packaged(current.manifest.lineage.get("champion", {})) and store.packaged_path():
        names.append(PACKAGED)
    if isinstance(limit, int):
        names += [number for number in version_numbers(workspace.model) if number < limit]
    for name in reversed(names):
        old = intact(name, workspace)
        if old and not (current and old.classifier_digest == current.classifier_digest):
            return old
    raise UsageError(
        f"There is no intact version before {spoken(last).removeprefix('version ')} to go back to.",
        hint=f"bertsent models lists all; bertsent models rollback {PACKAGED} takes the one that came with "
        "bertsent"
        if last != PACKAGED and store.packaged_path() is not None
        else "bertsent models lists all versions",
    )


def _trained_as(version: Version) -> int | str:
    """The number that a version had when it was trained, or `packaged`."""
    origin = version.manifest.lineage.get("republished_from", version.id)
    return origin if origin == PACKAGED else int(origin)


def adopt(
    version: Version,
    *,
    folder: Path,
    after: int,
    reason: str,
    lineage: Mapping[str, Any],
    parent: int | str | None = None,
    reserved: int = 0,
) -> Version:
    """Publishes the files of a version under the next number of `folder`, with a new manifest and card.

    The files are hard links if the file system and their owner allow it, else copies.

    Args:
        version: Any version; all its files are verified first.
        folder: The folder of versions.
        after: A number that the new one must exceed, beside all in `folder`.
        parent: The current version, if that is outside `folder`.
        reason, lineage: For the manifest.
        reserved: As in `store.publish`.

    Raises:
        ArtefactError: if a file of `version` is damaged.
        StorageError: if the disk fails or is full.
    """
    version.verify()
    manifest = replace(version.manifest, created=now(), reason=reason, lineage=dict(lineage))
    with store.staging(folder, name=_ADOPTED, needed=_ROOM) as path:
        for name in version.manifest.files:
            if name != CARD:
                _link(version.path / name, path / name)
        _write_card(version, manifest, path)
        return store.publish(path, manifest, folder=folder, after=after, parent=parent, reserved=reserved)


def _link(source: Path, target: Path) -> None:
    """Makes a hard link. Copies the file of another user: `publish` sets the mode, which links share."""
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


def intact(number: int | str, workspace: Workspace) -> Version | None:
    """The version of this number or name if all its files are intact, else None."""
    with contextlib.suppress(ArtefactError):
        version = store.find(str(number), folder=workspace.model)
        version.verify()
        return version
    return None


@dataclass(frozen=True, slots=True)
class Entry:
    """A version in the list of versions."""

    version: int | str  # its number, or "packaged"
    current: bool
    packaged: bool  # it came with bertsent and is outside the workspace
    manifest: Manifest | None  # None: damaged
    bytes: int  # of its files; those of a republished version are hard links


def entries(workspace: Workspace) -> list[Entry]:
    """The versions of a workspace, ascending, and before them the packaged one, unless a version 1 of its own
    was there from the beginning.

    None is current if `model/` holds no version, but something that looks like one.

    Raises:
        ArtefactError: if `model/` cannot be read.
    """
    numbers = version_numbers(workspace.model)
    packaged = store.packaged_path()
    listed = [_entry(number, workspace.model / str(number), number == numbers[-1]) for number in numbers]
    if packaged is not None and 1 not in numbers:
        current = not numbers and not find_strays(workspace.model)
        listed.insert(0, _entry(PACKAGED, packaged, current))
    return listed


def _entry(version: int | str, path: Path, current: bool) -> Entry:
    manifest = None
    with contextlib.suppress(ArtefactError):
        manifest = read_version(path).manifest
    return Entry(
        version=version,
        current=current,
        packaged=version == PACKAGED,
        manifest=manifest,
        bytes=sum(int(file["size"]) for file in manifest.files.values()) if manifest else 0,
    )
