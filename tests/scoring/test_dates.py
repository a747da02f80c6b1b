"""Dates as they stand in files of reviews."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bertsent.base.records.groups import UNITS, Unit
from bertsent.scoring.dates import number_of, period, read_date


@pytest.mark.parametrize(
    "value",
    [
        "2018-07-05",
        " 2018-07-05 ",
        "2018-7-5",
        "2018/07/05 22:09",
        "2018-07-05T22:09:11",
        "2018-07-05T22:09:11.123456+02:00",
        "2018-07-05 22:09:11 UTC",
        "20180705",
        "20180705220911",
        20180705,
        "1530828551",
        1530828551,
        1530828551.0,
        "1530828551.25",
        "1.530828551e9",
        1530828551000,
        "1530828551000",
        1530828551000000,
        1530828551000000000,
        "Jul 5, 2018",
        "July 5th 2018",
        "JULY 5, 2018 10:22 PM",
        "5 July 2018",
        "05-Jul-2018",
        "5. jul. 2018",
        "5-Jul-18",
        "Thu, 05 Jul 2018 22:09:11 GMT",
        "Thu Jul 05 22:09:11 +0000 2018",
        "Reviewed in the United States on July 5, 2018",
        "Reviewed in the United Kingdom on 5 July 2018",
        "05.07.2018",
        "5.7.18",
        "07 5, 2018",
        date(2018, 7, 5),
        datetime(2018, 7, 5, 23, 59),
        datetime(2018, 7, 5, tzinfo=UTC),
    ],
)
def test_dates_of_all_kinds_are_the_same_day(value: Any) -> None:
    day = read_date(value)
    assert day is not None
    assert (day.when, day.exact, day.day_first) == (date(2018, 7, 5), "day", None)


@pytest.mark.parametrize("month", range(1, 13))
def test_months_have_a_long_and_a_short_name(month: int) -> None:
    named = date(2020, month, 9)
    for text in (f"{named:%B} 9, 2020", f"9 {named:%b} 2020", f"{named:%b}. 9, 2020"):
        day = read_date(text)
        assert day is not None
        assert day.when == named
    sept = read_date("Sept 9, 2020")
    assert sept is not None
    assert sept.when.month == 9


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "5 stars",
        "12",
        12,
        4.5,
        True,
        "99999999999999999999",
        "2018-13-40",
        "31/31/2018",
        "0018-07-05",
        "9999-12-31",
        "1e400",
        "march of the penguins",
        "maybe 5 of 2018 people",
        "x" * 5000,
        "9" * 5000,
        "jul 1 " * 5000,
        None,
        time(10, 0),
        float("nan"),
        float("inf"),
        ["2018-07-05"],
    ],
)
def test_what_is_no_date_is_none(value: Any) -> None:
    assert read_date(value) is None


def test_period_names_every_unit() -> None:
    day = read_date("2018-12-31")
    assert day is not None
    names = {unit: period(day, unit) for unit in UNITS}
    assert names == {
        "day": "2018-12-31",
        "week": "2019-W01",  # ISO 8601: its Thursday lies in 2019
        "month": "2018-12",
        "quarter": "2018-Q4",
        "year": "2018",
    }


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("2018-07", ["2018-07", "2018-Q3", "2018"]),
        ("07/2018", ["2018-07", "2018-Q3", "2018"]),
        ("201807", ["2018-07", "2018-Q3", "2018"]),
        ("July 2018", ["2018-07", "2018-Q3", "2018"]),
        ("2018", [None, None, "2018"]),
        (2018.0, [None, None, "2018"]),
    ],
)
def test_a_month_or_year_gives_no_finer_unit(value: Any, names: list[str | None]) -> None:
    day = read_date(value)
    assert day is not None
    assert [period(day, unit) for unit in UNITS] == [None, None, *names]


def test_a_date_that_can_be_read_in_two_ways_gives_both() -> None:
    day = read_date("03/04/2021 10:00")
    assert day is not None
    assert (period(day, "day"), period(day, "day", day_first=True)) == ("2021-03-04", "2021-04-03")
    assert day.order == ""


@pytest.mark.parametrize(
    ("value", "order"), [("25/04/2021", "day"), ("04-25-2021", "month"), ("04/04/2021", ""), ("3.4.21", "")]
)
def test_a_number_above_twelve_tells_the_order(value: str, order: str) -> None:
    day = read_date(value)
    assert day is not None
    assert (day.when.month, day.order, day.day_first) == (4, order, None)


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_of_periods_count_on_without_a_gap(unit: Unit) -> None:
    days = [read_date(date(2018, 12, 1) + timedelta(days=number)) for number in range(900)]
    names = dict.fromkeys(str(period(day, unit)) for day in days if day)
    assert all(number_of(b, unit) == number_of(a, unit) + 1 for a, b in pairwise(names))
    assert len(names) > 2
