"""The candidate of a workspace: a challenger that waits for a person's word, or that the gate rejected.

There is at most one. It lies in `.bertsent/candidate/<n>/`, whole as a version, and what led to it is in its
manifest. It appears and disappears by one rename, and no command scores with it unless somebody names its
folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsent.base.errors import ArtefactError
from bertsent.base.files import disk_errors, remove_stale, sync_directory
from bertsent.base.settings.workspace import Workspace
from bertsent.versions import registry, store
from bertsent.versions.manifest import Version, read_version, taken_numbers

_WRITTEN = {"gate", "champion", "challenger", "because"}  # what the lineage of every candidate has


@dataclass(frozen=True, slots=True)
class Candidate:
    """A challenger that was kept."""

    number: int  # that it is to get as a version
    path: Path
    version: Version | None  # None: its manifest is damaged

    @property
    def lineage(self) -> Mapping[str, Any]:
        """What led to it; empty if its manifest is damaged."""
        return self.version.manifest.lineage if self.version else {}

    @property
    def passed(self) -> bool:
        """Whether the gate let it pass, so that it waits for a person."""
        return bool(self.lineage.get("gate", {}).get("passed"))

    @property
    def bytes(self) -> int:
        """The size of its files, as of a version; of what there is, if its manifest is damaged."""
        if self.version:
            return sum(int(file["size"]) for file in self.version.manifest.files.values())
        with contextlib.suppress(OSError):
            return sum(path.lstat().st_size for path in self.path.iterdir())
        return 0

    def is_compared_with(self, version: Version) -> bool:
        """Whether the gate compared it with this version, or with one that has the same classifier."""
        return bool(self.lineage) and self.lineage["champion"]["digest"] == version.classifier_digest

    def is_for(self, batch: str) -> bool:
        """Whether it was trained because of the drift of this batch of labels."""
        return bool(self.lineage) and self.lineage["because"]["batch"] == batch


def find_candidate(workspace: Workspace) -> Candidate | None:
    """The candidate of a workspace, damaged or not; None if there is none.

    Raises:
        ArtefactError: if its folder cannot be read.
    """
    numbers = taken_numbers(workspace.candidate)
    if not numbers:
        return None
    path, version = workspace.candidate / str(numbers[-1]), None
    with contextlib.suppress(ArtefactError):
        version = read_version(path)
    if version and not version.manifest.lineage.keys() >= _WRITTEN:
        version = None  # somebody's copy of another version
    return Candidate(numbers[-1], path, version)


def keep_candidate(
    challenger: Version, *, workspace: Workspace, champion: Version, reason: str, lineage: Mapping[str, Any]
) -> Candidate:
    """Keeps a challenger as the candidate, in place of the one before. Needs the lock of `retrain`.

    Args:
        champion: That it was compared with.
        reason, lineage: For the manifest.

    Raises:
        ArtefactError: if a file of the challenger is damaged.
        StorageError: if the disk fails or is full.
    """
    remove_candidate(workspace)
    number = store.next_number(workspace.model, after=champion.manifest.version)
    kept = registry.adopt(
        challenger,
        folder=workspace.candidate,
        after=number - 1,
        parent=champion.id,
        reason=reason,
        lineage=lineage,
    )
    return Candidate(number, kept.path, kept)


def remove_candidate(workspace: Workspace) -> None:
    """Removes the candidate, if there is one. Needs the lock of `retrain`.

    Raises:
        StorageError: if it cannot be removed.
    """
    folder = workspace.candidate
    remove_stale(folder, older_than=0)
    for number in taken_numbers(folder):
        hidden = folder / f".{number}.{os.getpid()}.tmp"  # a name that `remove_stale` finds
        with disk_errors(folder):
            (folder / str(number)).rename(hidden)
            sync_directory(folder)
        shutil.rmtree(hidden, ignore_errors=True)
    with contextlib.suppress(OSError):  # none, or something of somebody else is in it
        folder.rmdir()
