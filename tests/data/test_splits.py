"""Data sets of tables: which rows train, validate and test, whatever the format, and what is left out."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas
import pytest
from support.listener import Listener

from bertsent.base.errors import DataError
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.base.text import clean
from bertsent.data.layout import layout_of
from bertsent.data.source import Source
from bertsent.data.splits import find_data_set, load_splits

SETTINGS = TrainSettings(validation_share=0.3)
Row = tuple[str, object]
WORDS = ("dull", "fine")


def rows(count: int = 60, what: str = "film") -> list[Row]:
    """Distinct texts with their labels in turn."""
    return [(f'{WORDS[n % 2]} {what}, "number"\n{n}', ("negative", "positive")[n % 2]) for n in range(count)]


def table(path: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def folder(path: Path, rows: Iterable[Row], names: tuple[str, str] = ("neg", "pos")) -> Path:
    for number, (text, label) in enumerate(rows):
        file = path / names[label == "positive"] / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path


def load(*paths: Path, progress: Listener | None = None, **reading: object) -> Splits:
    source = Source(paths, ReadSettings(**reading))  # type: ignore[arg-type]
    return load_splits(source, SETTINGS, progress=progress or Listener())


def all_texts(splits: Splits) -> set[str]:
    return {review.text for _, reviews in splits.items() for review in reviews}


# one table


def test_the_same_rows_give_the_same_splits_whatever_the_format(tmp_path: Path) -> None:
    given = rows(200)
    as_json = tmp_path / "reviews.jsonl"
    as_json.write_text("\n".join(json.dumps({"text": t, "label": y}) for t, y in given), encoding="utf-8")
    as_parquet = tmp_path / "reviews.parquet"
    pandas.DataFrame(given, columns=["text", "label"]).to_parquet(as_parquet)
    as_csv = table(tmp_path / "reviews.csv", reversed(given))
    parts = [table(tmp_path / f"part-{n}.csv", given[n::3]) for n in range(3)]
    expected = load(folder(tmp_path / "folder", given))
    assert {name: len(split) for name, split in expected.items()} != {"train": 200}
    for paths in ([as_csv], [as_json], [as_parquet], parts):
        assert load(*paths).digests == expected.digests
    assert load(folder(tmp_path / "other", given, ("Negative", "Positive"))).digests == expected.digests


def test_what_a_pipe_gave_is_a_data_set(tmp_path: Path) -> None:
    spooled = table(tmp_path / "spooled", rows(100))
    splits = load_splits(Source((Path("-"),), piped=spooled), SETTINGS)
    assert splits.digests == load(table(tmp_path / "all.csv", rows(100))).digests


def test_folders_and_files_together_are_one_data_set(tmp_path: Path) -> None:
    given = rows(120)
    whole = load(table(tmp_path / "all.csv", given))
    mixed = load(folder(tmp_path / "some", given[:60]), table(tmp_path / "rest.csv", given[60:]))
    assert mixed.digests == whole.digests


def test_training_rows_hold_no_cells_and_no_paths(tmp_path: Path) -> None:
    given = [(text, label, "x" * 2000, "train") for text, label in rows(400)]
    path = table(tmp_path / "wide.csv", given, ("text", "label", "note", "split"))
    splits = load(path)
    assert {(review.path, review.cells) for review in splits.train} == {("", None)}


# splits that are given


def test_a_column_split_is_obeyed_and_other_values_are_counted(tmp_path: Path) -> None:
    names = {"TRAIN": "train", "Valid": "validation", "dev": "validation", "test": "test"}
    given = [
        (text, label, name)
        for number, name in enumerate((*names, "unsup", "holdout", ""))
        for text, label in rows(12, f"film {number}")
    ]
    splits = load(table(tmp_path / "reviews.csv", given, ("text", "label", "Split")))
    wanted = {" ".join(text.split()): names[name] for text, _, name in given if name in names}
    got = {review.text: name for name, reviews in splits.items() for review in reviews}
    assert got == wanted
    assert splits.other_splits == {"unsup": 12, "holdout": 12, "": 12}


def test_a_column_split_without_test_rows_has_them_drawn_from_training(tmp_path: Path) -> None:
    given = [(text, label, ("train", "dev")[n < 20]) for n, (text, label) in enumerate(rows(100))]
    splits = load(table(tmp_path / "reviews.csv", given, ("text", "label", "split")))
    assert len(splits.validation) == 20
    assert splits.test
    assert len(splits.train) + len(splits.test) == 80


def divided(path: Path, given: Sequence[Row]) -> Path:
    """A table with a column `split`: two rows of ten validate."""
    marked = [(*row, "validation" if number % 10 < 2 else "train") for number, row in enumerate(given)]
    return table(path, marked, header=("text", "label", "split"))


@pytest.mark.parametrize("turned", [False, True])
def test_a_table_without_a_column_split_beside_one_with_it_is_read_and_validates_too(
    tmp_path: Path, turned: bool
) -> None:
    films, plays = rows(200), rows(100, "play")
    given = [table(tmp_path / "films.csv", films), divided(tmp_path / "plays.csv", plays)]
    splits = load(*(reversed(given) if turned else given))
    assert all_texts(splits) == {clean(text) for text, _ in films + plays}
    assert splits.other_splits == {}
    own = {clean(text) for number, (text, _) in enumerate(plays) if number % 10 < 2}
    validation = {review.text for review in splits.validation}
    assert {text for text in validation if "play" in text} <= own
    drawn = validation - own
    assert 0.15 * 200 < len(drawn) < 0.45 * 200  # 0.3 is drawn
    alone = load(given[0])
    assert drawn <= {review.text for review in (*alone.validation, *alone.test)}


def test_a_folder_with_its_test_split_beside_a_divided_table_validates_too(tmp_path: Path) -> None:
    films = folder(tmp_path / "films" / "train", rows(200)).parent
    folder(films / "test", rows(50, "tested"))
    splits = load(films, divided(tmp_path / "plays.csv", rows(100, "play")))
    kinds = {kind: sum(kind in review.text for review in splits.validation) for kind in ("film", "play")}
    assert kinds["film"] > 30
    assert kinds["play"] == 20
    assert {review.text for review in splits.test} == {clean(text) for text, _ in rows(50, "tested")}


def test_paths_called_train_and_validation_are_one_data_set(tmp_path: Path) -> None:
    train, validation = (
        table(tmp_path / "train.csv", rows(200)),
        table(tmp_path / "dev.csv", rows(40, "play")),
    )
    splits = load(train, validation)
    assert all("play" in review.text for review in splits.validation)


def test_a_column_split_that_names_no_training_row_is_not_used_and_said(tmp_path: Path) -> None:
    given = [(text, label, ("banana", "cherry")[n % 2]) for n, (text, label) in enumerate(rows(100))]
    listener = Listener()
    path = table(tmp_path / "reviews.csv", given, ("text", "label", "split"))
    splits = load(path, progress=listener)
    assert splits.digests == load(table(tmp_path / "plain.csv", rows(100))).digests
    assert not splits.other_splits
    assert any("column split names no row train" in note for note in listener.notes)


def test_a_key_split_of_json_is_obeyed_wherever_it_stands(tmp_path: Path) -> None:
    given = [
        {"split": ("train", "validation", "test")[n % 3], "label": label, "more": {"n": n}, "text": text}
        for n, (text, label) in enumerate(rows(120))
    ]
    path = tmp_path / "reviews.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    splits = load(path)
    assert [len(split) for _, split in splits.items()] == [40, 40, 40]
    assert {review.text for review in splits.test} == {
        " ".join(str(row["text"]).split()) for row in given[2::3]
    }


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train.csv", "validation.csv", "test.csv"),
        ("train-00000-of-00001.csv", "dev-00000-of-00001.csv", "test-00000-of-00001.csv"),
        ("labeledTrainData.csv", "valid_data.csv", "IMDB_Test.csv"),
        ("Train", "Validation", "TEST"),
    ],
)
def test_names_say_which_rows_are_which(tmp_path: Path, train: str, validation: str, test: str) -> None:
    for name, what in ((train, "film"), (validation, "play"), (test, "song")):
        make = table if name.endswith(".csv") else folder
        make(tmp_path / "set" / name, rows(20, what))
    table(tmp_path / "set" / "unsup.csv", [("nothing", "")])
    table(tmp_path / "set" / "sampleSubmission.csv", [("1", "0")])
    (tmp_path / "set" / "README.md").write_text("read me")
    splits = load(tmp_path / "set")
    for name, what in (("train", "film"), ("validation", "play"), ("test", "song")):
        assert {text.split()[1] for text in all_texts(splits)} == {"film,", "play,", "song,"}
        assert {review.text.split()[1] for review in dict(splits.items())[name]} == {f"{what},"}
        assert len(dict(splits.items())[name]) == 20
    assert splits.ignored == ("sampleSubmission.csv, unsup.csv", "./ (1 loose file)")


def test_shards_of_one_split_are_read_together(tmp_path: Path) -> None:
    for number in range(3):
        table(tmp_path / f"train-0000{number}-of-00003.csv", rows(20, f"film {number}"))
    table(tmp_path / "test-00000-of-00001.csv", rows(10, "song"))
    splits = load(tmp_path)
    assert len(splits.train) + len(splits.validation) == 60
    assert len(splits.test) == 10
    (source,) = layout_of(tmp_path).train
    assert [path.name[:11] for path in source.paths] == ["train-00000", "train-00001", "train-00002"]


def test_several_paths_are_told_apart_by_their_names(tmp_path: Path) -> None:
    train, test = table(tmp_path / "train.csv", rows(40)), table(tmp_path / "test.csv", rows(60, "song"))
    more = table(tmp_path / "more.csv", rows(40, "play"))
    splits = load(test, more, train)
    assert len(splits.test) == 60
    assert len(splits.train) + len(splits.validation) == 80
    alone = load(test)  # nothing else is named, so its name says nothing
    assert len(alone.train) + len(alone.validation) + len(alone.test) == 60


def test_test_rows_without_labels_are_passed_over_and_others_drawn(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(100))
    table(tmp_path / "test.csv", [(text, 7) for text, _ in rows(30, "song")], ("review", "id"))
    splits = load(tmp_path)
    assert splits.digests == load(table(tmp_path / "x" / "all.csv", rows(100))).digests
    assert [line for line in splits.ignored if "test.csv (30 rows without labels)" in line]


def test_secret_labels_of_test_rows_are_no_labels(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(100))
    table(tmp_path / "test.csv", [(text, -1) for text, _ in rows(30, "song")])
    assert load(tmp_path).digests == load(table(tmp_path / "x" / "all.csv", rows(100))).digests


def test_class_folders_are_classes_whatever_tables_lie_beside_them(tmp_path: Path) -> None:
    folder(tmp_path, rows(60))
    table(tmp_path / "train.csv", rows(8, "index"))
    assert not any("index" in text for text in all_texts(load(tmp_path)))


def test_a_training_text_is_in_no_other_split(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(40))
    table(tmp_path / "validation.csv", [*rows(20, "play"), *rows(5)])
    table(tmp_path / "test.csv", [*rows(20, "song"), *rows(3, "play"), *rows(4)])
    splits = load(tmp_path)
    assert [len(split) for _, split in splits.items()] == [40, 20, 20]
    assert splits.leaked == 5 + 3 + 4


# what is left out


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    given = rows(100)
    extra = [given[0], given[0], ("both", "positive"), ("both", "negative"), ("", "positive"), (" ", "")]
    extra += [("no label", ""), ("so so", "neutral"), ("who knows", "sarcastic"), ("hm", "sarcastic")]
    splits = load(table(tmp_path / "reviews.csv", [*given, *extra]))
    assert all_texts(splits) == {" ".join(text.split()) for text, _ in given}
    assert (splits.duplicates, splits.conflicts, splits.empty, splits.unlabelled) == (2, 1, 2, 4)
    assert splits.unknown["sarcastic"] == 2


def test_a_scale_is_refused_with_its_values_and_the_map(tmp_path: Path) -> None:
    path = table(tmp_path / "stars.csv", [(f"text {n}", 1 + n % 5) for n in range(50)], ("text", "stars"))
    with pytest.raises(DataError) as error:
        load(path)
    assert error.value.received == ", ".join(f"{stars} (10 rows)" for stars in range(1, 6))
    assert error.value.hint.startswith("--labels 'positive=4,5 negative=1,2'")
    splits = load(path, labels="positive=4,5 negative=1,2")
    assert len(all_texts(splits)) == 40
    assert splits.unlabelled == 10
    assert splits.read == {"paths": ["stars.csv"], "labels": "positive=4,5 negative=1,2"}


def test_a_scale_of_test_rows_is_refused_too(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(60))
    table(tmp_path / "test.csv", [(f"text {n}", 1 + n % 5) for n in range(50)])
    with pytest.raises(DataError, match="labels other than positive and negative"):
        load(tmp_path)


def test_unknown_words_are_refused_where_a_label_is_missing(tmp_path: Path) -> None:
    given = [(text, "positive" if label == "positive" else "rubbish") for text, label in rows(40)]
    with pytest.raises(DataError, match="at least 4 reviews of each label") as error:
        load(table(tmp_path / "reviews.csv", given))
    counts, others = str(error.value.received).split(", other values: ")
    assert (counts, others) == ("20 positive, 0 negative, 0 without a label", "rubbish (20 rows)")
    assert "--labels 'positive=" in error.value.hint


def test_a_table_without_labels_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 4 reviews of each label") as error:
        load(table(tmp_path / "reviews.csv", [(text,) for text, _ in rows()], ("text",)))
    assert str(error.value.received).startswith("0 positive, 0 negative")


def test_test_rows_of_one_label_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(60))
    table(tmp_path / "test.csv", [(text, "positive") for text, _ in rows(9, "song")])
    with pytest.raises(DataError, match=r"test\.csv needs at least 1 review of each label"):
        load(tmp_path)


@pytest.mark.slow
def test_memory_holds_the_texts_and_little_else(tmp_path: Path) -> None:
    count, words = 20_000, " ".join(["word"] * 60)  # 300 characters
    given = ((f"{n} {words}", ("neg", "pos")[n % 2], "x" * 500) for n in range(count))
    path = table(tmp_path / "big.csv", given, ("text", "label", "other"))
    tracemalloc.start()
    try:
        splits = load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(len(split) for _, split in splits.items()) == count
    assert peak / count < 360 + 400  # a text; its digest (113), a record (64) and two dictionaries


# find_data_set


@pytest.mark.parametrize(
    "name", ["reviews.csv", "reviews.jsonl.gz", "my set/part-0.parquet", "set/train.tsv"]
)
def test_find_data_set_takes_a_table_or_a_folder_with_tables(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "archive.tar.gz").touch()
    (tmp_path / ".hidden.csv").touch()
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    assert find_data_set(tmp_path) == tmp_path / name.partition("/")[0]


def test_find_data_set_takes_train_and_test_tables_in_data_itself(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        (tmp_path / name).touch()
    assert find_data_set(tmp_path) == tmp_path


def test_find_data_set_refuses_to_choose_between_tables(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).touch()
    with pytest.raises(DataError) as error:
        find_data_set(tmp_path)
    assert error.value.received == "one.csv, two.csv"
