"""Data sets that come of archives: whole, marked, and never in place of somebody's own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import stat
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.archives import REVIEWS, tar_of, tar_with, tree, unpack, zip_of

from bertsent.base import files
from bertsent.base.errors import ArtefactError, BusyError, DataError, StorageError, UsageError
from bertsent.base.records.training import Download
from bertsent.base.settings.download import GLUE_SST2, KNOWN_SHA256, DownloadSettings
from bertsent.data.download import contents, dataset

Get = Callable[..., Download]


@pytest.fixture
def get(workspace: Path) -> Get:
    """Makes a data set of an archive given as bytes."""
    return partial(unpack, workspace=workspace)


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_download_unpacks_a_tar_whatever_its_name_says(get: Get, workspace: Path, mode: str) -> None:
    done = get(tar_of(REVIEWS, mode=mode), name="something.zip")
    assert done.path == workspace / "data" / "movies"
    texts = {f"movies/{name}": (done.path / name).read_bytes() for name in tree(done.path) if ".txt" in name}
    assert texts == REVIEWS


def test_download_unpacks_a_zip(get: Get) -> None:
    done = get(zip_of(REVIEWS))
    assert done.files == len(REVIEWS)
    assert done.bytes == sum(map(len, REVIEWS.values()))
    assert (done.path / "train/pos/3.txt").read_bytes() == REVIEWS["movies/train/pos/3.txt"]


@pytest.mark.parametrize("kind", ["tar", "gztar", "zip"])
def test_download_unpacks_what_people_pack(get: Get, tmp_path: Path, kind: str) -> None:
    done = get(tar_of(REVIEWS))
    (done.path / "empty").mkdir()
    packed = shutil.make_archive(str(tmp_path / "packed"), kind, done.path.parent)  # with members for folders
    again = get(Path(packed).read_bytes(), name="again", force=True)
    assert again.counts == done.counts
    assert (again.path / "empty").is_dir()


def test_download_keeps_files_that_are_no_class(get: Get) -> None:
    done = get(tar_of(REVIEWS | {"movies/train/unsup/1.txt": b"no label", "movies/README": b"read"}))
    assert done.counts["train/unsup"] == 1
    assert done.counts["."] == 1


def test_download_takes_modes_from_the_umask_and_not_from_the_archive(get: Get) -> None:
    info = tarfile.TarInfo("movies/odd.txt")
    info.mode = 0o6777
    before = os.umask(0o027)
    try:
        done = get(tar_with(info))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in done.path.rglob("*") if path.is_file()}
    assert modes == {0o640}
    assert {stat.S_IMODE(path.stat().st_mode) for path in done.path.rglob("*") if path.is_dir()} == {0o750}


def test_download_leaves_out_what_macos_adds(get: Get) -> None:
    junk = {"__MACOSX/movies/._x": b"x", "movies/.DS_Store": b"x", "movies/train/pos/._1.txt": b"x"}
    done = get(zip_of(REVIEWS | junk))
    assert done.files == len(REVIEWS)
    assert done.path.name == "movies"


def test_download_takes_the_name_of_an_archive_without_a_top_folder(get: Get, workspace: Path) -> None:
    flat = {name.removeprefix("movies/train/"): text for name, text in REVIEWS.items() if "train" in name}
    done = get(tar_of(flat), name="My reviews.tar.gz")
    assert done.path == workspace / "data" / "My_reviews"
    assert done.counts == {"pos": 5, "neg": 5}


def test_download_does_not_take_a_split_for_the_top_folder(get: Get) -> None:
    train = {name.removeprefix("movies/"): text for name, text in REVIEWS.items() if "train" in name}
    done = get(tar_of(train), name="set.tgz")
    assert done.path.name == "set"
    assert done.counts == {"train/pos": 5, "train/neg": 5}


@pytest.mark.parametrize("missing", ["pos", "neg"])
def test_download_refuses_an_archive_without_both_classes(get: Get, tmp_path: Path, missing: str) -> None:
    with pytest.raises(DataError, match="train/"):
        get(tar_of({name: text for name, text in REVIEWS.items() if f"/{missing}/" not in name}))
    assert tree(tmp_path) == ["archive.tar.gz", "workspace", "workspace/data"]


def test_download_reads_backslashes_in_a_zip_as_slashes(get: Get, workspace: Path) -> None:
    done = get(
        zip_of({name.replace("/", "\\"): text for name, text in REVIEWS.items()} | {"movies\\new\\": b""})
    )
    assert done.path == workspace / "data" / "movies"
    assert done.counts == {"train/pos": 5, "train/neg": 5, "test/pos": 5, "test/neg": 5}
    assert (done.path / "new").is_dir()
    assert (done.path / "train/pos/3.txt").read_bytes() == REVIEWS["movies/train/pos/3.txt"]


@pytest.mark.parametrize(
    ("pos", "neg"), [("Pos", "Neg"), ("positive", "negative"), ("POSITIVE", "NEGATIVE"), ("pos", "Negative")]
)
@pytest.mark.parametrize("above", ["", "train/", "Train/"])
def test_download_takes_class_folders_by_other_names(get: Get, pos: str, neg: str, above: str) -> None:
    texts = {f"shop/{above}{name}/{n}.txt": b"A lamp." for name in (pos, neg) for n in range(3)}
    done = get(zip_of(texts))
    assert done.path.name == "shop"
    assert done.counts == {f"{above}{pos}": 3, f"{above}{neg}": 3}


def test_download_does_not_take_a_class_of_any_name_for_the_top_folder(get: Get) -> None:
    with pytest.raises(DataError, match="and no table"):
        get(tar_of({f"Positive/{n}.txt": b"A lamp." for n in range(3)}))


TABLE = b"review,sentiment\nA lamp that lasts.,positive\nIt broke.,negative\n"


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize("above", ["", "shop/"])
def test_download_makes_a_data_set_of_a_table(get: Get, pack: Callable[..., bytes], above: str) -> None:
    done = get(pack({f"{above}Lamps 2024.csv": TABLE, f"{above}README.md": b"read"}), name="lamps.csv.zip")
    assert done.path.name == (above[:-1] or "lamps")
    assert done.tables == ("Lamps 2024.csv",)
    assert (done.path / "Lamps 2024.csv").read_bytes() == TABLE
    assert contents.others(done) == {".": 1}


def test_download_takes_several_tables(get: Get) -> None:
    done = get(zip_of({"train.csv": TABLE, "test.csv": TABLE, "more/odd.JSONL.gz": b"", "x.txt": b"x"}))
    assert done.tables == ("test.csv", "train.csv", "more/odd.JSONL.gz")
    assert get(
        zip_of({"train.csv": TABLE, "test.csv": TABLE, "more/odd.JSONL.gz": b"", "x.txt": b"x"})
    ).tables


def test_download_keeps_a_table_beside_the_only_folder(get: Get) -> None:
    done = get(zip_of({"lamps.csv": TABLE, "images/1.png": b"x"}), name="shop.zip")
    assert done.path.name == "shop"
    assert done.tables == ("lamps.csv",)
    assert contents.others(done) == {"images": 1}


def test_download_takes_folders_of_classes_before_tables(get: Get) -> None:
    done = get(tar_of(REVIEWS | {"movies/labels.csv": TABLE, "movies/train/pos/notes.csv": TABLE}))
    assert done.tables == ()
    assert contents.others(done) == {".": 1}


def test_download_counts_what_lies_beside_the_data_set(get: Get) -> None:
    done = get(tar_of(REVIEWS | {"README": b"x", "LICENSE": b"x"}))
    assert done.left_out == {"LICENSE": 1, "README": 1}


def test_download_lets_a_table_be_larger_than_another_file(get: Get) -> None:
    content = zip_of({"lamps.csv": TABLE * 50})
    assert get(content, max_member_bytes=1000).tables == ("lamps.csv",)


def test_download_refuses_an_archive_of_texts_without_classes(get: Get) -> None:
    with pytest.raises(DataError, match="no table") as caught:
        get(tar_of({"movies/a.txt": b"x"}))
    assert "as one table" in caught.value.hint


SST = {
    "SST-2/train.tsv": b"sentence\tlabel\na lamp that lasts \t1\nit broke \t0\n",
    "SST-2/dev.tsv": b"sentence\tlabel\na bright lamp \t1\n",
    "SST-2/test.tsv": b"index\tsentence\n0\ta dull lamp\n",
    "SST-2/original/README.txt": b"read",
    "SST-2/original/dictionary.txt": b"lamp|0",
}


def sst2(content: bytes, workspace: Path, *, sha256: str = "") -> Download:
    path = workspace.parent / "mirror.zip"
    path.write_bytes(content)
    settings = DownloadSettings(url=str(path), dataset="sst2")
    return dataset.download(settings, data=workspace / "data", sha256=sha256)


def test_download_sst2_has_a_train_and_a_test_table(workspace: Path) -> None:
    content = zip_of(SST)
    done = sst2(content, workspace, sha256=hashlib.sha256(content).hexdigest())
    assert done.path == workspace / "data" / "sst2"
    assert done.tables == ("test.tsv", "train.tsv")
    assert (done.path / "train.tsv").read_bytes() == SST["SST-2/train.tsv"]
    assert (done.path / "test.tsv").read_bytes() == SST["SST-2/dev.tsv"]
    assert tree(done.path) == [".complete.json", "test.tsv", "train.tsv"]
    assert done.left_out == {"original": 2, "test.tsv": 1}


def test_download_sst2_verifies_a_copy_from_elsewhere(workspace: Path) -> None:
    with pytest.raises(ArtefactError, match=KNOWN_SHA256[GLUE_SST2]):
        sst2(zip_of(SST), workspace)
    assert not list((workspace / "data").glob("*"))


@pytest.mark.parametrize("missing", ["train.tsv", "dev.tsv"])
def test_download_sst2_needs_both_parts(workspace: Path, missing: str) -> None:
    content = zip_of({name: text for name, text in SST.items() if not name.endswith(missing)})
    with pytest.raises(DataError, match=r"train\.tsv and dev\.tsv"):
        sst2(content, workspace, sha256=hashlib.sha256(content).hexdigest())
    assert not list((workspace / "data").glob("*"))


def test_download_notes_what_the_data_set_is(get: Get) -> None:
    content = tar_of(REVIEWS)
    done = get(content)
    marker = json.loads((done.path / ".complete.json").read_text())
    assert marker["sha256"] == done.sha256 == hashlib.sha256(content).hexdigest()
    assert (marker["files"], marker["bytes"]) == (done.files, done.bytes)
    assert marker["completed"].endswith("Z")


def test_download_from_the_disk_is_complete_the_second_time(get: Get) -> None:
    assert get(tar_of(REVIEWS)).fetched
    assert not get(tar_of(REVIEWS)).fetched


def test_download_refuses_another_archive_of_the_same_name(get: Get) -> None:
    get(tar_of(REVIEWS))
    with pytest.raises(UsageError, match="--force"):
        get(tar_of(REVIEWS | {"movies/README": b"new"}))
    assert get(tar_of(REVIEWS | {"movies/README": b"new"}), force=True).counts["."] == 1


def test_download_never_replaces_a_folder_of_the_user(get: Get, workspace: Path) -> None:
    own = workspace / "data" / "movies" / "mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(UsageError, match="movies"):
        get(tar_of(REVIEWS))
    assert tree(workspace / "data") == ["movies", "movies/mine.txt"]


def test_download_replaces_a_folder_by_force(get: Get, workspace: Path) -> None:
    own = workspace / "data" / "movies" / "mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert get(tar_of(REVIEWS), force=True).files == len(REVIEWS)
    assert not own.exists()
    assert [path.name for path in (workspace / "data").iterdir()] == ["movies"]


def test_download_by_force_replaces_a_link_and_not_what_it_points_to(
    get: Get, workspace: Path, tmp_path: Path
) -> None:
    own = tmp_path / "elsewhere" / "mine.txt"
    own.parent.mkdir()
    own.write_text("mine")
    (workspace / "data").mkdir(parents=True)
    (workspace / "data" / "movies").symlink_to(own.parent)
    get(tar_of(REVIEWS), force=True)
    assert own.read_text() == "mine"
    assert not (workspace / "data" / "movies").is_symlink()


def test_download_says_that_files_have_gone(get: Get) -> None:
    done = get(tar_of(REVIEWS))
    (done.path / "train/pos/1.txt").unlink()
    with pytest.raises(DataError, match="1 of 20 files") as caught:
        get(tar_of(REVIEWS))
    assert "--force" in caught.value.hint
    assert not (done.path / "train/pos/1.txt").exists()
    assert get(tar_of(REVIEWS), force=True).files == len(REVIEWS)


def test_download_lets_the_user_add_files(get: Get) -> None:
    done = get(tar_of(REVIEWS))
    (done.path / "train/pos/mine.txt").write_text("mine")
    assert get(tar_of(REVIEWS)).counts["train/pos"] == 6


def test_download_does_not_believe_a_broken_marker(get: Get) -> None:
    done = get(tar_of(REVIEWS))
    (done.path / ".complete.json").write_text("{")
    with pytest.raises(UsageError):
        get(tar_of(REVIEWS))


def test_download_removes_what_a_killed_one_unpacked(get: Get, workspace: Path) -> None:
    left = workspace / "data" / ".unpack.dead.tmp" / "movies"
    left.mkdir(parents=True)
    get(tar_of(REVIEWS))
    assert [path.name for path in (workspace / "data").iterdir()] == ["movies"]


def test_download_refuses_where_the_disk_is_too_small(get: Get, workspace: Path) -> None:
    with pytest.raises(StorageError, match="free"):
        get(tar_of(REVIEWS), space_factor=10**15)
    assert list((workspace / "data").iterdir()) == []


def test_download_leaves_nothing_when_a_write_fails(workspace: Path, tmp_path: Path) -> None:
    content = tar_of(REVIEWS | {"movies/large": random.Random(1).randbytes(300_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limits[1]))
        (tmp_path / "archive.tar.gz").write_bytes(content)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        with pytest.raises(StorageError):
            dataset.download(DownloadSettings(url=str(tmp_path / "archive.tar.gz")), data=workspace / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((workspace / "data").iterdir()) == []


def test_download_waits_for_no_other(get: Get, workspace: Path) -> None:
    with (
        files.lock(workspace / ".bertsent" / "download.lock", "download"),
        pytest.raises(BusyError, match="download"),
    ):
        get(tar_of(REVIEWS))


def test_download_reports_the_files_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(tar_of(REVIEWS))
    seen: list[tuple[object, ...]] = []

    class Recorder:
        def start(self, what: str, total: int | None, unit: str = "") -> None:
            seen.append((what, unit))

        def advance(self, done: int, **figures: float) -> None:
            seen.append((done,))

        def finish(self) -> None:
            seen.append(())

        def note(self, message: str) -> None:
            raise AssertionError(message)

    dataset.download(DownloadSettings(url=str(path)), data=tmp_path / "data", progress=Recorder())
    assert seen == [("Unpacking archive.tar.gz", "files"), (len(REVIEWS),), ()]


def test_write_sample_gives_a_balanced_data_set(workspace: Path) -> None:
    done = dataset.write_sample(data=workspace / "data")
    assert done.path == workspace / "data" / "sample"
    assert set(done.counts) == {"train/pos", "train/neg", "test/pos", "test/neg"}
    assert done.counts["train/pos"] == done.counts["train/neg"]
    assert all(path.read_text(encoding="utf-8").strip() for path in done.path.rglob("*.txt"))


def test_write_sample_is_complete_the_second_time(workspace: Path) -> None:
    assert dataset.write_sample(data=workspace / "data").fetched
    assert not dataset.write_sample(data=workspace / "data").fetched
    assert [path.name for path in (workspace / "data").iterdir()] == ["sample"]
