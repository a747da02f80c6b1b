"""Reading folders of reviews, cleaning, splitting, drawing; faults 46 to 60 of folders."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from support.review_files import classes, write

from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Review
from bertsent.data.reviews import open_reviews, read_reviews


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
    assert error.value.hint == f"{tmp_path / 'train'} or {tmp_path / 'test'}"


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
    with pytest.raises(DataError, match=r"missing\.csv does not exist"):
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
