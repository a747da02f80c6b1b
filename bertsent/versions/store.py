"""Finds a version in `model/<n>/` and publishes the next one. A version never changes."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from bertsent.base.digests import sha256_file, sha256_json
from bertsent.base.display import visible
from bertsent.base.errors import StorageError, UsageError
from bertsent.base.files import (
    disk_errors,
    is_folder,
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
    """The `model` folder that comes with bertsent: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    return next(
        (path for path in (package / "model", package.parent / "model") if version_numbers(path)), None
    )


def version_paths(folder: Path) -> dict[int, Path]:
    """Number -> path of every version in `folder`, and of every bundled one with another number."""
    return {
        number: parent / str(number)
        for parent in (bundled(), folder)
        if parent is not None
        for number in version_numbers(parent)
    }


def current_number(folder: Path) -> int:
    """The number of the current version, intact or not: the highest in `folder`, else the highest bundled.

    Raises:
        UsageError: if there is no version.
    """
    numbers = version_numbers(folder) or version_paths(folder)
    if not numbers:
        raise UsageError(
            f"No model yet: {visible(str(folder))} is empty, and this installation has none.",
            hint="bertsent download --sample && bertsent train --data data/sample",
        )
    return max(numbers)


def find(model: str | None, *, folder: Path, option: str = "--model") -> Version:
    """Finds the version with this number or path, or the current one.

    Args:
        model: A version's number, or its path; None for the current version.
        folder: The workspace's `model/`.
        option: The option that `model` comes from, for the message.

    Raises:
        UsageError: if there is no such version.
        ArtefactError: if its manifest cannot be read; the hint names the highest intact version beside it.
    """
    if model is None:
        path = version_paths(folder)[current_number(folder)]
    elif re.fullmatch(r"[0-9]{1,9}", model):
        paths = version_paths(folder)
        if int(model) not in paths:
            own = ", ".join(map(str, version_numbers(folder))) or "none"
            raise UsageError(
                f"There is no version {int(model)} in {visible(str(folder))} (versions there: {own}).",
                hint=f"bertsent train publishes one; {option} also takes the folder of a version",
            )
        path = paths[int(model)]
    else:
        path = Path(model)
        if not model or not is_folder(path):
            raise UsageError(
                f"{option} takes a version number or the folder of a version.",
                received=visible(repr(model))[:200],
            )
    with offering_another(path):
        return read_version(path)


@contextlib.contextmanager
def staging(folder: Path, *, name: str = "next", needed: int = 200_000_000) -> Iterator[Path]:
    """Makes a folder `.<name>.*.tmp` in `folder` to write a new version into, and removes it at the end of
    the block unless it was published.

    Raises:
        StorageError: if `folder` cannot be written or has less than `needed` bytes free, or a write in
            the block fails.
    """
    require_space(folder, needed)
    remove_stale(folder)
    with temporary_sibling(folder / name) as path, disk_errors(folder):
        yield path


def finalise(path: Path, manifest: Manifest) -> Version:
    """Writes the manifest of a staged version, with the digest and size of every file, and reads it back."""
    files = {
        file.name: {"sha256": sha256_file(file), "size": file.stat().st_size}
        for file in sorted(path.iterdir())
        if file.name != MANIFEST
    }
    values = asdict(replace(manifest, files=files))
    values["digest"] = sha256_json(json.loads(json.dumps(values)))  # of the values as a reader gets them
    write_text(path / MANIFEST, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    version = read_version(path)
    version.verify()
    return version


def publish(path: Path, manifest: Manifest, *, folder: Path, after: int | None = None) -> Version:
    """Publishes a staged version as the next one of `folder`. It appears only when it is complete.

    Args:
        manifest: Of the staged version at `path`; its number, parent and files are set here.
        folder: The folder of versions. The new number is one above all there, also damaged ones.
        after: The number of the version before it, if that is outside `folder`.

    Raises:
        StorageError: if the disk fails or is full; the other versions are untouched.
        ArtefactError: if the written version cannot be read back.
    """
    for _ in range(100):  # another run may take the number before the rename
        number = 1 + max([*taken_numbers(folder), after or 0])
        parent = max(version_numbers(folder), default=after)
        finalise(path, replace(manifest, version=number, parent=parent))
        target = folder / str(number)
        if publish_directory(path, target):
            return read_version(target)
    raise StorageError(f"No free version number below {visible(str(folder))}.", hint="run again")
