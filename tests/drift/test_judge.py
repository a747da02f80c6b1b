"""`judge`: T1 to T14 of the drift plan on synthetic reviews; tests/bench/drift_power.py has the real ones."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.drift_rows import PIECES, SHOPS, make_reference, new_rows, reference_of

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.judge import judge
from bertsent.drift.records import DriftReport, NewRow
from bertsent.drift.reference import Reference

SETTINGS = DriftSettings()
FEWER = replace(SETTINGS, shuffles=99)  # the many runs here ask for rates, not for small p-values


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_reference(tmp_path_factory.mktemp("reference") / "reference.npz")


def value(report: DriftReport, name: str) -> float:
    return {measure.name: measure.value for measure in report.measures}[name]


def p_value(report: DriftReport, name: str) -> float:
    return {measure.name: measure.p_value for measure in report.measures}[name]


def mixed(count: int, foreign: float, *, seed: int) -> list[NewRow]:
    shops = round(foreign * count)
    return new_rows(count - shops, seed=seed) + new_rows(shops, seed=seed, of=SHOPS)


# T1 to T3: nothing drifted


@pytest.mark.slow
def test_judge_finds_no_drift_where_there_is_none(known: Reference) -> None:
    reports = [judge(known, new_rows(200, seed=seed), settings=FEWER) for seed in range(25)]
    assert sum(report.verdict == "drift" for report in reports) <= 1
    assert sum(p_value(report, "text") < 0.05 for report in reports) <= 5  # 99.9 % of honest tests
    assert np.mean([p_value(report, "text") for report in reports]) == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("count", [30, 40, 49])
def test_judge_of_few_rows_leaves_the_texts_alone(known: Reference, count: int) -> None:
    reports = [judge(known, new_rows(count, seed=seed), settings=FEWER) for seed in range(10)]
    assert {report.verdict for report in reports} == {"cannot_tell"}
    assert all(math.isnan(value(report, "text")) for report in reports)
    assert not any(math.isnan(value(report, name)) for report in reports for name in ("error", "label_share"))


@pytest.mark.slow
def test_later_looks_ask_for_more_certainty(known: Reference) -> None:
    rows = new_rows(99, seed=4, positive=0.7)
    first, late = judge(known, rows, settings=SETTINGS), judge(known, rows, settings=SETTINGS, look=2000)
    assert value(first, "label_share") == value(late, "label_share")
    assert (first.verdict, late.verdict) == ("drift", "cannot_tell")


# T4, T5: foreign reviews


@pytest.mark.slow
def test_judge_finds_foreign_reviews_and_their_share(known: Reference) -> None:
    found = {share: judge(known, mixed(200, share, seed=1), settings=FEWER) for share in (0.25, 0.5, 1.0)}
    assert {report.verdict for report in found.values()} == {"drift"}
    assert all(report.fired == ("text",) for report in found.values())
    for share, report in found.items():
        assert value(report, "text") == pytest.approx(share, abs=0.1)


def test_judge_names_the_foreign_rows(known: Reference) -> None:
    rows = mixed(200, 0.25, seed=2)
    strangers = {row.digest for row in rows[150:]}
    assert len(strangers & set(judge(known, rows, settings=FEWER).foreign)) >= 18


# T6, T7: labels


@pytest.mark.slow
def test_more_positive_reviews_move_the_label_share_alone(known: Reference) -> None:
    reports = [judge(known, new_rows(200, seed=seed, positive=0.8), settings=FEWER) for seed in range(5)]
    assert all(report.fired == ("label_share",) for report in reports)
    assert value(reports[0], "label_share") == pytest.approx(0.3, abs=0.01)


@pytest.mark.slow
def test_wrong_labels_are_an_error_and_no_new_texts(known: Reference) -> None:
    flipped = [
        [replace(row, label=1 - row.label) if place % 5 == 0 else row for place, row in enumerate(rows)]
        for rows in (new_rows(100, seed=seed) for seed in range(20))
    ]
    reports = [judge(known, rows, settings=FEWER) for rows in flipped]
    assert sum("error" in report.fired for report in reports) >= 19
    assert not any("text" in report.fired for report in reports)


# T8: cosmetics


@pytest.mark.slow
def test_another_form_of_quotes_is_no_drift(known: Reference) -> None:
    vocabulary = [f"word{piece}" for piece in range(PIECES)] + ["\u2019"]
    vocabulary[6] = "'"
    rows = new_rows(200, seed=18)
    curly = [
        replace(row, pieces=np.where(row.pieces == 6, PIECES, row.pieces).astype(np.int32)) for row in rows
    ]
    assert judge(known, curly, settings=FEWER).fired == ("text",)
    plain, folded = (judge(known, each, settings=FEWER, vocabulary=vocabulary) for each in (rows, curly))
    assert folded.as_json() == plain.as_json()


# T9: length


def test_shorter_reviews_are_shown_and_not_taken_for_other_words(known: Reference) -> None:
    report = judge(known, new_rows(200, seed=3, words=40), settings=SETTINGS)
    assert report.diagnostics.length.p_value < 1e-6
    assert report.diagnostics.length.median_new == 40
    assert "text" not in report.fired


# T10: nothing new


def test_rows_that_were_trained_on_are_not_judged(known: Reference) -> None:
    rows = new_rows(60, seed=5)
    from bertsent.base.digests import sha256_text

    trained = [replace(row, digest=sha256_text(f"trained {place}")) for place, row in enumerate(rows)]
    report = judge(known, trained, settings=SETTINGS)
    assert (report.new_rows, report.diagnostics.duplicates, report.verdict) == (0, 60, "cannot_tell")


def test_rows_whose_pieces_the_reference_holds_are_not_judged(known: Reference) -> None:
    held = [np.repeat(known.counts[[row]].indices, known.counts[[row]].data) for row in range(50)]
    rows = [replace(row, pieces=held[place]) for place, row in enumerate(new_rows(50, seed=6))]
    assert judge(known, rows, settings=SETTINGS).new_rows == 0


def test_copies_count_once(known: Reference) -> None:
    rows = new_rows(40, seed=7)
    copies = [replace(rows[0], digest=f"{place:064x}") for place in range(100)]
    report = judge(known, rows + copies, settings=SETTINGS)
    assert (report.new_rows, report.diagnostics.duplicates) == (40, 100)


# T11, T12: what must not matter


@pytest.mark.slow
def test_judge_gives_the_same_report_whatever_the_order(known: Reference) -> None:
    rows = mixed(120, 0.2, seed=8)
    shuffled = [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]
    first, second = (judge(known, each, settings=FEWER) for each in (rows, shuffled))
    assert first.as_json() == second.as_json()
    assert first.headline == pytest.approx(judge(known, rows, settings=FEWER).headline, abs=1e-9)


@pytest.mark.slow
def test_judge_gives_the_same_report_whatever_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from support.drift_rows import *;"
        "from bertsent.drift.judge import judge; from bertsent.base.settings.drift import DriftSettings;"
        "known = make_reference(Path(sys.argv[1]), rows=300);"
        "report = judge(known, new_rows(100, seed=1), settings=DriftSettings(shuffles=49));"
        "print(json.dumps(report.as_json()))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "reference.npz")],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert json.loads(said[0])["measures"]["text"]["value"] is not None


@pytest.mark.slow
def test_old_and_new_can_change_places(tmp_path: Path, known: Reference) -> None:
    shops = mixed(1000, 0.5, seed=9)
    forth = judge(known, shops[:500:5] + shops[500::5], settings=FEWER)
    back = judge(reference_of(tmp_path / "reference.npz", shops), new_rows(200, seed=10), settings=FEWER)
    assert value(forth, "text") == pytest.approx(value(back, "text"), abs=0.12)
    assert value(forth, "label_share") == value(back, "label_share") == 0.0


def test_labels_can_change_their_names(known: Reference) -> None:
    rows = new_rows(200, seed=11, positive=0.7)
    other = replace(
        known,
        label=1 - known.label,
        heldout_label=1 - known.heldout_label,
        heldout_score=1 - known.heldout_score,
    )
    turned = [replace(row, label=1 - row.label, score=1 - row.score) for row in rows]
    first, second = judge(known, rows, settings=FEWER), judge(other, turned, settings=FEWER)
    assert value(first, "label_share") == pytest.approx(value(second, "label_share"), abs=1e-12)
    assert value(first, "error") == pytest.approx(value(second, "error"), abs=1e-6)


# T13: nothing to judge; pytest turns every warning into an error


def alike(rows: list[NewRow]) -> list[NewRow]:
    return [replace(row, pieces=np.array([5, 6, 7], np.int32)) for row in rows]


def empty(rows: list[NewRow]) -> list[NewRow]:
    return [replace(row, pieces=np.empty(0, np.int32), tokens=0) for row in rows]


def unheard_of(rows: list[NewRow]) -> list[NewRow]:
    return [replace(row, pieces=np.array([30_000 + place], np.int32)) for place, row in enumerate(rows)]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        new_rows(1, seed=1),
        new_rows(29, seed=1),
        alike(new_rows(200, seed=1)),
        empty(new_rows(200, seed=1)),
        [replace(row, score=math.nan) for row in new_rows(200, seed=1)],
    ],
    ids=["none", "one", "too few", "one text", "empty texts", "no scores"],
)
def test_judge_cannot_tell_from_nothing(known: Reference, rows: list[NewRow]) -> None:
    report = judge(known, rows, settings=FEWER)
    assert report.verdict == "cannot_tell"
    assert report.reason
    json.dumps(report.as_json(), allow_nan=False)


@pytest.mark.parametrize("rows", [30, 60, 260])
@pytest.mark.parametrize("positive", [0.0, 1.0])
def test_all_new_reviews_with_one_label_are_drift(known: Reference, rows: int, positive: float) -> None:
    report = judge(known, new_rows(rows, seed=1, positive=positive), settings=FEWER)
    assert report.verdict == "drift"
    assert report.fired == ("label_share",)
    assert value(report, "label_share") == pytest.approx(0.5, abs=0.05)


def test_error_is_judged_with_one_label(known: Reference) -> None:
    report = judge(known, new_rows(60, seed=1, positive=0.0, accuracy=0.2), settings=FEWER)
    assert "error" in report.fired
    assert value(report, "error") > 0.5


@pytest.mark.parametrize(
    "change",
    [unheard_of, lambda rows: [replace(row, score=0.5) for row in rows]],
    ids=["unknown words", "constant scores"],
)
def test_judge_stands_extreme_rows(known: Reference, change: Callable[[list[NewRow]], list[NewRow]]) -> None:
    json.dumps(judge(known, change(new_rows(200, seed=1)), settings=FEWER).as_json(), allow_nan=False)


@pytest.mark.parametrize("size", [1, 2, 12, 40])
def test_judge_stands_a_tiny_reference(tmp_path: Path, size: int) -> None:
    tiny = make_reference(tmp_path / "reference.npz", rows=size, heldout=size)
    report = judge(tiny, new_rows(120, seed=19, positive=0.7), settings=FEWER)
    assert report.reference_rows == size
    json.dumps(report.as_json(), allow_nan=False)


# T14: what a measure may look at


def test_error_is_measured_against_held_out_rows_only(known: Reference) -> None:
    rows = new_rows(100, seed=12)
    first = judge(known, rows, settings=FEWER)
    shifted = replace(known, heldout_score=np.where(known.heldout_label == 1, 1.0, 0.0).astype(np.float32))
    other_rows = replace(known, length=known.length[::-1], counts=known.counts[::-1], label=known.label[::-1])
    assert value(judge(shifted, rows, settings=FEWER), "error") > value(first, "error")
    assert value(judge(other_rows, rows, settings=FEWER), "error") == value(first, "error")


@pytest.mark.parametrize("picked_by", ["uncertain", "diverse"])
def test_rows_picked_for_their_scores_do_not_judge(known: Reference, picked_by: str) -> None:
    wrong = [replace(row, score=1 - row.score) for row in new_rows(60, seed=13, picked_by=picked_by)]
    few = new_rows(20, seed=14, picked_by="typed")
    report = judge(known, wrong + few, settings=FEWER)
    assert report.verdict == "cannot_tell"
    assert all(math.isnan(measure.value) for measure in report.measures)
    assert all("random" in measure.why for measure in report.measures)


# what is said


def test_report_says_which_shift_it_could_have_shown(known: Reference) -> None:
    few, many = (judge(known, new_rows(count, seed=15), settings=FEWER) for count in (100, 400))
    for name in ("text", "error", "label_share"):
        assert (
            SETTINGS.threshold
            < many.minimum_detectable_effect[name]
            < few.minimum_detectable_effect[name]
            < 1
        )


def test_moved_words_are_shown_whole(known: Reference) -> None:
    vocabulary = ["##ly" if piece == 100 else f"word{piece}" for piece in range(PIECES)]
    rows = [
        replace(row, pieces=np.append(row.pieces, [99, 100]).astype(np.int32))
        for row in new_rows(150, seed=16)
    ]
    words = judge(known, rows, settings=FEWER, vocabulary=vocabulary).diagnostics.words
    assert words[0].direction == "more"
    assert {word.text for word in words[:2]} == {"word99", "word99ly"}


def test_judge_leaves_the_global_random_state_alone(known: Reference) -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index]
    judge(known, new_rows(100, seed=17), settings=FEWER)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]
