"""model/<n>/: immutable versions, each with a manifest that its files must agree with."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bertsent.errors import ArtefactError, StorageError, UsageError
from bertsent.files import (
    publish_directory,
    remove_stale,
    require_space,
    sha256_file,
    size,
    temporary_sibling,
    visible,
    write_text,
)
from bertsent.settings import LABELS

FORMAT = 1  # raised when a reader of today could no longer read the directory
MANIFEST = "manifest.json"
CLASSIFIER = "classifier.tflite"
VOCABULARY = "vocab.txt"
WEIGHTS = "weights.safetensors"
REFERENCE = "reference.npz"
HISTORY = "history.json"
CARD = "README.md"
PLOT = "training.svg"
_NEEDED = (CLASSIFIER, VOCABULARY)  # without them a version cannot score


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What manifest.json says of a version; every other file is listed in `files` with digest and size."""

    version: int
    created: str  # UTC, ISO 8601
    libraries: Mapping[str, str]  # package -> version that made it
    encoder: Mapping[str, Any]  # name, handle, preprocessor, digest, rebuilt
    tokenizer: Mapping[str, Any]  # kind, lower_case, normalisation, digest
    seq_length: int
    window: str
    settings: Mapping[str, Any]  # the TrainSettings of the run
    data: Mapping[str, Any]  # split -> digest, n, positive
    metrics: Mapping[str, Any]  # split -> Metrics.as_json
    probes: Mapping[str, float]  # text -> score, to be found again after every reload
    parent: int | None = None  # the version that was current before
    reason: str = "train"
    labels: Mapping[str, int] = field(default_factory=lambda: dict(LABELS))
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> sha256, size
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Version:
    """A version on disk whose manifest has been read."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return str(self.manifest.version)

    def file(self, name: str) -> Path:
        """The path of one of its files, after its digest was compared with the manifest.

        Raises:
            ArtefactError: if the version does not carry it, or it is not what the manifest says.
        """
        stated = self.manifest.files.get(name)
        path = self.path / name
        if stated is None:
            raise ArtefactError(
                f"Version {self.name} carries no {name}.",
                hint="train a version with this bertsent, then use that one",
            )
        if (
            not path.is_file()
            or path.stat().st_size != stated["size"]
            or sha256_file(path) != stated["sha256"]
        ):
            raise _corrupt(path, "is not what its manifest says")
        return path

    def verify(self) -> None:
        """Compares every file with the manifest.

        Raises:
            ArtefactError: naming the first file that is missing or different.
        """
        for name in self.manifest.files:
            self.file(name)


def packaged() -> Path | None:
    """The `model` folder that came with bertsent: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    return next((path for path in (package / "model", package.parent / "model") if versions(path)), None)


def versions(folder: Path) -> list[int]:
    """The numbers of the complete versions below `folder`, ascending.

    Anything but a plain number with a manifest is not a version: a copy, a temporary folder, `v3`.
    """
    with contextlib.suppress(OSError):
        return sorted(
            int(path.name)
            for path in folder.iterdir()
            if re.fullmatch(r"[1-9][0-9]{0,8}", path.name) and (path / MANIFEST).is_file()
        )
    return []


def find(model: str | None, *, folder: Path) -> Version:
    """The version to score with.

    Args:
        model: A version number below `folder`, the path of a version, or None for the current one: the
            highest below `folder`, else the packaged one.
        folder: The workspace's `model/`.

    Raises:
        UsageError: if there is no such version.
        ArtefactError: if its manifest cannot be read; the message names the highest one that can.
    """
    if model is None:
        return _current(folder)
    if re.fullmatch(r"[0-9]+", model):
        for place in (folder, packaged()):
            if place is not None and int(model) in versions(place):
                return read(place / str(int(model)))
        raise UsageError(
            f"There is no version {model} in {visible(str(folder))}.",
            received=f"versions {versions(folder) or 'none'}",
            hint="leave --model out to use the current version",
        )
    path = Path(model)
    if not path.is_dir():
        raise UsageError(
            "--model takes a version number or the folder of a version.", received=visible(repr(model))
        )
    return read(path)


def _current(folder: Path) -> Version:
    place = folder if versions(folder) else packaged()
    if place is None:
        raise UsageError(
            f"No model yet: {visible(str(folder))} is empty and none came with this installation.",
            hint="bertsent download --sample && bertsent train --data data/sample",
        )
    numbers = versions(place)
    try:
        return read(place / str(numbers[-1]))
    except ArtefactError as error:
        raise ArtefactError(error.message, hint=_last_good(place, numbers[:-1])) from error


def _last_good(place: Path, numbers: list[int]) -> str:
    for number in reversed(numbers):
        with contextlib.suppress(ArtefactError):
            read(place / str(number)).verify()
            return f"--model {number} is whole; use it, or remove the broken folder"
    return "remove the broken folder, or train again"


def read(path: Path) -> Version:
    """Reads a version's manifest. Its files are compared when they are asked for.

    Raises:
        ArtefactError: if there is no manifest, it is not ours, or it was made by a newer bertsent.
    """
    file = path / MANIFEST
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ArtefactError(
                f"{visible(str(path))} has format {values['format']}, this bertsent reads {FORMAT}.",
                hint="pip install --upgrade bertsent",
            )
        manifest = Manifest(**values)
        missing = [name for name in _NEEDED if name not in manifest.files]
        unsafe = [name for name in manifest.files if Path(name).name != name or name in {"", ".", ".."}]
        if missing or unsafe or dict(manifest.labels) != LABELS or not isinstance(manifest.version, int):
            raise ValueError(f"files {missing + unsafe}, labels {manifest.labels}")
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{visible(str(path))} is no version of bertsent (no {MANIFEST}).",
            hint="name a folder below model/, for example --model 1",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(file, "is not a manifest") from error
    return Version(path=path, manifest=manifest)


def next_number(folder: Path) -> int:
    """One above the highest number taken, whether that version is whole or not: history only grows."""
    taken = [0]
    with contextlib.suppress(OSError):
        taken += [int(path.name) for path in folder.iterdir() if re.fullmatch(r"[1-9][0-9]{0,8}", path.name)]
    return max(taken) + 1


@contextlib.contextmanager
def draft(folder: Path, *, needed: int = 200_000_000) -> Iterator[Path]:
    """A folder to write a new version into, beside where it will stand; gone afterwards if unpublished.

    Raises:
        StorageError: if `folder` cannot be written or has less than `needed` bytes free.
    """
    require_space(folder, needed)
    remove_stale(folder)
    with temporary_sibling(folder / "next") as path:
        yield path


def seal(path: Path, manifest: Manifest) -> Version:
    """Writes the manifest of a draft, with digest and size of every file in it, and reads it back."""
    files = {
        file.name: {"sha256": sha256_file(file), "size": file.stat().st_size}
        for file in sorted(path.iterdir())
        if file.name != MANIFEST
    }
    stated = replace(manifest, files=files)
    write_text(path / MANIFEST, json.dumps(asdict(stated), indent=2, ensure_ascii=False) + "\n")
    version = read(path)
    version.verify()
    return version


def publish(path: Path, manifest: Manifest, *, folder: Path) -> Version:
    """Makes a draft the next version of `folder`: whole under its number, or not there at all.

    Raises:
        StorageError: if the disk does not take it; the versions before are untouched.
        ArtefactError: if what was written cannot be read back.
    """
    for _ in range(100):  # another run may take a number between the look and the rename
        number = next_number(folder)
        seal(path, replace(manifest, version=number, parent=_parent(folder)))
        target = folder / str(number)
        if publish_directory(path, target):
            return read(target)
    raise StorageError(f"No free version number below {visible(str(folder))}.", hint="run again")


def _parent(folder: Path) -> int | None:
    numbers = versions(folder)
    return numbers[-1] if numbers else None


def _corrupt(path: Path, fact: str) -> ArtefactError:
    return ArtefactError(
        f"{visible(str(path))} {fact}.",
        received=f"{size(path.stat().st_size)}" if path.is_file() else "no such file",
        hint="use another version (--model N), or train again",
    )
