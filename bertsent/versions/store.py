"""model/<n>/: immutable versions, each with a manifest that its files must agree with."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

from bertsent.base import checked_json
from bertsent.base.digests import DigestAhead, sha256_file
from bertsent.base.display import size, visible
from bertsent.base.errors import ArtefactError, StorageError, UsageError
from bertsent.base.files import (
    disk_errors,
    publish_directory,
    remove_stale,
    require_space,
    temporary_sibling,
    write_text,
)
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.scoring import EVEN, Window

FORMAT = 1  # raised when a reader of today could no longer read the directory
MANIFEST = "manifest.json"
CLASSIFIER = "classifier.tflite"
VOCABULARY = "vocab.txt"
WEIGHTS = "weights.safetensors"
REFERENCE = "reference.npz"
HISTORY = "history.json"
CONFIG = "train.toml"
CARD = "README.md"
PLOT = "training.svg"
WORDPIECE, HUB_TOKENIZER = "wordpiece", "hub"  # kinds of tokenizer; the second needs TensorFlow
_NUMBER = "[1-9][0-9]{0,8}"  # the name of a version's folder
_NEEDED = {WORDPIECE: (CLASSIFIER, VOCABULARY), HUB_TOKENIZER: (CLASSIFIER,)}  # to score


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What manifest.json says of a version; every other file is listed in `files` with digest and size."""

    version: int
    created: str  # UTC, ISO 8601
    libraries: Mapping[str, str]  # package -> version that made it
    encoder: Mapping[str, Any]  # name, handle, preprocessor, digest, rebuilt, gelu
    tokenizer: Mapping[str, Any]  # kind, lower_case, normalisation, digest
    seq_length: int
    window: str
    settings: Mapping[str, Any]  # the TrainSettings of the run
    data: Mapping[str, Any]  # split -> digest, n, positive
    metrics: Mapping[str, Any]  # split -> Metrics.as_json
    probes: Mapping[str, float]  # text -> score, to be found again after every reload
    calibration: Mapping[str, Any] = field(default_factory=dict)  # temperature, bias, unsure band, rows
    parent: int | None = None  # the version that was current before
    reason: str = "train"  # or "retrain", "drift", "rollback"
    lineage: Mapping[str, Any] = field(default_factory=dict)  # what led to it, where that was no `train`
    labels: Mapping[str, int] = field(default_factory=lambda: dict(LABELS))
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> sha256, size
    format: int = FORMAT


_KEYS = {key.name for key in fields(Manifest)}


@dataclass(frozen=True, slots=True)
class Version:
    """A version on disk whose manifest has been read."""

    path: Path
    manifest: Manifest
    _begun: dict[str, DigestAhead] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return str(self.manifest.version)

    @property
    def classifier_digest(self) -> str:
        """The SHA-256 of what scores: the same for a version and one republished from it."""
        return str(self.manifest.files[CLASSIFIER]["sha256"])

    def begin(self) -> None:
        """Begins to verify the classifier, while the caller imports what it takes to score."""
        self._begun[CLASSIFIER] = DigestAhead(self.path / CLASSIFIER)

    def file(self, name: str) -> Path:
        """The path of one of its files, after its digest was compared with the manifest.

        Raises:
            ArtefactError: if the version does not carry it, or it is not what the manifest says; the hint
                names the highest whole version beside it.
        """
        with _offering_another(self.path):
            return self._file(name)

    def verify(self) -> None:
        """Compares every file with the manifest.

        Raises:
            ArtefactError: naming the first file that is missing or different.
        """
        for name in self.manifest.files:
            self._file(name)

    def _file(self, name: str) -> Path:
        stated = self.manifest.files.get(name)
        path, begun = self.path / name, self._begun.pop(name, None)  # a digest tells of one moment
        if stated is None:
            raise ArtefactError(
                f"Version {self.name} carries no {name}.",
                hint="train a version with this bertsent, then use that one",
            )
        if (
            not os.path.isfile(path)  # noqa: PTH113 - as in `versions`
            or path.stat().st_size != stated["size"]
            or (sha256_file(path) if begun is None else begun.result()) != stated["sha256"]
        ):
            raise _corrupt(path, "is not what its manifest says")
        return path


def packaged() -> Path | None:
    """The `model` folder that came with bertsent: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    return next((path for path in (package / "model", package.parent / "model") if versions(path)), None)


def versions(folder: Path) -> list[int]:
    """The numbers of the complete versions below `folder`, ascending.

    Anything but a plain number with a manifest is not a version: a copy, a temporary folder, `v3`.

    Raises:
        ArtefactError: if `folder` is there and cannot be read: that is not the same as no version.
    """
    # os.path, because Path.is_file lets "permission denied" through
    return [n for n in _numbers(folder) if os.path.isfile(folder / str(n) / MANIFEST)]  # noqa: PTH113


def _numbers(folder: Path) -> list[int]:
    """The numbers taken below `folder`, ascending, by a version or by what is left of one."""
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ArtefactError(f"Cannot read the folder {visible(str(folder))} ({error.strerror}).") from error
    return sorted(int(name) for name in names if re.fullmatch(_NUMBER, name))


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
    with _offering_another(path):
        return read(path)


def _numbered(number: int, folder: Path, option: str) -> Path:
    for place in (folder, packaged()):
        if place is not None and number in versions(place):
            return place / str(number)
    there = ", ".join(map(str, versions(folder))) or "none"
    raise UsageError(
        f"There is no version {number} in {visible(str(folder))} (versions there: {there}).",
        hint=f"bertsent train publishes one; {option} also takes the folder of a version",
    )


def _current(folder: Path) -> Path:
    place = folder if versions(folder) else packaged()
    if place is None:
        raise UsageError(
            f"No model yet: {visible(str(folder))} is empty and none came with this installation.",
            hint="bertsent download --sample && bertsent train --data data/sample",
        )
    return place / str(versions(place)[-1])


@contextlib.contextmanager
def _offering_another(path: Path) -> Iterator[None]:
    """Adds to the hint of an `ArtefactError` the highest whole version beside the one at `path`."""
    try:
        yield
    except ArtefactError as error:
        whole = _whole_beside(path)
        other = f", or use --model {visible(str(whole))}, which is whole" if whole else ""
        raise ArtefactError(error.message, received=error.received, hint=error.hint + other) from error


def _whole_beside(path: Path) -> Path | None:
    for number in reversed(versions(path.parent)):
        other = path.parent / str(number)
        with contextlib.suppress(ArtefactError):
            if other != path:
                read(other).verify()
                return other
    return None


def read(path: Path) -> Version:
    """Reads a version's manifest. Its files are compared when they are asked for.

    Raises:
        ArtefactError: if there is no manifest, it is not ours, was changed since, belongs to another
            number, or was made by a newer bertsent.
    """
    file = path / MANIFEST
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ArtefactError(
                f"{visible(str(path))} has format {visible(str(values['format']))[:40]}, "
                f"this bertsent reads {FORMAT}.",
                hint="pip install --upgrade bertsent",
            )
        if values["digest"] != checked_json.digest(values):
            raise _corrupt(file, "was changed after it was written")
        # A later bertsent may add keys without a new format; a key that is missing is a TypeError.
        manifest = Manifest(**{name: value for name, value in values.items() if name in _KEYS})
        if not _can_score(manifest):
            raise ValueError("a value is not what a manifest has there")
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{visible(str(path))} is no version of bertsent (no {MANIFEST}).",
            hint="name a folder below model/, for example --model 1",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _corrupt(file, "is not a manifest") from error
    if re.fullmatch(_NUMBER, path.name) and int(path.name) != manifest.version:
        raise ArtefactError(
            f"{visible(str(path))} holds version {manifest.version} under another number.",
            hint=f"rename the folder back to {manifest.version}",
        )
    return Version(path=path, manifest=manifest)


def _can_score(manifest: Manifest) -> bool:
    """Whether all that scoring relies on is there and of its kind: anybody may have written it."""
    files, tokenizer = manifest.files, manifest.tokenizer
    low, high = manifest.calibration.get("unsure", (EVEN, EVEN))
    return (
        isinstance(manifest.version, int)
        and isinstance(manifest.seq_length, int)
        and manifest.seq_length > 2  # [CLS] and [SEP]
        and manifest.window in get_args(Window)
        and manifest.labels == LABELS
        and isinstance(manifest.lineage.get("republished_from", 1), int)
        and all(isinstance(part, Mapping) for part in (*manifest.data.values(), *manifest.metrics.values()))
        and 0 <= low <= EVEN <= high <= 1
        and {"kind", "lower_case", "normalisation", "digest"} <= tokenizer.keys()
        and files.keys() >= set(_NEEDED[tokenizer["kind"]])
        and all({"sha256", "size"} <= stated.keys() for stated in files.values())
        and all(Path(name).name == name and name not in {"", ".", ".."} for name in files)
    )


def next_number(folder: Path) -> int:
    """One above the highest number taken, whether that version is whole or not: history only grows."""
    return max(_numbers(folder), default=0) + 1


@contextlib.contextmanager
def draft(folder: Path, *, name: str = "next", needed: int = 200_000_000) -> Iterator[Path]:
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


def seal(path: Path, manifest: Manifest) -> Version:
    """Writes the manifest of a draft, with digest and size of every file in it, and reads it back."""
    files = {
        file.name: {"sha256": sha256_file(file), "size": file.stat().st_size}
        for file in sorted(path.iterdir())
        if file.name != MANIFEST
    }
    values = asdict(replace(manifest, files=files))
    values |= {"digest": checked_json.digest(json.loads(json.dumps(values)))}  # as a reader will find them
    write_text(path / MANIFEST, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    version = read(path)
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
        seal(path, replace(manifest, version=number, parent=_parent(folder) or after))
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
        received=size(path.stat().st_size) if os.path.isfile(path) else "no file",  # noqa: PTH113
        hint="train again",
    )
