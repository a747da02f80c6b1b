"""Review files as exporters write them: more kinds, each read rightly or refused with a remedy that works."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.review_files import read, refusal
from support.review_files import write_one as write

from bertsent.base.records.reading import Column
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.notes import label_remedy, survey_notes
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source

TEXTS = ["Sturdy, and quiet too.", "Leaks; sent back.", 'The "deluxe" one is worth it.', "Dull and slow."]
GOLD = [1, 0, 1, 0]
EXPECTED = list(zip(TEXTS, GOLD, strict=True))


def table(*labels: str, column: str = "label") -> str:
    return f"text;{column}\n" + "".join(f"number {n};{label}\n" for n, label in enumerate(labels))


def labels_of(path: Path, **settings: Any) -> list[int | None]:
    return [label for _, label in read(path, **settings)[0]]


# labels


@pytest.mark.parametrize("values", [("1.00", "0.00"), ("'pos'", "'neg'"), ("+1", "0"), ("1,0", "0,0")])
def test_labels_are_understood_however_they_are_written(tmp_path: Path, values: tuple[str, str]) -> None:
    assert labels_of(write(tmp_path, "a.csv", table(*values))) == [1, 0]


@pytest.mark.parametrize(
    ("values", "proposal", "labels"),
    [
        ("0 2", "positive=2 negative=0", [0, 1]),
        ("0 1 2 3 4", "positive=3,4 negative=0,1", [0, 0, None, 1, 1]),
        ("0 1 2 3", "positive=2,3 negative=0,1", [0, 0, 1, 1]),
        ("5.00 1.00 3.00", "positive=4,5 negative=1,2", [1, 0, None]),
        ("5,0 1,0", "positive=4,5 negative=1,2", [1, 0]),
        ("+1 -1", "positive=1 negative=-1", [1, 0]),
        ("0.87 -0.6 0.01", "positive=0.05..1 negative=-1..-0.05", [1, 0, None]),
        ("-5 3", "positive=1..3 negative=-5..-1", [0, 1]),
        ("95 10 60", "positive=70..100 negative=0..40", [1, 0, None]),
        ("-1 5 1", "positive=4,5 negative=1,2", [None, 1, 0]),
    ],
)
def test_a_proposal_fits_the_values_seen(
    tmp_path: Path, values: str, proposal: str, labels: list[int | None]
) -> None:
    path = write(tmp_path, "a.csv", table(*values.split()))
    assert read(path)[1].labels.proposal == proposal
    assert labels_of(path, labels=proposal) == labels


@pytest.mark.parametrize(
    "values",
    [
        ("5 stars", "1 star"),
        ("4.0 out of 5 stars", "2.0 out of 5 stars"),
        ("5/5", "1/5"),
        ("\u2605\u2605\u2605\u2605\u2606", "\u2605\u2606\u2606\u2606\u2606"),
    ],
)
def test_stars_in_words_are_proposed_as_numbers(tmp_path: Path, values: tuple[str, str]) -> None:
    path = write(tmp_path, "a.csv", table(*values))
    proposal = read(path)[1].labels.proposal
    assert proposal == "positive=4,5 negative=1,2"
    assert labels_of(path, labels=proposal) == [1, 0]


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("very positive", "extremely negative"),
        ("happy", "not happy"),
        ("recommended", "not recommended"),
        ("thumbs up", "thumbs down"),
        ("label_1", "label_0"),
    ],
)
def test_words_of_a_scale_are_proposed(tmp_path: Path, positive: str, negative: str) -> None:
    path = write(tmp_path, "a.csv", table(positive, negative))
    proposal = read(path)[1].labels.proposal
    assert proposal == f"positive={positive} negative={negative}"
    assert labels_of(path, labels=proposal) == [1, 0]


@pytest.mark.parametrize("values", [("2019", "2020"), ("-1", "-1"), ("-1", "0")])
def test_numbers_that_are_no_scale_are_not_proposed(tmp_path: Path, values: tuple[str, str]) -> None:
    assert read(write(tmp_path, "a.csv", table(*values)))[1].labels.proposal == ""


def test_a_dash_is_no_negative_label(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.csv", table("-", "positive")))[1].labels.proposal == ""


@pytest.mark.parametrize("column", ["recommended", "voted_up"])
def test_a_recommendation_is_a_label(tmp_path: Path, column: str) -> None:
    assert labels_of(write(tmp_path, "a.csv", table("True", "False", column=column))) == [1, 0]
    assert labels_of(write(tmp_path, "b.csv", table("1", "1", column=column))) == [1, 1]


def test_minus_one_may_mark_what_has_no_label(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", table("1", "0", "-1"))
    remedy = label_remedy(read(path)[1])
    assert "'positive=1 negative=0' if -1 marks rows without a label" in remedy
    assert labels_of(path, labels="positive=1 negative=0") == [1, 0, None]


def test_stars_of_1_alone_are_not_positive(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", table("1", "1.0", column="stars"))
    assert labels_of(path) == [None, None]
    assert read(path)[1].labels.proposal == "positive=4,5 negative=1,2"
    assert labels_of(write(tmp_path, "b.csv", table("1", "2", column="stars")), labels="negative=1,2") == [
        0,
        0,
    ]
    assert labels_of(write(tmp_path, "c.csv", table("1", "0", column="rating"))) == [1, 0]


def test_labels_of_two_kinds_are_not_put_together(tmp_path: Path) -> None:
    one = write(tmp_path, "a.csv", table("1", "0"))
    other = write(tmp_path, "b.csv", table("1", "5", column="stars"))
    rows, survey = read(one, other)
    assert {label for _, label in rows} == {None}
    assert survey.labels.proposal == ""
    assert "one at a time" in label_remedy(survey)
    assert "stars in" in label_remedy(survey)


def test_labels_in_wrappers_are_unwrapped(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": {"choices": ["Positive"]}},
        {"text": "b", "label": [{"value": "negative", "user_id": "u"}]},
        {"text": "c", "label": {"$numberInt": "1"}},
    ]
    assert labels_of(write(tmp_path, "a.json", json.dumps(rows))) == [1, 0, 1]


def test_a_rejected_choice_says_nothing_for_the_other(tmp_path: Path) -> None:
    rows = [
        {"text": answer, "accept": ["positive"], "answer": answer}
        for answer in ("accept", "reject", "ignore")
    ]
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read(path)[1].label_hint == "--label accept"
    assert labels_of(path, label="accept") == [1, None, None]


def test_one_class_alone_is_said(tmp_path: Path) -> None:
    _, survey = read(write(tmp_path, "a.csv", table("1", "1")))
    assert "All labels are positive." in survey_notes(survey, needs_labels=True)


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"annotations": [{"result": [{"value": {"choices": ["Positive"]}}]}]}, None),
        ({"annotations": [{"label": 1}]}, "annotations.0.label"),
        ({"annotation": "positive"}, "annotation"),
    ],
)
def test_the_label_of_an_annotation_tool_is_pointed_at(
    tmp_path: Path, row: dict[str, Any], path: str | None
) -> None:
    file = write(tmp_path, "a.jsonl", json.dumps({"text": "good", **row}))
    wanted = path or "annotations.0.result.0.value.choices"
    assert read(file)[1].label_hint == f"--label {wanted}"
    assert labels_of(file, label=wanted) == [1]


# columns


def test_a_title_before_the_header_is_passed_over_and_said(tmp_path: Path) -> None:
    title = "Reviews of May\n# made by a tool\n\nid,text,label\n"
    body = "".join(
        f'{n},"{text.replace(chr(34), 2 * chr(34))}",{gold}\n' for n, (text, gold) in enumerate(EXPECTED)
    )
    rows, survey = read(write(tmp_path, "a.csv", title + body))
    assert rows == EXPECTED
    assert any("columns named by line 4" in note for note in survey.notes)


def test_a_row_of_a_table_without_header_is_no_header(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "1,fine,x\n0,text,y\n")
    assert "no column that is obviously the text" in refusal(path).message


def test_a_title_in_a_workbook_is_passed_over(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="needs bertsent[excel]")
    xlsxwriter = pytest.importorskip("xlsxwriter", reason="needs bertsent[excel]")
    workbook = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    workbook.add_worksheet("Cover")
    sheet = workbook.add_worksheet("Data")
    sheet.merge_range(0, 0, 0, 2, "Reviews of May")
    for row, cells in enumerate([("Review", "Label"), *EXPECTED], start=2):
        sheet.write_row(row, 0, cells)
    sheet.write(4, 4, "a remark")
    workbook.close()
    assert "--sheet 'Data'" in refusal(tmp_path / "a.xlsx").hint
    reviews = open_reviews(Source((tmp_path / "a.xlsx",), ReadSettings(sheet="Data")), cells=True)
    survey = reviews.survey()
    assert [(review.text, review.label) for review in reviews] == EXPECTED
    assert any("columns named by row 3" in note for note in survey.notes)
    assert ["a remark" in (review.cells or ()) for review in reviews] == [False, True, False, False]


def test_two_columns_of_one_name_can_be_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,text,label,label\none,two,1,0\n")
    error = refusal(path)
    assert error.received == "columns text, text_2, label, label_2"
    assert read(path, text="text")[0] == [("one", None)]
    assert read(path, text="text_2", label="label_2")[0] == [("two", 0)]


def test_a_column_of_numbers_is_no_text_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "rating\tverified\tfeedback\n5\tgood\t1\n1\tbad\t0\n")
    error = refusal(path)
    assert "only numbers in the column 'feedback'" in error.message
    assert [text for text, _ in read(path, text="verified")[0]] == ["good", "bad"]
    assert [text for text, _ in read(path, text="feedback")[0]] == ["1", "0"]


def test_one_column_with_commas_is_read_as_the_hint_says(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "review\ngood\nbad, really\n")
    assert "--delimiter '|'" in refusal(path).hint
    assert [text for text, _ in read(path, delimiter="|")[0]] == ["good", "bad, really"]


# CSV


def test_quotes_with_a_backslash_are_read_as_spark_writes_them(tmp_path: Path) -> None:
    body = "".join('"{}",{}\n'.format(text.replace('"', '\\"'), gold) for text, gold in EXPECTED)
    rows, survey = read(write(tmp_path, "a.csv", "text,label\n" + body))
    assert rows == EXPECTED
    assert any('\\" read as a quote' in note for note in survey.notes)


def test_such_quotes_far_down_are_found_in_the_first_pass(tmp_path: Path) -> None:
    plain = "".join(f'"number {n}, good",1\n' for n in range(5000))
    rows, _ = read(write(tmp_path, "a.csv", f'text,label\n{plain}"so \\"good\\", yes",0\n{plain}'))
    assert len(rows) == 10_001
    assert rows[5000] == ('so "good", yes', 0)


def test_a_backslash_before_a_closing_quote_is_a_backslash(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.csv", 'text,label\n"C:\\",1\n"bad",0\n'))[0] == [("C:\\", 1), ("bad", 0)]


@pytest.mark.parametrize("delimiter", ["^", "~", "\x01"])
def test_rarer_delimiters_are_found_by_the_header(tmp_path: Path, delimiter: str) -> None:
    lines = [f"{text}{delimiter}{gold}" for text, gold in [("text", "label"), *EXPECTED]]
    assert read(write(tmp_path, "a.csv", "\n".join(lines)))[0] == EXPECTED


@pytest.mark.parametrize("line", ["sep=\t\r\n", '"sep=\t"\r\n'])
def test_a_line_that_names_the_delimiter_may_be_quoted_or_name_a_tab(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "a.csv", f"{line}text\tlabel\r\ngood, x\t1\r\n", encoding="utf-16")
    assert read(path)[0] == [("good, x", 1)]


def test_blanks_after_delimiters_leave_quotes_their_meaning(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'label, text\n1, "good, yes"\n0, "bad"\n')
    assert read(path)[0] == [("good, yes", 1), ("bad", 0)]


@pytest.mark.parametrize("content", ["\ufeff", "\n\n", " \n", ",,\n,,\n"])
def test_a_table_without_anything_is_empty(tmp_path: Path, content: str) -> None:
    assert "is empty" in refusal(write(tmp_path, "a.csv", content)).message


# JSON


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('[{"text": "a"}]\n[{"text": "b"}]', 2),
        ('"a"\n"b"\n', 2),
        ('{"text": "a", "page": "' + "x" * 100_000 + '"}\n{"text": "b"}\n', 2),
    ],
)
def test_more_dresses_of_json_are_read(tmp_path: Path, content: str, rows: int) -> None:
    assert [text for text, _ in read(write(tmp_path, "a.jsonl", content))[0]] == ["a", "b"][:rows]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"0": {"text": "a", "label": 1}, "1": {"text": "b", "label": 0}}, "jq -c '.[]'"),
        ({"columns": ["text"], "index": [0], "data": [["a"]]}, "orient='records'"),
        ({"data": [{"text": "a"}]}, "jq -c '.[\"data\"][]'"),
        ([["a", 1], ["b", 0]], "one object a line"),
    ],
)
def test_json_of_another_shape_is_refused_with_what_to_do(tmp_path: Path, value: object, hint: str) -> None:
    assert hint in refusal(write(tmp_path, "a.json", json.dumps(value))).hint


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_another_cell_may_be_longer_than_a_review(tmp_path: Path, name: str) -> None:
    csv.field_size_limit(131_072)  # as a new process has it
    page = "x" * 2_000_000
    objects = [{"text": "good", "page": page}, {"text": "bad", "page": ""}]
    content = {
        "a.csv": f"text,page\ngood,{page}\nbad,\n",
        "a.jsonl": "\n".join(map(json.dumps, objects)),
        "a.json": json.dumps(objects),
    }
    assert [text for text, _ in read(write(tmp_path, name, content[name]))[0]] == ["good", "bad"]


def test_cp1252_behind_a_mark_of_utf8_is_named(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbftext;label\n" + b"caf\xe9;1\n" * 5
    path = write(tmp_path, "a.csv", content)
    assert refusal(path).hint == "--encoding cp1252 reads it"
    assert read(path, encoding="cp1252")[1].text_column == "text"


def test_a_first_line_that_is_too_long_can_be_left_out(tmp_path: Path) -> None:
    long = json.dumps({"text": "x" * 2_000_000})
    path = write(tmp_path, "a.jsonl", f'{long}\n{{"text": "b"}}\n')
    assert "--on-bad-row skip" in refusal(path).hint
    assert read(path, on_bad_row="skip")[0] == [("b", None)]


def test_a_damaged_first_line_can_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": "a\n{"text": "b"}\n')
    assert "--on-bad-row skip" in refusal(path).hint
    assert read(path, on_bad_row="skip")[0] == [("b", None)]


# other formats


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("__label__positive\tgood", ("good", 1)),
        ("__label__positive __label__x good", ("good", None)),
        ("__label__0  bad", ("bad", 0)),
    ],
)
def test_lines_of_fasttext(tmp_path: Path, line: str, row: tuple[str, int | None]) -> None:
    assert read(write(tmp_path, "a.txt", f"{line}\n"))[0] == [row]


def test_texts_in_bytes_are_read_from_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    pytest.importorskip("pyarrow.parquet")
    texts = [text.encode() for text in TEXTS]
    content = pyarrow.table({"text": texts, "label": [b"pos", b"neg", b"pos", b"neg"]})
    pyarrow.parquet.write_table(content, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == EXPECTED


def test_minus_one_is_no_class_of_hugging_face(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    pytest.importorskip("pyarrow.parquet")
    features = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    content = pyarrow.table({"text": ["a", "b"], "label": [1, -1]})
    content = content.replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    pyarrow.parquet.write_table(content, tmp_path / "a.parquet")
    assert labels_of(tmp_path / "a.parquet") == [1, None]
    assert read(tmp_path / "a.parquet")[1].labels.none == 1


@pytest.mark.parametrize("name", ["a.xls", "a.xlsx"])
def test_a_table_of_text_is_read_that_is_called_a_workbook(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, "Review\tLabel\r\ngood\t1\r\n", encoding="utf-16")
    assert read(path)[0] == [("good", 1)]


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("reviews.csv"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("a.csv", b"<!DOCTYPE html>\n<html>text, label</html>", "web page"),
        ("a.txt", b"\n<html><body>Sign in</body></html>", "web page"),
        ("a.xls", b'<?xml version="1.0"?><Workbook/>', "XML"),
        ("a.csv.gz", gzip.compress(_tar()), "tar archive"),
        ("a.tgz", gzip.compress(_tar()), "tar archive"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"text\nx\n")), "packed file"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        ("a.csv", b"SQLite format 3\0" + bytes(100), "SQLite"),
        ("a.csv", bytes(500), "zero bytes"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else value,
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, fact: str) -> None:
    error = refusal(write(tmp_path, name, content))
    assert fact in error.message
    assert error.hint
    assert "--format" not in error.hint


def test_a_zip_without_a_table_or_with_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("README.md", "x")
    assert "holds no table" in refusal(tmp_path / "a.zip").message
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "a.zip", "a.zip")
    assert "holds another zip" in refusal(tmp_path / "b.zip").message


# encodings


def test_lines_of_two_encodings_are_not_read_as_one(tmp_path: Path) -> None:
    rows = [f"na\u00efve {n};1\n".encode("cp1252" if n % 2 else "utf-8") for n in range(20)]
    path = write(tmp_path, "a.csv", b"text;label\n" + b"".join(rows))
    assert refusal(path).hint.startswith("lines in UTF-8: 10, in another encoding: 10;")
    assert len(read(path, on_bad_row="skip")[0]) == 10


def test_a_damaged_end_of_utf16_is_not_called_cp1252(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text;label\ngood;1\n".encode("utf-16") + b"x")
    assert refusal(path).hint == "mend this row, or --on-bad-row skip leaves it out"
    assert read(path, on_bad_row="skip")[0] == [("good", 1)]


def test_an_encoding_named_for_a_file_in_utf8_is_taken_back(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text;label\nso \u201cgood\u201d;1\n")
    assert refusal(path, encoding="cp1252").hint == "without --encoding: the file is UTF-8"


def test_zeros_at_the_end_are_not_called_utf16(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b"text;label\ngood;1\n" + bytes(300))
    assert "a.csv:3 holds a NUL" in refusal(path).message
    assert read(path, on_bad_row="skip")[0] == [("good", 1)]


# folders


def test_empty_parts_are_passed_over_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write(folder, "part-00000.csv", "")
    write(folder, "part-00001.csv", "text;label\ngood;1\n")
    write(folder, "~$part.xlsx", "lock")
    rows, survey = read(folder)
    assert rows == [("good", 1)]
    assert survey.passed_over == ("1 empty file (part-00000.csv), 1 other file (~$part.xlsx)",)


def test_parts_of_text_lines_are_lines(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write(folder, "part-00000.txt", "good\nbad\n")
    write(folder, "_SUCCESS", "")
    assert [text for text, _ in read(folder)[0]] == ["good", "bad"]


def test_a_readme_beside_a_table_is_no_review(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write(folder, "README.txt", "About these reviews.")
    write(folder, "reviews.csv", "text;label\ngood;1\n")
    rows, survey = read(folder)
    assert rows == [("good", 1)]
    assert survey.passed_over == ("1 other file (README.txt)",)
    write(folder, "note.txt", "A review, or not?")
    assert f"{folder}/reviews.csv" in refusal(folder).hint


def test_what_to_name_instead_of_a_folder_without_reviews(tmp_path: Path) -> None:
    write(tmp_path, "one/inner/pos/1.txt", "good")
    write(tmp_path, "two/good/1.txt", "good")
    write(tmp_path, "three/part-0", '{"text": "good"}')
    assert str(tmp_path / "one" / "inner") in refusal(tmp_path / "one").hint
    assert "pos and neg" in refusal(tmp_path / "two").hint
    assert str(tmp_path / "three" / "part-0") in refusal(tmp_path / "three").hint
    assert read(tmp_path / "three" / "part-0")[0] == [("good", None)]


def test_columns_of_a_header_with_a_second_mark(tmp_path: Path) -> None:
    reviews = open_reviews(write(tmp_path, "a.csv", "\ufeff\ufefftext;label\ngood;1\n"), cells=True)
    assert reviews.survey().columns == (Column("text"), Column("label"))
