"""Reading folders of reviews, cleaning, splitting, drawing; faults 46 to 60 of folders."""

from __future__ import annotations

import hashlib
import os
import random
import socket
from pathlib import Path

import pytest

from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.data.reviews import open_reviews, read_folder, read_reviews
from bertsent.data.splits import find_data_set, load_splits

SETTINGS = TrainSettings(validation_share=0.3)


class Recorder:
    """A Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[int] = []
        self.total: int | None = None

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        self.total = total

    def advance(self, done: int, **figures: float) -> None:
        self.done.append(done)

    def finish(self) -> None:
        self.notes.append("finished")

    def note(self, message: str) -> None:
        self.notes.append(message)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def classes(prefix: str = "", *, rows: int = 30, what: str = "film") -> dict[str, str | bytes]:
    """Distinct reviews of both classes, as file name -> text."""
    return {
        f"{prefix}{name}/{number}.txt": f"{word} {what} number {number}"
        for name, word in (("pos", "fine"), ("neg", "dull"))
        for number in range(rows)
    }


def texts(reviews: tuple[Review, ...]) -> set[str]:
    return {review.text for review in reviews}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# find_data_set


def test_find_data_set_prefers_aclimdb(tmp_path: Path) -> None:
    write(tmp_path, {**classes("aclImdb/train/"), **classes("other/train/")})
    assert find_data_set(tmp_path) == tmp_path / "aclImdb"


@pytest.mark.parametrize("inner", ["mine/train/", "mine/"])
def test_find_data_set_takes_the_only_one(tmp_path: Path, inner: str) -> None:
    write(tmp_path, {**classes(inner), **classes(".mine.tmp/train/"), "notes/a.txt": "x", "pos.txt": "x"})
    assert find_data_set(tmp_path) == tmp_path / "mine"


def test_find_data_set_refuses_to_choose(tmp_path: Path) -> None:
    write(tmp_path, {**classes("one/"), **classes("two/train/")})
    with pytest.raises(DataError) as error:
        find_data_set(tmp_path)
    assert error.value.received == "one, two"


@pytest.mark.parametrize("folder", [".", "missing"])
def test_find_data_set_without_one_says_how_to_get_it(tmp_path: Path, folder: str) -> None:
    with pytest.raises(DataError) as error:
        find_data_set(tmp_path / folder)
    assert "bertsent download" in error.value.hint


# read_folder


def test_read_folder_gives_clean_labelled_reviews_in_order(tmp_path: Path) -> None:
    write(tmp_path, {"pos/b.txt": "so<br />good", "pos/a.txt": "\ufefffine\r\n", "neg/c.txt": "bad"})
    reviews = read_folder(tmp_path, settings=ReadSettings(minimum_per_class=1))
    assert reviews == [
        Review("bad", 0, str(tmp_path / "neg/c.txt")),
        Review("fine", 1, str(tmp_path / "pos/a.txt")),
        Review("so good", 1, str(tmp_path / "pos/b.txt")),
    ]


def test_read_folder_keeps_the_path_as_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, classes("set/"))
    monkeypatch.chdir(tmp_path)
    assert read_folder(Path("set"))[0].path == "set/neg/0.txt"


def test_read_folder_reports_progress(tmp_path: Path) -> None:
    recorder = Recorder()
    read_folder(write(tmp_path, classes(rows=10)), progress=recorder)
    assert (recorder.total, recorder.done, recorder.notes) == (20, [20], ["finished"])


def test_read_folder_opens_only_regular_visible_text_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {**classes("set/", rows=4), "secret": "not for reading"})
    monkeypatch.chdir(tmp_path / "set/pos")  # the address of a socket may not be long
    Path("link.txt").symlink_to(tmp_path / "secret")
    Path("loop.txt").symlink_to("loop.txt")
    Path("folder.txt").mkdir()
    os.mkfifo("fifo.txt")  # opening it would hang this test
    write(Path(), {".hidden.txt": "x", "a.txt~": "x", ".DS_Store": "x", "page.html": "x"})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.txt")
        reviews = read_folder(tmp_path / "set")
    assert [Path(review.path).name for review in reviews if review.label == 1] == [
        "0.txt",
        "1.txt",
        "2.txt",
        "3.txt",
    ]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"pos/1.txt": "x"}, "neg missing, pos 1"),
        ({**classes(rows=3)}, "neg 3, pos 3"),
        ({**classes(rows=5), "unsup/1.txt": "x"} | {f"neg/{n}.txt": " " for n in range(3)}, "neg 2, pos 5"),
        ({"a.txt": "x"}, "neg missing, pos missing"),
    ],
)
def test_read_folder_refuses_too_few_reviews_with_counts(
    tmp_path: Path, files: dict[str, str | bytes], found: str
) -> None:
    with pytest.raises(DataError, match="at least 4") as error:
        read_folder(write(tmp_path, files))
    assert error.value.received == found


def test_read_folder_refuses_an_empty_class(tmp_path: Path) -> None:
    write(tmp_path, classes())
    for path in (tmp_path / "neg").iterdir():
        path.unlink()
    with pytest.raises(DataError) as error:
        read_folder(tmp_path)
    assert error.value.received == "neg 0, pos 30"


def test_read_folder_refuses_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere") as error:
        read_folder(tmp_path / "nowhere")
    assert "bertsent download" in error.value.hint


def test_read_folder_refuses_a_linked_class(tmp_path: Path) -> None:
    write(tmp_path, {**classes("set/"), **classes("elsewhere/")})
    (tmp_path / "set/pos").rename(tmp_path / "moved")
    (tmp_path / "set/pos").symlink_to(tmp_path / "elsewhere/pos")
    with pytest.raises(DataError, match="is a link"):
        read_folder(tmp_path / "set")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"caf\xe9 noir", "not UTF-8 at byte 3"),
        ("cut off é".encode()[:-1], "not UTF-8 at byte 8"),
        ("utf-16".encode("utf-16"), "not UTF-8 at byte 0"),
        (b"a\0b", "NUL"),
        (b"long " * 100, "larger than"),
    ],
)
def test_read_folder_names_the_file_it_cannot_use(tmp_path: Path, content: bytes, fact: str) -> None:
    write(tmp_path, {**classes(rows=5), "pos/bad.txt": content})
    with pytest.raises(DataError, match=fact) as error:
        read_folder(tmp_path, settings=ReadSettings(max_review_bytes=400))
    assert "pos/bad.txt" in str(error.value)


def test_read_folder_shows_control_bytes_of_a_file_name(tmp_path: Path) -> None:
    write(tmp_path, {**classes(rows=5), "pos/\x1b[2Jx.txt": b"\xff"})
    with pytest.raises(DataError) as error:
        read_folder(tmp_path)
    assert "\\x1b[2Jx.txt" in str(error.value)
    assert "\x1b" not in str(error.value)


def test_read_folder_leaves_out_empty_reviews_and_says_so(tmp_path: Path) -> None:
    recorder = Recorder()
    write(tmp_path, {**classes(rows=5), "pos/x.txt": "", "pos/y.txt": " \n", "neg/z.txt": "<br /><p></p>"})
    assert len(read_folder(tmp_path, progress=recorder)) == 10
    assert any("left out 3 reviews" in note for note in recorder.notes)


# load_splits


def load(folder: Path, **changed: object) -> Splits:
    return load_splits(folder, TrainSettings(**{"validation_share": 0.3, **changed}))  # type: ignore[arg-type]


def test_load_splits_knows_no_class_but_pos_and_neg(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "set", {**classes("train/"), **classes("test/", what="play"), "train/urls.txt": "x"}
    )
    write(folder, {"train/unsup/1.txt": "x", "train/unsup/2.txt": "y", "train/pos/x.bin": "z"})
    (folder / "test/away").symlink_to("/")
    splits = load(folder)
    assert {review.label for review in (*splits.train, *splits.validation, *splits.test)} == {0, 1}
    assert len(splits.train) + len(splits.validation) == len(splits.test) == 60
    assert set(splits.ignored) == {
        "train/unsup (2 files)",
        "train/pos (entries that are not reviews: 1)",
        "train/ (1 loose file)",
        "test/away (a link)",
    }


def test_load_splits_holds_out_a_test_split_where_there_is_none(tmp_path: Path) -> None:
    splits = load(write(tmp_path, classes(rows=300)))
    train, validation, test = texts(splits.train), texts(splits.validation), texts(splits.test)
    assert len(train | validation | test) == len(train) + len(validation) + len(test) == 600
    # Shares 0.3 and 0.3 of the rest, within four standard errors.
    assert 135 <= len(test) <= 225
    assert 82 <= len(validation) <= 170


def test_load_splits_assigns_by_text_alone(tmp_path: Path) -> None:
    one = load(write(tmp_path / "one", classes("train/", rows=40)))
    renamed = {
        name.replace(".txt", "-x.txt").replace("/1", "/z1"): text for name, text in classes("train/").items()
    }
    two = load(write(tmp_path / "two", renamed))  # other names, and 20 rows fewer
    assert texts(two.train) < texts(one.train)
    assert texts(two.validation) < texts(one.validation)
    assert texts(two.test) < texts(one.test)


def test_load_splits_follows_the_documented_rule(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", what="play")})
    splits = load(tmp_path, seed=7)
    for review in (*splits.train, *splits.validation):
        drawn = (
            int.from_bytes(hashlib.sha256(f"7:{digest(review.text)}".encode()).digest()[:8], "big") / 2**64
        )
        assert (review in splits.validation) == (drawn < 0.3)


def test_load_splits_draws_otherwise_with_another_seed(tmp_path: Path) -> None:
    write(tmp_path, classes())
    assert texts(load(tmp_path, seed=1).validation) != texts(load(tmp_path, seed=2).validation)


def test_load_splits_sorts_by_digest(tmp_path: Path) -> None:
    splits = load(write(tmp_path, classes()))
    for rows in (splits.train, splits.validation, splits.test):
        assert [review.text for review in rows] == sorted((review.text for review in rows), key=digest)


def test_load_splits_digests_cover_texts_and_labels(tmp_path: Path) -> None:
    splits = load(write(tmp_path, classes()))
    for name, rows in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        lines = sorted(f"{digest(review.text)} {review.label}\n" for review in rows)
        assert splits.digests[name] == digest("".join(lines))


def test_load_splits_keeps_one_of_equal_texts(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", what="play")})
    write(tmp_path, {f"train/pos/same{number}.txt": f"so{' ' * number}\ngood" for number in range(1, 11)})
    splits = load(tmp_path)
    assert splits.duplicates == 9
    assert [review.text for review in (*splits.train, *splits.validation)].count("so good") == 1


def test_load_splits_leaves_out_texts_with_both_labels(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", what="play")})
    write(
        tmp_path,
        {f"{half}/{name}/x.txt": f"mixed {half}" for half in ("train", "test") for name in ("pos", "neg")},
    )
    splits = load(tmp_path)
    assert splits.conflicts == 2
    assert not {"mixed train", "mixed test"} & texts((*splits.train, *splits.validation, *splits.test))


def test_load_splits_leaves_training_texts_out_of_test(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", what="play")})
    write(tmp_path, {"test/pos/leak.txt": "fine film  number 3", "test/pos/turned.txt": "dull film number 5"})
    write(tmp_path, {"test/pos/twice.txt": "fine play number 1"})
    splits = load(tmp_path)
    assert (splits.leaked, splits.duplicates, len(splits.test)) == (2, 1, 60)
    assert not texts(splits.test) & texts((*splits.train, *splits.validation))
    assert {"fine film number 3", "dull film number 5"} <= texts((*splits.train, *splits.validation))


def test_load_splits_refuses_an_empty_validation_split_with_counts(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/", rows=4), **classes("test/", rows=4, what="play")})
    with pytest.raises(DataError, match="too small") as error:
        load(tmp_path, validation_share=0.001)
    assert error.value.received == "train 4 pos, 4 neg; validation 0 pos, 0 neg; test 4 pos, 4 neg"


def test_load_splits_refuses_an_empty_train_split(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/", rows=4), **classes("test/", rows=4, what="play")})
    with pytest.raises(DataError, match="train and validation"):
        load(tmp_path, validation_share=0.999)


def test_load_splits_remarks_on_a_test_split_without_a_label(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", rows=4)})  # every test text leaks
    recorder = Recorder()
    splits = load_splits(tmp_path, SETTINGS, progress=recorder)
    assert (splits.test, splits.leaked) == ((), 8)
    assert any("test split lacks" in note for note in recorder.notes)


@pytest.mark.parametrize("half", ["train", "test"])
def test_load_splits_refuses_a_linked_half(tmp_path: Path, half: str) -> None:
    write(tmp_path, {**classes("set/train/"), **classes("set/test/")})
    (tmp_path / "set" / half).rename(tmp_path / "moved")
    (tmp_path / "set" / half).symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="is a link"):
        load(tmp_path / "set")


def test_load_splits_refuses_a_test_folder_without_classes(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), "test/1.txt": "x"})
    with pytest.raises(DataError, match="test needs"):
        load(tmp_path)


# read_reviews


def test_read_reviews_gives_labels_from_folders(tmp_path: Path) -> None:
    write(tmp_path, {"pos/1.txt": "  Good\n", "neg/1.txt": "bad<br />film", "unsup/1.txt": "x", "2.txt": "x"})
    assert list(read_reviews(tmp_path)) == [
        Review("bad<br />film", 0, str(tmp_path / "neg/1.txt")),  # as it stands: the scorer cleans
        Review("  Good\n", 1, str(tmp_path / "pos/1.txt")),
    ]


def test_read_reviews_gives_no_label_without_class_folders(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "two", "a.txt": "one", ".c.txt": "x", "d.csv": "x"})
    assert [(review.text, review.label) for review in read_reviews(tmp_path)] == [
        ("one", None),
        ("two", None),
    ]


def test_read_reviews_takes_one_class_alone(tmp_path: Path) -> None:
    write(tmp_path, {"pos/1.txt": "good"})
    assert [review.label for review in read_reviews(tmp_path)] == [1]


def test_read_reviews_draws_from_each_class(tmp_path: Path) -> None:
    write(tmp_path, {**classes(rows=50), "neg/extra.txt": "x"})
    drawn = list(read_reviews(tmp_path, num_files=7, seed=1))
    assert [review.label for review in drawn] == [0] * 7 + [1] * 7
    assert len({review.path for review in drawn}) == 14
    assert drawn == list(read_reviews(tmp_path, num_files=7, seed=1))
    assert drawn != list(read_reviews(tmp_path, num_files=7, seed=2))


def test_read_reviews_draws_all_where_there_are_fewer(tmp_path: Path) -> None:
    write(tmp_path, {"pos/1.txt": "good", **{f"neg/{number}.txt": "bad" for number in range(9)}})
    assert [review.label for review in read_reviews(tmp_path, num_files=5)] == [0] * 5 + [1]


def test_read_reviews_draws_in_all_without_classes(tmp_path: Path) -> None:
    write(tmp_path, {f"{number}.txt": "x" for number in range(20)})
    assert len(list(read_reviews(tmp_path, num_files=6))) == 6


@pytest.mark.parametrize("num_files", [None, 40])
def test_read_reviews_reads_in_order_of_names(tmp_path: Path, num_files: int | None) -> None:
    write(tmp_path, {f"{number * 37 % 50}.txt": str(number) for number in range(50)})
    names = [Path(review.path).name for review in read_reviews(tmp_path, num_files=num_files)]
    assert names == sorted(names)
    assert len(names) == (num_files or 50)


def test_read_reviews_draws_by_position_in_the_sorted_names(tmp_path: Path) -> None:
    """The draw of 0.4.0: a `--num-files` with the same seed means the same files."""
    write(tmp_path, {f"{number}.txt": str(number) for number in range(50)})
    drawn = random.Random("7:").sample(range(50), 10)
    names = sorted(f"{number}.txt" for number in range(50))
    read = [Path(review.path).name for review in read_reviews(tmp_path, num_files=10, seed=7)]
    assert read == sorted(names[index] for index in drawn)


@pytest.mark.parametrize("num_files", [None, 3, 100])
@pytest.mark.parametrize("files", [classes(rows=8), {"1.txt": "x", "2.txt": "y"}], ids=["classes", "plain"])
def test_total_agrees_with_what_is_read(
    tmp_path: Path, files: dict[str, str | bytes], num_files: int | None
) -> None:
    write(tmp_path, files)
    reviews = open_reviews(tmp_path, num_files=num_files)
    assert reviews.total == len(list(reviews))


def test_total_of_a_table_is_not_known(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": '{"text": "x"}'})
    assert open_reviews(tmp_path / "a.jsonl").total is None


def test_read_reviews_asks_which_half_of_a_data_set(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/")})
    with pytest.raises(DataError) as error:
        read_reviews(tmp_path)
    assert error.value.hint == f"{tmp_path / 'test'} or {tmp_path / 'train'}"


@pytest.mark.parametrize("files", [{}, {"a.md": "x"}, {"pos/a.md": "x"}])
def test_read_reviews_refuses_a_folder_without_reviews(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    with pytest.raises(DataError, match="holds no review"):
        read_reviews(write(tmp_path, files))


def test_read_reviews_refuses_a_linked_class(tmp_path: Path) -> None:
    write(tmp_path, classes("set/"))
    (tmp_path / "one").mkdir()
    (tmp_path / "one/pos").symlink_to(tmp_path / "set/pos")
    with pytest.raises(DataError, match="is a link"):
        read_reviews(tmp_path / "one")


def test_read_reviews_refuses_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a folder nor a regular file"):
        read_reviews(tmp_path / "missing.csv")


def test_read_reviews_refuses_a_fifo_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="neither a folder nor a regular file"):
        read_reviews(tmp_path / "pipe.csv")


def test_read_reviews_refuses_an_unknown_suffix(tmp_path: Path) -> None:
    write(tmp_path, {"a.docx": "x"})
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.txt, \.jsonl, \.json, \.parquet, \.xlsx"):
        read_reviews(tmp_path / "a.docx")


@pytest.mark.parametrize("num_files", [0, -1])
def test_read_reviews_refuses_a_draw_below_one(tmp_path: Path, num_files: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        read_reviews(write(tmp_path, classes()), num_files=num_files)


def test_read_reviews_refuses_a_draw_from_a_table(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x"})
    with pytest.raises(UsageError, match="folder"):
        read_reviews(tmp_path / "a.txt", num_files=3)


def test_read_reviews_reads_no_file_before_its_turn(tmp_path: Path) -> None:
    write(tmp_path, {"neg/1.txt": "bad", "neg/2.txt": b"\xff"})
    reviews = read_reviews(tmp_path)
    assert next(reviews).text == "bad"
    with pytest.raises(DataError, match=r"neg/2\.txt is not UTF-8 at byte 0"):
        next(reviews)


@pytest.mark.parametrize("blank", ["", " \r\n", "<br />", "\ufeff", "<p>\n</p>"])
def test_read_reviews_gives_an_empty_text_for_nothing_to_read(tmp_path: Path, blank: str) -> None:
    write(tmp_path, {"1.txt": blank})
    assert [review.text for review in read_reviews(tmp_path)] == [""]


def test_read_reviews_replaces_lone_surrogates(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": '{"text": "bad \\ud83d film \\ud83d\\ude00"}'})
    assert [review.text for review in read_reviews(tmp_path / "a.jsonl")] == ["bad \ufffd film \U0001f600"]
