"""The line and the page of a run of `drift`."""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.html_page import Page

from bertsent.base.errors import UsageError
from bertsent.base.records.gain import Gain, Side
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Look, Outcome, batch_digest
from bertsent.drift.monitored import Monitored
from bertsent.drift.records import Diagnostics, DriftReport, Histograms, Measure, Word
from bertsent.labelling.decisions import Labelled
from bertsent.reports import drift_page

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> \x1b[2J\u202e {{ 7 * 7 }} &amp; \"'"
HISTOGRAMS = Histograms(0.0004, 0.5, 0.4, 0.9, (0.0, 0.5, 1.0), (30, 20), (5, 35))


def report(**changes: Any) -> DriftReport:
    measures = (
        Measure("text", math.nan, why="100 reviews are needed"),
        Measure("error", 0.28, 0.2, 0.36, 0.0001, 0.0002, 40),
        Measure("label_share", 0.05, 0.0, 0.12, 0.6, 0.6, 40),
    )
    words = (Word(7, "more", 3.0, "shoes"), Word(8, "less", 1.5, "<b>film</b>"), Word(9, "less", 1.0))
    known: dict[str, Any] = {
        "verdict": "drift",
        "headline": 0.28,
        "threshold": 0.1,
        "alpha": 0.01,
        "look": 1,
        "measures": measures,
        "fired": ("error",),
        "minimum_detectable_effect": {"text": math.nan, "error": 0.12, "label_share": 0.14},
        "new_rows": 40,
        "reference_rows": 500,
        "diagnostics": Diagnostics(
            replace(HISTOGRAMS, edges=(1.0, 8.0, 64.0)), HISTOGRAMS, 0.4, 0.0, 1, words
        ),
        "reason": "The model is wrong more often.",
        "foreign": ("d1", "gone", "d0"),
    }
    return DriftReport(**known | changes)


def look(number: int = 1, **changes: Any) -> Look:
    rows = (f"d{number}",)
    return Look(
        look=number,
        version="1",
        version_digest="c" * 64,
        batch=batch_digest(rows),
        rows=rows,
        report=report(look=number, **changes).as_json(),
        time=f"2026-01-{number:02d}T03:04:05Z",
    )


def monitored(
    home: Path, *looks: Look, action: Any = "reported", text: str = "fine", **more: Any
) -> Monitored:
    history = DriftHistory(Workspace(home))
    for each in looks:
        history.append(each)
    return Monitored(
        version="1",
        threshold=0.1,
        action=action,
        reason=more.pop("reason", "Only reported"),
        look=looks[-1] if looks else None,
        new_rows=more.pop("new_rows", 40),
        needed=more.pop("needed", 0),
        looks=len(looks),
        history=history,
        labels=tuple(Labelled(text, i, f"d{i}", "random", None, None, "2026", "0" * 32) for i in (0, 1)),
        **more,
    )


def page(found: Monitored, command: str = "bertsent drift") -> str:
    return drift_page.render(found, command=command, made="2026-02-03T04:05:06Z")


def test_page_says_verdict_reason_action_and_measures(workspace: Path) -> None:
    text = " ".join(Page(page(monitored(workspace, look()))).text.split())
    for fact in (
        "Drift: the new reviews differ",
        "The model is wrong more often.",
        "Only reported",
        "error fired 0.280 0.200 to 0.360 < 0.001 40 0.120",
        "not judged: 100 reviews are needed",
        "2026-02-03T04:05:06Z",
        "40 new, against 500 reviews",
        "shoes",
        "1 of the new reviews is a copy",
    ):
        assert fact in text


def test_page_needs_nothing_from_outside_and_sets_no_colour(workspace: Path) -> None:
    made = page(monitored(workspace, look(1), look(2)))
    read = Page(made)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.elements)
    assert "//" not in made
    pictures = re.findall(r"<svg.*?</svg>", made, re.DOTALL)
    assert len(pictures) == 4
    assert not re.findall(r"#[0-9a-fA-F]{6}\b(?=[;\"])", "".join(pictures))
    named = re.findall(r'\bid="([^"]+)"', made)
    assert len(named) == len(set(named))


def test_page_shows_hostile_text_and_runs_none(workspace: Path) -> None:
    found = monitored(workspace, look(reason="<i>x</i>"), text=HOSTILE)
    made = page(found, command="bertsent drift --report '<u>'")
    read = Page(made)
    assert not {"script", "img", "b", "i", "u"} & set(read.elements)
    assert r"<script>alert(1)</script> <img src=x onerror=alert(2)> \x1b[2J\u202e {{ 7 * 7 }}" in read.text
    assert "<b>film</b>" in read.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", made)


def test_page_shows_foreign_reviews_that_the_log_still_has(workspace: Path) -> None:
    assert page(monitored(workspace, look())).count("<article") == 2
    assert "None to show" in page(monitored(workspace, look(foreign=())))


def test_page_lists_all_looks_with_what_came_of_them(workspace: Path) -> None:
    first = look(1, verdict="cannot_tell", headline=math.nan, fired=())
    found = monitored(workspace, first, look(2), look(3))
    found.history.append(Outcome(batch=look(2).batch, outcome="rejected", version=None, reason="x"))
    text = Page(page(found)).text
    assert [text.count(word) for word in ("2026-01-01 03:04", "2026-01-02 03:04", "rejected")] == [1, 1, 1]
    assert "3 checks" in text


def test_page_of_a_first_look_has_no_curve_of_one_point(workspace: Path) -> None:
    assert page(monitored(workspace, look())).count("<svg") == 3


def test_page_without_any_look_says_what_is_missing(workspace: Path) -> None:
    found = monitored(
        workspace, action="collect", reason="Next check at 30 new labels", new_rows=12, needed=30
    )
    text = Page(page(found)).text
    assert "Cannot tell yet: 12 new labels" in text
    assert "Label 18 more" in text
    assert "The three measures" not in text


def test_page_of_a_run_without_a_look_shows_the_newest_one(workspace: Path) -> None:
    found = replace(monitored(workspace, look(1), look(2)), look=None, action="none")
    text = " ".join(Page(page(found)).text.split())
    assert "No new label since the check of 2026-01-02 03:04 UTC" in text
    assert "From the newest check, 2026-01-02 03:04 UTC: drift" in text


def test_page_where_nothing_was_judged_has_dashes_and_no_nan(workspace: Path) -> None:
    names: tuple[Any, ...] = ("text", "error", "label_share")
    unjudged = tuple(Measure(name, math.nan, why="one label only") for name in names)
    found = monitored(
        workspace,
        look(
            measures=unjudged, verdict="cannot_tell", headline=math.nan, fired=(), diagnostics=Diagnostics()
        ),
        action="collect",
    )
    text = Page(page(found)).text
    assert text.count("one label only") == 3
    assert "Too few to show" in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("published", "version 2 published: better"),
        ("rejected", "rejected: better"),
        ("failed", "failed: better"),
        ("open", "not handled yet: better"),
    ],
)
def test_line_ends_with_what_was_done(workspace: Path, action: str, said: str) -> None:
    found = monitored(workspace, look(), action=action, reason="better", published=2)
    line = drift_page.log_line(found)
    assert line.startswith("DRIFT: headline 0.280 (error), threshold 0.1, fired: error 0.280; 40 new labels")
    assert line.endswith(said)
    assert said in Page(page(found)).text.replace("V", "v").replace("Not", "not")


def test_line_and_page_say_what_a_new_version_gained(workspace: Path) -> None:
    gain = Gain(Side(61, 51, 54, 5, 2), Side(800, 752, 752, 3, 3), stand_in=False)
    found = monitored(workspace, look(), action="published", reason="better", published=2, gain=gain)
    said = (
        "Version 2 is current. New reviews kept aside: 54 of 61 right, before 51 (5 put right, 2 broken). "
        "Old reviews: 94.0 %, as before (3 put right, 3 broken)"
    )
    assert drift_page.log_line(found).endswith(f"check 1 of version 1. {said}")
    made = page(found)
    assert said in " ".join(Page(made).text.split())
    assert made.count("<svg") == 4
    assert "new reviews" in made


@pytest.mark.parametrize(
    ("seconds", "takes"),
    [(None, ""), (20.0, " takes about 1 min"), (480.0, " takes about 8 min"), (9e3, " takes about 2 h")],
)
def test_training_line_says_what_fired_and_how_long_a_training_takes(
    workspace: Path, seconds: float | None, takes: str
) -> None:
    found = monitored(workspace, look(), action="training", seconds=seconds)
    said = f"Training a candidate{takes}; Ctrl-C stops it, the next run goes on"
    assert drift_page.training_line(found) == f"DRIFT: error 0.28 (threshold 0.1). {said}"
    assert "This page is written again" in page(found)


def test_line_says_what_the_batch_could_have_shown_where_nothing_fired(workspace: Path) -> None:
    smallest = {"text": 0.133, "error": math.nan, "label_share": 0.14}
    calm = look(verdict="stable", headline=0.05, fired=(), minimum_detectable_effect=smallest)
    line = drift_page.log_line(monitored(workspace, calm, action="none", reason="Nothing to do"))
    assert line.startswith("STABLE: headline 0.050 (label share), threshold 0.1, minimum detectable effect ")
    assert "minimum detectable effect text 0.133, label share 0.140; 40 new labels" in line
    assert "detectable" not in drift_page.log_line(monitored(workspace, look()))


def test_line_stays_one_line_whatever_the_reason(workspace: Path) -> None:
    found = monitored(workspace, look(), action="open", reason="a\nb\x1b[2J")
    assert drift_page.log_line(found).endswith(r"a\nb\x1b[2J")


def test_check_target_takes_an_older_page_and_no_other_file(workspace: Path) -> None:
    path = workspace / "r.html"
    drift_page.check_target(path)
    drift_page.write(monitored(workspace, look()), path, command="bertsent drift")
    drift_page.check_target(path)
    path.write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(UsageError, match="exists"):
        drift_page.check_target(path)


def test_check_target_does_not_wait_for_a_fifo(workspace: Path) -> None:
    os.mkfifo(workspace / "fifo.html")
    with pytest.raises(UsageError, match="exists"):
        drift_page.check_target(workspace / "fifo.html")
