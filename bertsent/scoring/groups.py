"""Summarises scores by the values of columns, in bounded memory, while the reviews pass."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bertsent.base.display import visible
from bertsent.base.records.core import Prediction, Review
from bertsent.base.records.groups import Extreme, Group, Grouping, Overview
from bertsent.base.settings.grouping import GroupSettings
from bertsent.scoring.dates import period, read_date
from bertsent.scoring.group_keys import QUOTED, Key, is_empty, name_of, quote
from bertsent.scoring.metrics import wilson

_SETTINGS = GroupSettings()


class Groups:
    """Counts scores as they come, of the whole input and by group.

    Args:
        keys: From `parse_keys`.
        threshold: Scores at or above it are on the positive side.
        settings: Numbers of groups and of reviews to hold.
    """

    def __init__(
        self, keys: Sequence[Key], *, threshold: float, settings: GroupSettings | None = None
    ) -> None:
        self._settings = settings or _SETTINGS
        self._threshold = threshold
        self._whole = _Tally()
        self._bands = [0] * self._settings.bands
        self._tables = [_Table(key, self._settings) for key in keys]

    def add(self, review: Review, prediction: Prediction | None) -> None:
        """Counts a row of the input, whose `cells` the keys point into; None: it has no text."""
        scored = None
        if prediction is not None:
            positive_side = prediction.score >= self._threshold
            scored = _Scored(prediction, self._whole.n, positive_side, self._settings.excerpt)
        self._whole.add(scored, self._settings.of_all)
        if scored:
            band = int(scored.prediction.score * self._settings.bands)
            self._bands[min(band, self._settings.bands - 1)] += 1
        for table in self._tables:
            table.add((review.cells or ())[table.key.position], scored)

    def result(self) -> Overview:
        """The counts so far."""
        whole = _group(None, self._whole, self._settings)
        return Overview(whole, tuple(self._bands), tuple(table.result() for table in self._tables))


class _Scored:
    """A prediction, and its review cut to what the lists hold; the cut is made once for all groups."""

    __slots__ = ("_excerpt", "_extreme", "order", "positive_side", "prediction")

    def __init__(self, prediction: Prediction, order: int, positive_side: bool, excerpt: int) -> None:
        self.prediction, self.order, self.positive_side = prediction, order, positive_side
        self._excerpt, self._extreme = excerpt, None  # type: tuple[int, Extreme | None]

    @property
    def extreme(self) -> Extreme:
        if self._extreme is None:
            text = self.prediction.text
            cut = text if len(text) <= self._excerpt else text[: self._excerpt - 1] + "…"
            self._extreme = Extreme(self.prediction.score, cut, self.prediction.path)
        return self._extreme


class _End(NamedTuple):
    """A review at one end of a group; these sort by their distance, then as they came."""

    distance: float  # of the score from 0 or from 1
    order: int
    extreme: Extreme


class _Tally:
    """The counts of a group, and the reviews at its ends."""

    __slots__ = ("empty", "most_negative", "most_positive", "n", "positive", "total", "unsure")

    def __init__(self) -> None:
        self.n = self.positive = self.unsure = self.empty = 0
        self.total = 0.0
        self.most_negative: list[_End] = []  # nearest to the end first
        self.most_positive: list[_End] = []

    def add(self, scored: _Scored | None, most: int) -> None:
        if scored is None:
            self.empty += 1
            return
        score, label = scored.prediction.score, scored.prediction.label
        self.n += 1
        self.positive += label == "positive"
        self.unsure += label == "unsure"
        self.total += score
        ends = self.most_positive if scored.positive_side else self.most_negative
        distance = 1 - score if scored.positive_side else score
        if len(ends) < most or distance < ends[-1].distance:
            _enter(ends, _End(distance, scored.order, scored.extreme), most)


def _joined(tallies: Iterable[_Tally | None], most: int) -> _Tally:
    """The counts of several groups as those of one."""
    whole = _Tally()
    for tally in filter(None, tallies):
        whole.n += tally.n
        whole.positive += tally.positive
        whole.unsure += tally.unsure
        whole.empty += tally.empty
        whole.total += tally.total
        for end in tally.most_negative:
            _enter(whole.most_negative, end, most)
        for end in tally.most_positive:
            _enter(whole.most_positive, end, most)
    return whole


def _enter(ends: list[_End], end: _End, most: int) -> None:
    if all(end.extreme.text != other.extreme.text for other in ends):  # the same text thrice says no more
        ends.append(end)
        ends.sort(key=_distance)
        del ends[most:]


def _distance(end: _End) -> tuple[float, int]:
    return end.distance, end.order


class _Table:
    """The groups of one column.

    Dates such as 03/04/2021 are counted in both ways until all rows have been seen: only then is it certain
    whether another row, such as 25/04/2021, tells which of the two numbers is the day.
    """

    def __init__(self, key: Key, settings: GroupSettings) -> None:
        self.key, self._settings = key, settings
        self._groups: dict[str, _Tally] = {}
        self._month_first: dict[str, _Tally] = {}
        self._day_first: dict[str, _Tally] = {}
        self._none, self._pooled = _Tally(), _Tally()
        self._no_value = self._no_date = self._ambiguous = 0  # rows
        self._orders = Counter[str]()  # "day" or "month" -> rows that tell that it comes first
        self._examples: dict[str, dict[str, None]] = {"no date": {}, "ambiguous": {}}  # of values

    def add(self, value: Any, scored: _Scored | None) -> None:
        unit = self.key.unit
        if is_empty(value):
            self._no_value += 1
            self._none.add(scored, self._settings.extremes)
        elif unit is None:
            self._add(self._groups, name_of(value), scored)
        elif (day := read_date(value)) is None or (name := period(day, unit)) is None:
            self._no_date += 1
            self._quote("no date", value)
            self._none.add(scored, self._settings.extremes)
        elif day.day_first is None or (other := str(period(day, unit, day_first=True))) == name:
            self._orders[day.order] += 1
            self._add(self._groups, name, scored)
        else:
            self._ambiguous += 1
            self._quote("ambiguous", value)
            self._add(self._month_first, name, scored)
            self._add(self._day_first, other, scored)

    def _add(self, groups: dict[str, _Tally], name: str, scored: _Scored | None) -> None:
        tally = groups.get(name)
        if tally is None:
            if len(groups) >= self._settings.most:
                tally = self._pooled
            else:
                tally = groups[name] = _Tally()
        tally.add(scored, self._settings.extremes)

    def _quote(self, what: str, value: Any) -> None:
        if len(self._examples[what]) < QUOTED:
            self._examples[what][name_of(value)] = None

    def result(self) -> Grouping:
        day_first = self._settings.day_first or self._orders["day"] > self._orders["month"]
        tallies = dict(self._groups)
        for name, tally in (self._day_first if day_first else self._month_first).items():
            tallies[name] = _joined((tallies.get(name), tally), self._settings.extremes)
        named = [_group(name, tally, self._settings) for name, tally in tallies.items()]
        if self.key.unit:
            named.sort(key=lambda group: group.value or "")
        else:
            named.sort(key=lambda group: (-group.n, group.value))
        unnamed = [_group(None, self._none, self._settings)] if self._no_value or self._no_date else []
        pooled = self._pooled.n + self._pooled.empty
        return Grouping(
            by=self.key.by,
            column=self.key.column,
            unit=self.key.unit,
            groups=(*named, *unnamed),
            pooled=_group(None, self._pooled, self._settings) if pooled else None,
            notes=tuple(self._notes(day_first=day_first, pooled=pooled)),
        )

    def _notes(self, *, day_first: bool, pooled: int) -> Iterator[str]:
        column = visible(self.key.column)
        if self._no_date:
            quoted = quote(self._examples["no date"])
            yield f"{self._no_date} rows have no date in {column} that tells the {self.key.unit}: {quoted}"
        if self._ambiguous and not self._settings.day_first:
            first, least, most = (
                "day" if day_first else "month",
                *sorted((self._orders["day"], self._orders["month"])),
            )
            quoted = quote(self._examples["ambiguous"])
            if not most:
                yield (
                    f"{column} does not tell whether day or month comes first ({quoted}): taken as month "
                    "first; --day-first reads the day first"
                )
            elif least:
                yield (
                    f"{column} has dates with the day first and with the month first; {self._ambiguous} that "
                    f"can be both ({quoted}) are taken as {first} first, as most of the others are"
                )
            elif day_first:
                yield f"{column} has the day first, as in {quoted}: other rows have a first number above 12"
        if pooled:
            yield (
                f"{column} has more than {self._settings.most} values: {pooled} rows with further ones are "
                "counted together"
            )


def _group(value: str | None, tally: _Tally, settings: GroupSettings) -> Group:
    return Group(
        value=value,
        n=tally.n,
        positive=tally.positive,
        unsure=tally.unsure,
        empty=tally.empty,
        mean_score=tally.total / tally.n if tally.n else math.nan,
        interval=wilson(tally.positive, tally.n),
        few=tally.n < settings.few,
        most_negative=tuple(end.extreme for end in tally.most_negative),
        most_positive=tuple(end.extreme for end in tally.most_positive),
    )
