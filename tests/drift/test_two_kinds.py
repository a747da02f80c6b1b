"""`judge` of a version made with pages and with single sentences: neither is drift, nor is their mix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.drift_rows import (
    FILMS,
    SHOPS,
    make_reference,
    make_two_kinds,
    new_rows,
    reference_of,
    sentence_rows,
)

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift import features, nearest
from bertsent.drift.judge import judge
from bertsent.drift.records import DriftReport, Measure, NewRow
from bertsent.drift.reference import Reference

SETTINGS = DriftSettings()
FEWER = replace(SETTINGS, shuffles=99)
ELSEWHERE = (FILMS[::-1] + SHOPS) / 2  # what is rare in films is frequent


@pytest.fixture(scope="module")
def two_kinds(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_two_kinds(tmp_path_factory.mktemp("reference") / "reference.npz")


def batch(pages: int, sentences: int, *, seed: int, accuracy: float = 0.97) -> list[NewRow]:
    return new_rows(pages, seed=seed, accuracy=accuracy) + sentence_rows(sentences, seed=seed + 50)


def measure(report: DriftReport, name: str) -> Measure:
    return next(each for each in report.measures if each.name == name)


def mean(reports: list[DriftReport], name: str) -> float:
    return float(np.mean([measure(report, name).value for report in reports]))


# what is no drift


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pages", "sentences"), [(0, 200), (200, 0), (100, 100), (180, 20), (20, 180)], ids=str
)
def test_sentences_pages_and_their_mix_are_no_drift(two_kinds: Reference, pages: int, sentences: int) -> None:
    reports = [judge(two_kinds, batch(pages, sentences, seed=seed), settings=FEWER) for seed in range(6)]
    assert not any(report.verdict == "drift" for report in reports)
    assert mean(reports, "text") < 0.06
    assert mean(reports, "error") < 0.04


@pytest.mark.slow
def test_text_p_values_of_sentences_are_those_of_an_honest_test(two_kinds: Reference) -> None:
    rows = (sentence_rows(120, seed=200 + seed) for seed in range(20))
    p_values = [measure(judge(two_kinds, each, settings=FEWER), "text").p_value for each in rows]
    assert sum(p < 0.05 for p in p_values) <= 5  # 99.9 % of honest tests
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.2)


@pytest.mark.slow
def test_sentences_that_lack_a_full_stop_are_no_drift(tmp_path: Path) -> None:
    stop = 599
    vocabulary = [f"word{piece}" for piece in range(stop)] + ["."]

    def ending(rows: list[NewRow]) -> list[NewRow]:
        return [replace(row, pieces=np.append(row.pieces[row.pieces != stop], stop)) for row in rows]

    known = reference_of(tmp_path / "reference.npz", ending(sentence_rows(800, seed=1)))
    rows = [replace(row, pieces=row.pieces[row.pieces != stop]) for row in sentence_rows(150, seed=2)]
    assert measure(judge(known, rows, settings=FEWER), "text").value > 0.5
    assert measure(judge(known, rows, settings=FEWER, vocabulary=vocabulary), "text").value < 0.1


def test_another_share_of_positive_sentences_is_no_drift_where_pages_have_their_own(tmp_path: Path) -> None:
    known = make_two_kinds(tmp_path / "reference.npz", positive=0.8)
    usual = judge(known, sentence_rows(200, seed=3, positive=0.8), settings=FEWER)
    assert measure(usual, "label_share").value < 0.02
    assert "label_share" not in usual.fired
    even = judge(known, sentence_rows(200, seed=3, positive=0.5), settings=FEWER)
    assert measure(even, "label_share").value == pytest.approx(0.3, abs=0.02)
    assert "label_share" in even.fired


# what is


@pytest.mark.slow
@pytest.mark.parametrize("pages", [0, 100])
def test_foreign_sentences_are_drift_as_foreign_pages_are(two_kinds: Reference, pages: int) -> None:
    means = []
    for foreign, at_least in ((50, 4), (100, 6)):
        reports = [
            judge(
                two_kinds,
                batch(pages, 200 - pages - foreign, seed=seed)
                + sentence_rows(foreign, seed=seed + 80, of=ELSEWHERE),
                settings=FEWER,
            )
            for seed in range(6)
        ]
        assert sum("text" in report.fired for report in reports) >= at_least
        means.append(mean(reports, "text"))
    assert means == pytest.approx([0.25, 0.5], abs=0.1)


def test_a_version_that_lost_accuracy_on_sentences_alone_drifted(two_kinds: Reference) -> None:
    rows = new_rows(100, seed=5, accuracy=0.97) + sentence_rows(100, seed=6, accuracy=0.5)
    missed = np.mean([(row.score >= 0.5) != row.label for row in rows])
    report = judge(two_kinds, rows, settings=FEWER)
    assert "error" in report.fired
    assert measure(report, "error").value == pytest.approx(missed - (0.03 + 0.2) / 2, abs=0.02)


def test_pages_are_held_against_pages_and_sentences_against_sentences(two_kinds: Reference) -> None:
    worse = judge(two_kinds, new_rows(300, seed=7, accuracy=0.8), settings=FEWER)
    usual = judge(two_kinds, sentence_rows(300, seed=8, accuracy=0.8), settings=FEWER)
    assert ("error" in worse.fired, "error" in usual.fired) == (True, False)
    assert measure(worse, "error").value == pytest.approx(0.17, abs=0.05)
    assert measure(usual, "error").value < 0.06


def test_the_detectable_loss_is_larger_where_more_is_wrong_anyway(two_kinds: Reference) -> None:
    pages, sentences = (
        judge(two_kinds, rows, settings=FEWER).minimum_detectable_effect["error"]
        for rows in (new_rows(60, seed=9), sentence_rows(60, seed=9))
    )
    assert sentences > pages + 0.05


# older files, few rows


@pytest.mark.parametrize("few", [0, 60])
def test_error_is_held_against_all_held_out_rows_where_few_are_sentences(tmp_path: Path, few: int) -> None:
    known = make_two_kinds(tmp_path / "reference.npz", heldout=(1600, few))
    right = (known.heldout_score >= 0.5) == known.heldout_label
    rows = sentence_rows(200, seed=10)
    missed = np.mean([(row.score >= 0.5) != row.label for row in rows])
    found = measure(judge(known, rows, settings=FEWER), "error").value
    assert found == pytest.approx(missed - (1 - right.mean()), abs=0.005)


def test_held_out_rows_of_unknown_length_count_where_no_others_are(two_kinds: Reference) -> None:
    rows = sentence_rows(200, seed=11)
    by_kind = measure(judge(two_kinds, rows, settings=FEWER), "error").value
    unknown = np.full_like(two_kinds.heldout_length, -1)
    by_label = measure(judge(replace(two_kinds, heldout_length=unknown), rows, settings=FEWER), "error").value
    assert by_label > by_kind + 0.08
    some = np.where(np.arange(len(unknown)) % 2, unknown, two_kinds.heldout_length)
    half = measure(judge(replace(two_kinds, heldout_length=some), rows, settings=FEWER), "error").value
    assert half == pytest.approx(by_kind, abs=0.04)


def test_sentences_are_judged_against_a_reference_of_pages(tmp_path: Path) -> None:
    pages = make_reference(tmp_path / "reference.npz")
    report = judge(pages, sentence_rows(200, seed=12), settings=FEWER)
    assert measure(report, "text").n == 200
    assert measure(report, "text").value > 0.1  # they are worded otherwise


# the draw


def matched(known: Reference, rows: list[NewRow], seed: int = 1) -> features.MatchedRows:
    found = features.match_rows(known, rows, settings=SETTINGS, random=np.random.default_rng(seed))
    assert found is not None
    return found


def test_each_new_row_is_compared_with_rows_of_its_length(two_kinds: Reference) -> None:
    found = matched(two_kinds, batch(60, 60, seed=13))
    length = np.asarray(found.counts.sum(axis=1))
    new, old = length[found.is_new], length[~found.is_new]
    assert np.mean(old <= 64) == pytest.approx(np.mean(new <= 64), abs=0.02)
    assert np.abs(np.quantile(old, [0.1, 0.4, 0.6, 0.9]) - np.quantile(new, [0.1, 0.4, 0.6, 0.9])).max() < 4
    whole = np.array([len(row.pieces) for row in batch(60, 60, seed=13)])
    assert new.sum() > 0.93 * whole.sum()


def draw(old: list[int], new: list[int], **changed: int) -> list[int]:
    """Lengths of the reference rows drawn for new rows, all of one label."""
    drawn = nearest.draw_nearest(
        np.zeros(len(old), np.int8),
        np.array(old, np.int32),
        np.zeros(len(new), np.int8),
        np.array(new, np.int64),
        settings=replace(SETTINGS, folds=1, **changed),
        random=np.random.default_rng(1),
    )
    assert len(set(drawn.tolist())) == len(drawn)
    return sorted(old[place] for place in drawn.tolist())


PAGES = [200] * 100


def test_draw_takes_the_nearest_lengths() -> None:
    assert draw([10, 19, 20, 23, 60, *PAGES], [20, 20], reference_per_row=1) == [19, 20]


def test_draw_takes_a_longer_row_rather_than_a_much_shorter_one() -> None:
    assert draw([14, 40], [20], reference_per_row=1) == [40]
    assert draw([10, 14], [20], reference_per_row=1) == [14]


def test_draw_ends_before_sentences_get_pages() -> None:
    assert draw([20] * 30 + PAGES, [20] * 10 + [200] * 10) == [20] * 30 + [200] * 30


def test_draw_gives_sentences_pages_where_there_is_nothing_else() -> None:
    assert draw(PAGES, [20] * 5) == [200] * 50


def test_draw_of_fewer_rows_than_are_new_takes_them_all() -> None:
    assert draw([20, 30, 200], [20] * 10) == [20, 30, 200]


def test_draw_takes_either_of_two_rows_as_near_at_random() -> None:
    def first(seed: int) -> int:
        place = nearest.draw_nearest(
            np.zeros(4, np.int8),
            np.array([18, 18, 22, 22], np.int32),
            np.zeros(1, np.int8),
            np.array([20]),
            settings=replace(SETTINGS, folds=1, reference_per_row=1),
            random=np.random.default_rng(seed),
        )
        return int(place[0])

    assert {first(seed) for seed in range(60)} == {0, 1, 2, 3}


# after a retrain


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows",
    [
        lambda: sentence_rows(200, seed=20),
        lambda: sentence_rows(200, seed=21, of=SHOPS),
        lambda: new_rows(200, seed=22),
        lambda: new_rows(100, seed=23) + sentence_rows(100, seed=24, of=SHOPS),
    ],
    ids=["film sentences", "shop sentences", "film pages", "film pages and shop sentences"],
)
def test_after_a_retrain_on_sentences_only_sentences_are_mixed(
    tmp_path: Path, rows: Callable[[], list[NewRow]]
) -> None:
    known = make_two_kinds(tmp_path / "reference.npz", retrained=True)
    report = judge(known, rows(), settings=FEWER)
    assert "text" not in report.fired, report.reason
    assert measure(report, "text").value < 0.15
