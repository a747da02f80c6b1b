"""Puts data sets into `data/`: each appears by one rename, and a marker file tells that it is complete."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bertsent.base import digests, files
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, DataError, UsageError
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.training import Download
from bertsent.base.settings.download import (
    ADDRESSES,
    KNOWN_FOLDER,
    KNOWN_SHA256,
    PARTS,
    DownloadSettings,
)
from bertsent.base.settings.reading import FOLDERS, LABELS
from bertsent.base.settings.workspace import Workspace
from bertsent.data import sample
from bertsent.data.download.contents import Contents, root_of, survey, table_stem
from bertsent.data.download.fetch import fetch, file_name, source
from bertsent.data.download.unpack import extract, sniff

_MARKER = ".complete.json"
_SAMPLE = "bertsent:sample"  # the url that the marker of the bundled reviews holds
_NAMED = 8  # folders or files that a message names
_ENDINGS = re.compile(r"(\.tar)?(\.gz|\.bz2|\.xz)?$|\.(tgz|tbz2|txz|zip)$")


@dataclass(frozen=True, slots=True)
class _Marker:
    """The last file written into a data set. It says where the data set is from, and that it is complete."""

    url: str
    sha256: str  # of the archive
    files: int
    bytes: int
    completed: str  # UTC


@dataclass(frozen=True, slots=True)
class _Request:
    """What one download was asked to do."""

    settings: DownloadSettings  # its url is one that `source` returned
    data: Path
    sha256: str  # empty: unknown
    force: bool
    progress: Progress
    known: str = ""  # the usual address of the data set that the archive is, if it is a known one


def download(
    settings: DownloadSettings,
    *,
    data: Path,
    sha256: str = "",
    force: bool = False,
    progress: Progress = silent,
) -> Download:
    """Makes a data set in `data` from the archive at `settings.url`.

    The data set is named after the archive's only top folder, else after the archive. It appears only when it
    is complete. If it is there already, nothing is fetched. It consists of class folders, or of the tables in
    the archive; all other files are in the counts.

    Args:
        settings: The address or file name of the archive, time-outs, attempts and limits. Its `dataset` says
            which known data set the archive is, wherever it comes from.
        data: The workspace's `data/`.
        sha256: The archive's digest; if empty, that of the known data set, if it is one.
        force: Fetch again, and replace an existing folder of the same name.
        progress: Receives the bytes fetched, then the files unpacked.

    Raises:
        UsageError: if the address or digest is malformed, or another folder has the data set's name.
        NetworkError: if the archive cannot be fetched; the next run resumes the download.
        ArtefactError: if it is damaged, unsafe, or has another digest.
        DataError: if it holds neither pos and neg folders nor a table, or files of the existing data set are
            missing.
        StorageError: if the disk fails or is full.
        BusyError: if another download runs in this workspace.
    """
    origin = source(settings.url)
    url = origin if isinstance(origin, str) else origin.as_uri()
    known = url if settings.dataset is None else ADDRESSES[settings.dataset]
    wanted = _digest(sha256) or KNOWN_SHA256.get(known, "")
    with _locked(data, settings):
        if isinstance(origin, Path):
            wanted = _verify(origin, wanted)
        request = _Request(replace(settings, url=url), data, wanted, force, progress, known)
        if existing := _existing(request):
            return existing
        return _unpack(request, origin) if isinstance(origin, Path) else _fetch_and_unpack(request)


def write_sample(*, data: Path, force: bool = False, progress: Progress = silent) -> Download:
    """Writes the bundled reviews as the data set `data/sample`, to try bertsent without the network.

    Raises:
        UsageError: if another folder has that name and `force` is not given.
        StorageError: if the disk fails or is full.
        BusyError: if a download runs in this workspace.
    """
    settings = DownloadSettings(url=_SAMPLE)
    request = _Request(settings, data, digests.sha256_file(sample.FILE), force, progress)
    folders = {label: name for label, value in LABELS.items() for name, of in FOLDERS.items() if of == value}
    with _locked(data, settings), files.temporary_sibling(data / "unpack") as folder:
        if existing := _existing(request):
            return existing
        for number, row in enumerate(sample.read_sample(), start=1):
            path = folder / row.split / folders[row.label] / f"{number}.txt"
            with files.disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(row.text, encoding="utf-8")
        return _publish(request, folder, data / "sample")


@contextlib.contextmanager
def _locked(data: Path, settings: DownloadSettings) -> Iterator[None]:
    """Holds the download lock of the workspace, and removes what killed downloads left."""
    with files.lock(Workspace(data.parent).state / "download.lock", "download"):
        files.remove_stale(data)
        files.remove_stale(data, older_than=settings.keep_partial, pattern=".download.*.part")
        files.remove_stale(data, older_than=0, pattern=".unpack.*.tmp")  # the lock is ours
        yield


def _digest(given: str) -> str:
    value = given.strip().lower()
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise UsageError("A SHA-256 has 64 hexadecimal digits.", received=repr(visible(given)))
    return value


def _verify(archive: Path, expected: str) -> str:
    """The digest of an archive. It must be `expected`, unless that is empty."""
    sniff(archive)
    digest = digests.sha256_file(archive)
    if expected and digest != expected:
        raise ArtefactError(
            f"{visible(archive.name)} is not the expected archive: its SHA-256 must be {expected}.",
            received=digest,
            hint="fetch it again; if that does not help, somebody has changed the file",
        )
    return digest


def _fetch_and_unpack(request: _Request) -> Download:
    url = request.settings.url
    name = KNOWN_FOLDER.get(request.known)
    if name and not request.force and not files.is_vacant(request.data / name):
        raise _in_the_way(request.data / name)
    folder = request.data / f".download.{digests.sha256_text(url)[:16]}.part"
    archive = fetch(request.settings, folder=folder, progress=request.progress)
    try:
        done = _unpack(replace(request, sha256=_verify(archive, request.sha256)), archive)
    except (ArtefactError, DataError):
        shutil.rmtree(folder, ignore_errors=True)  # the same bytes would fail again
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return done


def _unpack(request: _Request, archive: Path) -> Download:
    """Unpacks a verified archive and publishes its data set."""
    files.require_space(request.data, archive.stat().st_size * request.settings.space_factor)
    with files.temporary_sibling(request.data / "unpack") as folder:
        extract(archive, folder, request.settings, progress=request.progress)
        root = root_of(folder)
        left_out = _entries(folder) if root != folder else {}
        left_out.pop(root.name, None)
        if request.known in PARTS:
            left_out |= _pick(root, PARTS[request.known], request.progress)
        name = root.name if root != folder else table_stem(_ENDINGS.sub("", file_name(request.settings.url)))
        target = request.data / (KNOWN_FOLDER.get(request.known, name) or "archive")
        return replace(_publish(request, root, target), left_out=left_out)


def _entries(folder: Path) -> dict[str, int]:
    """Entry of a folder -> files in it."""
    paths = sorted(folder.iterdir())
    return {path.name: sum(1 for file in (path, *path.rglob("*")) if file.is_file()) for path in paths}


def _pick(root: Path, parts: Mapping[str, str], progress: Progress) -> dict[str, int]:
    """Leaves only `parts` in a folder, under their new names; returns entry -> files of what was removed.

    Raises:
        DataError: if one of them is missing.
    """
    entries = _entries(root)
    if not all(files.is_file(root / name) for name in parts):
        there = visible(", ".join(list(entries)[:_NAMED]))
        raise DataError(f"The archive must hold the files {' and '.join(parts)}.", received=there)
    removed = {name: count for name, count in entries.items() if name not in parts}
    for name in removed:
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        else:
            (root / name).unlink()
    for name, new in parts.items():
        (root / name).rename(root / new)
        if name != new:
            progress.note(f"{name} of the archive is the data set's {new}: only it and train have labels.")
    return removed


def _publish(request: _Request, root: Path, target: Path) -> Download:
    """Writes the marker of a data set and renames its folder to `target`."""
    contents = survey(root, marker=_MARKER)
    if not contents.has_classes and not contents.tables:
        counts = contents.counts
        raise DataError(
            f"The archive holds no reviews in train/{{{','.join(FOLDERS)}}} or {{{','.join(FOLDERS)}}}, "
            "and no table.",
            received="files in " + visible(", ".join(list(counts)[:_NAMED])) if counts else "no file at all",
            hint="pack the reviews as train/pos/*.txt, train/neg/*.txt, test/pos/*.txt and test/neg/*.txt, "
            "or as one table (.csv, .tsv, .jsonl, .parquet, .xlsx)",
        )
    url, done = request.settings.url, files.now()
    marker = _Marker(url, request.sha256, contents.files, contents.bytes, done)
    files.write_text(root / _MARKER, json.dumps(asdict(marker), indent=2) + "\n")
    # Syncing each of the 87,500 files of aclImdb took 21 s on a fast disk, one sync of all took 1 s. Files
    # that a failing disk loses can be fetched again.
    if not files.publish_directory(root, target, sync_each=False, replace=request.force):
        raise _in_the_way(target)
    return _record(target, contents, fetched=True, sha256=request.sha256)


def _record(target: Path, contents: Contents, *, fetched: bool, sha256: str) -> Download:
    counts, tables = contents.counts, contents.tables
    return Download(target, contents.files, contents.bytes, fetched, sha256, counts=counts, tables=tables)


def _in_the_way(target: Path) -> UsageError:
    return UsageError(
        f"{visible(str(target))} exists and does not come from this archive; nothing was changed.",
        hint="move it away, or let --force replace it",
    )


def _existing(request: _Request) -> Download | None:
    """The data set of this archive, if it already exists.

    Raises:
        UsageError: if it came from the same address and has another digest.
        DataError: if some of its files are missing.
    """
    if request.force or not request.data.is_dir():
        return None
    for path in sorted(request.data.glob(f"[!.]*/{_MARKER}")):
        marker = _read_marker(path)
        if marker is None or (marker.url != request.settings.url and marker.sha256 != request.sha256):
            continue
        folder = path.parent
        if request.sha256 and marker.sha256 != request.sha256:
            raise _in_the_way(folder)
        contents = survey(folder, marker=_MARKER)
        if contents.files < marker.files:
            raise DataError(
                f"{visible(str(folder))} is not complete: {marker.files - contents.files:,} of "
                f"{marker.files:,} "
                "files are missing.",
                hint="run the same command with --force, which replaces the folder",
            )
        return _record(folder, contents, fetched=False, sha256=marker.sha256)
    return None


def _read_marker(path: Path) -> _Marker | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        marker = _Marker(**json.loads(path.read_text(encoding="utf-8")))
        if isinstance(marker.files, int):
            return marker
    return None
