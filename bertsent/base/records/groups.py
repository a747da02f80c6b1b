"""The records of scores by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["day", "week", "month", "quarter", "year"]
UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True, slots=True)
class Extreme:
    """One of the most negative or most positive reviews of a group."""

    score: float  # P(positive)
    text: str  # cut after `GroupSettings.excerpt` characters
    path: str  # where the review came from


@dataclass(frozen=True, slots=True)
class Group:
    """The scores of the reviews with one value of a column, or of a whole input."""

    value: str | None  # None: empty cells and those without a date, the whole input, or pooled groups
    n: int  # scored reviews
    positive: int  # with the label "positive"
    unsure: int  # with the label "unsure"; the rest is negative
    empty: int  # rows without text, which have no score
    mean_score: float  # NaN without a scored review
    interval: tuple[float, float]  # 95 %, of `share_positive` (Wilson 1927); NaN without a scored review
    few: bool  # so few reviews that the interval is wide
    most_negative: tuple[Extreme, ...]  # lowest score first; all lie below the threshold
    most_positive: tuple[Extreme, ...]  # highest score first; all lie at or above the threshold

    @property
    def negative(self) -> int:
        return self.n - self.positive - self.unsure

    @property
    def share_positive(self) -> float:
        """Share of the scored reviews with the label "positive"; NaN without one."""
        return self.positive / self.n if self.n else float("nan")

    @property
    def share_unsure(self) -> float:
        """Share of the scored reviews with the label "unsure"; NaN without one."""
        return self.unsure / self.n if self.n else float("nan")

    def as_json(self) -> dict[str, Any]:
        """The documented keys of a group."""
        return {
            "value": self.value,
            "n": self.n,
            "positive": self.positive,
            "negative": self.negative,
            "unsure": self.unsure,
            "empty": self.empty,
            "share_positive": self.share_positive,
            "low": self.interval[0],
            "high": self.interval[1],
            "share_unsure": self.share_unsure,
            "mean_score": self.mean_score,
            "few": self.few,
            "most_negative": self.most_negative,
            "most_positive": self.most_positive,
        }


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups of one `--by`."""

    by: str  # as the user wrote it
    column: str
    unit: Unit | None  # of time; None: the values as they are
    groups: tuple[Group, ...]  # dates: oldest first; else largest first; the group without a value is last
    pooled: Group | None  # the reviews of further values, if there were more values than are told apart
    notes: tuple[str, ...]  # what the reader has to know: values that are no dates, day or month first

    def shown(self, most: int) -> tuple[Group, ...]:
        """At most `most` groups, in their order: of dates the latest ones, else the largest ones."""
        named = [group for group in self.groups if group.value is not None]
        unnamed = [group for group in self.groups if group.value is None]
        return (*(named[-most:] if self.unit else named[:most]), *unnamed)

    def as_json(self) -> dict[str, Any]:
        """The documented keys of a grouping."""
        return {
            "by": self.by,
            "column": self.column,
            "unit": self.unit,
            "values": [group.as_json() for group in self.groups],
            "pooled": None if self.pooled is None else self.pooled.as_json(),
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class Overview:
    """The scores of a whole input, and of its groups."""

    whole: Group
    bands: tuple[int, ...]  # reviews in each of equal bands of the score, 0 to 1
    groupings: tuple[Grouping, ...]
