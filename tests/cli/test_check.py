"""`bertsent check`: what it prints, what its hints are worth, and how it ends."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bertsent.labelling.checking.run import _ALL
from bertsent.reports.check_page import TITLES

Run = Callable[..., Result]
KEYS = [
    *("source", "usable", "rows", "empty", "labels", "parts", "reading", "version", "findings"),
    *("wrong_labels", "seconds"),
]
TEXTS = ("The {} hums at night and I sent it back", "My {} still looks new after a year of daily use")


def table(folder: Path, rows: Sequence[Sequence[object]], *header: str, name: str = "things.csv") -> Path:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header or ("comment", "stars"), *rows])
    return folder / name


def reviews(count: int, labels: Sequence[object] = ("negative", "positive")) -> list[tuple[str, object]]:
    things = [f"{thing}{number}" for number in range(count) for thing in ("fridge", "toaster", "radio")]
    return [
        (TEXTS[row % 2].format(f"{things[row]} number {row}"), labels[row % len(labels)])
        for row in range(count)
    ]


def answer(run: Run, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = run("check", *arguments, "--json", "--quiet")
    assert result.exit_code == code, result.stderr
    checked: dict[str, Any] = json.loads(result.stdout)
    assert list(checked) == KEYS
    return checked


def finding(checked: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [finding for finding in checked["findings"] if finding["check"] == name]
    return one


def test_check_of_good_reviews_ends_with_0_and_says_usable(run: Run, workspace: Path) -> None:
    path = table(workspace, reviews(120), "comment", "label")
    result = run("check", path, "--sample", 0, "--quiet")
    assert result.exit_code == 0
    assert "text from column 'comment'" in result.stdout
    assert "positive 60 (50.0 %), negative 60 (50.0 %)" in result.stdout
    assert re.search(r"^Usable: nothing to complain of\. \(\d+ s\)$", result.stdout, re.MULTILINE)


def test_check_names_stars_and_its_hint_reads_them(run: Run, workspace: Path) -> None:
    path = table(workspace, reviews(60, (1, 5, 2, 4, 3, 5)))
    checked = answer(run, path, "--sample", 0)
    assert checked["labels"] == {"positive": 0, "negative": 0, "none": 60, "unknown": 60}
    unknown = finding(checked, "unknown_labels")
    assert (unknown["severity"], unknown["count"]) == ("warning", 60)
    assert finding(checked, "labels")["remedy"] == ""  # to label them again would be the wrong advice
    command, *words = shlex.split(unknown["command"])
    assert command == "bertsent"
    assert words[0] == "check"
    again = answer(run, *words[1:], "--sample", 0)
    assert again["labels"] == {"positive": 30, "negative": 20, "none": 10, "unknown": 10}
    assert finding(again, "unknown_labels")["severity"] == "note"  # 3 stars, on purpose


def test_commands_of_check_read_the_file_in_the_same_way(run: Run, workspace: Path) -> None:
    table(workspace, reviews(60, (1, 5, 2, 4)), "words", "verdict").rename(workspace / "-a b.csv")
    checked = answer(run, "./-a b.csv", "--text", "words", "--label", "verdict", "--sample", 0)
    command, *words = shlex.split(finding(checked, "unknown_labels")["command"])
    assert command == "bertsent"
    again = answer(run, *words[1:], "--sample", 0)
    assert again["labels"] == {"positive": 30, "negative": 30, "none": 0, "unknown": 0}


@pytest.mark.parametrize("purpose", ["train", "evaluate"])
def test_check_without_labels_ends_with_7_only_if_they_are_needed(
    run: Run, workspace: Path, purpose: str
) -> None:
    path = table(workspace, [(text,) for text, _ in reviews(20)], "comment")
    assert answer(run, path, "--sample", 0)["usable"]
    result = run("check", path, "--sample", 0, "--quiet", "--for", purpose)
    assert result.exit_code == 7
    assert "FATAL    no row has a label" in result.stdout
    assert "Not usable" in result.stdout


def test_check_without_text_ends_with_7(run: Run, workspace: Path) -> None:
    empty = answer(run, table(workspace, [("", 1)] * 5), "--sample", 0, code=7)
    assert (empty["rows"], empty["empty"], empty["usable"]) == (5, 5, False)
    assert [one["severity"] for one in empty["findings"]] == ["fatal"]
    no_column = run("check", table(workspace, [(1, 2)], "price", "weight"), "--sample", 0, "--quiet")
    assert no_column.exit_code == 7
    assert "--text" in no_column.stderr
    assert no_column.stdout == ""


def test_check_counts_bad_rows_that_other_commands_refuse(run: Run, workspace: Path) -> None:
    path = table(workspace, reviews(60), "comment", "label")
    path.write_bytes(path.read_bytes() + b"one,two,three,four\n" + b"fine work\0,positive\n")
    bad = finding(answer(run, path, "--sample", 0), "bad_rows")
    assert (bad["count"], bad["severity"], len(bad["rows"])) == (2, "warning", 2)
    assert "things.csv:62" in bad["rows"][0]["text"]
    assert bad["remedy"]
    assert bad["remedy"] in run("evaluate", path).stderr.replace("Hint: ", "")
    skipped = finding(answer(run, path, "--on-bad-row", "skip", "--sample", 0), "bad_rows")
    assert (skipped["count"], skipped["severity"], skipped["remedy"]) == (2, "note", "")
    assert run("evaluate", path).exit_code == 7


def test_check_of_another_encoding_names_it_and_that_reads_the_file(run: Run, workspace: Path) -> None:
    path = workspace / "old.csv"
    rows = "".join(f"The \x93caf\xe9\x94 at number {row} isn\x92t open,0\r\n" for row in range(12))
    path.write_bytes(b"text,label\r\n" + rows.encode("latin-1"))
    unread = answer(run, path, "--sample", 0, code=7)
    assert finding(unread, "rows")["severity"] == "fatal"
    assert "--encoding cp1252" in finding(unread, "bad_rows")["remedy"]
    read = answer(run, path, "--sample", 0, "--encoding", "cp1252")
    assert (read["rows"], finding(read, "control_characters")["count"]) == (12, 0)


def test_check_fits_80_columns_and_shows_no_control_character(run: Run, workspace: Path) -> None:
    rows = [
        *reviews(60),
        ("the \x1b[31mred\x07 one \u202e is fine, it says so on the box \U0001f600 " * 9, "positive"),
        ("it didn\xe2\x80\x99t work, \xe2\x80\x9cof course\xe2\x80\x9d", "neutral"),
        ("Diese Lampe ist nicht sehr hell und auch noch zu teuer", ""),
        ("ok", "x" * 400),
        reviews(60)[7],
        (reviews(60)[8][0], "positive"),
    ]
    path = table(workspace, rows, "comment", "label")
    result = run("check", path.name, "--sample", 0, "--quiet", "--examples", 9)
    assert result.exit_code == 0
    assert all(character.isprintable() for character in result.stdout if character != "\n")
    printed = result.stdout.splitlines()
    assert len(printed) > 50
    commands = [line for line in printed if line.strip().startswith(("bertsent ", "pip "))]
    assert len(commands) >= 3
    assert max(len(line) for line in printed if line not in commands) <= 80
    assert all(f"\n{title}\n" in result.stdout for title in list(TITLES.values())[:5])


def test_check_shows_as_many_examples_as_asked_for(run: Run, workspace: Path) -> None:
    path = table(workspace, [*reviews(40), *[("ok", "positive")] * 8], "comment", "label")
    for number in (0, 5, 20):
        short = finding(answer(run, path, "--sample", 0, "--examples", number), "short")
        assert (short["count"], len(short["rows"])) == (8, min(number, 8))
    assert run("check", path, "--examples", -1).exit_code == 2
    assert run("check", path, "--sample", -1).exit_code == 2
    assert run("check", path, "--for", "fun").exit_code == 2


def test_check_reads_several_paths_folders_and_stdin(run: Run, workspace: Path) -> None:
    one = table(workspace, reviews(30), "comment", "label", name="one.csv")
    for folder, text in (("Negative", "bad"), ("Positive", "good")):
        (workspace / "two" / folder).mkdir(parents=True)
        (workspace / "two" / folder / "1.txt").write_text(f"A {text} radio for the kitchen", encoding="utf-8")
    both = answer(run, one, workspace / "two", "--sample", 0)
    assert (both["rows"], both["labels"]["positive"], both["parts"]) == (32, 16, {})
    piped = run("check", "-", "--sample", 0, "--json", "--quiet", input=one.read_bytes())
    assert json.loads(piped.stdout)["rows"] == 30
    assert run("check", workspace / "nothing").exit_code == 7


def test_check_scores_with_the_version_that_comes_with_bertsent(run: Run, workspace: Path) -> None:
    good = [(f"I love this radio, it is wonderful, number {row}", "positive") for row in range(30)]
    bad = [(f"I hate this radio, it is awful, number {row}", "negative") for row in range(30)]
    bad[4] = (bad[4][0], "positive")
    long = ("It hums. " * 400 + "I hate it, it is awful", "negative")
    path = table(workspace, [*good, *bad, long], "comment", "label")
    checked = answer(run, path)
    judged = checked["wrong_labels"]
    assert (checked["version"], judged["judge"], judged["judged"]) == ("packaged", "version", 61)
    assert [row["path"].rpartition(":")[2] for row in judged["rows"]] == ["36"]
    assert judged["rows"][0]["label"] == "positive"
    assert judged["rows"][0]["score"] < 0.1
    assert finding(checked, "likely_wrong")["count"] == judged["likely"] == 1
    window = finding(checked, "longer_than_window")
    assert (window["count"], window["severity"]) == (1, "note")
    assert "384 tokens" in window["fact"]
    swapped = table(
        workspace, [(text, {"positive": "0", "negative": "1"}[label]) for text, label in [*good, *bad]]
    )
    exchanged = finding(answer(run, swapped, "--label", "stars"), "likely_wrong")
    assert "look exchanged" in exchanged["fact"]
    assert answer(run, path, "--sample", 0)["version"] == ""


@pytest.mark.slow
def test_check_judges_training_rows_out_of_fold(
    run: Run, workspace: Path, champion: Path, films: Path
) -> None:
    files = [*sorted((films / "train" / "neg").iterdir()), *sorted((films / "train" / "pos").iterdir())]
    rows = [(file.read_text(encoding="utf-8"), file.parent.name) for file in files]
    rows[3] = (rows[3][0], "pos")
    path = table(workspace, rows, "comment", "label")
    checked = answer(run, path, "--model", champion / "model" / "1", "--for", "train")
    judged = checked["wrong_labels"]
    assert (judged["judge"], judged["judged"], judged["left_out"]) == ("out of fold", 120, 0)
    assert [row["path"].rpartition(":")[2] for row in judged["rows"]] == ["5"]
    assert 80 <= finding(checked, "trained")["count"] < 120  # the others are its validation rows
    assert "fitted without the row" in finding(checked, "label_judge")["fact"]


def test_check_writes_a_page(run: Run, workspace: Path) -> None:
    path = table(
        workspace, [*reviews(60), ("<script>alert(1)</script> so so", "positive")], "comment", "label"
    )
    page = workspace / "check.html"
    result = run("check", path, "--sample", 0, "--report", page)
    assert result.exit_code == 0
    assert "Report: " in result.stdout
    html = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html
    assert "<svg" in html
    assert run("check", path, "--sample", 0, "--report", page).exit_code == 2
    assert run("check", path, "--sample", 0, "--report", page, "--force", "--json").exit_code == 0


def test_every_section_has_a_title(run: Run, workspace: Path) -> None:
    checked = answer(run, table(workspace, reviews(60), "comment", "label"))
    assert {one["section"] for one in checked["findings"]} == set(TITLES)
    assert len(_ALL) == len(TITLES)
