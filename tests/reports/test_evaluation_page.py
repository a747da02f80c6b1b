"""The page of an evaluation: whole in itself, safe to open, and saying what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.fake_scorer import Known, evaluated
from support.html_page import Page

from bertsent.base.errors import StorageError, UsageError
from bertsent.base.records.metrics import Evaluation
from bertsent.reports.evaluation_page import render, summary, write
from bertsent.reports.page import check_target

ROWS = [("0.9 fine", 1), ("0.8 poor", 0), ("0.45 fine", 1), ("0.1 poor", 0), ("0.02 fine", 1)]


def page_of(evaluation: Evaluation, *, source: str = "reviews", command: str = "bertsent evaluate x") -> str:
    return render(evaluation, source=source, command=command, made="2026-01-02T03:04:05Z")


def test_evaluation_page_says_what_was_measured(workspace: Path) -> None:
    found = evaluated(workspace, ROWS, Known(unsure=(0.4, 0.6)))
    text = Page(page_of(found, source="some/folder")).text
    low, high = found.metrics.intervals["accuracy"]
    assert f"Accuracy 40.0 % on 5 reviews (95 %: {100 * low:.1f} to {100 * high:.1f})" in text
    assert f"{found.metrics.log_loss:.4f}" in text
    assert "Unsure: 1 of them (20.0 %)" in text
    for fact in (
        "some/folder",
        "bertsent evaluate x",
        "2026-01-02T03:04:05Z",
        "0.0200",
        "1\N{EN DASH}32",
        "reviews.jsonl:5",
    ):
        assert fact in text


def test_evaluation_page_needs_nothing_from_outside(workspace: Path) -> None:
    page = page_of(evaluated(workspace, ROWS))
    read = Page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.elements)
    addresses = [value for name, value in read.attributes if name in {"src", "href", "xlink:href", "data"}]
    assert all(address and address.startswith("#") for address in addresses)
    assert "//" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    assert ("name", "viewport") in read.attributes
    assert "prefers-color-scheme: dark" in page


def test_evaluation_page_has_three_pictures_without_colours_of_their_own(workspace: Path) -> None:
    page = page_of(evaluated(workspace, ROWS))
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 3
    assert not re.findall(r"#[0-9a-fA-F]{6}\b(?=[;\"])", "".join(pictures))
    named = re.findall(r'\bid="([^"]+)"', page)
    assert len(named) == len(set(named))
    assert {found[1:] for found in re.findall(r'#[\w]+(?=[")])', "".join(pictures))} <= set(named)


def test_evaluation_page_shows_hostile_text_and_runs_none(workspace: Path) -> None:
    hostile = (
        "0.99 <script>alert(1)</script> <img src=x onerror=alert(2)> \x1b[2J\u202e {{ 7 * 7 }} &amp; \"'"
    )
    found = evaluated(workspace, [(hostile, 0)])
    page = page_of(found, source="<b>a</b>\x07", command="bertsent evaluate '<i>'")
    read = Page(page)
    assert not {"script", "img", "b", "i"} & set(read.elements)
    assert (
        r'<script>alert(1)</script> <img src=x onerror=alert(2)> \x1b[2J\u202e {{ 7 * 7 }} & "' in read.text
    )
    assert r"<b>a</b>\x07" in read.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_evaluation_page_folds_long_reviews_and_keeps_them_whole(workspace: Path) -> None:
    long = "0.9 " + "word " * 500 + "end."
    read = Page(page_of(evaluated(workspace, [(long, 0), ("0.8 short", 0)])))
    assert read.elements.count("details") == 1
    assert long in read.text
    assert read.text.count("0.8 short") == 1


def test_evaluation_page_of_one_class_has_no_roc_curve(workspace: Path) -> None:
    page = page_of(evaluated(workspace, [("0.9", 1), ("0.3", 1)]))
    assert page.count("<svg") == 2
    assert "needs reviews of both classes" in page


def test_evaluation_page_of_one_correct_prediction_says_so(workspace: Path) -> None:
    text = Page(page_of(evaluated(workspace, [("1", 1)]))).text
    assert "Accuracy 100.0 % on 1 review (95 %: 2.5 to 100.0)" in text
    assert "None was wrong" in text


def test_evaluation_page_is_the_same_for_the_same_evaluation(workspace: Path) -> None:
    found = evaluated(workspace, ROWS)
    assert page_of(found) == page_of(found)


def test_summary_counts_in_thousands(workspace: Path) -> None:
    found = evaluated(workspace, [("0.9", 1)] * 1234)
    assert summary(found).startswith("Accuracy 100.0 % on 1,234 reviews (95 %: 99.7 to 100.0)")


def test_write_writes_the_page_whole(workspace: Path) -> None:
    path = workspace / "new" / "report.html"
    write(evaluated(workspace, ROWS), path, source=str(workspace), command="bertsent evaluate .")
    assert "Accuracy 40.0 %" in Page(path.read_text(encoding="utf-8")).text
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.html.gz", "folder.html"])
def test_check_target_refuses_what_is_no_html_file(workspace: Path, name: str) -> None:
    (workspace / "folder.html").mkdir()
    with pytest.raises(UsageError, match=r"\.html"):
        check_target(workspace / name, force=True)


def test_check_target_refuses_a_file_that_exists_unless_forced(workspace: Path) -> None:
    path = workspace / "report.html"
    check_target(path, force=False)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists"):
        check_target(path, force=False)
    check_target(path, force=True)
    assert path.read_text(encoding="utf-8") == "mine"


def test_check_target_refuses_a_name_that_no_file_can_have(workspace: Path) -> None:
    with pytest.raises(UsageError, match="at most 240 bytes"):
        check_target(workspace / f"{'é' * 118}.html", force=False)
    with pytest.raises(StorageError):
        check_target(workspace / ("x" * 300) / "report.html", force=False)


def test_check_target_refuses_a_folder_that_cannot_be(workspace: Path) -> None:
    (workspace / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StorageError):
        check_target(workspace / "file" / "report.html", force=False)
