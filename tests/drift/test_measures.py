"""The parts that the measures are made of: draws, lengths, features, exact tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.drift_rows import SHOPS, make_reference, new_rows

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift import features, text_measure
from bertsent.drift.features import MatchedRows
from bertsent.drift.measures import measure_error, measure_label_share
from bertsent.drift.reference import Reference

SETTINGS = DriftSettings()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_reference(tmp_path_factory.mktemp("reference") / "reference.npz")


def compared(known: Reference, *, words: int = 0, positive: float = 0.5) -> MatchedRows:
    rows = new_rows(150, seed=1, words=words, positive=positive)
    found = features.match_rows(known, rows, settings=SETTINGS, random=np.random.default_rng(1))
    assert found is not None
    return found


def test_reference_rows_are_drawn_with_the_labels_of_the_new_ones(known: Reference) -> None:
    found = compared(known, positive=0.7)
    new, old = found.label[found.is_new], found.label[~found.is_new]
    assert old.mean() == pytest.approx(new.mean(), abs=0.01)
    assert len(old) == 4 * len(new)  # a fifth round would need 525 of the 500 positive rows


def test_rows_are_thinned_to_like_lengths_and_never_made_longer(known: Reference) -> None:
    found = compared(known, words=60)
    length = np.asarray(found.counts.sum(axis=1))
    assert np.median(length[~found.is_new]) == np.median(length[found.is_new]) == 60
    assert length.max() == 60
    assert found.counts.data.min() >= 1


def test_rows_are_not_thinned_to_next_to_nothing(known: Reference) -> None:
    found = compared(known, words=3)
    length = np.asarray(found.counts.sum(axis=1))
    assert length[found.is_new].max() == 3
    assert length[~found.is_new].max() == SETTINGS.shortest


def test_thinning_of_like_lengths_takes_little(known: Reference) -> None:
    found = compared(known)
    assert found.counts.sum() > 0.85 * 120 * len(found.label)


def test_a_label_with_few_rows_is_left_out(known: Reference) -> None:
    assert set(compared(known, positive=0.95).label.tolist()) == {1}


def test_features_know_no_rare_piece_and_no_label(known: Reference) -> None:
    found = compared(known)
    weights = features.tfidf(found, known, settings=SETTINGS)
    standing = np.bincount(found.counts.indices)
    assert weights.shape == (len(found.label), (standing >= SETTINGS.frequent * len(found.label)).sum())
    for label in (0, 1):
        assert np.abs(weights[found.label == label].mean(axis=0)).max() < 1e-12


@pytest.mark.slow
def test_separation_is_that_of_a_refitted_permutation_test(known: Reference) -> None:
    found = compared(known)
    weights = features.tfidf(found, known, settings=SETTINGS)
    separate = [
        text_measure.separate(
            replace(found, is_new=np.random.default_rng([2, draw]).permuted(found.is_new)),
            weights,
            settings=replace(SETTINGS, shuffles=99),
            random=np.random.default_rng(draw),
        )
        for draw in range(12)
    ]
    p_values = [each.p_value for each in separate]
    assert max(p_values) > 0.5
    assert min(p_values) > 0.001
    assert np.mean([each.value for each in separate]) == pytest.approx(0.0, abs=0.08)


def test_regression_over_rows_is_that_over_features() -> None:
    random = np.random.default_rng(3)
    wide, target = random.normal(size=(60, 80)), random.integers(2, size=(60, 4)).astype(np.float64)
    fold = np.arange(60) % 3
    narrow = np.linalg.qr(wide.T)[1].T  # the same inner products in 60 columns
    both = [text_measure._held_out(each, target, fold, strength=1.0) for each in (wide, np.c_[narrow])]
    assert np.abs(both[0] - both[1]).max() < 1e-9


def test_error_is_compared_at_the_label_shares_of_the_new_rows(known: Reference) -> None:
    weak = known.heldout_score.copy()
    weak[known.heldout_label == 1] = 0.1  # wrong on every positive row
    rows = [replace(row, score=0.9 if row.label == 0 else 0.1) for row in new_rows(100, seed=2, positive=0.2)]
    found = measure_error(replace(known, heldout_score=weak), rows, settings=SETTINGS, alpha=0.01).measure
    right = float((weak[known.heldout_label == 0] < 0.5).mean())
    assert found.value == pytest.approx(0.8 * right)


@pytest.mark.parametrize(("wrong", "least", "most"), [(7, 0.3, 0.8), (14, 0.001, 0.05), (25, 0.0, 1e-5)])
def test_error_has_the_p_value_of_a_binomial_where_the_held_out_rows_are_many(
    tmp_path: Path, wrong: int, least: float, most: float
) -> None:
    from scipy.stats import binomtest

    many = make_reference(tmp_path / "reference.npz", rows=50, heldout=20_000)
    missed = float(((many.heldout_score >= 0.5) != many.heldout_label).mean())
    rows = new_rows(100, seed=3)
    rows = [replace(row, score=float(row.label ^ (place < wrong))) for place, row in enumerate(rows)]
    found = measure_error(many, rows, settings=SETTINGS, alpha=0.01).measure
    assert least <= found.p_value <= most
    assert found.p_value == pytest.approx(binomtest(wrong, 100, missed, "greater").pvalue, rel=0.15)


def test_intervals_hold_the_value(known: Reference) -> None:
    for positive in (0.1, 0.5, 0.9):
        rows = new_rows(60, seed=4, positive=positive, of=SHOPS)
        for take in (measure_error, measure_label_share):
            found = take(known, rows, settings=SETTINGS, alpha=0.01).measure
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_label_share_has_fishers_p_value(known: Reference) -> None:
    from scipy.stats import fisher_exact

    found = measure_label_share(
        known, new_rows(80, seed=5, positive=0.65), settings=SETTINGS, alpha=0.01
    ).measure
    assert found.value == pytest.approx(0.15)
    assert found.p_value == pytest.approx(fisher_exact([[52, 28], [500, 500]]).pvalue)
