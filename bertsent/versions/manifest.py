"""What a published version says of itself, and the check that its files agree."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from bertsent.base.digests import DigestAhead, sha256_file, sha256_json
from bertsent.base.display import size, visible
from bertsent.base.errors import ArtefactError
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, Window

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
        with offering_another(self.path):
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
            not os.path.isfile(path)  # noqa: PTH113 - as in `version_numbers`
            or path.stat().st_size != stated["size"]
            or (sha256_file(path) if begun is None else begun.result()) != stated["sha256"]
        ):
            raise _corrupt(path, "is not what its manifest says")
        return path


def version_numbers(folder: Path) -> list[int]:
    """The numbers of the complete versions below `folder`, ascending.

    Anything but a plain number with a manifest is not a version: a copy, a temporary folder, `v3`.

    Raises:
        ArtefactError: if `folder` is there and cannot be read: that is not the same as no version.
    """
    # os.path, because Path.is_file lets "permission denied" through
    return [n for n in taken_numbers(folder) if os.path.isfile(folder / str(n) / MANIFEST)]  # noqa: PTH113


def taken_numbers(folder: Path) -> list[int]:
    """The numbers taken below `folder`, ascending, by a version or by what is left of one."""
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ArtefactError(f"Cannot read the folder {visible(str(folder))} ({error.strerror}).") from error
    return sorted(int(name) for name in names if re.fullmatch(_NUMBER, name))


@contextlib.contextmanager
def offering_another(path: Path) -> Iterator[None]:
    """Adds to the hint of an `ArtefactError` the highest whole version beside the one at `path`."""
    try:
        yield
    except ArtefactError as error:
        whole = _intact_beside(path)
        other = f", or use --model {visible(str(whole))}, which is whole" if whole else ""
        raise ArtefactError(error.message, received=error.received, hint=error.hint + other) from error


def _intact_beside(path: Path) -> Path | None:
    for number in reversed(version_numbers(path.parent)):
        other = path.parent / str(number)
        with contextlib.suppress(ArtefactError):
            if other != path:
                read_version(other).verify()
                return other
    return None


def read_version(path: Path) -> Version:
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
        if values["digest"] != sha256_json(values):
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
    low, high = manifest.calibration.get("unsure", (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD))
    return (
        isinstance(manifest.version, int)
        and isinstance(manifest.seq_length, int)
        and manifest.seq_length > 2  # [CLS] and [SEP]
        and manifest.window in get_args(Window)
        and manifest.labels == LABELS
        and isinstance(manifest.lineage.get("republished_from", 1), int)
        and all(isinstance(part, Mapping) for part in (*manifest.data.values(), *manifest.metrics.values()))
        and 0 <= low <= DEFAULT_THRESHOLD <= high <= 1
        and {"kind", "lower_case", "normalisation", "digest"} <= tokenizer.keys()
        and files.keys() >= set(_NEEDED[tokenizer["kind"]])
        and all({"sha256", "size"} <= stated.keys() for stated in files.values())
        and all(Path(name).name == name and name not in {"", ".", ".."} for name in files)
    )


def _corrupt(path: Path, fact: str) -> ArtefactError:
    return ArtefactError(
        f"{visible(str(path))} {fact}.",
        received=size(path.stat().st_size) if os.path.isfile(path) else "no file",  # noqa: PTH113
        hint="train again",
    )
