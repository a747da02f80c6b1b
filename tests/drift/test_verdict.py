"""Significance, correction and verdict."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.records import NAN, Measure
from bertsent.drift.verdict import correct, decide, significance

SETTINGS = DriftSettings()


def measures(*values: float, p_value: float = 0.5, high: float = 0.3, **changed: Any) -> list[Measure]:
    names: Any = ("text", "error", "label_share")
    return [
        Measure(name, value, low=0.0, high=high, p_value=p_value, n=200, **changed)
        for name, value in zip(names, values, strict=True)
    ]


def test_all_looks_together_spend_no_more_than_their_alpha() -> None:
    spent = [significance(look, SETTINGS) for look in range(1, 10_000)]
    assert sum(spent) < SETTINGS.alpha
    assert spent == sorted(spent, reverse=True)
    assert spent[0] <= SETTINGS.alpha_of_a_look


def test_correct_is_holms_and_passes_over_what_was_not_judged() -> None:
    found = correct(
        [Measure("text", 0.2, p_value=0.01), Measure("error", NAN), Measure("label_share", 0.1, p_value=0.04)]
    )
    assert [each.adjusted for each in found] == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


def test_correct_keeps_the_order_and_ends_at_one() -> None:
    found = correct(
        [
            Measure("text", 0.2, p_value=0.9),
            Measure("error", 0.2, p_value=0.02),
            Measure("label_share", 0.2, p_value=0.021),
        ]
    )
    assert [each.adjusted for each in found] == pytest.approx([0.9, 0.06, 0.06])


def test_drift_needs_both_the_threshold_and_the_certainty() -> None:
    for rows, expected in (
        (correct(measures(0.3, 0.0, 0.0, p_value=1e-6)), "drift"),
        (correct(measures(0.09, 0.0, 0.0, p_value=1e-6)), "stable"),
        (correct(measures(0.3, 0.0, 0.0)), "cannot_tell"),
    ):
        assert decide(rows, rows=200, alpha=0.01, settings=SETTINGS)[0] == expected


def test_few_rows_are_stable_only_with_narrow_intervals() -> None:
    for high, rows, expected in ((0.09, 120, "stable"), (0.12, 120, "cannot_tell"), (0.12, 200, "stable")):
        found = decide(correct(measures(0.0, 0.0, 0.0, high=high)), rows=rows, alpha=0.01, settings=SETTINGS)
        assert found[0] == expected


def test_a_measure_that_was_not_judged_leaves_no_stable_verdict_and_says_why() -> None:
    rows = correct(
        [*measures(0.0, 0.0, 0.0, high=0.01)[:2], Measure("label_share", NAN, why="of some reason")]
    )
    verdict, fired, reason = decide(rows, rows=500, alpha=0.01, settings=SETTINGS)
    assert (verdict, fired) == ("cannot_tell", ())
    assert "label share" in reason.lower()
    assert "of some reason" in reason


def test_a_measure_that_was_not_judged_does_not_hide_drift() -> None:
    rows = correct([Measure("text", NAN, why="few"), *measures(0.0, 0.4, 0.0, p_value=1e-9)[1:]])
    assert decide(rows, rows=50, alpha=0.01, settings=SETTINGS)[:2] == ("drift", ("error",))
