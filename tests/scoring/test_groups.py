"""Scores by group: what is counted, in which order, and what is said beside it."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from scipy.stats import binomtest

from bertsent.base.errors import UsageError
from bertsent.base.records.core import Label, Prediction, Review, to_json
from bertsent.base.records.groups import Grouping, Overview
from bertsent.base.records.reading import MISSING, Column
from bertsent.base.settings.grouping import GroupSettings
from bertsent.scoring.group_keys import check_dates, parse_keys
from bertsent.scoring.groups import Groups
from bertsent.scoring.metrics import wilson

Row = tuple[Any, float | None]  # a cell, and the score of its review; None: it has no text


def prediction(score: float, text: str) -> Prediction:
    label: Label = "unsure" if 0.4 < score < 0.6 else "positive" if score >= 0.5 else "negative"
    return Prediction(text, score, label, tokens=1, truncated=False, version="1", path=f"r.csv:{text}")


def overview(rows: Iterable[Row], *by: str, texts: Sequence[str] = (), **settings: Any) -> Overview:
    groups = Groups(parse_keys(by, [Column("cell")]), threshold=0.5, settings=GroupSettings(**settings))
    for number, (cell, score) in enumerate(rows, start=1):
        text = texts[number - 1] if texts else str(number)
        groups.add(Review(text, cells=(cell,)), None if score is None else prediction(score, text))
    assert to_json(groups.result().groupings) == to_json(groups.result().groupings)
    return groups.result()


def grouped(rows: Iterable[Row], by: str = "cell", **settings: Any) -> Grouping:
    (grouping,) = overview(rows, by, **settings).groupings
    return grouping


def values(grouping: Grouping) -> dict[str | None, int]:
    return {group.value: group.n for group in grouping.groups}


# counts


def test_each_group_has_its_counts_and_shares() -> None:
    rows = [("a", 0.9), ("a", 0.8), ("a", 0.5), ("a", 0.1), ("a", None), ("b", 0.2)]
    a, b = grouped(rows, few=2).groups
    assert (a.value, a.n, a.positive, a.negative, a.unsure, a.empty) == ("a", 4, 2, 1, 1, 1)
    assert (a.share_positive, a.share_unsure, a.few, b.few) == (0.5, 0.25, False, True)
    assert a.mean_score == pytest.approx(0.575)
    assert a.interval == wilson(2, 4)


@pytest.mark.parametrize(("part", "whole"), [(0, 1), (1, 1), (3, 10), (0, 50), (499, 500), (5000, 12345)])
def test_wilson_is_that_of_scipy(part: int, whole: int) -> None:
    expected = binomtest(part, whole).proportion_ci(0.95, "wilson")
    assert wilson(part, whole) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_does_not_exist() -> None:
    assert all(map(math.isnan, wilson(0, 0)))


def test_the_whole_input_is_counted_beside_its_groups() -> None:
    found = overview([("a", 0.0), ("b", 1.0), ("b", 0.51), ("c", None)], "cell", bands=4)
    assert (found.whole.n, found.whole.positive, found.whole.empty) == (3, 1, 1)
    assert found.bands == (1, 0, 1, 1)
    assert sum(group.n for group in found.groupings[0].groups) == 3


def test_values_are_the_largest_first_and_empty_cells_last() -> None:
    rows = [(None, 0.1), ("", 0.1), (" ", 0.1), (MISSING, 0.1), (math.nan, 0.1), ("b", 0.1), ("a", 0.1)]
    assert list(values(grouped([*rows, ("c", 0.1), ("c", 0.1)])).items()) == [
        ("c", 2),
        ("a", 1),
        ("b", 1),
        (None, 5),
    ]


def test_values_of_other_types_get_one_name_each() -> None:
    cells = [5, 5.0, "5", 2.5, True, ["x", 1], {"k": "é"}]
    assert values(grouped((cell, 0.1) for cell in cells)) == {
        "5": 3,
        "2.5": 1,
        "true": 1,
        '["x", 1]': 1,
        '{"k": "é"}': 1,
    }


def test_further_values_are_counted_together_and_said() -> None:
    found = grouped([(f"v{number % 5}", 0.9) for number in range(20)], most=3)
    assert values(found) == {"v0": 4, "v1": 4, "v2": 4}
    assert found.pooled is not None
    assert found.pooled.n == 8
    assert found.notes == ("cell has more than 3 values: 8 rows with further ones are counted together",)


def test_memory_does_not_grow_with_the_values() -> None:
    groups = Groups(parse_keys(["cell"], [Column("cell")]), threshold=0.5, settings=GroupSettings(most=100))

    def add(numbers: range) -> None:
        for number in numbers:
            text = f"{number} " + "x" * 5000
            groups.add(Review(text, cells=(f"v{number}",)), prediction(number % 997 / 997, text))

    add(range(2000))
    tracemalloc.start()
    add(range(2000, 6000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000


# the reviews at the ends


def test_extremes_are_the_outermost_on_their_own_side() -> None:
    scores = [0.3, 0.9, 0.05, 0.45, 0.95, 0.01, 0.7, 0.8, 0.2]
    (group,) = grouped((("a", score) for score in scores), extremes=3).groups
    assert [extreme.score for extreme in group.most_negative] == [0.01, 0.05, 0.2]
    assert [extreme.score for extreme in group.most_positive] == [0.95, 0.9, 0.8]
    assert group.most_negative[0].path == "r.csv:6"


def test_a_group_of_one_side_has_no_extreme_of_the_other() -> None:
    (group,) = grouped([("a", 0.9), ("a", 0.8)]).groups
    assert group.most_negative == ()
    assert len(group.most_positive) == 2


def test_the_same_text_is_one_extreme() -> None:
    found = overview(
        [("a", 0.1), ("a", 0.1), ("a", 0.2)], "cell", texts=["awful", "awful", "poor"]
    ).groupings[0]
    assert [extreme.text for extreme in found.groups[0].most_negative] == ["awful", "poor"]


def test_long_reviews_are_cut() -> None:
    found = overview([("a", 0.1)], "cell", texts=["word " * 1000], excerpt=50).groupings[0]
    assert found.groups[0].most_negative[0].text == ("word " * 10)[:49] + "…"


# dates


def test_dates_are_in_the_order_of_time_whatever_their_number() -> None:
    cells = ["2021-02-03", "2020-12-31", "2021-02-04", "2021-01-01", "2021-02-05"]
    found = grouped(((cell, 0.9) for cell in cells), "month:cell")
    assert list(values(found).items()) == [("2020-12", 1), ("2021-01", 1), ("2021-02", 3)]
    assert (found.column, found.unit, found.notes) == ("cell", "month", ())


def test_without_a_unit_dates_are_values() -> None:
    assert values(grouped([("2021-02-03", 0.9), ("2021-02-04", 0.9)])) == {
        "2021-02-03": 1,
        "2021-02-04": 1,
    }


def test_what_is_no_date_is_counted_and_quoted() -> None:
    found = grouped([("2021-02-03", 0.9), ("soon", 0.9), (None, 0.9), ("so\x1bon", 0.1)], "year:cell")
    assert values(found) == {"2021": 1, None: 3}
    assert found.notes == (r"2 rows have no date in cell that tells the year: 'soon', 'so\\x1bon'",)


def test_day_first_is_taken_from_the_rows_that_tell_it() -> None:
    found = grouped([("03/04/2021", 0.9), ("25/04/2021", 0.1), ("05/05/2021", 0.1)], "month:cell")
    assert values(found) == {"2021-04": 2, "2021-05": 1}
    assert "day first" in found.notes[0]


def test_month_first_is_taken_from_the_rows_that_tell_it() -> None:
    found = grouped([("03/04/2021", 0.9), ("04/25/2021", 0.1)], "month:cell")
    assert values(found) == {"2021-03": 1, "2021-04": 1}
    assert found.notes == ()


def test_if_no_row_tells_the_order_a_note_says_what_was_taken() -> None:
    rows = [("03/04/2021", 0.9), ("05/06/2021", 0.1)]
    found = grouped(rows, "month:cell")
    assert values(found) == {"2021-03": 1, "2021-05": 1}
    (note,) = found.notes
    assert "does not tell" in note
    assert "'03/04/2021'" in note
    assert "--day-first" in note
    found = grouped(rows, "month:cell", day_first=True)
    assert values(found) == {"2021-04": 1, "2021-06": 1}
    assert found.notes == ()
    assert grouped(rows, "year:cell").notes == ()  # either way it is 2021


def test_both_orders_in_one_column_are_said() -> None:
    rows = [(cell, 0.9) for cell in ("03/04/2021", "25/04/2021", "26/04/2021", "04/27/2021")]
    found = grouped(rows, "month:cell")
    assert values(found) == {"2021-04": 4}
    assert "with the day first and with the month first" in found.notes[0]


def test_counts_of_both_readings_are_joined_with_the_certain_ones() -> None:
    rows = [("03/04/2021", 0.9), ("25/04/2021", 0.01), ("04/04/2021", None), ("02/04/2021", 0.2)]
    (april,) = grouped(rows, "month:cell", extremes=1).groups
    assert (april.n, april.positive, april.empty) == (3, 1, 1)
    assert [extreme.score for extreme in april.most_negative] == [0.01]


# which groups are shown


def test_shown_are_the_largest_values_and_the_latest_dates() -> None:
    rows = [("a", 0.1), ("b", 0.1), ("b", 0.1), ("c", 0.1), ("c", 0.1), ("c", 0.1), (None, 0.1)]
    assert [group.value for group in grouped(rows).shown(2)] == ["c", "b", None]
    dates = [("2021-01-01", 0.1), ("2021-01-02", 0.1), ("2022-01-01", 0.1), ("2023-01-01", 0.1)]
    assert [group.value for group in grouped(dates, "year:cell").shown(2)] == ["2022", "2023"]


# what --by may name


def test_by_names_a_column_whatever_its_case_and_a_unit() -> None:
    columns = [Column("Product"), Column("date"), Column("month:date"), Column("A"), Column("a")]
    keys = parse_keys(["product", "Month:DATE", "month:date", "week:date", "a", "product"], columns)
    assert [(key.column, key.unit) for key in keys] == [
        ("Product", None),
        ("month:date", None),
        ("month:date", None),
        ("date", "week"),
        ("a", None),
    ]


@pytest.mark.parametrize("by", ["brand", "month:brand", "decade:date", "", "month:"])
def test_by_of_no_column_lists_the_columns(by: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_keys([by], [Column("date"), Column("prod\x1buct")])
    assert "--by needs a column" in str(raised.value)
    assert r"the columns are date, prod\x1buct" in str(raised.value)


def test_a_column_without_dates_is_refused_with_one_that_has_them() -> None:
    columns = [Column("product"), Column("sold")]
    reviews = [Review("x", cells=("Phone", f"2021-03-{day:02}")) for day in range(1, 20)]
    with pytest.raises(UsageError) as raised:
        check_dates(parse_keys(["month:product"], columns), reviews, columns, GroupSettings())
    assert str(raised.value) == (
        "--by month:product: the column holds no dates. Received: 'Phone'. Hint: --by month:sold"
    )


def test_a_column_with_some_dates_or_without_values_is_taken() -> None:
    columns = [Column("a"), Column("b")]
    reviews = [Review("x", cells=("n/a", "")), Review("x", cells=("2021-03-04", None))]
    check_dates(parse_keys(["month:a", "month:b", "a"], columns), reviews, columns, GroupSettings())
