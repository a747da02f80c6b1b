"""Reads dates as they stand in files of reviews, and names the day, week, month, quarter or year they lie in.

A time of day is dropped, and so is its zone: a review belongs to the date that is written down. Only numbers
of seconds have to be given a zone, which is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from bertsent.base.records.groups import Unit

_FIRST, _LAST = 1900, 2199  # years; others are typing errors, or stand for "none"
_LONGEST = (
    100  # characters of a cell that holds a date, such as "Reviewed in the United States on May 4, 2021"
)
_SCALES = (1, 10**3, 10**6, 10**9)  # Unix time in s, ms, us and ns
_EARLIEST, _LATEST = 6 * 10**8, 42 * 10**8  # s: 1989 and 2103. Smaller numbers are years, dates or counts
_COMPACT = re.compile(r"((?:19|20|21)\d\d)(?:(\d\d)(?:(\d\d)(?:\d{4}|\d{6})?)?)?")  # 2018, 201807, 20180707
_NUMBER = re.compile(r"\d{1,19}(?:\.\d{0,20})?(?:[eE]\+?\d{1,2})?")
_END = r"(?=$|[ T,;])"  # behind a date: nothing, or its time
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/. ])(\d\d?)(?:\2(\d\d?))?{_END}")
_YEAR_LAST = re.compile(rf"(\d\d?)([-/. ])(\d\d?)(,? |[-/.])(\d{{4}}|\d\d){_END}")
_MONTH_YEAR = re.compile(r"(\d\d?)[-/.](\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"(?:(?<=jan)uary|(?<=feb)ruary|(?<=mar)ch|(?<=apr)il|(?<=ju[nl])[ey]|(?<=aug)ust|(?<=sep)t(?:ember)?"
    r"|(?<=oct)ober|(?<=nov)ember|(?<=dec)ember)?\b\.?"
)
_ORDINAL = r"(?:st|nd|rd|th)?"
_DAY_NAME = re.compile(rf"\b(\d\d?){_ORDINAL}[ ./-]{{1,2}}(?:of )?{_NAME},?[ ./'-]{{1,2}}(\d{{4}}|\d\d)\b")
_NAME_DAY = re.compile(
    rf"\b{_NAME}[ ./-]{{1,2}}(\d\d?){_ORDINAL}\b(?!:)(?:,|.*?\b)[ ./-]{{0,2}}((?:19|20|21)\d\d)\b"
)
_NAME_YEAR = re.compile(rf"{_NAME},?[ ./-]{{1,2}}(\d{{4}})")


class Day(NamedTuple):
    """A date read from a cell."""

    when: date
    exact: Unit = "day"  # the finest unit that the cell gives; `when` is its first day
    day_first: date | None = None  # the other reading of 03/04/2021, where the third of April is meant
    order: Literal["", "day", "month"] = ""  # the first number of 25/04/2021 or 04/25/2021


def read_date(value: Any) -> Day | None:
    """The date in a cell; None if there is none.

    It reads dates and times; ISO 8601 with or without a time; 2018/7/7; 20180707; Unix time in seconds,
    milliseconds, microseconds or nanoseconds; Jul 7, 2018 and 7 July 2018, also inside a sentence;
    07.12.2018, day first; and 07/12/2018 or 07-12-2018, where both readings are returned if both exist.
    """
    if isinstance(value, datetime):  # before `date`, of which it is a kind
        return _day(value.year, value.month, value.day)
    if isinstance(value, date):
        return _day(value.year, value.month, value.day)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _read(str(value)[: _LONGEST + 1])


def period(day: Day, unit: Unit, *, day_first: bool = False) -> str | None:
    """The name of the unit of time in which a date lies, such as 2018-Q3; names sort as time does.

    Weeks are those of ISO 8601: they begin on Monday, and 2018-W01 is the week of the first Thursday of 2018.
    None if the cell does not say, as a year does not give a month.
    """
    when = (day.day_first if day_first else None) or day.when
    if day.exact != "day" and (unit in {"day", "week"} or (day.exact == "year" and unit != "year")):
        return None
    if unit == "week":
        year, week, _ = when.isocalendar()
        return f"{year:04}-W{week:02}"
    if unit == "quarter":
        return f"{when.year:04}-Q{(when.month + 2) // 3}"
    return when.isoformat()[: {"day": 10, "month": 7, "year": 4}[unit]]


def number_of(name: str, unit: Unit) -> int:
    """The position in time of what `period` names; the next day, week, month and so on has one more."""
    year = int(name[:4])
    if unit == "day":
        return date.fromisoformat(name).toordinal()
    if unit == "week":
        return date.fromisocalendar(year, int(name[6:]), 1).toordinal() // 7
    parts = {"month": 12, "quarter": 4, "year": 1}[unit]
    return year * parts + int(name[5:].lstrip("Q") or 1) - 1


@lru_cache(maxsize=8192)  # neighbouring reviews have the same date
def _read(text: str) -> Day | None:
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if text[0].isdigit():
        return _read_numeric(text) or _read_named(text.lower())
    return _read_named(text.lower())


def _read_numeric(text: str) -> Day | None:
    if _NUMBER.fullmatch(text):
        return _from_number(text)
    if match := _YEAR_FIRST.match(text):
        return _day(int(match[1]), int(match[3]), int(match[4] or 0))
    if match := _MONTH_YEAR.fullmatch(text):
        return _day(int(match[2]), int(match[1]))
    if not (match := _YEAR_LAST.match(text)):
        return None
    first, second, year = int(match[1]), int(match[3]), _full_year(match[5])
    month_first, day_first = _day(year, first, second), _day(year, second, first)
    if match[2] == ".":  # 07.12.2018: in no country is the month first
        return day_first or month_first
    if match[2] == " ":  # 07 12, 2018: the reviews of Amazon
        return month_first or day_first
    if month_first and day_first:
        return Day(month_first.when, day_first=None if first == second else day_first.when)
    only = month_first or day_first
    return only and only._replace(order="month" if month_first else "day")


def _read_named(text: str) -> Day | None:
    if match := _DAY_NAME.search(text):
        return _day(_full_year(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
    if match := _NAME_DAY.search(text):
        return _day(int(match[3]), _MONTHS.index(match[1]) + 1, int(match[2]))
    if match := _NAME_YEAR.fullmatch(text):
        return _day(int(match[2]), _MONTHS.index(match[1]) + 1)
    return None


def _from_number(text: str) -> Day | None:
    whole = text.removesuffix(".0")
    if (match := _COMPACT.fullmatch(whole)) and (
        day := _day(*(int(part) for part in match.groups() if part))
    ):
        return day
    number = float(text)
    for scale in _SCALES:
        if _EARLIEST <= number / scale < _LATEST:
            when = datetime.fromtimestamp(number / scale, UTC)
            return Day(when.date())
    return None


def _full_year(digits: str) -> int:
    """A year of two digits lies between 1969 and 2068, as POSIX has it."""
    year = int(digits)
    return year if len(digits) > 2 else year + (1900 if year >= 69 else 2000)


def _day(year: int, month: int | None = None, day: int | None = None) -> Day | None:
    if not _FIRST <= year <= _LAST:
        return None
    try:
        return Day(date(year, month or 1, day or 1), "day" if day else "month" if month else "year")
    except ValueError:
        return None
