"""Reads the answers of people from the files of annotation tools, and from any table with labels.

Whose file it is, its content says. Every answer becomes an `Annotation`, with the words of the tool.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import is_folder
from bertsent.base.records.core import Review
from bertsent.base.records.reading import LabelCounts, Survey
from bertsent.base.settings.labelling import ImportSettings, Tool
from bertsent.base.settings.reading import LABEL_NAMES, ReadSettings
from bertsent.base.text import clean
from bertsent.data.compression import open_unpacked
from bertsent.data.decoding import Line, lines
from bertsent.data.formats import json_rows
from bertsent.data.labels import label_word
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.labelling.annotation_tools import PARSERS, SKIP, Annotation, fasttext, tool_of
from bertsent.labelling.decisions import PickedBy

_IMPORT = ImportSettings()
_BLANK = " \t\r\n\ufeff"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read."""

    error: DataError


def tool_at(path: Path, settings: ReadSettings, limits: ImportSettings = _IMPORT) -> Tool:
    """Whose file it is, by its first rows; `table` if it is no annotation tool's.

    Raises:
        DataError: if it cannot be read.
    """
    if is_folder(path):
        return "table"
    with _numbered(path, settings, limits, name=str(path)) as (kind, numbered):
        if kind == "text":
            first = next((line for _, line in numbered if isinstance(line, DataError) or line.strip()), "")
            is_fasttext = isinstance(first, str) and first.lstrip(_BLANK).startswith("__label__")
            return "fasttext" if is_fasttext else "table"
        rows = _objects(kind, numbered, str(path), limits)
        try:
            tasks = [row for _, row in itertools.islice(rows, limits.examined) if isinstance(row, dict)]
        except DataError:  # which the reading reports, with its place
            return "table"
        return next((tool for tool in map(tool_of, tasks) if tool), "table")


def read_tool(
    path: Path, tool: Tool, settings: ReadSettings, limits: ImportSettings = _IMPORT, *, name: str = ""
) -> Iterator[Annotation | BadRow]:
    """The answers in a file of an annotation tool, in their order.

    Args:
        path: The file, plain or compressed.
        tool: Whose it is; not `table`.
        settings: May name the text and the question (`label`), the encoding, and the largest text.
        limits: How much of a file is read at a time.
        name: Of the file, for messages; "" for its path.

    Raises:
        DataError: if the file cannot be read, or is of another kind.
    """
    name = name or str(path)
    with _numbered(path, settings, limits, name=name) as (kind, numbered):
        if tool == "fasttext":
            for number, line in numbered:
                if isinstance(line, DataError):
                    yield BadRow(line)
                elif line.strip():
                    yield _checked(fasttext(line, f"{name}:{number}"), settings)
            return
        if kind == "text":
            raise DataError(
                f"{visible(name)} is not a file of {tool}: it holds no JSON objects.",
                hint="without --import-format its content is looked at",
            )
        parse = PARSERS[tool]
        for number, row in _objects(kind, numbered, name, limits):
            if isinstance(row, DataError):
                yield BadRow(row)
                continue
            where = f"{name}:{number}"
            try:
                annotations = list(parse(row, settings, where))
            except (AttributeError, TypeError, LookupError, ValueError) as error:
                fact = f"{visible(where)} is not as {tool} writes it ({visible(str(error))[:60]})."
                yield BadRow(DataError(fact, hint="--on-bad-row skip leaves it out"))
            except DataError as error:
                yield BadRow(error)
            else:
                yield from (_checked(annotation, settings) for annotation in annotations)


class TableLabels:
    """The rows of a table or folder with labels, as annotations.

    A column `annotator` says who answered, and the word `skip` instead of a label is a skip. In a table that
    `label --export` wrote, `picked_by` is read too.
    """

    def __init__(self, source: Source) -> None:
        self._reviews: Reviews = open_reviews(source, cells=True)
        self.survey: Survey = self._reviews.survey()
        self._names = [column.name for column in self.survey.columns]

    @property
    def unknown(self) -> LabelCounts:
        """The labels, without `skip` among the values that are none."""
        labels = self.survey.labels
        unknown = {word: rows for word, rows in labels.unknown.items() if word != SKIP}
        return LabelCounts(
            labels.positive, labels.negative, labels.none, labels.neither, unknown, labels.proposal
        )

    def __iter__(self) -> Iterator[Annotation]:
        label_column = self._index(self.survey.label_column or "")
        annotator, picked_by, digest = map(self._index, ("annotator", "picked_by", "digest"))
        for review in self._reviews:
            cells = review.cells or ()

            def cell(index: int | None, cells: tuple[Any, ...] = cells) -> str:
                value = None if index is None else cells[index]
                return value if isinstance(value, str) else label_word(value)

            word = label_word(cell(label_column))
            yield Annotation(
                _unguarded(review, cell(digest)),
                words=() if review.label is None else (LABEL_NAMES[review.label],),
                where=review.path,
                answer="skip" if word == SKIP else "accept",
                annotator=cell(annotator),
                picked_by=_picked_by(cell(picked_by)) if digest is not None else None,
                label=review.label,
                value=word if review.label is None else "",
            )

    def _index(self, name: str) -> int | None:
        lower = [column.lower() for column in self._names]
        return lower.index(name.lower()) if name.lower() in lower else None


def _unguarded(review: Review, digest: str) -> str:
    """The text without the ' that `label --export` puts before what a spreadsheet would run."""
    text = review.text
    if digest and text.startswith("'") and sha256_text(clean(text[1:])) == digest != sha256_text(clean(text)):
        return text[1:]
    return text


def _picked_by(value: str) -> PickedBy | None:
    return next((name for name in get_args(PickedBy) if name == value), None)


def _checked(annotation: Annotation, settings: ReadSettings) -> Annotation | BadRow:
    text, where = annotation.text, visible(annotation.where)
    if "\0" in text:
        return BadRow(DataError(f"{where} holds a NUL character, so it is not text."))
    if (
        len(text) > settings.max_review_bytes
        or len(text.encode("utf-8", "replace")) > settings.max_review_bytes
    ):
        return BadRow(DataError(f"{where} is longer than one review may be."))
    return annotation


@contextmanager
def _numbered(
    path: Path, settings: ReadSettings, limits: ImportSettings, *, name: str
) -> Iterator[tuple[str, Iterator[Line]]]:
    """The lines of a file, and what they are: "lines" of JSON, a JSON "array", or "text"."""
    with open_unpacked(path) as (stream, _):
        read = lines(stream, name=name, encoding=settings.encoding, limit=limits.max_array_bytes)
        first = list(itertools.islice(_until_text(read), limits.examined))
        start = first[-1][1] if first else ""
        head = start.lstrip(_BLANK)[:1] if isinstance(start, str) else ""
        kind = "array" if head == "[" else "lines" if head == "{" else "text"
        if kind == "lines" and isinstance(start, str) and not start.rstrip().endswith("}"):
            kind = "array"  # objects that are written on several lines
        yield kind, itertools.chain(first, read)


def _until_text(read: Iterator[Line]) -> Iterator[Line]:
    """The lines up to the first that is not blank."""
    for number, line in read:
        yield number, line
        if isinstance(line, DataError) or line.strip(_BLANK):
            return


def _objects(
    kind: str, numbered: Iterator[Line], name: str, limits: ImportSettings
) -> Iterator[json_rows.Row]:
    if kind == "lines":
        return json_rows.read_lines(numbered, name=name)
    return json_rows.read_values(_texts(numbered), name=name, limit=limits.max_task_bytes)


def _texts(numbered: Iterator[Line]) -> Iterator[str]:
    for _, line in numbered:
        if isinstance(line, DataError):
            raise line
        yield line
