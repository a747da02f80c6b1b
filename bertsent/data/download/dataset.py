"""The data sets of `data/`: fetched or written whole, published by one rename, known by a marker."""

from __future__ import annotations

import contextlib
import json
import os
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
from bertsent.base.settings.download import KNOWN_FOLDER, KNOWN_SHA256, DownloadSettings
from bertsent.base.settings.reading import FOLDERS, LABELS
from bertsent.base.settings.workspace import Workspace
from bertsent.data import sample
from bertsent.data.download.fetch import fetch, file_name, source
from bertsent.data.download.unpack import extract, sniff

_MARKER = ".complete.json"
_SAMPLE = "bertsent:sample"  # stands in the marker for an address
_ENDINGS = re.compile(r"(\.tar)?(\.gz|\.bz2|\.xz)?$|\.(tgz|tbz2|txz|zip)$")
_SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class _Marker:
    """Written into a data set last: what it is, and that it is whole."""

    url: str
    sha256: str  # of the archive
    files: int
    bytes: int
    completed: str  # UTC


@dataclass(frozen=True, slots=True)
class _Order:
    """One download, as asked for."""

    settings: DownloadSettings  # its url as `source` gives it
    data: Path
    sha256: str  # empty where nobody knows it
    force: bool
    progress: Progress


def download(
    settings: DownloadSettings,
    *,
    data: Path,
    sha256: str = "",
    force: bool = False,
    progress: Progress = silent,
) -> Download:
    """Makes the archive at `settings.url` a data set below `data`.

    The data set takes the name of the archive's one top folder or else of the archive. It appears whole or
    not at all. A data set that is complete already is left alone, without a look at the network.

    Args:
        settings: The address or file name of the archive, time-outs, attempts and limits.
        data: The workspace's `data/`.
        sha256: The archive's digest; empty for the one in `KNOWN_SHA256`, if any.
        force: Fetch again, and replace a folder that is in the way.
        progress: Told of the bytes fetched, then of the files unpacked.

    Raises:
        UsageError: if the address or digest is none, or a folder is in the way.
        NetworkError: if the archive cannot be fetched; what arrived is kept for the next run.
        ArtefactError: if it is damaged, unsafe, or has another digest.
        DataError: if it holds no pos and neg folder, or files of a complete data set have gone since.
        StorageError: if the disk does not take it.
        BusyError: if another download runs in this workspace.
    """
    origin = source(settings.url)
    url = origin if isinstance(origin, str) else origin.as_uri()
    wanted = _digest(sha256) or KNOWN_SHA256.get(url, "")
    with _held(data, settings):
        if isinstance(origin, Path):
            wanted = _verified(origin, wanted)
        order = _Order(replace(settings, url=url), data, wanted, force, progress)
        whole = _complete(order)
        if whole:
            return whole
        return _unpack(order, origin) if isinstance(origin, Path) else _fetch_and_unpack(order)


def write_sample(*, data: Path, force: bool = False, progress: Progress = silent) -> Download:
    """Writes the bundled reviews as the data set `data/sample`, to try everything without the network.

    Raises:
        UsageError: if another folder is in the way and `force` is not given.
        StorageError: if the disk does not take it.
        BusyError: if a download runs in this workspace.
    """
    settings = DownloadSettings(url=_SAMPLE)
    order = _Order(settings, data, digests.sha256_file(sample.FILE), force, progress)
    folders = {label: name for label, value in LABELS.items() for name, of in FOLDERS.items() if of == value}
    with _held(data, settings), files.temporary_sibling(data / "unpack") as folder:
        whole = _complete(order)
        if whole:
            return whole
        for number, row in enumerate(sample.read_sample(), start=1):
            path = folder / row.split / folders[row.label] / f"{number}.txt"
            with files.disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(row.text, encoding="utf-8")
        return _publish(order, folder, data / "sample")


@contextlib.contextmanager
def _held(data: Path, settings: DownloadSettings) -> Iterator[None]:
    """Keeps other downloads out of this workspace, and removes what killed ones left."""
    with files.lock(Workspace(data.parent).state / "download.lock", "download"):
        files.remove_stale(data)
        files.remove_stale(data, older_than=settings.keep_partial, pattern=".download.*.part")
        files.remove_stale(data, older_than=0, pattern=".unpack.*.tmp")  # the lock says nobody is writing it
        yield


def _digest(given: str) -> str:
    value = given.strip().lower()
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise UsageError("A SHA-256 has 64 hexadecimal digits.", received=repr(visible(given)))
    return value


def _verified(archive: Path, wanted: str) -> str:
    """The digest of an archive that is one, and the one that is wanted."""
    sniff(archive)
    found = digests.sha256_file(archive)
    if wanted and found != wanted:
        raise ArtefactError(
            f"{visible(archive.name)} is not what was expected: its SHA-256 must be {wanted}.",
            received=found,
            hint="fetch it again; if that does not help, the file has changed or been tampered with",
        )
    return found


def _fetch_and_unpack(order: _Order) -> Download:
    url = order.settings.url
    if url in KNOWN_FOLDER and not order.force and _is_taken(order.data / KNOWN_FOLDER[url]):
        raise _in_the_way(order.data / KNOWN_FOLDER[url])
    folder = order.data / f".download.{digests.sha256_text(url)[:16]}.part"
    archive = fetch(order.settings, folder=folder, progress=order.progress)
    try:
        done = _unpack(replace(order, sha256=_verified(archive, order.sha256)), archive)
    except (ArtefactError, DataError):
        shutil.rmtree(folder, ignore_errors=True)  # the same bytes would fail again
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return done


def _unpack(order: _Order, archive: Path) -> Download:
    """Unpacks a verified archive and publishes what it holds."""
    files.require_space(order.data, archive.stat().st_size * order.settings.space_factor)
    with files.temporary_sibling(order.data / "unpack") as folder:
        extract(archive, folder, order.settings, progress=order.progress)
        root = _root(folder)
        name = _stem(order.settings.url) if root == folder else root.name
        return _publish(order, root, order.data / name)


def _root(folder: Path) -> Path:
    """The folder that holds the splits: the archive's one top folder, or what was unpacked itself."""
    tops = [path for path in folder.iterdir() if path.is_dir()]
    if len(tops) == 1 and not tops[0].name.startswith(".") and tops[0].name not in {*_SPLITS, *FOLDERS}:
        return tops[0]
    return folder


def _stem(url: str) -> str:
    return _ENDINGS.sub("", file_name(url)) or "archive"


def _publish(order: _Order, root: Path, target: Path) -> Download:
    """Marks a folder as whole and gives it its name."""
    counts, size = _survey(root)
    if not any(all(counts.get(split + name) for name in FOLDERS) for split in ("train/", "")):
        raise DataError(
            f"The archive holds no reviews in train/{{{','.join(FOLDERS)}}} or {{{','.join(FOLDERS)}}}.",
            received="files in " + visible(", ".join(list(counts)[:8])) if counts else "no file at all",
            hint="pack the reviews as train/pos/*.txt, train/neg/*.txt, test/pos/*.txt and test/neg/*.txt",
        )
    number = sum(counts.values())
    marker = _Marker(order.settings.url, order.sha256, number, size, files.now())
    files.write_text(root / _MARKER, json.dumps(asdict(marker), indent=2) + "\n")
    _rename(root, target, force=order.force)
    return Download(target, files=number, bytes=size, fetched=True, sha256=order.sha256, counts=counts)


def _rename(root: Path, target: Path, *, force: bool) -> None:
    # A sync a file took 21 s for the 87,500 of aclImdb on a fast disk, one for all 1 s; and what a failing
    # disk loses can be fetched again.
    if files.publish_directory(root, target, sync_each=False):
        return
    if not force:
        raise _in_the_way(target)
    with files.temporary_sibling(target) as aside:
        old = aside / "old"
        with files.disk_errors(target):
            target.rename(old)
        try:
            files.publish_directory(root, target, sync_each=False)
        except BaseException:
            old.rename(target)
            raise


def _is_taken(target: Path) -> bool:
    return target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir())))


def _in_the_way(target: Path) -> UsageError:
    return UsageError(
        f"{visible(str(target))} exists and does not come from this archive; it is left as it is.",
        hint="move it away, or let --force replace it",
    )


def _survey(root: Path) -> tuple[Mapping[str, int], int]:
    """Files by folder (as `train/pos`; `.` is the top), and their bytes; the marker is not counted."""
    counts, size = {}, 0
    for parent, folders, names in os.walk(root):
        folders.sort()
        found = [name for name in names if Path(parent) != root or name != _MARKER]
        if found:
            counts[Path(parent).relative_to(root).as_posix()] = len(found)
        size += sum(Path(parent, name).stat().st_size for name in found)
    return counts, size


def _complete(order: _Order) -> Download | None:
    """The data set of this archive, if it is there and whole.

    Raises:
        UsageError: if it came from the same address with another digest.
        DataError: if files have gone since.
    """
    if order.force or not order.data.is_dir():
        return None
    for path in sorted(order.data.glob(f"[!.]*/{_MARKER}")):
        marker = _read_marker(path)
        if marker is None or (marker.url != order.settings.url and marker.sha256 != order.sha256):
            continue
        folder = path.parent
        if order.sha256 and marker.sha256 != order.sha256:
            raise _in_the_way(folder)
        counts, size = _survey(folder)
        number = sum(counts.values())
        if number < marker.files:
            raise DataError(
                f"{visible(str(folder))} is not whole: {marker.files - number:,} of {marker.files:,} files "
                "have gone.",
                hint="run the same command with --force, which replaces the folder",
            )
        return Download(folder, number, size, fetched=False, sha256=marker.sha256, counts=counts)
    return None


def _read_marker(path: Path) -> _Marker | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        marker = _Marker(**json.loads(path.read_text(encoding="utf-8")))
        if isinstance(marker.files, int):
            return marker
    return None
