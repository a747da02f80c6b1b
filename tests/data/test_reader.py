"""Review files as people have them: each kind is read rightly, or refused with the right remedy."""

from __future__ import annotations

import bz2
import codecs
import datetime
import gzip
import json
import lzma
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.review_files import read, refusal
from support.review_files import write_one as write

from bertsent.base.errors import UsageError
from bertsent.base.records.reading import MISSING, Column
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.notes import survey_notes
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source

TEXTS = ["A joy to use.", "It broke at once.", "Would buy again, happily.", "Never again."]
GOLD = [1, 0, 1, 0]


def csv(*rows: str) -> str:
    return "\n".join(rows) + "\n"


EXPECTED = list(zip(TEXTS, GOLD, strict=True))


# columns


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("review", "sentiment"),
        ("Review Text", "Label"),
        ("review_text", "polarity"),
        ("reviewText", "class"),
        ("content", "Liked"),
        ("reviews.text", "reviews.sentiment"),
        ("Sentence", "target"),
    ],
)
def test_obvious_columns_are_found_and_said(tmp_path: Path, text: str, label: str) -> None:
    rows = [f'{number},"{review}",{gold}' for number, (review, gold) in enumerate(EXPECTED)]
    read_rows, survey = read(write(tmp_path, "a.csv", csv(f"id,{text},{label}", *rows)))
    assert read_rows == EXPECTED
    assert (survey.text_column, survey.label_column) == (text, label)
    notes = " ".join(survey.notes)
    assert f"text from column '{text}'" in notes
    assert label == "Label" or f"label from column '{label}'" in notes


def test_text_and_label_are_taken_before_other_names(tmp_path: Path) -> None:
    _, survey = read(write(tmp_path, "a.csv", csv("comment,text,label,stars", "x,good,1,5")))
    assert (survey.text_column, survey.label_column, survey.notes) == ("text", "label", ())


def test_several_candidates_are_refused_with_the_option(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("review,comment,sentiment", "a,b,1"))
    error = refusal(path)
    assert error.received == "columns review, comment, sentiment"
    assert error.hint == "--text review, for example"
    assert read(path, text="comment")[0] == [("b", 1)]


def test_several_labels_give_none_and_a_hint(tmp_path: Path) -> None:
    rows, survey = read(write(tmp_path, "a.csv", csv("text,sentiment,polarity", "good,1,1")))
    assert rows == [("good", None)]
    assert "--label COLUMN" in survey.label_hint


def test_named_columns_in_any_case_and_by_number(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("ID,Verdict,Opinion Text", "1,1,good", "2,0,bad"))
    assert read(path, text="opinion text", label="VERDICT")[0] == [("good", 1), ("bad", 0)]
    headless = write(tmp_path, "b.csv", csv('"2","title","good"', '"1","title","bad"'))
    settings = {"header": False, "text": "3", "label": "1", "labels": "positive=2 negative=1"}
    rows, survey = read(headless, **settings)
    assert rows == [("good", 1), ("bad", 0)]
    assert [column.name for column in survey.columns] == ["column_1", "column_2", "column_3"]


def test_a_column_that_is_not_there_is_named_with_a_near_one(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, "a.csv", csv("opinion,label", "x,1")), text="opinions")
    assert isinstance(error, UsageError)
    assert "no column 'opinions'" in error.message
    assert error.hint == "--text 'opinion'"
    error = refusal(write(tmp_path, "a.csv", csv("opinion,label", "x,1")), text="body")
    assert (error.received, error.hint) == ("columns opinion, label", "--text names one of them")


def test_a_table_without_header_is_told_how_to_be_read(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, "a.csv", csv('"2","a title","good"', '"1","a title","bad"')))
    assert "--no-header" in error.hint


def test_dotted_paths_reach_into_json(tmp_path: Path) -> None:
    tasks = [
        {"id": n, "data": {"text": text}, "annotations": [{"result": [{"choices": [("No", "Yes")[gold]]}]}]}
        for n, (text, gold) in enumerate(EXPECTED)
    ]
    path = write(tmp_path, "tasks.json", json.dumps(tasks, indent=1))
    rows, survey = read(path, label="annotations.0.result.0.choices", labels="positive=yes negative=no")
    assert rows == EXPECTED
    assert survey.text_column == "data.text"


def test_names_of_columns_are_unique_for_the_output(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv(",text,note,Note,,", "0,good,a,b,,"))
    names = [column.name for column in read(path)[1].columns]
    assert names == ["column_1", "text", "note", "Note_2", "column_5", "column_6"]


# labels


@pytest.mark.parametrize(
    "values", [("1.0", "0.0"), ("POSITIVE ", " neg"), ("True", "FALSE"), ("['pos']", "neg")]
)
def test_usual_words_in_any_dress(tmp_path: Path, values: tuple[str, str]) -> None:
    content = csv("text,label", f"good,{values[0]}", f"bad,{values[1]}", "so,", "la,nan")
    rows, survey = read(write(tmp_path, "a.csv", content))
    assert [label for _, label in rows] == [1, 0, None, None]
    assert (survey.labels.positive, survey.labels.negative, survey.labels.none) == (1, 1, 2)


@pytest.mark.parametrize(
    ("values", "proposal"),
    [
        ("1 2 3 4 5", "positive=4,5 negative=1,2"),
        ("1 5", "positive=4,5 negative=1,2"),
        ("0 4", "positive=4 negative=0"),
        ("0 2 4", "positive=4 negative=0"),
        ("1 2", "positive=2 negative=1"),
        ("-1 1", "positive=1 negative=-1"),
        ("-1 0 1", "positive=1 negative=-1"),
        ("0 1 2", "positive=2 negative=0"),
        ("0.5 3.5 5.0", "positive=4..5 negative=0.5..2"),
        ("1 4 8 10", "positive=7..10 negative=1..4"),
        ("+ -", "positive=+ negative=-"),
        ("p n", "positive=p negative=n"),
    ],
)
def test_a_scale_gives_no_label_but_the_map_that_reads_it(tmp_path: Path, values: str, proposal: str) -> None:
    rows = [f"text {value},{value}" for value in values.split()]
    path = write(tmp_path, "a.csv", csv("text,label", *rows))
    labelled, survey = read(path)
    assert {label for _, label in labelled} == {None}
    assert survey.labels.proposal == proposal
    assert any(f"--labels '{proposal}'" in note for note in survey_notes(survey))
    labels = {label for _, label in read(path, labels=proposal)[0]}
    assert {0, 1} <= labels


def test_the_map_counts_what_it_leaves_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("text,stars", "a,5", "b,1.0", "c,3", "d,3", "e,0"))
    rows, survey = read(path, labels="positive=4,5 negative=1,2")
    assert [label for _, label in rows] == [1, 0, None, None, None]
    assert survey.labels.neither == {"3": 2, "0": 1}


def test_words_of_three_classes_are_left_out_and_named(tmp_path: Path) -> None:
    rows, survey = read(write(tmp_path, "a.csv", csv("text,label", "a,neutral", "b,positive", "c,negative")))
    assert [label for _, label in rows] == [None, 1, 0]
    assert survey.labels.neither == {"neutral": 1}


def test_one_strange_value_leaves_the_words_their_meaning(tmp_path: Path) -> None:
    rows, survey = read(
        write(tmp_path, "a.csv", csv("text,label", "a,pos", "b,neg", "c,5", "d,1", "e,thriller"))
    )
    assert [label for _, label in rows] == [1, 0, None, None, None]
    assert survey.labels.unknown == {"5": 1, "1": 1, "thriller": 1}


@pytest.mark.parametrize("given", ["good=4", "4,5", "positive=", "positive=1 negative=1"])
def test_a_map_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    assert isinstance(refusal(write(tmp_path, "a.csv", csv("text,label", "a,1")), labels=given), UsageError)


def test_a_map_may_hold_ranges(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("text,score", "a,70", "b,99.5", "c,10", "d,50"))
    assert [label for _, label in read(path, labels="positive=70..100 negative=0..40")[0]] == [1, 1, 0, None]


def test_answers_of_prodigy_are_obeyed(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": "POSITIVE", "answer": "accept"},
        {"text": "b", "label": "POSITIVE", "answer": "reject"},
        {"text": "c", "label": "NEGATIVE", "answer": "reject"},
        {"text": "d", "label": "POSITIVE", "answer": "ignore"},
    ]
    labelled, survey = read(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert [label for _, label in labelled] == [1, 0, 1, None]
    assert (survey.labels.positive, survey.labels.negative, survey.labels.none) == (2, 1, 1)


# formats

PLAIN = csv("text,label", *(f'"{text}",{gold}' for text, gold in EXPECTED))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv.gz", gzip.compress),
        ("a.csv.bz2", bz2.compress),
        ("a.csv.xz", lzma.compress),
        ("a.csv", gzip.compress),  # by its content, not its name
    ],
)
def test_compressed_tables_are_unpacked(tmp_path: Path, name: str, pack: Any) -> None:
    assert read(write(tmp_path, name, pack(PLAIN.encode())))[0] == EXPECTED


def test_zstandard_is_unpacked(tmp_path: Path) -> None:
    zstd = pytest.importorskip("backports.zstd", reason="needs bertsent[zstd]")
    assert read(write(tmp_path, "a.csv.zst", zstd.compress(PLAIN.encode())))[0] == EXPECTED


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_compressed_table_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[suffix]
    content = pack((PLAIN * 2000).encode())[:-20]
    error = refusal(write(tmp_path, f"a.csv.{suffix}", content))
    assert f"a.csv.{suffix} is damaged or cut short" in error.message


def test_a_zip_with_one_table_is_read_and_others_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("folder/reviews.csv", PLAIN)
        archive.writestr("__MACOSX/._reviews.csv", "x")
        archive.writestr("README.md", "About")
    assert read(tmp_path / "one.zip")[0] == EXPECTED
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", PLAIN)
        archive.writestr("b.csv", PLAIN)
    error = refusal(tmp_path / "two.zip")
    assert error.received == "2 files (a.csv, b.csv)"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "\n".join(json.dumps({"text": t, "label": g}) for t, g in EXPECTED)),
        ("a.json", json.dumps([{"text": t, "label": g} for t, g in EXPECTED])),
        ("a.jsonl", json.dumps([{"text": t, "label": g} for t, g in EXPECTED], indent=2)),
        ("a.json", "\n".join(json.dumps({"text": t, "label": g}, indent=2) for t, g in EXPECTED)),
        ("a.dat", "\n".join(json.dumps({"text": t, "label": [g]}) for t, g in EXPECTED)),
        ("a.txt", "sep=;\r\ntext;label\r\n" + "".join(f"{t};{g}\r\n" for t, g in EXPECTED)),
        ("a.csv", "sep=|\ntext|label\n" + "".join(f"{t}|{g}\n" for t, g in EXPECTED)),
        ("a.txt", "".join(f"{g}\t{t}\n" for t, g in EXPECTED)),
        ("a.txt", "".join(f"{t}\t{g}\n" for t, g in EXPECTED)),
        ("a.txt", "".join(f"__label__{('negative', 'positive')[g]} {t}\n" for t, g in EXPECTED)),
        ("a.txt", "Sentence\tLiked\n" + "".join(f"{t}\t{g}\n" for t, g in EXPECTED)),
        ("export", "text|label\n" + "".join(f"{t}|{g}\n" for t, g in EXPECTED)),
    ],
)
def test_formats_are_told_by_their_content(tmp_path: Path, name: str, content: str) -> None:
    assert read(write(tmp_path, name, content))[0] == EXPECTED


def test_a_text_may_begin_with_a_quote_in_a_file_without_quoting(tmp_path: Path) -> None:
    texts = ['"Good', "bad", 'so "la" la', '"quoted"', 'last"']
    content = "Review\tLiked\n" + "".join(f"{text}\t1\n" for text in texts)
    rows, survey = read(write(tmp_path, "a.tsv", content))
    assert [text for text, _ in rows] == ['"Good', "bad", 'so "la" la', "quoted", 'last"']
    assert any("every line read as a row" in note for note in survey.notes)


def test_such_a_text_far_down_is_found_in_the_first_pass(tmp_path: Path) -> None:
    lines = [f"review number {number}\t1\n" for number in range(30_000)]
    lines[20_000] = '"An open quote\t0\n'
    lines[20_005] = 'closed"\t0\n'
    rows, _ = read(write(tmp_path, "a.tsv", "text\tlabel\n" + "".join(lines)))
    assert len(rows) == 30_000
    assert rows[20_000] == ('"An open quote', 0)


def test_quoted_cells_of_several_lines_stay_one_row(tmp_path: Path) -> None:
    content = 'text,label\n"one, two\nthree",1\n"a\tb ""c""",0\n'
    assert read(write(tmp_path, "a.csv", content))[0] == [("one, two\nthree", 1), ('a\tb "c"', 0)]


def test_short_rows_are_filled_and_empty_cells_beyond_the_header_dropped(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("text,label,reply", "good,1", "bad,0,no,,", "so"))
    reviews = open_reviews(path, cells=True)
    reviews.survey()
    assert [review.cells for review in reviews] == [("good", "1", ""), ("bad", "0", "no"), ("so", "", "")]


def test_numbers_are_texts_and_lists_are_not(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": 5}\n{"text": 1.5}\n{"text": null}\n{"label": 1}\n')
    assert [text for text, _ in read(path)[0]] == ["5", "1.5", "", ""]


def test_entities_are_unescaped(tmp_path: Path) -> None:
    content = csv("text", "I didn&#39;t &amp;quot;like&amp;quot; it &lt;3", "&nbsp;", "AT&T")
    assert [text for text, _ in read(write(tmp_path, "a.csv", content))[0]] == [
        'I didn\'t "like" it <3',
        "",
        "AT&T",
    ]


def test_a_workbook_gives_its_first_sheet_or_the_named_one(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs bertsent[excel]")
    xlsxwriter = pytest.importorskip("xlsxwriter", reason="needs bertsent[excel]")
    workbook = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    first, second = workbook.add_worksheet("Reviews"), workbook.add_worksheet("Other")
    first.write_row(0, 0, ["Review", "Stars", "When"])
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for number, (text, gold) in enumerate(EXPECTED, start=1):
        first.write_row(number, 0, [text, 5 if gold else 1])
        first.write_datetime(number, 2, datetime.datetime(2024, 5, number), day)
    second.write_row(0, 0, ["text"])
    second.write_row(1, 0, ["elsewhere"])
    workbook.close()
    reviews = open_reviews(
        Source((tmp_path / "a.xlsx",), ReadSettings(labels="positive=4,5 negative=1,2")), cells=True
    )
    survey = reviews.survey()
    assert [(review.text, review.label) for review in reviews] == EXPECTED
    assert survey.columns[1:] == (Column("Stars", "integer"), Column("When", "date"))
    assert any("not read: sheets Other" in note for note in survey.notes)
    assert read(tmp_path / "a.xlsx", sheet="Other")[0] == [("elsewhere", None)]
    assert "Reviews, Other" in str(refusal(tmp_path / "a.xlsx", sheet="Third"))


def test_a_column_of_times_with_midnights_among_them_is_one_of_times(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs bertsent[excel]")
    xlsxwriter = pytest.importorskip("xlsxwriter", reason="needs bertsent[excel]")
    workbook = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"), {"default_date_format": "yyyy-mm-dd hh:mm"})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["text", "at"])
    for number, hour in enumerate((0, 14, 0), start=1):
        sheet.write(number, 0, f"a {number}. film")
        sheet.write_datetime(number, 1, datetime.datetime(2024, 5, number, hour))
    workbook.close()
    survey = open_reviews(Source((tmp_path / "a.xlsx",), ReadSettings()), cells=True).survey()
    assert survey.columns[1:] == (Column("at", "datetime"),)


def test_class_names_of_hugging_face_are_the_labels(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    pytest.importorskip("pyarrow.parquet")
    features = {"info": {"features": {"label": {"names": ["pos", "neg"], "_type": "ClassLabel"}}}}
    table = pyarrow.table({"text": TEXTS, "label": [1 - gold for gold in GOLD]})
    table = table.replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == EXPECTED


def test_the_format_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "notes.md", "good\nbad\n")
    assert isinstance(refusal(path), UsageError)
    assert read(path, format="lines")[0] == [("good", None), ("bad", None)]


def test_the_same_rows_are_the_same_reviews_in_every_format(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    pytest.importorskip("pyarrow.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS, "label": GOLD}), tmp_path / "a.parquet")
    paths = [
        write(tmp_path, "a.csv", PLAIN),
        write(tmp_path, "b.csv", PLAIN.replace(",1", ",positive"), encoding="utf-16"),
        write(tmp_path, "a.jsonl", "\n".join(json.dumps({"text": t, "label": g}) for t, g in EXPECTED)),
        tmp_path / "a.parquet",
    ]
    assert [read(path)[0] for path in paths] == [EXPECTED] * 4


# encodings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_obeyed(tmp_path: Path, encoding: str) -> None:
    content = csv("text,label", "caf\u00e9 \u201cso\u201d,1", "Malm\u00f6,0")
    rows = read(write(tmp_path, "a.csv", content, encoding=encoding))[0]
    assert rows == [("caf\u00e9 \u201cso\u201d", 1), ("Malm\u00f6", 0)]


def test_utf16_of_the_other_byte_order(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", codecs.BOM_UTF16_BE + "text\tlabel\ncaf\u00e9\t1\n".encode("utf-16-be"))
    assert read(path)[0] == [("caf\u00e9", 1)]


def test_windows_1252_is_refused_with_the_option_that_reads_it(tmp_path: Path) -> None:
    content = csv("text;label", *("I don\u2019t know \u2013 \u201cfine\u201d;1" for _ in range(5)))
    path = write(tmp_path, "a.csv", content, encoding="cp1252")
    error = refusal(path)
    assert "a.csv:2 is not UTF-8" in error.message
    assert "first of 5" in error.message
    assert error.hint == "--encoding cp1252 reads it"
    assert read(path, encoding="cp1252")[0][0] == ("I don\u2019t know \u2013 \u201cfine\u201d", 1)


def test_one_bad_byte_in_utf8_is_told_apart(tmp_path: Path) -> None:
    rows = [f"caf\u00e9 {number},1".encode() for number in range(300)]
    rows[250] = b"caf\xe9,1"
    error = refusal(path := write(tmp_path, "a.csv", b"text,label\n" + b"\n".join(rows)))
    assert "a.csv:252 is not UTF-8" in error.message
    assert "the rest is UTF-8" in error.hint
    assert "--on-bad-row skip" in error.hint
    labelled, survey = read(path, on_bad_row="skip")
    assert (len(labelled), survey.bad_rows) == (299, 1)


def test_an_encoding_that_is_hardly_western_is_not_guessed(tmp_path: Path) -> None:
    content = csv(
        "text,label", "\u041e\u0442\u043b\u0438\u0447\u043d\u044b\u0439 \u0444\u0438\u043b\u044c\u043c,1"
    )
    path = write(tmp_path, "a.csv", content, encoding="cp1251")
    assert "cp1252" not in refusal(path).hint
    assert read(path, encoding="cp1251")[0][0][0].startswith("\u041e\u0442")


def test_utf16_without_a_mark_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", csv("text,label", "good,1", "bad,0"), encoding="utf-16-le")
    assert "--encoding utf-16-le" in refusal(path).hint
    assert read(path, encoding="utf-16-le")[0] == [("good", 1), ("bad", 0)]


def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(write(tmp_path, "a.csv", PLAIN), encoding="cp12520"), UsageError)


# bad rows

BAD = {
    "nul": b"go\0od,1",
    "ragged": b"good, but, long,1",
    "quote": b'"good" film,1',
    "long": b"x" * 2_000_000 + b",1",
    "bytes": b"caf\xe9,1",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_refused_or_left_out_and_named(tmp_path: Path, kind: str) -> None:
    rows = [f'"caf\u00e9, number {number}",{number % 2}'.encode() for number in range(40)]
    rows.insert(30, BAD[kind])
    path = write(tmp_path, "a.csv", b"text,label\n" + b"\n".join(rows) + b"\n")
    error = refusal(path)
    assert "a.csv:32 " in error.message
    assert "--on-bad-row skip" in error.hint
    labelled, survey = read(path, on_bad_row="skip")
    assert [text for text, _ in labelled] == [f"caf\u00e9, number {number}" for number in range(40)]
    assert survey.bad_rows == 1
    assert "a.csv:32 " in survey.first_bad_rows[0]
    assert any("Left out 1 bad row" in note for note in survey_notes(survey))


def test_an_open_quote_costs_one_row_and_not_those_after_it(tmp_path: Path) -> None:
    rows = [f'"good, number {number}",1' for number in range(20)]
    rows[5] = '"never closed,1'
    labelled, survey = read(write(tmp_path, "a.csv", csv("text,label", *rows)), on_bad_row="skip")
    assert (len(labelled), survey.bad_rows) == (19, 1)


def test_a_bad_line_of_json_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": "a"}\n{"text": "b\n[1]\n{"text": "c"}\n')
    assert "a.jsonl:2 is not valid JSON" in refusal(path).message
    labelled, survey = read(path, on_bad_row="skip")
    assert (labelled, survey.bad_rows) == ([("a", None), ("c", None)], 2)


def test_an_array_cut_short_is_refused_whatever_the_settings(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", '[{"text": "a"}, {"text": "b"')
    assert "cut short" in refusal(path, on_bad_row="skip").message


# folders


def classes(folder: Path, names: tuple[str, str] = ("pos", "neg")) -> None:
    for number, (text, gold) in enumerate(EXPECTED):
        write(folder, f"{names[1 - gold]}/{number}.txt", text)


@pytest.mark.parametrize("names", [("positive", "negative"), ("Pos", "Neg"), ("POSITIVE", "neg")])
def test_class_folders_have_other_names(tmp_path: Path, names: tuple[str, str]) -> None:
    classes(tmp_path, names)
    rows, survey = read(tmp_path)
    assert sorted(rows) == sorted(EXPECTED)
    assert names == ("Pos", "Neg") or "labels from the folders" in survey.notes[0]


def test_files_that_are_no_reviews_are_counted(tmp_path: Path) -> None:
    tmp_path = tmp_path / "data"
    classes(tmp_path)
    write(tmp_path, "pos/9.TXT", "Also good.")
    write(tmp_path, "pos/README.md", "x")
    write(tmp_path, "unsup/1.txt", "x")
    (tmp_path / "neg" / "link.txt").symlink_to(tmp_path / "pos" / "0.txt")
    rows, survey = read(tmp_path)
    assert len(rows) == 5
    assert survey.passed_over == ("1 link (link.txt), 1 folder (unsup), 1 other file (README.md)",)


def test_folder_of_links_only_says_so_and_how_to_copy_them(tmp_path: Path) -> None:
    write(tmp_path, "one.txt", "A good film.")
    (tmp_path / "linked").mkdir()
    for number in range(4):
        (tmp_path / "linked" / f"{number}.txt").symlink_to("../one.txt")
    error = refusal(tmp_path / "linked")
    assert error.received == "4 links (0.txt, 1.txt, 2.txt, ...)"
    assert f"cp -rL {tmp_path / 'linked'} {tmp_path / 'linked-files'}" in error.hint
    subprocess.run(["cp", "-rL", tmp_path / "linked", tmp_path / "linked-files"], check=True)
    assert len(read(tmp_path / "linked-files")[0]) == 4


def test_a_file_in_another_encoding_is_a_bad_row(tmp_path: Path) -> None:
    classes(tmp_path)
    write(tmp_path, "pos/9.txt", b"caf\xe9 \x93fine\x94")
    error = refusal(tmp_path)
    assert "9.txt is not UTF-8" in error.message
    assert "iconv -f cp1252" in error.hint
    rows, survey = read(tmp_path, on_bad_row="skip")
    assert (len(rows), survey.bad_rows) == (4, 1)


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    tmp_path = tmp_path / "parts"
    for number in range(3):
        write(tmp_path, f"part-0000{number}.csv", csv("text,label", f"text {number},1"))
    write(tmp_path, "_SUCCESS", "")
    write(tmp_path, ".part-00000.csv.crc", "x")
    rows, survey = read(tmp_path)
    assert [text for text, _ in rows] == ["text 0", "text 1", "text 2"]
    assert survey.passed_over == ("1 other file (_SUCCESS)",)


def test_several_paths_are_read_one_after_another(tmp_path: Path) -> None:
    one = write(tmp_path, "a.csv", csv("id,text", "1,one"))
    other = write(tmp_path, "b.jsonl", '{"text": "two", "stars": 5}\n{"text": "three", "extra": {"a": 1}}\n')
    reviews = open_reviews(Source((one, other)), cells=True)
    survey = reviews.survey()
    assert survey.columns == (
        Column("id"),
        Column("text"),
        Column("stars", "integer"),
        Column("extra", "nested"),
    )
    assert [review.cells for review in reviews] == [
        ("1", "one", MISSING, MISSING),
        (MISSING, "two", 5, MISSING),
        (MISSING, "three", MISSING, {"a": 1}),
    ]


def test_tables_of_a_data_set_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", PLAIN)
    write(tmp_path, "test.csv", PLAIN)
    assert "whole data set" in refusal(tmp_path).message


def test_an_array_on_one_long_line_is_read_in_pieces(tmp_path: Path) -> None:
    rows = [
        {"text": f"caf\u00e9 number {number} " + "so " * 200, "label": number % 2} for number in range(3000)
    ]
    labelled, _ = read(write(tmp_path, "a.json", json.dumps(rows, ensure_ascii=False)))
    assert labelled == [(row["text"], row["label"]) for row in rows]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ('{"text": {"0": "good", "1": "bad"}, "label": {"0": 1, "1": 0}}', "orient='records'"),
        ('{"text": ["good", "bad"], "label": [1, 0]}', "orient='records'"),
        ('{"page": 1, "reviews": [{"text": "good"}, {"text": "bad"}]}', "jq -c '.[\"reviews\"][]'"),
    ],
)
def test_one_object_that_holds_all_rows_is_told_apart(tmp_path: Path, content: str, hint: str) -> None:
    error = refusal(write(tmp_path, "a.json", content))
    assert "is one object" in error.message
    assert hint in error.hint


def test_a_line_of_text_may_begin_with_a_brace(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.txt", "{irony} great\n[sic] bad\n"))[0] == [
        ("{irony} great", None),
        ("[sic] bad", None),
    ]


def test_the_parts_of_one_split_are_read_as_one_table(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, f"train-0000{number}-of-00002.csv", f"text,label\nFine number {number}.,1\n")
    rows, _ = read(tmp_path)
    assert [text for text, _ in rows] == ["Fine number 0.", "Fine number 1."]
