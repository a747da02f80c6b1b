"""A table that was opened: its columns, and its rows as a stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import Kind
from bertsent.base.settings.reading import ReadSettings
from bertsent.data import columns as choosing
from bertsent.data.columns import Choice, Getter
from bertsent.data.compression import damage, damaged, open_unpacked
from bertsent.data.decoding import Line, UndecodableError, lines, remedy, texts

_SAMPLE = 1 << 18  # characters of lines that show how the rows of a file are written
_SAMPLE_LINES = 1000
TITLE_ROWS = 10  # among which the header is looked for
_LONGEST_NAME = 40  # characters of a column's name that may follow a title

Rows = Iterator[tuple[int, Any]]  # the number of a row or line, and its cells or its error


@dataclass(slots=True)
class Table:
    """A table that was opened; `rows` may be called again and again.

    Attributes:
        path: The file.
        name: The file as messages name it.
        columns: Their names, unique whatever their case. In JSON those of the first rows.
        choice: Which of them hold text and label.
        read: Gives the rows: all columns if True, else only those of text, label and answer.
        kinds: Column -> its kind, where the format says so.
        class_names: Column -> names of its numbers 0, 1, ..., where the format says so.
        is_json: The cells of a row are an object; later rows may have other keys.
        typed: Cells have kinds that only the rows show.
        more_notes: How else the table is read, besides the columns that were chosen.
        by_line: A second way to read a table whose quotes are only characters; None if there is none.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    choice: Choice
    read: Callable[[bool], Rows]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    class_names: Mapping[str, list[str]] = field(default_factory=dict)
    is_json: bool = False
    typed: bool = False
    more_notes: Sequence[str] = ()
    by_line: Callable[[], Table | None] = lambda: None

    @property
    def answer(self) -> str | None:
        """The column of Prodigy's answers, if there is one."""
        return next((name for name in self.columns if name.lower() == "answer"), None)

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that `read(False)` gives, in this order."""
        return tuple(name for name in (self.choice.text, self.choice.label, self.answer) if name)

    @property
    def notes(self) -> list[str]:
        """How the table is read, for the user."""
        return [note for note in (self.choice.note, *self.more_notes) if note]

    def narrowed(self, rows: Rows, all_columns: bool) -> Rows:
        """What `read` gives of rows with the cells of all columns: those of `used`, or all."""
        if all_columns:
            return rows
        indices = [self.columns.index(name) for name in self.used]
        return (
            (number, cells if isinstance(cells, DataError) else [cells[index] for index in indices])
            for number, cells in rows
        )

    def getters(self, all_columns: bool) -> tuple[Getter, Getter | None, Getter | None]:
        """Functions that take text, label and Prodigy's answer out of the cells of a row."""
        names = self.columns if all_columns or self.is_json else self.used

        def get(name: str) -> Getter:
            if self.is_json:
                return choosing.path_getter(name, exact=name in self.columns)
            return choosing.getter(name, names)

        label, answer = self.choice.label, self.answer
        return get(self.choice.text), get(label) if label else None, get(answer) if answer else None


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text lines."""

    path: Path
    name: str
    settings: ReadSettings

    def lines(self) -> Iterator[Line]:
        """Its lines, unpacked and decoded."""
        limit = self.settings.max_row_bytes
        with open_unpacked(self.path) as (stream, _):
            try:
                yield from lines(stream, name=self.name, encoding=self.settings.encoding, limit=limit)
            except damage() as error:
                raise damaged(self.path, error) from error

    def texts(self) -> Iterator[str]:
        """Its text in pieces, unpacked and decoded."""
        with open_unpacked(self.path) as (stream, _):
            try:
                yield from texts(stream, name=self.name, encoding=self.settings.encoding)
            except damage() as error:
                raise damaged(self.path, error) from error
            except UndecodableError as error:
                hint = hint_for(self.path, error, encoding=self.settings.encoding)
                raise DataError(error.message, hint=hint) from error

    def sample(self) -> list[str]:
        """Its first lines, those that can be decoded."""
        first: list[str] = []
        characters = 0
        for _, line in self.lines():
            if isinstance(line, str):
                first.append(line)
                characters += len(line)
            if characters > _SAMPLE or len(first) == _SAMPLE_LINES:
                break
        return first


def hint_for(path: Path, error: DataError, *, alone: bool = False, encoding: str = "") -> str:
    """The remedy for a row that cannot be used.

    Args:
        path: Its file.
        encoding: That was named for it.
        alone: The row is the whole file, one of many, so its encoding says nothing about the others.
    """
    skip = "--on-bad-row skip"
    if not isinstance(error, UndecodableError):
        what = "file" if alone else "row"
        return (
            f"{error.hint or f'mend this {what}'}; or leave it out: {skip}"
            if skip not in error.hint
            else error.hint
        )
    with open_unpacked(path) as (stream, _):
        return (
            f"convert it, for example: iconv -f cp1252 -t utf-8 OLD > NEW; or leave it out: {skip}"
            if alone
            else remedy(stream, named=encoding)
        )


def unique_names(header: Sequence[str]) -> tuple[tuple[str, ...], set[str]]:
    """Names for columns, unique whatever their case, and those that occurred twice."""
    names: list[str] = []
    taken: set[str] = set()
    twice: set[str] = set()
    for number, given in enumerate(header, start=1):
        name = base = given.strip("\ufeff \t\r\n") or f"column_{number}"
        for count in itertools.count(2):
            if name.lower() not in taken:
                break
            twice.add(base.lower())
            name = f"{base}_{count}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names), twice


def choose_columns(
    header: Sequence[str], settings: ReadSettings, name: str
) -> tuple[tuple[str, ...], Choice]:
    """The names of the columns, made unique, and which of them hold text and label.

    Raises:
        DataError: as `columns.choose`; and if two columns have the name of the text or the label.
        UsageError: as `columns.choose`.
    """
    names, twice = unique_names(header)
    choice = choosing.choose(names, settings, where=name)
    if choice.text.lower() in twice and settings.text != choice.text:
        raise DataError(
            f"{name} has several columns {visible(choice.text)!r}.",
            received=f"columns {choosing.list_names(names)}",
            hint=f"--text {visible(choice.text)!r} names the first of them, as they are listed here",
        )
    if choice.label and choice.label.lower() in twice and settings.label != choice.label:
        several = f"there are several columns {visible(choice.label)!r}: --label names one of "
        choice = replace(choice, label=None, label_hint=several + choosing.list_names(names))
    return names, choice


def header_index(rows: Sequence[Sequence[Any]], settings: ReadSettings) -> int:
    """Which of the first rows of a table names its columns, after a title; 0 if none but the first may.

    It names the text, and every row before it has fewer cells that are not empty: in a table without a header
    all rows have as many.
    """
    if not settings.header:
        return 0
    wanted = choosing.plain(settings.text)
    most = 0
    for index, row in enumerate(rows):
        cells = [str(cell) for cell in row if cell not in ("", None)]
        named = [cell for cell in cells if len(cell) <= _LONGEST_NAME]
        if any(choosing.plain(cell) == wanted if wanted else choosing.is_text_name(cell) for cell in named):
            return index if len(cells) > most else 0
        most = max(most, len(cells))
    return 0
