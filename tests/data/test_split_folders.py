"""Data sets of folders: cleaning, splitting, what is left out, and which is used if none is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.listener import Listener

from bertsent.base.errors import DataError
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.data.source import Source
from bertsent.data.splits import find_data_set, load_splits

SETTINGS = TrainSettings(validation_share=0.3)


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
    (train, test) = splits.ignored
    assert "folder (unsup)" in train
    assert "2 other files" in train  # urls.txt and x.bin
    assert "1 link" in test


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


def test_load_splits_gives_a_validation_split_without_a_label_its_row_of_lowest_hash(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/", rows=4), **classes("test/", rows=4, what="play")})
    splits = load(tmp_path, validation_share=0.001, seed=7)

    def drawn(review: Review) -> str:
        return digest(f"7:{digest(review.text)}")

    every = (*splits.train, *splits.validation)
    lowest = {min((row for row in every if row.label == label), key=drawn).text for label in (0, 1)}
    assert texts(splits.validation) == lowest
    assert [len(split) for _, split in splits.items()] == [6, 2, 8]
    assert list(splits.validation) == sorted(splits.validation, key=lambda review: digest(review.text))


def test_load_splits_refuses_an_empty_train_split(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/", rows=4), **classes("test/", rows=4, what="play")})
    with pytest.raises(DataError, match="train and validation") as error:
        load(tmp_path, validation_share=0.999)
    assert error.value.received == "train 0 pos, 0 neg; validation 4 pos, 4 neg; test 4 pos, 4 neg"


def test_load_splits_remarks_on_a_test_split_without_a_label(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), **classes("test/", rows=4)})  # every test text leaks
    recorder = Listener()
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


def test_load_splits_passes_over_a_test_folder_without_labels(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), "test/1.txt": "x"})
    splits = load(tmp_path)
    assert [line for line in splits.ignored if "test (1 row without labels)" in line]
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 60
    assert splits.test


def test_load_splits_refuses_a_test_folder_without_reviews(tmp_path: Path) -> None:
    write(tmp_path, {**classes("train/"), "test/notes.md": "x"})
    with pytest.raises(DataError, match="test holds no review"):
        load(tmp_path)


def test_load_splits_refuses_one_class_alone(tmp_path: Path) -> None:
    write(tmp_path, {name: text for name, text in classes().items() if name.startswith("pos")})
    with pytest.raises(DataError, match="at least 4 reviews of each label") as error:
        load(tmp_path)
    assert error.value.received == "30 positive, 0 negative, 0 without a label"


def test_load_splits_cleans_texts_and_counts_empty_ones(tmp_path: Path) -> None:
    write(tmp_path, {**classes(), "pos/a.txt": "so<br />good\r\n", "pos/x.txt": "", "neg/z.txt": "<br /><p>"})
    splits = load(tmp_path)
    every = texts((*splits.train, *splits.validation, *splits.test))
    assert "so good" in every
    assert len(every) == 61
    assert splits.empty == 2


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        ({**classes(rows=3)}, "3 positive, 3 negative, 0 without a label"),
        ({"a.txt": "x"}, "0 positive, 0 negative, 1 without a label"),
    ],
)
def test_load_splits_refuses_too_few_reviews_with_counts(
    tmp_path: Path, files: dict[str, str | bytes], counts: str
) -> None:
    with pytest.raises(DataError, match="at least 4") as error:
        load(write(tmp_path, files))
    assert error.value.received == counts


def test_load_splits_refuses_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_load_splits_refuses_a_linked_class(tmp_path: Path) -> None:
    write(tmp_path, {**classes("set/"), **classes("elsewhere/")})
    (tmp_path / "set/pos").rename(tmp_path / "moved")
    (tmp_path / "set/pos").symlink_to(tmp_path / "elsewhere/pos")
    with pytest.raises(DataError, match="is a link"):
        load(tmp_path / "set")


def test_load_splits_names_the_file_it_cannot_use_safely(tmp_path: Path) -> None:
    write(tmp_path, {**classes(rows=5), "pos/\x1b[2Jx.txt": b"caf\xe9"})
    with pytest.raises(DataError, match="not UTF-8 at byte 3") as error:
        load(tmp_path)
    assert "\\x1b[2Jx.txt" in str(error.value)
    assert "\x1b" not in str(error.value)


def test_load_splits_leaves_bad_files_out_if_asked_and_names_them(tmp_path: Path) -> None:
    write(tmp_path, {**classes(), "pos/bad.txt": b"caf\xe9"})
    listener = Listener()
    source = Source((tmp_path,), ReadSettings(on_bad_row="skip"))
    splits = load_splits(source, SETTINGS, progress=listener)
    assert splits.bad_rows == 1
    assert any("bad.txt" in note for note in listener.notes)
    assert splits.read == {"paths": [tmp_path.name], "on_bad_row": "skip"}


def test_load_splits_counts_what_it_read(tmp_path: Path) -> None:
    listener = Listener()
    load_splits(write(tmp_path, classes()), SETTINGS, progress=listener)
    assert listener.totals[f"Reading {tmp_path}"] == 60
