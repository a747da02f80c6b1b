"""After a retrain: what goes on as it was when it was run is no drift, and neither is what was before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.drift_rows import FILMS, SHOPS, domain, make_reference, make_retrained, new_rows

from bertsent.base.settings.drift import DriftSettings, ReferenceSettings
from bertsent.drift import reference
from bertsent.drift.judge import judge
from bertsent.drift.records import DriftReport, Measure, NewRow
from bertsent.drift.reference import Reference

SETTINGS = DriftSettings()


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_retrained(tmp_path_factory.mktemp("retrained") / "reference.npz")


def mixed(shops: int, films: int) -> list[NewRow]:
    parts = (SHOPS, shops), (FILMS, films)
    return [row for of, count in parts for row in new_rows(count, seed=11, of=of)]


def measure(report: DriftReport, name: str) -> Measure:
    return next(each for each in report.measures if each.name == name)


@pytest.mark.parametrize(("shops", "films"), [(200, 0), (0, 200), (100, 100), (40, 160)])
def test_judge_after_a_retrain_takes_what_it_was_run_for_and_what_was_before_for_known(
    retrained: Reference, shops: int, films: int
) -> None:
    report = judge(retrained, mixed(shops, films), settings=SETTINGS)
    assert report.verdict != "drift", report.reason
    assert report.headline < 0.25  # against all that trained: two thirds for shops alone
    assert report.recent_share == pytest.approx(shops / 200, abs=0.1)


def test_judge_after_a_retrain_still_sees_reviews_of_a_third_kind(retrained: Reference) -> None:
    rows = mixed(50, 50) + new_rows(100, seed=12, of=domain(3))
    report = judge(retrained, rows, settings=SETTINGS)
    assert (report.verdict, report.fired) == ("drift", ("text",))
    assert 0.35 <= report.headline <= 0.55


@pytest.mark.slow
def test_judge_holds_the_error_against_what_the_gate_saw_of_such_reviews(tmp_path: Path) -> None:
    known = make_retrained(tmp_path / "reference.npz", accuracy=0.75)
    rows = new_rows(200, seed=13, of=SHOPS, accuracy=0.75)
    assert measure(judge(known, rows, settings=SETTINGS), "error").value < 0.1
    worse = new_rows(200, seed=13, of=SHOPS, accuracy=0.5)
    assert "error" in judge(known, worse, settings=SETTINGS).fired
    films = new_rows(200, seed=14, accuracy=0.75)
    assert "error" in judge(known, films, settings=SETTINGS).fired


def test_judge_does_not_part_what_is_worded_alike(tmp_path: Path) -> None:
    known = make_retrained(tmp_path / "reference.npz", of=FILMS)
    report = judge(known, new_rows(200, seed=15), settings=SETTINGS)
    assert np.isnan(report.recent_share)
    assert report.reference_rows == 720


def test_judge_has_nothing_to_part_where_no_retrain_was(tmp_path: Path) -> None:
    report = judge(make_reference(tmp_path / "reference.npz"), new_rows(200, seed=16), settings=SETTINGS)
    assert np.isnan(report.recent_share)
    assert report.as_json()["newest_share"] is None


def test_write_keeps_the_newest_rows_where_it_cannot_keep_all(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    reference.write(
        path,
        rows=[np.array([row], np.int32) for row in range(100)],
        labels=[row % 2 for row in range(100)],
        heldout_scores=[0.5, 0.5],
        heldout_labels=[0, 1],
        seed=1,
        newest=[row < 12 for row in range(100)],
        heldout_newest=[False, True],
        settings=ReferenceSettings(max_rows=20),
    )
    found = reference.read(path)
    assert (found.rows, int(found.newest.sum()), found.heldout_newest.tolist()) == (20, 10, [False, True])
