"""Reads reviews wherever they lie: files of one review each and tables, in one order, as one stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import is_folder
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.reading import MISSING, Column, Survey
from bertsent.base.settings.reading import FOLDERS, LABEL_NAMES
from bertsent.data import columns as choosing
from bertsent.data.cells import as_text, is_number, readable
from bertsent.data.columns import Getter
from bertsent.data.files import read_review
from bertsent.data.folders import count_files, draw_names, file_names
from bertsent.data.labels import LabelReader, count_word, label_word, parse_label_map
from bertsent.data.parts import Part, Parts, PassedOver, find_parts
from bertsent.data.source import PIPE, STDIN, Source
from bertsent.data.table import Table, hint_for
from bertsent.data.tables import open_table
from bertsent.data.tally import Tally, count_bad, fact, kind_of, note_types, refused, summed

_DIGITS = frozenset("0123456789")
_ADVANCE = 5000  # rows between two reports of progress
_FOLDER_NAMES = {label: name for name, label in FOLDERS.items()}


class Reviews:
    """The reviews of a source, as `open_reviews` gives them. Each iteration reads them again, in one order.

    Texts are not cleaned (the tokenizer does that), but lone surrogates become U+FFFD, and a text with
    nothing to read becomes "", which the caller handles.
    """

    def __init__(self, source: Source, *, cells: bool, num_files: int | None, seed: int | None) -> None:
        self._settings = source.settings
        self._cells, self._num_files, self._seed = cells, num_files, seed
        self._labels = LabelReader(parse_label_map(source.settings.labels))
        self._parts: list[Part] = []
        self._tables: dict[int, Table] = {}  # by the index of their part
        self._notes: list[str] = []
        self._passed_over = PassedOver()
        self._bad = Tally()  # of the present iteration
        for path in source.paths:
            self._open(path, source)
        self.columns: tuple[str, ...] = self._union()

    def _open(self, path: Path, source: Source) -> None:
        piped = source.piped if str(path) == PIPE else None
        if piped is not None:
            content = Parts([Part(piped, is_table=True)])
        elif source.each_a_review:
            content = Parts([Part(path, is_table=False)])
        else:
            content = find_parts(path)
        if self._num_files is not None and any(part.is_table for part in content.parts):
            raise UsageError(
                "A number of files can be drawn only from a folder.", received=visible(str(path))
            )
        for part in content.parts:
            if part.is_table:
                name = STDIN if part.path == piped else ""
                table = open_table(part.path, self._settings, name=name, labelled=source.labelled)
                self._tables[len(self._parts)] = table
            self._parts.append(part)
        self._passed_over.update(content.passed_over)
        self._notes.extend(content.notes)

    def _union(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for index in range(len(self._parts)):
            names.update(dict.fromkeys(self._tables[index].columns if index in self._tables else ("text",)))
        return tuple(names)

    @property
    def total(self) -> int | None:
        """How many reviews there are; None with a table, which would have to be read first."""
        if self._tables:
            return None
        counts = [count_files(part.path) if is_folder(part.path) else 1 for part in self._parts]
        return sum(counts if self._num_files is None else (min(n, self._num_files) for n in counts))

    @property
    def notes(self) -> tuple[str, ...]:
        """How the input is read, in words; they are there before a row is read."""
        return (*self._notes, *_notes(list(self._tables.values())))

    @property
    def passed_over(self) -> tuple[str, ...]:
        """What lies at the paths and is not read, in words."""
        return (line,) if (line := str(self._passed_over)) else ()

    @property
    def bad_rows(self) -> int:
        """How many rows the present or last pass left out, with `on_bad_row` "skip"."""
        return self._bad.bad_rows

    def __iter__(self) -> Iterator[Review]:
        """Yields the reviews.

        Raises:
            DataError: at the first file or row that cannot be used, which the message names, unless the
                settings say to skip it; or if a file is damaged.
        """
        self._bad = Tally()
        for index, part in enumerate(self._parts):
            if index in self._tables:
                yield from self._table_reviews(self._tables[index])
            else:
                yield from self._file_reviews(part)

    def survey(self, progress: Progress = silent) -> Survey:
        """Reads everything once: counts rows, columns and labels, and finds the rows that cannot be used.

        From then on values of a label column have the meaning that all of them together show.

        Raises:
            DataError: if a row cannot be used, unless the settings say to skip it, or a file is damaged.
        """
        progress.start("Reading", self.total, "reviews")
        self._labels.counts.clear()
        tallies = []
        for index, part in enumerate(self._parts):
            tally = self._survey_part(index, part, progress)
            for word, rows in tally.words.items():
                count_word(self._labels.counts, word, rows)
            tallies.append(tally)
        progress.finish()
        tables = list(self._tables.values())
        self._settle(tables)
        total = summed(tallies)
        if total.bad and self._settings.on_bad_row == "refuse":
            raise refused(total)
        self.columns = self._union() if not self._cells else tuple(total.kinds)
        return Survey(
            columns=tuple(Column(name, total.kinds.get(name) or "text") for name in self.columns),
            text_column=tables[0].choice.text if tables else "text",
            label_column=next((table.choice.label for table in tables if table.choice.label), None),
            rows=total.rows,
            empty=total.empty,
            labels=self._labels.summary(),
            label_hint=_label_hint(tables),
            bad_rows=total.bad_rows,
            first_bad_rows=tuple(fact(error) for error in total.bad),
            bad_row_hint=total.bad[0].hint if total.bad else "",
            passed_over=self.passed_over,
            notes=self.notes,
        )

    def _settle(self, tables: list[Table]) -> None:
        """Gives the values their meaning, by the names of their columns too."""
        names = [table.choice.label for table in tables if table.choice.label]
        kinds = {choosing.is_rating_name(name) for name in names}
        self._labels.settle(rating=kinds == {True}, mixed=len(kinds) > 1)

    # Tables

    def _table_reviews(self, table: Table) -> Iterator[Review]:
        arrange = self._arrangement(table) if self._cells else None
        prefix = _prefix(table)
        label_of = self._labels.label
        for number, cells, text, word in self._rows(table):
            if isinstance(text, DataError):
                self._leave_out(text, table.path)
            else:
                yield Review(text, label_of(word), f"{prefix}{number}", arrange(cells) if arrange else None)

    def _rows(self, table: Table) -> Iterator[tuple[int, Any, str | DataError, str]]:
        """Each row of a table: its number, its cells, its text or what is wrong with it, its label's word."""
        get_text, get_label, get_answer = _getters(table, self._cells)
        for number, cells in table.read(self._cells):
            if isinstance(cells, DataError):
                yield number, cells, cells, ""
                continue
            word = ""
            if get_label is not None:
                word = label_word(get_label(cells))
                if get_answer is not None:
                    word = self._answered(table, word, get_answer(cells))
            yield number, cells, as_text(get_text(cells), table.name, number, self._settings), word

    def _arrangement(self, table: Table) -> Any:
        """A function that gives the cells of a row in the order of `columns`."""
        columns = self.columns
        if table.is_json:
            return lambda row: tuple([row.get(name, MISSING) for name in columns])
        if table.columns == columns:
            return tuple
        positions = {name: index for index, name in enumerate(table.columns)}
        order = [positions.get(name) for name in columns]
        return lambda cells: tuple([MISSING if at is None else cells[at] for at in order])

    def _leave_out(self, error: DataError, path: Path, *, alone: bool = False) -> None:
        """Raises the error of a row, or counts it if such rows are to be skipped."""
        if self._settings.on_bad_row == "refuse":
            raise DataError(error.message, received=error.received, hint=self._hint(path, error, alone=alone))
        self._bad.bad_rows += 1

    def _hint(self, path: Path, error: DataError, *, alone: bool = False) -> str:
        return hint_for(path, error, alone=alone, encoding=self._settings.encoding)

    def _survey_part(self, index: int, part: Part, progress: Progress) -> Tally:
        if index not in self._tables:
            return self._survey_files(part, progress)
        table = self._tables[index]
        tally = self._survey_table(table, progress)
        other = table.by_line()
        if other is not None:
            self._tables[index] = other
            tally = self._survey_table(other, progress)
        if tally.bad:
            tally.bad[0].hint = self._hint(table.path, tally.bad[0])
        if tally.numbers and tally.numbers == tally.rows - tally.empty:
            choosing.refuse_numbers(table.choice, table.columns, self._settings, where=table.name)
        return tally

    def _survey_table(self, table: Table, progress: Progress) -> Tally:
        tally = Tally(kinds=dict.fromkeys(table.columns))
        if table.kinds:
            tally.kinds.update(table.kinds)
        types: dict[str, set[type]] = {}
        typed, labelled = self._cells and table.typed, table.choice.label is not None
        for done, (_, cells, text, word) in enumerate(self._rows(table), start=1):
            if done % _ADVANCE == 0:
                progress.advance(done)
            if isinstance(text, DataError):
                count_bad(tally, text)
                continue
            tally.rows += 1
            tally.empty += not text
            tally.numbers += text[-1:] in _DIGITS and is_number(text)
            if labelled:
                count_word(tally.words, word)
            if typed:
                items = cells.items() if table.is_json else zip(table.columns, cells, strict=True)
                note_types(types, items)
        tally.kinds.update((name, kind_of(seen)) for name, seen in types.items())
        return tally

    def _answered(self, table: Table, word: str, answer: object) -> str:
        """The word that Prodigy's answer leaves: the other label after a reject, none after an ignore.

        A reject of a choice among several says nothing for the other label, so it leaves none.
        """
        given = answer.lower() if isinstance(answer, str) else ""
        if given == "ignore" or (given == "reject" and table.choice.label == "accept"):
            return ""
        label = self._labels.label(word) if given == "reject" else None
        return word if label is None else LABEL_NAMES[1 - label]

    # Files of one review each

    def _file_reviews(self, part: Part) -> Iterator[Review]:
        cells_before, cells_after = self._cells_around_text()
        for path in self._files(part):
            text = read_review(path, self._settings)
            if isinstance(text, DataError):
                self._leave_out(text, Path(path), alone=True)
                continue
            text = readable(text)
            cells = (*cells_before, text, *cells_after) if self._cells else None
            yield Review(text, part.label, path, cells)

    def _cells_around_text(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        before = self.columns.index("text") if "text" in self.columns else 0
        return (MISSING,) * before, (MISSING,) * (len(self.columns) - before - 1)

    def _files(self, part: Part) -> Iterator[str]:
        if not is_folder(part.path):
            return iter((str(part.path),))
        if self._num_files is None:
            names = file_names(part.path)
        else:
            kind = "" if part.label is None else _FOLDER_NAMES[part.label]
            salt = f"{_training_seed() if self._seed is None else self._seed}:{kind}"
            names = draw_names(part.path, self._num_files, salt=salt)
        return (str(part.path / name) for name in names)

    def _survey_files(self, part: Part, progress: Progress) -> Tally:
        tally = Tally(kinds={"text": "text"})
        word = "" if part.label is None else LABEL_NAMES[part.label]
        for done, path in enumerate(self._files(part), start=1):
            if done % _ADVANCE == 0:
                progress.advance(done)
            text = read_review(path, self._settings)
            if isinstance(text, DataError):
                text.hint = text.hint if tally.bad else self._hint(Path(path), text, alone=True)
                count_bad(tally, text)
            else:
                tally.rows += 1
                tally.empty += not readable(text)
                tally.words[word] += 1
        return tally


def _getters(table: Table, all_columns: bool) -> tuple[Getter, Getter | None, Getter | None]:
    text, label, answer = table.getters(all_columns)
    names = table.class_names.get(table.choice.label or "")
    if names is None or label is None:
        return text, label, answer

    def named(cells: Any) -> Any:
        value = label(cells)
        if value == -1:  # how Hugging Face marks a row without a label
            return None
        return names[value] if isinstance(value, int) and 0 <= value < len(names) else value

    return text, named, answer


def _label_hint(tables: list[Table]) -> str:
    """How to name the label column, where none was taken or several tables have labels of two kinds."""
    by_name = {table.choice.label: table.name for table in tables if table.choice.label}
    if len({choosing.is_rating_name(name) for name in by_name}) > 1:
        listed = ", ".join(f"{visible(name)} in {table}" for name, table in by_name.items())
        return f"read them one at a time, because their labels differ ({listed})"
    return next((table.choice.label_hint for table in tables if table.choice.label_hint), "")


def _prefix(table: Table) -> str:
    return f"{STDIN}:" if table.name == STDIN else f"{table.path}:"


def _notes(tables: list[Table]) -> Iterator[str]:
    """What the tables noted: each line once, with the first table it holds for."""
    seen: Counter[str] = Counter(note for table in tables for note in table.notes)
    for table in tables:
        for note in table.notes:
            if number := seen.pop(note, 0):
                more = f" and {number - 1} more" if number > 1 else ""
                yield f"{table.name}{more}: {note}"


def _training_seed() -> int:
    from bertsent.base.settings.training import TrainSettings  # not needed for scoring without a draw

    return TrainSettings().seed
