"""Outputs: every row with its columns and ours, in each format."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import resource
import sqlite3  # noqa: TID253 - a test may load it at once
import sys
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertsent.base.errors import DataError, MissingExtraError, StorageError, UsageError
from bertsent.base.records.core import Prediction, Review
from bertsent.base.records.reading import MISSING, Column, Kind
from bertsent.base.settings.reading import WriteSettings
from bertsent.data.optional import zstd_or_error
from bertsent.data.writers.layout import Changes, lay_out
from bertsent.data.writers.output import Output, open_writer, require_room

WRITTEN = ("out.csv", "out.tsv", "out.jsonl", "out.json", "out.parquet", "out.xlsx", "out.db")
EXACT = tuple(name for name in WRITTEN if name not in {"out.csv", "out.tsv"})
COLUMNS = ["text", "score", "label", "tokens", "truncated", "version", "path", "gold"]
TEXT = (Column("text"),)
NASTY = ["a", "é", "\U0001f600", '"', "'", ",", ";", "\t", "\n", "\r", "\r\n", "\x1b", "\u2028", "\x85", " ",
         "=", "\\", "<r>", "</r>", "_x0041_", "&amp;"]  # fmt: skip

Row = tuple[Review, Prediction | None]


@pytest.fixture
def folder(workspace: Path) -> Path:
    return workspace


def scored(
    text: str = "good film", *cells: Any, gold: int | None = 1, path: str = "a.csv:2", **changed: Any
) -> Row:
    """A row of a table with a column `text` (and others, if cells are given), and its prediction."""
    values = {"score": 0.75, "label": "positive", "tokens": 2, "truncated": False, "version": "3"}
    review = Review(text, gold, path, (text, *cells))
    return review, Prediction(text, **{**values, "path": path, "gold": gold, **changed})


def columns(**kinds: Kind) -> tuple[Column, ...]:
    return (*TEXT, *(Column(name, kind) for name, kind in kinds.items()))


def write_all(
    path: Path,
    rows: Iterable[Row],
    inputs: Sequence[Column] = TEXT,
    *,
    raw_csv: bool = False,
    only: bool = False,
    changes: Changes | None = None,
    settings: WriteSettings | None = None,
) -> Path:
    layout = lay_out(inputs, only=only)
    changes = changes or Changes()
    with open_writer(Output.to(path), layout, changes=changes, raw_csv=raw_csv, settings=settings) as write:
        for row in rows:
            write(layout.row(*row))
    return path


def read_back(path: Path) -> list[dict[str, Any]]:
    """The rows as another program reads them, column -> value."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
    if path.suffix == ".json":
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())
        return rows
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return list(pyarrow.parquet.read_table(path).to_pylist())
    if path.suffix == ".xlsx":
        import python_calamine

        header, *cells = python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python()
        return [dict(zip(header, row, strict=True)) for row in cells]
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM scored ORDER BY rowid")]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def nasty_texts() -> list[str]:
    generator = random.Random(3)
    return ["x" + "".join(generator.choices(NASTY, k=generator.randrange(12))) for _ in range(400)]


# columns


@pytest.mark.parametrize("name", WRITTEN)
def test_output_of_texts_has_the_documented_columns(folder: Path, name: str) -> None:
    rows = [scored(), scored("bad", label="negative", truncated=True, gold=None)]
    first, second = read_back(write_all(folder / name, rows))
    assert list(first) == COLUMNS
    assert (first["text"], float(first["score"]), first["gold"]) == ("good film", 0.75, "positive")
    assert (second["label"], int(second["tokens"]), second["path"]) == ("negative", 2, "a.csv:2")
    assert str(second["truncated"]).lower() in {"true", "1"}
    assert not second["gold"]


@pytest.mark.parametrize("name", WRITTEN)
def test_output_has_the_columns_of_the_input_before_ours(folder: Path, name: str) -> None:
    inputs = (Column("id"), Column("text"), Column("café"))
    _, prediction = scored("good")
    rows = [(Review("good", 1, "a:2", ("007", "good", "=x")), prediction)]
    (cells,) = read_back(write_all(folder / name, rows, inputs, raw_csv=True))
    assert list(cells) == ["id", "text", "café", *COLUMNS[1:]]
    assert (cells["id"], cells["text"], cells["café"]) == ("007", "good", "=x")


def test_column_of_the_input_is_never_overwritten() -> None:
    inputs = [Column(name) for name in ("Label", "SCORE", "bertsent_label", "Bertsent_Label_2", "text")]
    layout = lay_out(inputs)
    assert layout.renamed == {"score": "bertsent_score", "label": "bertsent_label_3"}
    names = [column.name for column in layout.columns]
    assert names[:5] == [column.name for column in inputs]
    assert names[5:8] == ["bertsent_score", "bertsent_label_3", "tokens"]
    assert len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize("name", WRITTEN)
def test_row_without_prediction_has_its_cells_and_nothing_of_ours(folder: Path, name: str) -> None:
    empty = Review("", 0, "a.csv:3", ("", "7")), None
    rows = [scored("good", "6"), empty, scored("bad", "8")]
    first, second, third = read_back(write_all(folder / name, rows, columns(id="text")))
    assert (first["id"], second["id"], third["id"]) == ("6", "7", "8")
    assert {second[key] for key in ("score", "label", "tokens", "truncated", "version")} <= {None, ""}
    assert (second["path"], second["gold"]) == ("a.csv:3", "negative")


@pytest.mark.parametrize("name", WRITTEN)
def test_only_writes_score_and_label_under_their_own_names(folder: Path, name: str) -> None:
    inputs = (*TEXT, Column("label"))
    rows = [(Review("", None, "a:3", ("", "y")), None), scored("good", "x")]
    first, second = read_back(write_all(folder / name, rows, inputs, only=True))
    assert list(second) == ["score", "label"]
    assert (float(second["score"]), second["label"]) == (0.75, "positive")
    assert not any(first.values())


# values


@pytest.mark.parametrize("name", WRITTEN)
def test_texts_are_exact(folder: Path, name: str) -> None:
    path = write_all(folder / name, [scored(text) for text in nasty_texts()])
    assert [row["text"] for row in read_back(path)] == nasty_texts()


@pytest.mark.parametrize("name", WRITTEN)
def test_scores_are_the_same_to_the_last_bit(folder: Path, name: str) -> None:
    scores = np.random.default_rng(1).random(50, np.float32).tolist()  # as the classifier gives them
    path = write_all(folder / name, [scored(score=score) for score in scores])
    written = [float(row["score"]) for row in read_back(path)]
    if path.suffix == ".xlsx":  # Excel has 15 digits, and single precision needs 9
        written = np.array(written, np.float32).tolist()
    assert written == scores


DAY, MOMENT = date(2024, 2, 29), datetime(2024, 2, 29, 13, 30, 15)
VALUES: dict[Kind, Any] = {
    "text": "7",
    "integer": 7,
    "number": 0.5,
    "boolean": True,
    "date": DAY,
    "datetime": MOMENT,
    "nested": {"a": [1, None]},
}


def typed_rows(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row with a value of each kind, and one without any, as they are read back."""
    inputs = columns(**{kind: kind for kind in VALUES if kind != "text"}, word="text")
    full = [value for kind, value in VALUES.items() if kind != "text"]
    rows = [scored("good", *full, "7"), scored("bad", *[None] * len(full), None)]
    first, second = read_back(write_all(folder / name, rows, inputs))
    return first, {key: second[key] for key in inputs_names(inputs)}


def inputs_names(inputs: Sequence[Column]) -> list[str]:
    return [column.name for column in inputs[1:]]


def test_parquet_has_the_types_of_the_kinds(folder: Path) -> None:
    first, second = typed_rows("out.parquet", folder)
    for kind in ("integer", "number", "boolean", "date", "datetime"):
        assert first[kind] == VALUES[kind]
        assert type(first[kind]) is type(VALUES[kind])
    assert (first["word"], json.loads(first["nested"])) == ("7", {"a": [1, None]})
    assert set(second.values()) == {None}


def test_sqlite_has_the_types_of_the_kinds(folder: Path) -> None:
    first, second = typed_rows("out.db", folder)
    assert (first["integer"], first["number"], first["boolean"]) == (7, 0.5, 1)
    assert (first["date"], first["datetime"]) == ("2024-02-29", "2024-02-29T13:30:15")
    assert (first["word"], json.loads(first["nested"])) == ("7", {"a": [1, None]})
    assert set(second.values()) == {None}
    with closing(sqlite3.connect(folder / "out.db")) as database:
        types = {row[1]: row[2] for row in database.execute("PRAGMA table_info(scored)")}
    assert (types["integer"], types["number"], types["word"]) == ("INTEGER", "REAL", "TEXT")
    assert (types["score"], types["tokens"], types["label"]) == ("REAL", "INTEGER", "TEXT")


def test_workbook_has_numbers_and_dates(folder: Path) -> None:
    first, second = typed_rows("out.xlsx", folder)
    assert (first["integer"], first["number"], first["boolean"]) == (7, 0.5, True)
    assert (first["date"], first["datetime"]) == (DAY, MOMENT)
    assert (first["word"], json.loads(first["nested"])) == ("7", {"a": [1, None]})
    assert set(second.values()) == {""}


def test_workbook_opens_in_another_reader(folder: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = write_all(folder / "out.xlsx", [scored(text) for text in nasty_texts()[:50]])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["scored"]
    assert [cell.value for cell in book.active[1]] == COLUMNS
    assert book.active.max_row == 51


def test_json_keeps_values_and_leaves_missing_keys_out(folder: Path) -> None:
    inputs = columns(a="nested", b="number", c="integer")
    rows = [scored("good", {"k": [1, "é"]}, float("nan"), MISSING), scored("bad", None, 1.5, 10**30)]
    for name in ("out.jsonl", "out.json"):
        first, second = read_back(write_all(folder / name, rows, inputs))
        assert (first["a"], first["b"], "c" in first) == ({"k": [1, "é"]}, None, False)
        assert (second["a"], second["b"], second["c"]) == (None, 1.5, 10**30)


def test_values_without_a_type_of_json_are_written_in_words(folder: Path) -> None:
    inputs = columns(d="date", m="nested", n="nested", b="nested")
    rows = [scored("good", DAY, Decimal("1.50"), Decimal("3"), b"caf\xe9")]
    (cells,) = read_back(write_all(folder / "out.jsonl", rows, inputs))
    assert (cells["d"], cells["m"], cells["n"], cells["b"]) == ("2024-02-29", 1.5, 3, "caf\\xe9")
    (cells,) = read_back(write_all(folder / "out.csv", rows, inputs))
    assert (cells["d"], cells["m"], cells["n"], cells["b"]) == ("2024-02-29", "1.50", "3", "caf\\xe9")


@pytest.mark.parametrize("name", WRITTEN)
def test_day_in_a_column_of_times_is_its_midnight(folder: Path, name: str) -> None:
    """pandas refuses a column of which only some values have a time."""
    rows = [scored("good", MOMENT), scored("bad", DAY)]
    _, cells = read_back(write_all(folder / name, rows, columns(at="datetime")))
    midnight = datetime(2024, 2, 29)
    if name.endswith(".xlsx"):
        assert cells["at"] == DAY  # a workbook has numbers; the package that reads it gives midnight as a day
    else:
        assert cells["at"] in (midnight, midnight.isoformat())


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_parquet_keeps_the_moment_of_a_time_with_a_zone(folder: Path, zone: timezone) -> None:
    moment = MOMENT.replace(tzinfo=zone)
    path = write_all(folder / "out.parquet", [scored("good", moment)], columns(at="datetime"))
    assert read_back(path)[0]["at"] == moment


@pytest.mark.parametrize("name", WRITTEN)
def test_numbers_that_excel_would_spoil_and_infinities(folder: Path, name: str) -> None:
    inputs = columns(id="integer", x="number")
    path = write_all(folder / name, [scored("good", 2**60 + 1, float("inf"))], inputs)
    (cells,) = read_back(path)
    assert int(cells["id"]) == 2**60 + 1
    wanted = None if path.suffix in {".json", ".jsonl"} else float("inf")
    assert (cells["x"] if cells["x"] is None else float(cells["x"])) == wanted


@pytest.mark.parametrize("name", ["out.parquet", "out.db", "out.xlsx"])
def test_cell_that_is_no_longer_of_its_kind_names_the_column(folder: Path, name: str) -> None:
    for value in ("many", 2**64, [1]):
        with pytest.raises(DataError, match="Column stars held integer values"):
            write_all(folder / name, [scored("good", value)], columns(stars="integer"))
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", WRITTEN)
def test_lone_surrogates_do_not_end_a_run(folder: Path, name: str) -> None:
    inputs = columns(note="text", more="nested")
    path = write_all(folder / name, [scored("good", "a\ud800b", ["\udfff"])], inputs)
    (cells,) = read_back(path)
    assert cells["note"] == "a\ufffdb"


@pytest.mark.parametrize("name", WRITTEN)
def test_path_that_is_not_utf8(folder: Path, name: str) -> None:
    (cells,) = read_back(write_all(folder / name, [scored(path=os.fsdecode(b"caf\xe9.txt"))]))
    assert cells["path"] == "caf\\udce9.txt"


def test_jsonl_is_written_as_people_read_it(folder: Path) -> None:
    path = write_all(folder / "out.jsonl", [scored("café 😀")])
    assert '"text": "café 😀"' in path.read_text(encoding="utf-8")


# what a spreadsheet would run


@pytest.mark.parametrize("name", ["out.csv", "out.tsv"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_get_a_quote_and_are_counted(folder: Path, start: str, name: str) -> None:
    changes = Changes()
    rows = [scored(f"{start}cmd()", f"{start}note", path=f"{start}a.txt", version=f"{start}v")]
    inputs = (*TEXT, Column(f"{start}head"))
    (cells,) = read_back(write_all(folder / name, rows, inputs, changes=changes))
    assert (cells["text"], cells["path"]) == (f"'{start}cmd()", f"'{start}a.txt")
    assert (cells["version"], cells[f"'{start}head"]) == (f"'{start}v", f"'{start}note")
    assert cells["score"] == "0.75"
    assert changes.guarded == 5


@pytest.mark.parametrize("number", ["-5", "+4", "-1.5", "-1,5", "+1e9", "-.5", "-20%"])
def test_number_in_a_text_column_is_no_formula(folder: Path, number: str) -> None:
    changes = Changes()
    path = write_all(folder / "out.csv", [scored("good", number)], columns(n="text"), changes=changes)
    assert read_back(path)[0]["n"] == number
    assert changes.guarded == 0


@pytest.mark.parametrize("text", ["-5+cmd()", "+49 170", "-1-2", "=1", "-e5", "-"])
def test_text_that_only_begins_like_a_number_is_guarded(folder: Path, text: str) -> None:
    path = write_all(folder / "out.csv", [scored("good", text)], columns(n="text"))
    assert read_back(path)[0]["n"] == "'" + text


@pytest.mark.parametrize(("name", "raw_csv"), [("out.csv", True), *((name, False) for name in EXACT)])
def test_formulas_stay_elsewhere(folder: Path, name: str, raw_csv: bool) -> None:
    changes = Changes()
    path = write_all(folder / name, [scored("=cmd()", path="-a.txt")], raw_csv=raw_csv, changes=changes)
    (cells,) = read_back(path)
    assert (cells["text"], cells["path"], changes.guarded) == ("=cmd()", "-a.txt", 0)


def test_workbook_has_neither_formulas_nor_links(folder: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    texts = ["=1+1", "{=1}", "https://example.com", "mailto:a@example.com", "internal:A1"]
    sheet = openpyxl.load_workbook(write_all(folder / "out.xlsx", [scored(text) for text in texts])).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == texts
    assert all(cell.hyperlink is None and cell.data_type in {"s", "inlineStr"} for cell in cells)


# what does not fit


@pytest.mark.parametrize(("text", "left"), [("x" * 40_000, 32_767), ("\U0001f600" * 20_000, 16_383)])
def test_workbook_cuts_long_texts_and_counts_them(folder: Path, text: str, left: int) -> None:
    changes = Changes()
    path = write_all(folder / "out.xlsx", [scored(text), scored()], changes=changes)
    assert [row["text"] for row in read_back(path)] == [text[:left], "good film"]
    assert changes.cut == 1


def test_workbook_refuses_more_rows_than_it_holds(folder: Path) -> None:
    output = Output.to(folder / "out.xlsx")
    require_room(output, lay_out(TEXT), 1_048_575)
    with pytest.raises(UsageError, match="1048575 rows") as error:
        require_room(output, lay_out(TEXT), 1_048_576)
    assert ".csv" in error.value.hint
    require_room(Output.to(folder / "out.parquet"), lay_out(TEXT), 1_048_576)


@pytest.mark.parametrize(("name", "most"), [("out.xlsx", 16_384), ("out.db", 2000)])
def test_too_many_columns_are_refused(folder: Path, name: str, most: int) -> None:
    inputs = [Column(f"c{number}") for number in range(most - 7)]
    require_room(Output.to(folder / name), lay_out(inputs), 1)
    with pytest.raises(UsageError, match=f"{most} columns"):
        require_room(Output.to(folder / name), lay_out([*inputs, *TEXT]), 1)


def test_sqlite_takes_as_many_columns_as_it_says(folder: Path) -> None:
    inputs = [Column(f"c{number}") for number in range(1993)]
    _, prediction = scored()
    row = Review("good", 1, "a:1", tuple(str(number) for number in range(1993))), prediction
    (cells,) = read_back(write_all(folder / "out.db", [row], inputs))
    assert (cells["c1992"], cells["score"]) == ("1992", 0.75)


# compression and streams


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.json"])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_compressed_output_unpacks_to_the_plain_one(folder: Path, name: str, suffix: str) -> None:
    rows = [scored(text) for text in nasty_texts()]
    plain = write_all(folder / name, rows).read_bytes()
    packed = write_all(folder / (name + suffix), rows).read_bytes()
    unpack = {
        ".gz": gzip.decompress,
        ".bz2": bz2.decompress,
        ".xz": lzma.decompress,
        ".zst": zstd_or_error().decompress,
    }[suffix]
    assert unpack(packed) == plain
    assert len(packed) < len(plain) / 2


def test_equal_rows_make_equal_gz_files(folder: Path) -> None:
    first = write_all(folder / "a.csv.gz", [scored()]).read_bytes()
    assert write_all(folder / "b.csv.gz", [scored()]).read_bytes() == first


def test_stream_gets_rows_and_stays_open(folder: Path) -> None:
    stream, layout = io.BytesIO(), lay_out(TEXT)
    for wanted, start in ((None, b"text,score"), ("tsv", b"text\tscore"), ("jsonl", b'{"text"')):
        stream.truncate(stream.seek(0))
        output = Output.to(Path("-"), format=wanted, stream=stream)
        with open_writer(output, layout, changes=Changes()) as write:
            write(layout.row(*scored()))
        assert stream.getvalue().startswith(start)
    assert not list(folder.iterdir())


# names of outputs


@pytest.mark.parametrize("name", ["out", "out.txt", ".csv", "out.gz", "out.csv.zip", "out.html"])
def test_other_suffixes_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.csv .*\.parquet .*\.gz"):
        Output.to(folder / name)


@pytest.mark.parametrize("name", ["out.parquet.gz", "out.xlsx.zst", "out.db.xz"])
def test_only_text_can_be_compressed(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="compressed"):
        Output.to(folder / name)


def test_binary_formats_do_not_go_to_a_stream() -> None:
    with pytest.raises(UsageError, match="stdout"):
        Output.to(Path("-"), format="parquet", stream=io.BytesIO())


def test_named_format_overrides_the_suffix(folder: Path) -> None:
    assert Output.to(folder / "out.txt", format="csv").format == "csv"
    packed = Output.to(folder / "out.gz", format="jsonl")
    assert (packed.format, packed.compression) == ("jsonl", ".gz")
    assert Output.to(folder / "OUT.CSV.GZ").format == "csv"


def test_folder_is_refused_as_an_output(folder: Path) -> None:
    (folder / "out.csv").mkdir()
    with pytest.raises(UsageError):
        Output.to(folder / "out.csv")


# whole or not at all


@pytest.mark.parametrize("name", [*WRITTEN, "out.csv.gz"])
def test_old_file_stays_until_the_end(folder: Path, name: str) -> None:
    path, layout = folder / name, lay_out(TEXT)
    path.write_bytes(b"old")
    with open_writer(Output.to(path), layout, changes=Changes()) as write:
        write(layout.row(*scored()))
        assert path.read_bytes() == b"old"
    assert path.read_bytes() != b"old"
    assert [entry.name for entry in folder.iterdir()] == [name]


@pytest.mark.parametrize("name", [*WRITTEN, "out.csv.gz", "out.jsonl.zst"])
def test_old_file_stays_when_the_block_fails(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"old")

    def broken() -> Iterator[Row]:
        yield scored()
        raise DataError("A later row is bad.")

    with pytest.raises(DataError, match="later row"):
        write_all(path, broken())
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in folder.iterdir()] == [name]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond 100 kB, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", [*WRITTEN, "out.csv.gz", "out.jsonl.zst"])
def test_full_disk_is_reported_and_nothing_is_left(folder: Path, name: str, small_disk: None) -> None:
    generator = random.Random(1)  # what does not compress
    texts = ["".join(chr(generator.randrange(0x4E00, 0x9FFF)) for _ in range(1000)) for _ in range(200)]
    with pytest.raises(StorageError, match="Writing failed" if name == "out.db" else "No space left"):
        write_all(folder / name, [scored(text) for text in texts])
    assert not list(folder.iterdir())


def test_sqlite_on_a_full_disk_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has an error code of its own for it, which it gives for ENOSPC only."""
    connect = sqlite3.connect

    def limited(*arguments: Any, **more: Any) -> sqlite3.Connection:
        database = connect(*arguments, **more)
        database.execute("PRAGMA max_page_count = 10")  # beyond it SQLite says that the disk is full
        return database

    monkeypatch.setattr(sqlite3, "connect", limited)
    with pytest.raises(StorageError, match="No space left"):
        write_all(folder / "out.db", [scored("long " * 1000) for _ in range(50)])
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", WRITTEN)
def test_output_replaces_a_link_and_not_its_target(folder: Path, name: str) -> None:
    target = folder / "reviews.csv"
    target.write_text("text\nprecious\n", encoding="utf-8")
    (folder / name).symlink_to(target)
    write_all(folder / name, [scored()])
    assert target.read_text(encoding="utf-8") == "text\nprecious\n"
    assert not (folder / name).is_symlink()


@pytest.mark.parametrize("name", WRITTEN)
def test_output_without_rows_is_an_empty_table(folder: Path, name: str) -> None:
    assert read_back(write_all(folder / name, [])) == []


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("pyarrow", "out.parquet", "parquet"), ("xlsxwriter", "out.xlsx", "excel"),
     ("backports", "out.csv.zst", "zstd")],
)  # fmt: skip
def test_missing_package_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, extra: str
) -> None:
    if module == "backports" and sys.version_info >= (3, 14):
        pytest.skip("Python has it itself")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as error:
        write_all(folder / name, [scored()])
    assert error.value.hint == f"pip install 'bertsent[{extra}]'"
    assert not list(folder.iterdir())


# memory


def test_parquet_is_written_in_row_groups(folder: Path) -> None:
    import pyarrow.parquet

    texts = [str(number) for number in range(5000)]
    rows = [scored(text) for text in texts]
    path = write_all(folder / "out.parquet", rows, settings=WriteSettings(group_rows=2048))
    file = pyarrow.parquet.ParquetFile(path)
    assert (file.metadata.num_rows, file.num_row_groups) == (5000, 3)
    assert [row["text"] for row in read_back(path)] == texts


def test_parquet_holds_no_row_group_of_long_cells(folder: Path) -> None:
    import pyarrow.parquet

    rows = [scored("short", "long " * 1000) for _ in range(100)]
    settings = WriteSettings(group_characters=50_000)
    path = write_all(folder / "out.parquet", rows, columns(more="text"), settings=settings)
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", [*WRITTEN, "out.csv.gz"])
def test_memory_does_not_grow_with_the_rows(folder: Path, name: str) -> None:
    rows = (scored(f"{number} " + "long " * 200) for number in range(6000))  # 6 MB
    settings = WriteSettings(group_rows=200)
    write_all(folder / name, [scored()], settings=settings)  # imports
    tracemalloc.start()
    write_all(folder / name, rows, settings=settings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000
