"""The page of a scored input: whole in itself, safe to open, and saying what was counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.html_page import Page

from bertsent.base.records.core import Label, Prediction, Review
from bertsent.base.records.groups import Overview
from bertsent.base.records.metrics import BatchSummary, Confusion
from bertsent.base.records.reading import Column
from bertsent.base.settings.grouping import GroupSettings
from bertsent.reports import groups_page
from bertsent.scoring.group_keys import parse_keys
from bertsent.scoring.groups import Groups

COLUMNS = [Column("product"), Column("sold")]
ROWS = [
    ("lamp", "2020-01-05", "dull lamp", 0.02),
    ("lamp", "2020-02-05", "bright lamp", 0.97),
    ("lamp", "2020-05-05", "dim", 0.5),
    ("kettle", "2020-05-06", "boils well", 0.9),
    ("kettle", "", "leaks", 0.1),
    ("kettle", "soon", "", None),
]


def overview(rows: Iterable[tuple[str, str, str, float | None]], *by: str, **settings: Any) -> Overview:
    groups = Groups(parse_keys(by, COLUMNS), threshold=0.5, settings=GroupSettings(**settings))
    for number, (product, sold, text, score) in enumerate(rows, start=1):
        prediction = None
        if score is not None:
            label: Label = "unsure" if 0.4 < score < 0.6 else "positive" if score >= 0.5 else "negative"
            prediction = Prediction(text, score, label, 3, truncated=False, version="4", path=f"r:{number}")
        groups.add(Review(text, cells=(product, sold)), prediction)
    return groups.result()


def page_of(found: Overview, *, source: str = "reviews.csv", **settings: Any) -> str:
    whole = found.whole
    summary = BatchSummary("4", whole.n, whole.empty, Confusion(), whole.positive, whole.unsure, 1, 2.0)
    return groups_page.render(
        found,
        summary,
        source=source,
        command="bertsent batch x",
        made="2026-01-02T03:04:05Z",
        settings=GroupSettings(**settings),
    )


def test_page_says_what_was_counted() -> None:
    text = Page(page_of(overview(ROWS, "product", "month:sold"))).text
    assert "40.0 % of 5 reviews positive (95 %: 11.8 to 76.9), 20.0 % unsure" in text
    for fact in ("reviews.csv", "bertsent batch x", "By product", "By month:sold", "2020-05", "(no value)"):
        assert fact in text
    for fact in ("dull lamp", "bright lamp", "r:1", "0.9700", "1 more have no text", "'soon'"):
        assert fact in text
    words = " ".join(text.split())
    assert "lamp (few) 3 33.3 6.1 to 79.2 33.3" in words
    assert "2 positive, 2 negative, 1 unsure" in words


def test_page_without_groups_has_the_histogram_and_the_extremes() -> None:
    page = page_of(overview(ROWS))
    text = Page(page).text
    assert page.count("<svg") == 1
    assert (
        text.index("dull lamp") < text.index("leaks") < text.index("bright lamp") < text.index("boils well")
    )


def test_page_of_one_review_and_of_reviews_of_one_day() -> None:
    page = page_of(overview(ROWS[:1], "product", "day:sold"))
    assert page.count("<svg") == 3
    assert "0.0 % of 1 review positive" in Page(page).text


def test_page_of_a_column_without_any_value_has_no_picture_of_it() -> None:
    page = page_of(overview([("a", "", "good", 0.9)], "month:sold"))
    assert page.count("<svg") == 1
    assert "(no value)" in Page(page).text


def test_page_needs_nothing_from_outside_and_pictures_take_its_colours() -> None:
    page = page_of(overview(ROWS, "product", "month:sold", "year:sold"))
    read = Page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.elements)
    addresses = [value for name, value in read.attributes if name in {"src", "href", "xlink:href", "data"}]
    assert all(address and address.startswith("#") for address in addresses)
    assert "//" not in page
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 4
    assert not re.findall(r"#[0-9a-fA-F]{6}\b(?=[;\"])", "".join(pictures))
    named = re.findall(r'\bid="([^"]+)"', page)
    assert len(named) == len(set(named))


def test_page_shows_hostile_text_and_runs_none() -> None:
    hostile = "<script>alert(1)</script> <img src=x> \x1b[2J\u202e {{ 7 * 7 }} $x^2$ &amp;"
    page = page_of(overview([(hostile, "x", hostile, 0.9)] * 2, "product", "sold"), source="<b>a</b>\x07")
    read = Page(page)
    assert not {"script", "img", "b"} & set(read.elements)
    assert r"<script>alert(1)</script> <img src=x> \x1b[2J\u202e {{ 7 * 7 }} $x^2$ &amp;" in read.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_page_shows_the_largest_groups_and_counts_the_others() -> None:
    rows = [(f"p{number % 30:02}", "", f"t{number}", 0.9) for number in range(75)]
    text = Page(page_of(overview(rows, "product"), listed=4)).text
    assert "p03: the most" in text
    assert "p04: the most" not in text
    assert "26 more groups with 63 reviews" in " ".join(text.split())


def test_line_over_time_has_a_gap_where_no_review_is() -> None:
    dense = page_of(overview([("a", f"2020-0{m}-01", "x", 0.9) for m in (1, 2, 3, 4)], "month:sold"))
    gap = page_of(overview([("a", f"2020-0{m}-01", "x", 0.9) for m in (1, 2, 8, 9)], "month:sold"))
    assert (dense.count("opacity: 0.22"), gap.count("opacity: 0.22")) == (1, 2)


def test_write_writes_the_page_whole(workspace: Path) -> None:
    found = overview(ROWS, "product")
    summary = BatchSummary("4", 5, 1, Confusion(), 2, 1, 0, 2.0)
    path = workspace / "new" / "groups.html"
    groups_page.write(found, summary, path, source="r", command="bertsent batch r")
    assert "40.0 % of 5 reviews" in Page(path.read_text(encoding="utf-8")).text
    assert [file.name for file in path.parent.iterdir()] == ["groups.html"]


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
def test_every_unit_of_time_can_be_drawn(unit: str) -> None:
    rows = [("a", f"20{year}-12-31", "x", 0.9) for year in (19, 20, 22)]
    assert page_of(overview(rows, f"{unit}:sold")).count("<svg") == 2
