"""Archives that are malicious, damaged or none at all: refused whole, with nothing left behind."""

from __future__ import annotations

import bz2
import contextlib
import random
import stat
import struct
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.archives import REVIEWS, gzipped, special, tar_of, tar_with, tree, unpack, zip_of

from bertsent.base.errors import ArtefactError, BertsentError
from bertsent.base.records.training import Download

Get = Callable[..., Download]


@pytest.fixture
def get(workspace: Path) -> Get:
    """Makes a data set of an archive given as bytes."""
    return partial(unpack, workspace=workspace)


@pytest.fixture
def refused(get: Get, tmp_path: Path) -> Callable[..., str]:
    """Expects a refusal that leaves nothing behind, inside or outside; gives its words."""

    def call(content: bytes, **limits: int) -> str:
        with pytest.raises(ArtefactError) as caught:
            get(content, **limits)
        assert set(tree(tmp_path)) <= {"archive.tar.gz", "workspace", "workspace/data"}
        assert str(caught.value).isprintable()
        return str(caught.value)

    return call


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "/evil.txt", "movies/../../evil.txt", "movies/train/..", "C:/evil.txt", "C:evil.txt",
     "C:\\evil.txt", "..\\evil.txt", "..\\..\\evil.txt", "\\evil.txt", "\\\\host\\evil.txt",
     "movies\\..\\..\\evil.txt", "movies/..\\../evil.txt", "movies\\train\\..",
     "a\nb.txt", "a\x1b[2Jb.txt", "a\u202eb.txt",
     "//evil.txt"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_download_refuses_the_name(refused: Callable[..., str], name: str, kind: str) -> None:
    evil = {name: b"evil"}
    assert "a name in it" in refused(tar_of(REVIEWS | evil) if kind == "tar" else zip_of(REVIEWS | evil))


def test_download_refuses_a_backslash_in_a_tar(refused: Callable[..., str]) -> None:
    assert "a name in it" in refused(tar_with(("movies\\evil.txt", b"evil")))


@pytest.mark.parametrize("second", ["movies\\train\\pos\\1.txt", "movies\\train/pos\\1.TXT", "movies\\train"])
def test_download_refuses_names_that_collide_once_backslashes_are_read(
    refused: Callable[..., str], second: str
) -> None:
    assert "twice" in refused(zip_of(REVIEWS | {second: b"two"}))


@pytest.mark.parametrize(
    "name", ["movies/" + "n" * 256, "movies/" + "é" * 200, "d/" * 2500 + "x", "d/" * 64 + "x"]
)
def test_download_refuses_a_name_too_long(refused: Callable[..., str], name: str) -> None:
    assert "too long" in refused(tar_with((name, b"evil")))


def test_download_refuses_a_name_with_a_nul(refused: Callable[..., str]) -> None:
    content = zip_of(REVIEWS | {"movies/train/pos/nul~.txt": b"x"}).replace(b"nul~.txt", b"nul\0.txt")
    assert "cannot be shown" in refused(content)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("movies/same.txt", "movies/same.txt"),
        ("movies/same.txt", "movies/./same.txt"),
        ("movies/Same.txt", "movies/same.txt"),
        ("movies/é.txt", "movies/e\u0301.txt"),
        ("movies/a/1.txt", "movies/A/2.txt"),
        ("movies/file", "movies/file/below.txt"),
        ("movies/folder/1.txt", "movies/folder"),
    ],
)
def test_download_refuses_names_that_collide(refused: Callable[..., str], first: str, second: str) -> None:
    assert "twice" in refused(tar_with((first, b"one"), (second, b"two")))


@pytest.mark.parametrize(
    "member",
    [
        special("movies/link.txt", tarfile.SYMTYPE, "../../../outside"),
        special("movies/link.txt", tarfile.SYMTYPE, "train/pos/1.txt"),
        special("movies/link.txt", tarfile.LNKTYPE, "movies/train/pos/1.txt"),
        special("movies/link.txt", tarfile.LNKTYPE, "/etc/passwd"),
        special("movies/pipe", tarfile.FIFOTYPE),
        special("movies/device", tarfile.CHRTYPE),
        special("movies/device", tarfile.BLKTYPE),
        special("movies/sparse", tarfile.GNUTYPE_SPARSE),
        special("movies/contiguous", tarfile.CONTTYPE),
        special("movies/unknown", b"Z"),
    ],
    ids=lambda member: f"{member.type.decode()} {member.linkname}",
)
def test_download_refuses_a_member_that_is_no_file(
    refused: Callable[..., str], member: tarfile.TarInfo
) -> None:
    assert "a link or a device" in refused(tar_with(member))


def test_download_refuses_a_sparse_file_that_poses_as_a_plain_one(refused: Callable[..., str]) -> None:
    info = tarfile.TarInfo("movies/sparse")
    info.size = 512
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "movies/sparse",
        "GNU.sparse.realsize": str(10**12),
    }
    with_map = tar_with(info, after=b"0\n".ljust(512, b"\0"))
    assert "a link or a device" in refused(with_map)


def test_download_refuses_a_file_behind_a_link(refused: Callable[..., str], tmp_path: Path) -> None:
    link = special("movies/out", tarfile.SYMTYPE, str(tmp_path))
    assert "a link or a device" in refused(tar_with(link, ("movies/out/evil.txt", b"evil")))


def test_download_refuses_a_link_in_a_zip(refused: Callable[..., str]) -> None:
    content = zip_of(REVIEWS | {"movies/link": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
    assert "a link or a device" in refused(content)


def test_download_refuses_an_encrypted_zip(refused: Callable[..., str]) -> None:
    content = bytearray(zip_of({"movies/train/pos/1.txt": b"text"}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    assert "encrypted" in refused(bytes(content))


ZEROS = {"movies/train/pos/zeros.txt": bytes(20 * 1024**2)}


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_download_refuses_a_bomb(refused: Callable[..., str], pack: Callable[..., bytes]) -> None:
    assert "200 times its size" in refused(pack(REVIEWS | ZEROS))


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize(
    "limit", [{"max_members": 19}, {"max_bytes": 5000}, {"max_member_bytes": 1000}], ids=str
)
def test_download_refuses_more_than_a_limit(
    refused: Callable[..., str], pack: Callable[..., bytes], limit: dict[str, int]
) -> None:
    assert "more than" in (said := refused(pack(REVIEWS), **limit)) or "larger than" in said


def test_download_refuses_a_header_of_megabytes(refused: Callable[..., str]) -> None:
    info = tarfile.TarInfo("movies/x")
    info.pax_headers = {"comment": "x" * 4 * 1024**2}
    assert "impossible length" in refused(tar_with(info))


def raw_header(size: bytes) -> bytes:
    """A tar of one file whose header has this size field (12 bytes), its sum right."""
    block = bytearray(tarfile.TarInfo("movies/x").tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


@pytest.mark.parametrize("size", [-512, -1, -(2**40)])
def test_download_refuses_a_negative_size(refused: Callable[..., str], size: int) -> None:
    began = time.monotonic()
    refused(raw_header(b"\xff" + struct.pack(">q", size).rjust(11, b"\xff")))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz", "zip"])
def test_download_refuses_a_truncated_archive(refused: Callable[..., str], mode: str, share: float) -> None:
    content = zip_of(REVIEWS) if mode == "zip" else tar_of(REVIEWS, mode=mode).rstrip(b"\0")
    assert "damaged" in refused(content[: int(len(content) * share)])


def test_download_refuses_a_tar_cut_between_two_members(refused: Callable[..., str]) -> None:
    content = tar_of(REVIEWS, mode="w:")
    assert "damaged" in refused(content[: content.index(b"movies/test/neg/0.txt")])


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_download_refuses_an_archive_with_a_flipped_byte(
    refused: Callable[..., str], pack: Callable[..., bytes]
) -> None:
    content = bytearray(pack(REVIEWS))
    content[len(content) // 3] ^= 0xFF
    refused(bytes(content))


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 2000, b"<!DOCTYPE html>", b"text,label\n", gzipped(b""), gzipped(b"no tar"),
     bz2.compress(b"no tar" * 1000), b"\x1f\x8b", b"PK\x05\x06", b"PK\x03\x04", b"\x1b[31mred"],
)  # fmt: skip
def test_download_refuses_what_is_no_archive(refused: Callable[..., str], content: bytes) -> None:
    refused(content)


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_download_survives_random_damage(
    get: Get, workspace: Path, tmp_path: Path, pack: Callable[..., bytes]
) -> None:
    dice = random.Random(42)
    whole = tar_of(REVIEWS, mode="w:") if pack is tar_of else zip_of(REVIEWS)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(dice.randrange(1, 20)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        with contextlib.suppress(BertsentError):  # nothing else may come out
            get(bytes(content), force=True)
        assert [path for path in tree(tmp_path) if ".tmp" in path] == []
        assert {path.name for path in tmp_path.iterdir()} <= {"archive.tar.gz", "workspace"}
