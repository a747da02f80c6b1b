"""The page of a check: whole in itself, safe to open, and saying what was found."""

from __future__ import annotations

import re
from dataclasses import replace

from support.html_page import Page

from bertsent.base.records.checking import Check, Example, Finding, WrongLabels
from bertsent.reports.check_page import render, summary

FINDINGS = (
    Finding("rows", "rows", "ok", "5,000 rows", 5000, (Example("x:1", "never shown"),), "nor this"),
    Finding("empty", "rows", "note", "1 row without text", 1, (Example("x:9", ""),)),
    Finding(
        "mojibake",
        "encoding",
        "warning",
        "2 texts with characters of another encoding",
        2,
        (Example("x:<3>", "<b>didn\u202et</b>", "one for another"),),
        "export again",
        "mend 'x & y'",
    ),
    Finding(
        "likely_wrong",
        "wrong labels",
        "warning",
        "1 label likely wrong",
        1,
        (Example("x:4", "bad", label=1, score=0.02),),
    ),
)
JUDGED = WrongLabels("version", 4000, 0, 0.94, 1, 0.01, (1, *[0] * 18, 3999))
CHECK = Check(
    source="some/folder",
    rows=5000,
    empty=1,
    labels={"positive": 3000, "negative": 1999, "none": 0, "unknown": 0},
    parts={},
    reading=("text from column 'words'",),
    findings=FINDINGS,
    lengths=((2, 10), (5, 0), (2**31 - 1, 4989)),
    version="3",
    wrong_labels=JUDGED,
    seconds=12.3,
)


def page_of(check: Check) -> str:
    return render(check, command="bertsent check some/folder", made="2026-01-02T03:04:05Z")


def test_the_page_says_what_was_found() -> None:
    text = Page(page_of(CHECK)).text
    for fact in (
        "Usable: 2 warnings, 1 note",
        "3,000 positive, 1,999",
        "text from column 'words'",
        "2 texts with characters of another encoding",
        "export again",
        "mend 'x & y'",
        "x:<3>",
        "one for another",
        "<b>didn\\u202et</b>",
        "positive, but scores 0.020",
        "4,000 labelled rows",
        "bertsent check some/folder",
    ):
        assert fact in text, fact
    assert "never shown" not in text
    assert "nor this" not in text


def test_the_page_needs_nothing_from_outside() -> None:
    page = page_of(CHECK)
    read = Page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.elements)
    addresses = [value for name, value in read.attributes if name in {"src", "href", "xlink:href", "data"}]
    assert all(address and address.startswith("#") for address in addresses)
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    assert page.count("<svg") == 2


def test_the_page_of_nothing_has_no_plots() -> None:
    fatal = Finding("rows", "rows", "fatal", "no row", 0)
    nothing = replace(
        CHECK, findings=(fatal,), lengths=((2, 0), (2**31 - 1, 0)), wrong_labels=None, version=""
    )
    assert summary(nothing) == "Not usable: 1 fatal fault"
    assert summary(replace(nothing, findings=())) == "Usable: nothing to complain of"
    assert "<svg" not in page_of(nothing)
