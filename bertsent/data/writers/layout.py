"""Which columns an output has: those of the input, in their order, and then our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from bertsent.base.records.core import Prediction, Review, to_json
from bertsent.base.records.reading import Column
from bertsent.base.records.sentences import SentencePrediction
from bertsent.base.settings.reading import LABEL_NAMES

# Our columns, in their order; the names are documented and stay.
OURS = (
    Column("score", "number"),
    Column("label"),
    Column("tokens", "integer"),
    Column("truncated", "boolean"),
    Column("version"),
    Column("path"),
    Column("gold"),
)
# Those with `--sentences`; the last one only in JSON, which alone has lists.
SENTENCES = (
    Column("worst_sentence"),
    Column("worst_score", "number"),
    Column("best_sentence"),
    Column("best_score", "number"),
    Column("sentences", "nested"),
)
_PREFIX = "bertsent_"  # of a column of ours whose name the input has
_ONLY = 2  # score and label

Write = Callable[[Sequence[Any]], None]  # takes the cells of a row, in the order of the layout


@dataclass(slots=True)
class Changes:
    """How many cells of an output differ from their values, because of its format."""

    guarded: int = 0  # begin like a formula and got a ' before them
    cut: int = 0  # are shorter than the text, because a cell of a workbook holds so much only


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of an output."""

    inputs: tuple[Column, ...]  # of the input; empty with `only`
    ours: tuple[Column, ...]  # under the names they get
    renamed: Mapping[str, str]  # our name -> the one it gets, where they differ
    text_column: str = "text"  # the longest one, for which a dictionary of its values would be no use
    sentences: tuple[str, ...] = ()  # the names in `SENTENCES` of the last of ours
    moments: tuple[int, ...] = ()  # which columns of the input are of kind datetime

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.inputs + self.ours

    @property
    def names(self) -> Mapping[str, str]:
        """Our name of a column -> the one it gets."""
        return {column.name: self.renamed.get(column.name, column.name) for column in (*OURS, *SENTENCES)}

    def row(self, review: Review, prediction: Prediction | None) -> tuple[Any, ...]:
        """The cells of a row, in the order of `columns`; without a prediction what only it has is None."""
        cells: tuple[Any, ...] = ()
        if self.inputs:
            cells = (review.text,) if review.cells is None else review.cells
        if self.moments:
            cells = _with_times(cells, self.moments)
        ours = our_cells(review, prediction)[: len(self.ours) - len(self.sentences)]
        return (*cells, *ours, *self._sentence_cells(prediction))

    def _sentence_cells(self, prediction: Prediction | None) -> tuple[Any, ...]:
        if not isinstance(prediction, SentencePrediction):
            return (None,) * len(self.sentences)
        values = {**prediction.columns(), "sentences": to_json(prediction.sentences)}
        return tuple(values[name] for name in self.sentences)


def _with_times(cells: Sequence[Any], moments: Sequence[int]) -> tuple[Any, ...]:
    """The cells with every date of these columns as its midnight: workbooks are read with midnight as a date,
    and one column has one way to write a time."""
    changed = list(cells)
    for index in moments:
        if type(changed[index]) is date:
            changed[index] = datetime.combine(changed[index], time())
    return tuple(changed)


def our_cells(review: Review, prediction: Prediction | None) -> tuple[Any, ...]:
    """The cells of `OURS`; without a prediction, those of the version are None."""
    path = review.path.encode("utf-8", "backslashreplace").decode()  # of a file whose name is not UTF-8
    gold = None if review.label is None else LABEL_NAMES[review.label]
    if prediction is None:
        return None, None, None, None, None, path, gold
    return (
        prediction.score,
        prediction.label,
        prediction.tokens,
        prediction.truncated,
        prediction.version,
        path,
        gold,
    )


def lay_out(
    columns: Sequence[Column],
    *,
    text_column: str = "text",
    only: bool = False,
    sentences: Sequence[Column] = (),
) -> Layout:
    """The columns of the output for an input with these columns.

    A column of the input is never overwritten: if it has the name of one of ours, in whatever case, ours is
    called `bertsent_<name>`, or `bertsent_<name>_2`, `bertsent_<name>_3` ... if the input has that too.

    Args:
        columns: Of the input.
        text_column: The one with the text.
        only: Write the score and the label and nothing else, so that no name is taken.
        sentences: Those of `SENTENCES` to write too.
    """
    if only:
        return Layout((), OURS[:_ONLY], {}, text_column)
    taken = {column.name.casefold() for column in columns}
    ours, renamed = [], {}
    for column in (*OURS, *sentences):
        name, number = column.name, 1
        while name.casefold() in taken:
            name = f"{_PREFIX}{column.name}" + (f"_{number}" if number > 1 else "")
            number += 1
        if name != column.name:
            renamed[column.name] = name
        ours.append(Column(name, column.kind))
    return Layout(
        tuple(columns),
        tuple(ours),
        renamed,
        text_column,
        sentences=tuple(column.name for column in sentences),
        moments=tuple(index for index, column in enumerate(columns) if column.kind == "datetime"),
    )
