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
from bertsent.base.errors import ArtefactError, StorageError, UsageError
from bertsent.base.files import (
    disk_errors,
    is_file,
    is_folder,
    publish_directory,
    remove_stale,
    require_space,
    temporary_sibling,
    write_text,
)
from bertsent.base.version_names import PACKAGED
from bertsent.versions.manifest import (
    MANIFEST,
    NUMBER,
    Manifest,
    Version,
    offering_another,
    read_version,
    taken_numbers,
    version_numbers,
)
from bertsent.versions.numbers import recorded
from bertsent.versions.strays import find_strays, told

_IN_CHECKOUT = "1"  # the folder below model/ that pyproject.toml puts into the wheel


def packaged_path() -> Path | None:
    """The folder of the version that came with bertsent; None if this installation has none.

    It is the highest one inside the wheel; in a checkout it is what goes into the wheel, and not a version
    that somebody trained there.
    """
    package = Path(__file__).parent.parent
    inside = version_numbers(package / "model")
    if inside:
        return package / "model" / str(inside[-1])
    beside = package.parent / "model" / _IN_CHECKOUT
    return beside if is_file(beside / MANIFEST) and is_file(package.parent / "pyproject.toml") else None


def is_current(version: Version, *, folder: Path) -> bool:
    """Whether a version is the current one of a folder of versions.

    Raises:
        UsageError, ArtefactError: as `find`.
    """
    return version.path.resolve() == find(None, folder=folder).path.resolve()


def read_packaged(folder: Path) -> Version:
    """The version that came with bertsent. Where `folder` holds it, in a checkout, it has its number there.

    Raises:
        UsageError: if this installation has none.
        ArtefactError: if its manifest cannot be read.
    """
    path = packaged_path()
    if path is None:
        raise UsageError(
            f"This installation has no version of its own, which {PACKAGED} would name.",
            hint="bertsent train publishes one",
        )
    return _named(read_version(path), folder)


def _named(version: Version, folder: Path) -> Version:
    """The version, marked if it is the packaged one and not in `folder`."""
    if version.path.parent == folder:
        return version
    path = packaged_path()
    if path is None or path.parent.resolve() == folder.resolve():
        return version
    return replace(version, packaged=version.path.resolve() == path.resolve())


def find(model: str | None, *, folder: Path, option: str = "--model") -> Version:
    """Finds the version with this number, name or path, or the current one.

    The current version is the one with the highest number in `folder`. The packaged one is current only where
    `folder` holds nothing that looks like a version; a number never means it.

    Args:
        model: A version's number, `packaged`, or a version's path; None for the current version.
        folder: The workspace's `model/`.
        option: The option that `model` comes from, for the message.

    Raises:
        UsageError: if there is no such version.
        ArtefactError: if its manifest cannot be read, the hint names the highest intact version beside it; or
            if there is no current version, but something that looks like one.
    """
    numbers = version_numbers(folder)
    if model == PACKAGED or (model is None and not numbers):
        if model is None:
            _require_nothing(folder, option)
        return read_packaged(folder)
    if model is None:
        path = folder / str(numbers[-1])
    elif re.fullmatch("[0-9]+", model):
        path = _numbered(model, folder, numbers, option)
    else:
        path = Path(model)
        if not model or not is_folder(path):
            raise UsageError(
                f"{option} takes a version number, {PACKAGED}, or the folder of a version.",
                received=visible(repr(model))[:200],
            )
    with offering_another(path):
        return _named(read_version(path), folder)


def _require_nothing(folder: Path, option: str) -> None:
    """Refuses to fall back to the packaged version if `folder` holds what looks like a version."""
    strays = find_strays(folder)
    if strays:
        raise ArtefactError(
            f"{visible(str(folder))} holds no whole version.",
            received=told(strays),
            hint=f"copy it again, or rename it; {_by_name(option)} is the version that came with bertsent",
        )
    if packaged_path() is None:
        raise UsageError(
            f"No model yet: {visible(str(folder))} is empty, and this installation has none.",
            hint="bertsent download --sample && bertsent train --data data/sample",
        )


def _by_name(option: str) -> str:
    """How to ask for the packaged version; an argument has no name to write before it."""
    return f"{option} {PACKAGED}" if option.startswith("--") else PACKAGED


def _numbered(model: str, folder: Path, numbers: list[int], option: str) -> Path:
    """The folder of the version with this number."""
    where = visible(str(folder))
    if not NUMBER.fullmatch(model):
        path = folder / model
        raise UsageError(
            f"{option} takes the number of a version: 1, 2, 3 and so on.",
            received=model[:200],
            hint=f"name its folder, {visible(str(path))}"
            if is_folder(path)
            else "bertsent models lists all versions",
        )
    if int(model) in numbers:
        return folder / model
    stray = next((stray for stray in find_strays(folder) if stray.name == model), None)
    if stray is not None:
        raise ArtefactError(
            f"{where}/{model} is no whole version: {stray.why}.", hint="copy it again, with all its files"
        )
    own = ", ".join(map(str, numbers)) or "none"
    raise UsageError(
        f"There is no version {model} in {where} (versions there: {own}).",
        hint=f"{_by_name(option)} is the version that came with bertsent"
        if not numbers and packaged_path() is not None
        else f"bertsent models lists all; {option} also takes the folder of a version",
    )


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


def next_number(folder: Path, *, after: int = 0) -> int:
    """The number that the next version of `folder` gets: above all in it, also damaged ones, and above all
    that the records of the workspace name (`numbers.recorded`), whose versions may be gone.

    Args:
        after: A number that it must exceed as well.
    """
    return 1 + max([*taken_numbers(folder), after, recorded(folder)])


def publish(
    path: Path,
    manifest: Manifest,
    *,
    folder: Path,
    after: int = 0,
    parent: int | str | None = None,
    reserved: int = 0,
) -> Version:
    """Publishes a staged version as the next one of `folder`. It appears only when it is complete.

    A number never comes back as another model: the new one is that of `next_number`.

    Args:
        manifest: Of the staged version at `path`; its number, parent and files are set here.
        folder: The folder of versions.
        after: A number that the new one must exceed as well.
        parent: The version that was current before, if that is outside `folder`.
        reserved: The number that the records keep for this version. It is used if all in `folder` are below.

    Raises:
        StorageError: if the disk fails or is full; the other versions are untouched.
        ArtefactError: if the written version cannot be read back.
    """
    for _ in range(100):  # another run may take the number before the rename
        is_free = reserved > max(taken_numbers(folder), default=0)
        number = reserved if is_free else next_number(folder, after=after)
        before = max(version_numbers(folder), default=parent)
        finalise(path, replace(manifest, version=number, parent=before))
        target = folder / str(number)
        if publish_directory(path, target):
            return read_version(target)
    raise StorageError(f"No free version number below {visible(str(folder))}.", hint="run again")
