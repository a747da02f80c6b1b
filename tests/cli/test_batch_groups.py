"""`bertsent batch` with --by, --report, --groups-output and --sentences, through the command line."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.html_page import Page
from typer.testing import Result

from bertsent.scoring.metrics import wilson

Run = Callable[..., Result]
ROWS = [
    ("lamp", "2021-03-01", "Bright and warm. It broke after a week! The shop was kind."),
    ("kettle", "2021-03-20", "It leaks, and it is loud"),
    ("lamp", "2021-04-02", ""),
    ("", "2021-04-03", "Fine for the price. I would not buy it again."),
    ("lamp", "soon", "Best lamp of my life"),
    ("kettle", "2022-01-09", "Boils in two minutes. Nice colour"),
]


@pytest.fixture
def home(spread: Path, workspace: Path) -> Path:
    """A workspace with a version whose scores reach from 0 to 1, and a table."""
    shutil.copytree(spread, workspace / "model")
    with (workspace / "sales.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("product", "sold", "text"), *ROWS])
    return workspace


def answer(result: Result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    *rows, last = [json.loads(line) for line in result.stdout.splitlines()]
    return rows, last["summary"]


# --by


def test_by_gives_what_counting_the_rows_gives(run: Run, home: Path) -> None:
    rows, summary = answer(run("batch", "sales.csv", "--json", "--by", "product", "--by", "month:sold"))
    product, month = summary["groups"]
    assert [(product[key], month[key]) for key in ("by", "column", "unit")] == [
        ("product", "month:sold"),
        ("product", "sold"),
        (None, "month"),
    ]
    by_value = defaultdict(list)
    for row in rows:
        by_value[row["row"]["product"] or None].append(row)
    for group in product["values"]:
        scored = [row for row in by_value[group["value"]] if row["score"] is not None]
        labels = Counter(row["label"] for row in scored)
        assert group["n"] == len(scored)
        assert group["empty"] == len(by_value[group["value"]]) - len(scored)
        assert [group[label] for label in ("positive", "negative", "unsure")] == [
            labels[label] for label in ("positive", "negative", "unsure")
        ]
        assert group["share_positive"] == labels["positive"] / len(scored)
        assert (group["low"], group["high"]) == pytest.approx(wilson(labels["positive"], len(scored)))
        assert group["mean_score"] == pytest.approx(sum(row["score"] for row in scored) / len(scored))
        assert group["few"]
        shown = [extreme["text"] for extreme in group["most_negative"] + group["most_positive"]]
        assert sorted(shown) == sorted(row["text"] for row in scored)
    assert [(group["value"], group["n"], group["empty"]) for group in month["values"]] == [
        ("2021-03", 2, 0),
        ("2021-04", 1, 1),
        ("2022-01", 1, 0),
        (None, 1, 0),
    ]
    assert month["notes"] == ["1 rows have no date in sold that tells the month: 'soon'"]


def test_by_prints_a_table_and_the_reviews_within_80_columns(run: Run, home: Path) -> None:
    result = run("batch", "sales.csv", "--by", "product", "--by", "month:sold", "-o", "out.csv")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:2] == ["lamp", "2"] and line.endswith("few") for line in lines)
    assert any(line.split()[:2] == ["2021-03", "2"] for line in lines)
    assert any("few: fewer than 30 reviews" in line for line in lines)
    assert any("'soon'" in line for line in lines)
    ends = [line for line in lines if line.startswith(("    - ", "    + "))]
    assert len(ends) == 2 * 5


def test_by_prints_the_largest_groups_and_says_how_many_more_there_are(run: Run, home: Path) -> None:
    table = home / "many.csv"
    rows = [f"p{number:02},film number {number}" for number in [*range(25), 24, 24, 23]]
    table.write_text("\n".join(["product,text", *rows]), encoding="utf-8")
    lines = run("batch", table, "--by", "product", "-o", "out.csv").stdout.splitlines()
    shown = [line.split()[0] for line in lines if line.split()[:1] and line.endswith(" few")]
    assert shown == ["p24", "p23", *(f"p{number:02}" for number in range(18))]
    assert "  the largest; 5 more groups have 5 reviews; --groups-output FILE.csv writes all" in lines


def test_by_hides_no_control_characters_of_a_value(run: Run, home: Path) -> None:
    table = home / "odd.jsonl"
    table.write_text(json.dumps({"text": "film", "product": "a\x1b[2Jb"}) + "\n", encoding="utf-8")
    result = run("batch", table, "--by", "product")
    assert "\x1b" not in result.stdout
    assert r"a\x1b[2Jb" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "brand"], "the columns are product, sold, text"),
        (["--by", "month:product"], "--by month:sold"),
        (["--groups-output", "g.csv"], "--by"),
        (["--day-first"], "--by"),
        (["--by", "product", "--groups-output", "g.docx"], ".csv"),
        (["--report", "page.pdf"], ".html"),
        (["--only", "--sentences", "-o", "out.csv"], "--sentences"),
    ],
)
def test_options_that_cannot_be_are_refused_before_scoring(
    run: Run, home: Path, options: list[str], said: str
) -> None:
    result = run("batch", "sales.csv", *options)
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", " ")
    assert result.stdout == ""


def test_day_first_is_read_as_asked(run: Run, home: Path) -> None:
    table = home / "dates.csv"
    table.write_text("sold,text\n03/04/2021,good\n05/06/2021,bad\n", encoding="utf-8")
    for options, months in (([], ["2021-03", "2021-05"]), (["--day-first"], ["2021-04", "2021-06"])):
        _, summary = answer(run("batch", table, "--by", "month:sold", "--json", *options))
        (grouping,) = summary["groups"]
        assert [group["value"] for group in grouping["values"]] == months
        assert len(grouping["notes"]) == (not options)


def test_groups_are_the_same_whatever_the_format(run: Run, home: Path) -> None:
    with (home / "sales.jsonl").open("w", encoding="utf-8") as file:
        for product, sold, text in ROWS:
            file.write(json.dumps({"product": product or None, "sold": sold, "text": text}) + "\n")
    found = []
    for name in ("sales.csv", "sales.jsonl"):
        _, summary = answer(run("batch", name, "--by", "product", "--by", "year:sold", "--json"))
        for grouping in summary["groups"]:
            for group in grouping["values"]:
                for extreme in (*group["most_negative"], *group["most_positive"]):
                    del extreme["path"]
        found.append(summary["groups"])
    assert found[0] == found[1]


# --groups-output


def test_groups_output_has_a_row_for_each_group(run: Run, home: Path) -> None:
    line = ("batch", "sales.csv", "--by", "product", "--by", "month:sold", "--groups-output")
    assert "Groups: g.csv (7 rows)" in run(*line, "g.csv").stdout
    _, summary = answer(run(*line, "g.jsonl", "--json"))
    with (home / "g.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["by"], row["value"]) for row in rows] == [
        *(("product", value) for value in ("kettle", "lamp", "")),
        *(("month:sold", value) for value in ("2021-03", "2021-04", "2022-01", "")),
    ]
    groups = [group for grouping in summary["groups"] for group in grouping["values"]]
    for row, group in zip(rows, groups, strict=True):
        assert float(row["share_positive"]) == group["share_positive"]
        assert row["few"] == "true"
        for end in ("most_negative", "most_positive"):
            assert [row[f"{end}_{k}"] for k in (1, 2, 3) if row[f"{end}_{k}"]] == [
                extreme["text"] for extreme in group[end]
            ]
    written = [json.loads(one) for one in (home / "g.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["n"] for row in written] == [group["n"] for group in groups]
    refused = run(*line, "g.csv")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr


# --report


def test_report_is_a_page_with_and_without_groups(run: Run, home: Path) -> None:
    result = run("batch", "sales.csv", "--report", "page.html", "-o", "out.csv")
    assert "Report: page.html" in result.stdout
    page = Page((home / "page.html").read_text(encoding="utf-8"))
    assert page.elements.count("svg") == 1
    assert "Best lamp of my life" in page.text
    line = ("batch", "sales.csv", "--by", "product", "--by", "month:sold", "--report", "page.html")
    assert run(*line).exit_code == 2
    assert run(*line, "--force").exit_code == 0
    page = Page((home / "page.html").read_text(encoding="utf-8"))
    assert page.elements.count("svg") == 3
    assert "bertsent batch sales.csv --by product --by month:sold --report page.html --force" in page.text


# --sentences


def test_sentences_are_scored_as_texts_are(run: Run, home: Path) -> None:
    rows, _ = answer(run("batch", "sales.csv", "--json", "--sentences"))
    plain, _ = answer(run("batch", "sales.csv", "--json"))
    assert [row["score"] for row in rows] == [row["score"] for row in plain]
    first = rows[0]
    assert [part["text"] for part in first["sentences"]] == [
        "Bright and warm.",
        "It broke after a week!",
        "The shop was kind.",
    ]
    for part in first["sentences"]:
        single = json.loads(run("predict", part["text"], "--json").stdout)
        assert (part["score"], part["label"]) == (pytest.approx(single["score"], abs=1e-6), single["label"])
    worst = min(first["sentences"], key=lambda part: part["score"])
    best = max(first["sentences"], key=lambda part: part["score"])
    assert (first["worst_sentence"], first["worst_score"]) == (worst["text"], worst["score"])
    assert (first["best_sentence"], first["best_score"]) == (best["text"], best["score"])
    assert rows[2]["score"] is None
    assert [part["text"] for part in rows[1]["sentences"]] == [ROWS[1][2]]


def test_sentences_go_into_columns_of_the_output(run: Run, home: Path) -> None:
    rows, _ = answer(run("batch", "sales.csv", "--json", "--sentences"))
    assert run("batch", "sales.csv", "--sentences", "-o", "out.csv").exit_code == 0
    assert run("batch", "sales.csv", "--sentences", "-o", "out.jsonl").exit_code == 0
    with (home / "out.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (home / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(table[0])[-4:] == ["worst_sentence", "worst_score", "best_sentence", "best_score"]
    assert list(lines[0])[-1] == "sentences"
    for row, cells, line in zip(rows, table, lines, strict=True):
        assert cells["worst_sentence"] == (row.get("worst_sentence") or "")
        assert line["best_score"] == row.get("best_score")
        assert line["sentences"] == row.get("sentences")
    assert table[2]["worst_score"] == ""


def test_a_column_of_the_input_is_not_replaced_by_a_sentence(run: Run, home: Path) -> None:
    table = home / "t.csv"
    table.write_text("text,Worst_Sentence\nGood. Bad.,mine\n", encoding="utf-8")
    assert run("batch", table, "--sentences", "-o", "out.csv").exit_code == 0
    with (home / "out.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["Worst_Sentence"] == "mine"
    assert row["bertsent_worst_sentence"] in {"Good.", "Bad."}


def test_the_worst_sentence_is_shown_below_reviews_of_several(run: Run, home: Path) -> None:
    lines = run("batch", "sales.csv", "--sentences").stdout.splitlines()
    worst = [number for number, line in enumerate(lines) if line.startswith("      worst 0.")]
    assert ["Bright" in lines[worst[0] - 1], len(worst)] == [True, 3]
