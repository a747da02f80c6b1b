"""model/<n>/: immutable versions, each with a manifest that its files must agree with."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from bertsent.base.digests import sha256_file, sha256_json
from bertsent.base.display import visible
from bertsent.base.errors import StorageError, UsageError
from bertsent.base.files import (
    disk_errors,
    publish_directory,
    remove_stale,
    require_space,
    temporary_sibling,
    write_text,
)
from bertsent.versions.manifest import (
    MANIFEST,
    Manifest,
    Version,
    offering_another,
    read_version,
    taken_numbers,
    version_numbers,
)


def bundled() -> Path | None:
    """The `model` folder that came with bertsent: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    return next(
        (path for path in (package / "model", package.parent / "model") if version_numbers(path)), None
    )


def find(model: str | None, *, folder: Path, option: str = "--model") -> Version:
    """The version that was named, or the current one.

    Args:
        model: A version number below `folder`, the path of a version, or None for the current one: the
            highest below `folder`, else the packaged one.
        folder: The workspace's `model/`.
        option: What `model` was given by, for the message.

    Raises:
        UsageError: if there is no such version.
        ArtefactError: if its manifest cannot be read; the hint names the highest whole version beside it.
    """
    if model is None:
        path = _current(folder)
    elif re.fullmatch(r"[0-9]{1,9}", model):
        path = _numbered(int(model), folder, option)
    else:
        path = Path(model)
        # os.path, because Path.is_dir raises on a name too long for a path
        if not model or not os.path.isdir(path):  # noqa: PTH112
            raise UsageError(
                f"{option} takes a version number or the folder of a version.",
                received=visible(repr(model))[:200],
            )
    with offering_another(path):
        return read_version(path)


def _numbered(number: int, folder: Path, option: str) -> Path:
    for place in (folder, bundled()):
        if place is not None and number in version_numbers(place):
            return place / str(number)
    there = ", ".join(map(str, version_numbers(folder))) or "none"
    raise UsageError(
        f"There is no version {number} in {visible(str(folder))} (versions there: {there}).",
        hint=f"bertsent train publishes one; {option} also takes the folder of a version",
    )


def _current(folder: Path) -> Path:
    place = folder if version_numbers(folder) else bundled()
    if place is None:
        raise UsageError(
            f"No model yet: {visible(str(folder))} is empty and none came with this installation.",
            hint="bertsent download --sample && bertsent train --data data/sample",
        )
    return place / str(version_numbers(place)[-1])


def next_number(folder: Path) -> int:
    """One above the highest number taken, whether that version is whole or not: history only grows."""
    return max(taken_numbers(folder), default=0) + 1


@contextlib.contextmanager
def staging(folder: Path, *, name: str = "next", needed: int = 200_000_000) -> Iterator[Path]:
    """A folder to write a new version into, called `.<name>.*.tmp` beside where it will stand; gone
    afterwards if unpublished.

    Raises:
        StorageError: if `folder` cannot be written or has less than `needed` bytes free, or a write in
            the block fails.
    """
    require_space(folder, needed)
    remove_stale(folder)
    with temporary_sibling(folder / name) as path, disk_errors(folder):
        yield path


def finalise(path: Path, manifest: Manifest) -> Version:
    """Writes the manifest of a draft, with digest and size of every file in it, and reads it back."""
    files = {
        file.name: {"sha256": sha256_file(file), "size": file.stat().st_size}
        for file in sorted(path.iterdir())
        if file.name != MANIFEST
    }
    values = asdict(replace(manifest, files=files))
    values |= {"digest": sha256_json(json.loads(json.dumps(values)))}  # as a reader will find them
    write_text(path / MANIFEST, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    version = read_version(path)
    version.verify()
    return version


def publish(path: Path, manifest: Manifest, *, folder: Path, after: int | None = None) -> Version:
    """Makes a draft the next version of `folder`: whole under its number, or not there at all.

    Args:
        after: The number of the version it follows, where that is not in `folder`.

    Raises:
        StorageError: if the disk does not take it; the versions before are untouched.
        ArtefactError: if what was written cannot be read back.
    """
    for _ in range(100):  # another run may take a number between the look and the rename
        number = max(next_number(folder), 1 + (after or 0))
        finalise(path, replace(manifest, version=number, parent=_parent(folder) or after))
        target = folder / str(number)
        if publish_directory(path, target):
            return read_version(target)
    raise StorageError(f"No free version number below {visible(str(folder))}.", hint="run again")


def _parent(folder: Path) -> int | None:
    numbers = version_numbers(folder)
    return numbers[-1] if numbers else None
