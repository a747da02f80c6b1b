"""The records that every command needs: reviews, predictions, and progress."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import PurePath
from typing import Any, Literal

Label = Literal["positive", "negative", "unsure"]


@dataclass(frozen=True, slots=True)
class Review:
    """One example: a text and, where known, its gold label (0 negative, 1 positive)."""

    text: str
    label: int | None = None
    path: str = ""  # the file it came from, or "file:line" for a row of a table
    cells: tuple[Any, ...] | None = None  # the row it came from, in the order of the table's columns


@dataclass(frozen=True, slots=True)
class Prediction:
    """A version's prediction for one text.

    `score` is P(positive) in [0, 1]; `tokens` counts the word pieces of the whole text without [CLS] and
    [SEP]; `truncated` is True if they did not all fit into the version's window.
    """

    text: str
    score: float
    label: Label
    tokens: int
    truncated: bool
    version: str
    path: str = ""
    gold: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented keys of a prediction, without those that only `batch` has."""
        return {
            "text": self.text,
            "score": self.score,
            "label": self.label,
            "tokens": self.tokens,
            "truncated": self.truncated,
            "version": self.version,
        }


def to_json(value: Any) -> Any:
    """A record, or a structure of records, as JSON's own types.

    Dataclasses and mappings become dicts, tuples become lists, paths become strings; NaN and the infinities,
    which JSON lacks, become None.
    """
    if value is None or isinstance(value, str | int):  # first: most values are one of these
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, PurePath) else value


class Progress:
    """How the core, which never prints, reports its progress.

    This class ignores every report; its subclasses in the command layer show them.
    """

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        """Begins a task of `total` units, or of unknown length if that is None."""

    def advance(self, done: int, **figures: float) -> None:
        """Sets how many units are done, with numbers to show beside it (loss, accuracy)."""

    def finish(self) -> None:
        """Ends the task."""

    def tell(self, message: str) -> None:
        """Shows one line about the work to a user who watches its progress."""

    def note(self, message: str) -> None:
        """Shows one line that every user should read, with or without progress."""


silent = Progress()
