"""Tables of reviews; faults 51 to 59."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bertsent.base.errors import DataError, MissingExtraError
from bertsent.base.records.core import Review
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.labels import parse_label
from bertsent.data.reviews import read_reviews
from bertsent.data.source import Source
from bertsent.data.tables import read_stream

NASTY = [
    "a",
    "é",
    "\U0001f600",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x1b",
    "\u2028",
    "\x85",
    " ",
    "=",
    "\\",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def table(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path: Path, **changed: int) -> list[tuple[str, int | None]]:
    source = Source((path,), ReadSettings(**changed))
    return [(review.text, review.label) for review in read_reviews(source)]


def refusal(path: Path, **changed: int) -> DataError:
    with pytest.raises(DataError) as error:
        rows(path, **changed)
    assert path.name in str(error.value)
    return error.value


def nasty_texts() -> list[str]:
    generator = random.Random(3)
    return ["x" + "".join(generator.choices(NASTY, k=generator.randrange(12))) for _ in range(400)]


# labels


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (1, ["Positive ", "pos", "1", "1.0", "TRUE", "__label__positive"]),
        (0, ["negative", " NEG", "0", "0.0", "false", "__label__0"]),
        (None, ["", "  "]),
    ],
)
def test_parse_label_knows_the_documented_words(label: int | None, values: list[str]) -> None:
    assert [parse_label(value, where="a.csv:2") for value in values] == [label] * len(values)


@pytest.mark.parametrize("value", ["nan", "2", "-1", "neutral", "positiv", "none"])
def test_parse_label_refuses_other_words(value: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv:2 .*positive, .*false") as error:
        parse_label(value, where="a.csv:2")
    assert error.value.received == str(value)


def test_parse_label_makes_a_foreign_word_safe_to_show() -> None:
    with pytest.raises(DataError) as error:
        parse_label("\x1b[2J" + "x" * 1000, where="a.csv:2")
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 300


# CSV


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\ngood,pos\nbad,neg\n"),
        ("a.csv", "\ufefftext,label\r\ngood,pos\r\nbad,neg"),
        ("a.csv", "text,label\rgood,pos\rbad,neg\r"),
        ("a.CSV", '"Label"," Text "\n"1","good"\n\n"0","bad"\n\n'),
        ("a.csv", "id;text;label\n1;good;pos\n2;bad;neg\n"),
        ("a.csv", "text\tlabel\ngood\tpos\nbad\tneg\n"),
        ("a.tsv", "text\tlabel\ngood\tpos\nbad\tneg\n"),
    ],
    ids=["plain", "bom crlf", "cr", "quoted", "semicolon", "tab", "tsv"],
)
def test_read_table_takes_the_usual_kinds_of_csv(folder: Path, name: str, content: str) -> None:
    assert rows(table(folder, name, content)) == [("good", 1), ("bad", 0)]


def test_read_table_gives_file_and_line_as_path(folder: Path) -> None:
    path = table(folder, "a.csv", 'text,label\n"two\nlines",1\n\nlast,\n')
    assert list(read_reviews(path)) == [
        Review("two\nlines", 1, f"{path}:2"),
        Review("last", None, f"{path}:5"),
    ]


def test_read_table_prefers_the_comma(folder: Path) -> None:
    assert rows(table(folder, "a.csv", "text,a;b\none; two,x\n")) == [("one; two", None)]


def test_read_table_takes_the_delimiter_that_gives_a_text_column(folder: Path) -> None:
    assert rows(table(folder, "a.csv", "id,note;text\n1,x;y\n")) == [("y", None)]


def test_read_table_needs_no_delimiter_for_one_column(folder: Path) -> None:
    assert rows(table(folder, "a.csv", 'text\none; two\n"three, four"\n')) == [
        ("one; two", None),
        ("three, four", None),
    ]


def test_read_table_gives_texts_as_they_stand(folder: Path) -> None:
    path = folder / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *([text, "1"] for text in nasty_texts())])
    assert rows(path) == [(text, 1) for text in nasty_texts()]


def test_read_table_takes_a_text_beyond_the_limit_of_the_csv_module(folder: Path) -> None:
    assert len(rows(table(folder, "a.csv", f"text\n{'long ' * 60_000}\n"))[0][0]) == 300_000


@pytest.mark.parametrize(
    ("content", "line", "fact"),
    [
        ("text,label\ngood,1\nbad,0,more\n", 3, "needs 2 fields"),
        ("text,label\ngood, but long,1\n", 2, "needs 2 fields"),
        ('text,label\n"good" film, really,1\n', 2, "not valid CSV"),
        ('text,label\n"good, really",1\n"never closed,1\nbad,0\n', 3, "not valid CSV"),
        (b"text\ngood\ncaf\xe9\n", 3, "not UTF-8 at byte 3 of the line"),
        ("text\ngood\ncut off é".encode()[:-1], 3, "not UTF-8 at byte 8"),
        (b"text\ngo\0od\n", 2, "NUL"),
        ("text,label,Text\n", 1, "several columns 'text'"),
        ("id;what\n1;good\n", 1, "no column that is obviously the text"),
    ],
)
def test_read_table_names_the_line_of_csv_it_cannot_use(
    folder: Path, content: str | bytes, line: int, fact: str
) -> None:
    error = refusal(table(folder, "a.csv", content))
    assert f"a.csv:{line} " in error.message
    assert fact in error.message


def test_read_table_lists_the_columns_where_text_is_missing(folder: Path) -> None:
    received = refusal(table(folder, "a.csv", "id,what\x1b[2J\n1,good\n")).received
    assert received == "columns id, what\\x1b[2J"


def test_read_table_yields_the_rows_before_a_bad_one(folder: Path) -> None:
    reviews = read_reviews(table(folder, "a.csv", "text,label\ngood,1\nbad,0,more\n"))
    assert next(reviews).text == "good"
    with pytest.raises(DataError):
        next(reviews)


# JSONL and text


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_read_table_takes_json_lines(folder: Path, name: str) -> None:
    content = (
        '\ufeff{"text": "good", "label": "positive", "id": 1}\r\n\n{"label": 0, "text": "bad\\n\\ud83d"}\n'
        '{"text": "x", "label": null}\n{"text": null, "label": true}'
    )
    assert rows(table(folder, name, content)) == [("good", 1), ("bad\n\ufffd", 0), ("x", None), ("", 1)]


def test_read_table_gives_texts_of_json_as_they_stand(folder: Path) -> None:
    lines = [
        json.dumps({"text": text}, ensure_ascii=number % 2 == 0) for number, text in enumerate(nasty_texts())
    ]
    assert rows(table(folder, "a.jsonl", "\n".join(lines))) == [(text, None) for text in nasty_texts()]


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ('{"text": "cut o', "not valid JSON"),
        ("text", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text": "x", "n": ' + "1" * 5000 + "}", "not valid JSON"),
        ('["text"]', "must be a JSON object"),
        ('{"text": ["x"]}', "must have a string as text"),
        ('{"text": "a\\u0000b"}', "NUL"),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
    ],
)
def test_read_table_names_the_line_of_json_it_cannot_use(folder: Path, row: str | bytes, fact: str) -> None:
    content = b'{"text": "good"}\n' + (row if isinstance(row, bytes) else row.encode())
    error = refusal(table(folder, "a.jsonl", content))
    assert "a.jsonl:2 " in error.message
    assert fact in error.message


def test_read_table_takes_a_review_a_line_of_text(folder: Path) -> None:
    path = table(folder, "a.txt", '\ufeffgood, "so" good\r\n\n caf\u2028é \nlast')
    assert [(review.text, review.path) for review in read_reviews(path)] == [
        ('good, "so" good', f"{path}:1"),
        ("", f"{path}:2"),
        (" caf\u2028é ", f"{path}:3"),
        ("last", f"{path}:4"),
    ]


def test_read_table_joins_lines_across_its_chunks(folder: Path) -> None:
    for start in range(65_534, 65_540):  # a CRLF and an é on the border of two chunks
        path = table(folder, "a.txt", "x" * start + "\r\né" + "y" * 70_000 + "\r\nlast\r\n")
        assert [len(text) for text, _ in rows(path)] == [start, 70_001, 4]


# a pipe


def test_read_stream_gives_each_line_of_a_pipe() -> None:
    lines = read_stream(io.BytesIO("\ufeffgood\r\n\ncafé".encode()), name="stdin", settings=ReadSettings())
    assert list(lines) == ["good", "", "café"]


@pytest.mark.parametrize("line", [b"caf\xe9\n", b"x" * 20])
def test_read_stream_names_the_line_it_cannot_use(line: bytes) -> None:
    lines = read_stream(
        io.BytesIO(b"good\n" + line), name="stdin", settings=ReadSettings(max_review_bytes=10)
    )
    assert next(lines) == "good"
    with pytest.raises(DataError, match="stdin:2 is"):
        next(lines)


# sizes


@pytest.mark.parametrize(("name", "first"), [("a.csv", "text\n"), ("a.jsonl", "\n"), ("a.txt", "good\n")])
def test_read_table_does_not_hold_a_line_without_end(folder: Path, name: str, first: str) -> None:
    path = table(folder, name, first + "x" * 20_000_000)
    tracemalloc.start()
    error = refusal(path, max_row_bytes=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"{name}:2 is longer than 10.0 kB" in error.message
    assert peak < 2_000_000


def test_read_table_does_not_hold_what_an_open_quote_swallows(folder: Path) -> None:
    path = table(folder, "a.csv", 'text,label\n"good, really",1\n"bad,0\n' + "fine,1\n" * 1_000_000)
    tracemalloc.start()
    error = refusal(path, max_row_bytes=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "a.csv:3 begins a row longer than" in error.message
    assert peak < 6_000_000


@pytest.mark.slow
def test_read_table_holds_no_more_of_a_longer_table(folder: Path) -> None:
    path = table(folder, "a.csv", "text,label\n" + "a good film,pos\n" * 100_000)
    tracemalloc.start()
    count = sum(1 for _ in read_reviews(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 2_000_000


def test_read_table_sets_no_limit_of_the_csv_module_below_another(folder: Path) -> None:
    before = csv.field_size_limit(50_000_000)
    try:
        rows(table(folder, "a.csv", "text\nx\n"))
        assert csv.field_size_limit() == 50_000_000
    finally:
        csv.field_size_limit(before)


# Parquet


def parquet(folder: Path, columns: dict[str, list[Any]]) -> Path:
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


def test_read_table_takes_parquet(folder: Path) -> None:
    path = parquet(folder, {"id": [1, 2, 3], "label": ["pos", None, "0"], "text": ["good", "x", None]})
    assert list(read_reviews(path)) == [
        Review("good", 1, f"{path}:1"),
        Review("x", None, f"{path}:2"),
        Review("", 0, f"{path}:3"),
    ]


def test_read_table_takes_parquet_without_labels(folder: Path) -> None:
    assert rows(parquet(folder, {"text": nasty_texts()})) == [(text, None) for text in nasty_texts()]


@pytest.mark.parametrize(
    ("columns", "fact"),
    [
        ({"what": ["x"]}, "no column that is obviously the text"),
        ({"text": [["x"]]}, "must have a string as text"),
        ({"text": ["a\0b"]}, "NUL"),
        ({"text": ["é" * 60]}, "longer than 100 B"),
    ],
)
def test_read_table_names_the_row_of_parquet_it_cannot_use(
    folder: Path, columns: dict[str, list[Any]], fact: str
) -> None:
    assert fact in refusal(parquet(folder, columns), max_review_bytes=100).message


@pytest.mark.parametrize("content", [b"PAR1 this is no Parquet PAR1", b"text\nx\n"])
def test_read_table_refuses_what_is_no_parquet(folder: Path, content: bytes) -> None:
    assert "not readable Parquet" in refusal(table(folder, "a.parquet", content)).message


def test_read_table_refuses_parquet_cut_short(folder: Path) -> None:
    path = parquet(folder, {"text": nasty_texts()})
    assert "not readable" in refusal(table(folder, "cut.parquet", path.read_bytes()[:-100])).message


def test_read_table_does_not_hold_a_row_group(folder: Path) -> None:
    import pyarrow

    texts = [random.Random(number).randbytes(500).hex() for number in range(20_000)]  # 20 MB, 10 compressed
    path = parquet(folder, {"text": texts, "label": [1] * len(texts)})
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == 1
    before = pyarrow.total_allocated_bytes()
    held = [pyarrow.total_allocated_bytes() for _ in read_reviews(path)]
    assert len(held) == len(texts)
    assert max(held) - before < 6_000_000


def test_parquet_without_pyarrow_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(folder, {"text": ["x"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as error:
        rows(path)
    assert error.value.hint == "pip install 'bertsent[parquet]'"
