"""The manifest of a published version, and the check that its files agree with it."""

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
from bertsent.base.files import is_file
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, Window
from bertsent.base.text import CLEANING
from bertsent.base.version_names import PACKAGED, capital

FORMAT = 1  # raised when today's readers could not read a new version
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
NUMBER = re.compile("[1-9][0-9]{0,8}")  # the name of a version's folder
_SHORT = {"temperature", "bias", "tokens", "long"}  # the calibration of short texts
_NEEDED = {WORDPIECE: (CLASSIFIER, VOCABULARY), HUB_TOKENIZER: (CLASSIFIER,)}  # files that scoring needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of manifest.json. `files` lists every other file of the version."""

    version: int
    created: str  # UTC, ISO 8601
    libraries: Mapping[str, str]  # package -> its version in the run
    encoder: Mapping[str, Any]  # name, handle, preprocessor, digest, rebuilt, gelu
    tokenizer: Mapping[str, Any]  # kind, lower_case, normalisation, digest
    seq_length: int
    window: Window
    settings: Mapping[str, Any]  # the TrainSettings of the run
    data: Mapping[str, Any]  # split -> digest, n, positive
    metrics: Mapping[str, Any]  # split -> Metrics.as_json
    probes: Mapping[str, float]  # text -> score, which must be the same after every reload
    calibration: Mapping[str, Any] = field(default_factory=dict)  # as `Calibration.as_json` gives it
    cleaning: int = 1  # of texts, before they are tokenized: the number for `text.tokenizable`
    parent: int | str | None = None  # the version that was current before it; "packaged"
    reason: str = "train"  # or "retrain", "drift", "rollback"
    lineage: Mapping[str, Any] = field(default_factory=dict)  # what led to a retrain or a rollback
    labels: Mapping[str, int] = field(default_factory=lambda: dict(LABELS))
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> sha256, size
    format: int = FORMAT

    @property
    def used_labels(self) -> set[str]:
        """Digests of the labels that the version was trained on or that its gate used."""
        uses = self.data.get("labels", {}), self.lineage.get("reserved", {})
        return {digest for use in uses for digest in use.get("digests", ())}


_KEYS = {key.name for key in fields(Manifest)}


@dataclass(frozen=True, slots=True)
class Version:
    """A version on disk whose manifest has been read."""

    path: Path
    manifest: Manifest
    packaged: bool = False  # it came with bertsent, and is not in the workspace
    _hashing: dict[str, DigestAhead] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[type[Version], tuple[Any, ...]]:
        """Pickles it without the threads that hash its files."""
        return Version, (self.path, self.manifest, self.packaged)

    @property
    def id(self) -> int | str:
        """What records call it: its number, or "packaged"."""
        return PACKAGED if self.packaged else self.manifest.version

    @property
    def name(self) -> str:
        """The same as text."""
        return str(self.id)

    @property
    def classifier_digest(self) -> str:
        """The SHA-256 of the classifier: a republished version has that of its original."""
        return str(self.manifest.files[CLASSIFIER]["sha256"])

    def begin(self) -> None:
        """Starts hashing the classifier in a thread, while the caller imports what scoring needs."""
        self._hashing[CLASSIFIER] = DigestAhead(self.path / CLASSIFIER)

    def file(self, name: str) -> Path:
        """Checks the digest of one of its files and returns its path.

        Raises:
            ArtefactError: if the version has no such file, or its digest differs from the manifest's; the
                hint names the highest intact version beside it.
        """
        with offering_another(self.path):
            return self._file(name)

    def verify(self) -> None:
        """Checks the digest of every file.

        Raises:
            ArtefactError: naming the first file that is missing or different.
        """
        for name in self.manifest.files:
            self._file(name)

    def _file(self, name: str) -> Path:
        expected = self.manifest.files.get(name)
        if expected is None:
            raise ArtefactError(
                f"{capital(self.name)} carries no {name}.",
                hint="train a version with this bertsent, then use that one",
            )
        path = self.path / name
        hashing = self._hashing.pop(name, None)  # used only once: the file may change later
        if (
            not is_file(path)
            or path.stat().st_size != expected["size"]
            or (hashing.result() if hashing else sha256_file(path)) != expected["sha256"]
        ):
            raise _corrupt(path, "is not what its manifest says")
        return path


def version_numbers(folder: Path) -> list[int]:
    """The numbers of the versions in `folder`, ascending. A version is a folder that is named by a plain
    number and holds a manifest; copies, temporary folders and `v3` do not count.

    Raises:
        ArtefactError: if `folder` exists and cannot be read, which does not mean that it holds no version.
    """
    return [number for number in taken_numbers(folder) if is_file(folder / str(number) / MANIFEST)]


def taken_numbers(folder: Path) -> list[int]:
    """The numbers that versions, or folders without a manifest, use in `folder`; ascending."""
    return sorted(int(name) for name in names_in(folder) if NUMBER.fullmatch(name))


def names_in(folder: Path) -> list[str]:
    """The names in a folder of versions, in no order; none if nothing is there.

    Raises:
        ArtefactError: if something is there that is no folder, such as a link to a disk that is not mounted,
            or if it cannot be read.
    """
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are enough, and every start passes here
    except OSError as error:
        leads_nowhere = isinstance(error, FileNotFoundError)
        if leads_nowhere and not folder.is_symlink():
            return []
        why = "a link that leads nowhere" if leads_nowhere else error.strerror
        raise ArtefactError(f"Cannot read the folder {visible(str(folder))} ({why}).") from error


@contextlib.contextmanager
def offering_another(path: Path) -> Iterator[None]:
    """Adds the highest intact version beside `path` to the hint of an `ArtefactError`."""
    try:
        yield
    except ArtefactError as error:
        other = _intact_beside(path)
        hint = f"{error.hint}, or use --model {visible(str(other))}, which is intact" if other else error.hint
        raise ArtefactError(error.message, received=error.received, hint=hint) from error


def _intact_beside(path: Path) -> Path | None:
    for number in reversed(version_numbers(path.parent)):
        other = path.parent / str(number)
        with contextlib.suppress(ArtefactError):
            if other != path:
                read_version(other).verify()
                return other
    return None


def read_version(path: Path) -> Version:
    """Reads a version's manifest. `Version.file` and `Version.verify` check the files.

    Raises:
        ArtefactError: if there is no manifest, or it is not bertsent's, was changed after it was written,
            belongs to another number, or has the format of a newer bertsent.
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
        if int(values.get("cleaning", 1)) > CLEANING:
            raise ArtefactError(
                f"{visible(str(path))} has its texts cleaned in a way that this bertsent does not have.",
                received=f"cleaning {visible(str(values['cleaning']))[:40]}",
                hint="pip install --upgrade bertsent",
            )
        if values["digest"] != sha256_json(values):
            raise _corrupt(file, "was changed after it was written")
        # A later bertsent may add keys without a new format; a missing key raises TypeError.
        manifest = Manifest(**{name: value for name, value in values.items() if name in _KEYS})
        if not _can_score(manifest):
            raise ValueError("a value has the wrong type or range")
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{visible(str(path))} is not a version of bertsent (it has no {MANIFEST}).",
            hint="name a folder below model/, for example --model 1, or copy all of this one",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _corrupt(file, "is not a manifest") from error
    if NUMBER.fullmatch(path.name) and int(path.name) != manifest.version:
        raise ArtefactError(
            f"{visible(str(path))} holds version {manifest.version} under another number.",
            hint=f"rename the folder back to {manifest.version}",
        )
    return Version(path=path, manifest=manifest)


def _can_score(manifest: Manifest) -> bool:
    """Whether the values that scoring relies on have the right types: anybody may have written the file."""
    files, tokenizer = manifest.files, manifest.tokenizer
    low, high = manifest.calibration.get("unsure", (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD))
    return (
        isinstance(manifest.version, int)
        and isinstance(manifest.seq_length, int)
        and manifest.seq_length > 2  # [CLS] and [SEP]
        and manifest.cleaning in range(1, CLEANING + 1)
        and manifest.window in get_args(Window)
        and manifest.labels == LABELS
        and _names_a_version(manifest.lineage.get("republished_from", 1))
        and all(isinstance(part, Mapping) for part in (*manifest.data.values(), *manifest.metrics.values()))
        and set(manifest.calibration.get("short", _SHORT)) == _SHORT
        and 0 <= low <= DEFAULT_THRESHOLD <= high <= 1
        and {"kind", "lower_case", "normalisation", "digest"} <= tokenizer.keys()
        and files.keys() >= set(_NEEDED[tokenizer["kind"]])
        and all({"sha256", "size"} <= file.keys() for file in files.values())
        and all(Path(name).name == name and name not in {"", ".", ".."} for name in files)
    )


def _names_a_version(value: object) -> bool:
    return isinstance(value, int) or value == PACKAGED


def _corrupt(path: Path, fact: str) -> ArtefactError:
    return ArtefactError(
        f"{visible(str(path))} {fact}.",
        received=size(path.stat().st_size) if is_file(path) else "no file",
        hint="train again",
    )
