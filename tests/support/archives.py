"""Makes archives to download, in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from bertsent.base.records.training import Download
from bertsent.base.settings.download import DownloadSettings
from bertsent.data.download import dataset

REVIEWS = {
    f"movies/{split}/{name}/{number}.txt": f"Review {number}, {name} of {split}: a film. ".encode() * 40
    for split in ("train", "test")
    for name in ("pos", "neg")
    for number in range(5)
}

# Without the time that gzip notes by default: two processes of pytest-xdist must name a test alike.
gzipped = partial(gzip.compress, mtime=0)

_PACK: dict[str, Callable[[bytes], bytes]] = {
    "w:": bytes,
    "w:gz": gzipped,
    "w:bz2": bz2.compress,
    "w:xz": lzma.compress,
}


def tar_of(files: Mapping[str, bytes], *, mode: str = "w:gz") -> bytes:
    """A tar archive of these names and contents, packed as `mode` says; always the same bytes."""
    return _tar(*files.items(), mode=mode)


def zip_of(files: Mapping[str, bytes], *, mode: int = 0o100644) -> bytes:
    """A zip archive of these names and contents, each of this Unix mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            packed.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member that is no regular file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tar_with(*members: tarfile.TarInfo | tuple[str, bytes], after: bytes = b"") -> bytes:
    """A tar.gz of good reviews, then these members; `after` is what follows a bare header."""
    return _tar(*REVIEWS.items(), *members, after=after)


def _tar(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz", after: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(after))
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return _PACK[mode](buffer.getvalue())


def unpack(
    content: bytes, workspace: Path, *, name: str = "archive.tar.gz", force: bool = False, **limits: int
) -> Download:
    """Makes a data set of an archive that lies beside the workspace."""
    path = workspace.parent / name
    path.write_bytes(content)
    settings = DownloadSettings(url=str(path), **limits)  # type: ignore[arg-type]
    return dataset.download(settings, data=workspace / "data", force=force)


def tree(folder: Path) -> list[str]:
    """Every name below a folder, but for the lock."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".bertsent" not in path.parts
    )


def partials(data: Path) -> list[str]:
    """The temporary names left in the workspace's data/."""
    return sorted(path.name for path in data.glob(".*"))


def assert_complete(data: Path, body: str = "Review") -> None:
    """The data set is there with all its texts, and nothing temporary beside it."""
    texts = [path.read_text() for path in (data / "movies").rglob("*.txt")]
    assert len(texts) == len(REVIEWS)
    assert all(text.startswith(body) for text in texts)
    assert partials(data) == []


def assert_nothing(data: Path) -> None:
    """The workspace's data/ holds neither a data set nor a part of one."""
    assert not data.exists() or list(data.iterdir()) == []
