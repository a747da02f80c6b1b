"""Rows of JSON: one object a line, one array of objects, or objects one after the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bertsent.base.display import shortened, size, visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import MISSING
from bertsent.data import columns as choosing
from bertsent.data.decoding import Line, UndecodableError, decoded_head
from bertsent.data.table import Rows, Table, TextFile, hint_for

Row = tuple[int, dict[str, Any] | DataError]  # the number of its line, or of the row in an array
_SAMPLE_ROWS = 100  # objects that show the columns
_SAMPLE = 1 << 18  # characters of their texts
_QUOTED = 60  # characters of a row that a message quotes
_DEPTH = 3  # of objects in objects whose values are listed as paths
_LONG_LINE = 1 << 14  # characters; an object on several lines has shorter ones
_RECORDS = "write it with pandas as to_json(orient='records', lines=True)"
_NO_ROWS = 'write one object a line, such as {"text": "...", "label": 1}'
_LABEL_PATHS = (  # of Label Studio, doccano, Prodigy, Argilla
    "annotations.0.result.0.value.choices", "annotations.0.label", "accept", "annotation",
    "responses.label.0.value",
)  # fmt: skip
_BLANK = " \t\r\n"
_AFTER = _BLANK + ","  # between the elements of an array


def read_lines(numbered: Iterable[Line], *, name: str) -> Iterator[Row]:
    """The objects of JSON lines; a line that is none is yielded as its error."""
    loads = json.loads
    for number, line in numbered:
        if isinstance(line, DataError):
            yield number, line
        elif line := line.strip():
            try:
                row = loads(line)
            except (ValueError, RecursionError) as error:
                yield number, DataError(f"{name}:{number} is not valid JSON ({visible(str(error))}).")
            else:
                yield number, row if isinstance(row, dict) else _as_row(row, name, number)


def read_values(texts: Iterable[str], *, name: str, limit: int) -> Iterator[Row]:
    """The objects of an array, or those that follow each other without one, numbered from 1.

    Memory holds one object. An array of strings gives objects with the key `text`.

    Raises:
        DataError: at a place where the file is no JSON, because nothing after it can be relied on.
    """
    buffer, number, opened, closed = "", 0, False, False
    value: object = None
    decode = json.JSONDecoder().raw_decode
    for text in texts:
        buffer += text
        if not opened and (buffer := buffer.lstrip(_BLANK)).startswith("["):
            buffer = buffer[1:]
        opened = opened or bool(buffer)
        start = 0
        while (start := _skip(buffer, start)) < len(buffer):
            if closed and buffer[start] == "[" and isinstance(value, dict):
                closed, start = False, start + 1  # one page after another, each an array
                continue
            if closed:
                raise DataError(
                    f"{name} goes on after the end of its array.",
                    hint="write one array of objects, or one object a line",
                )
            if buffer[start] == "]":
                closed, start = True, start + 1
                continue
            try:
                value, end = decode(buffer, start)
            except ValueError as error:
                if len(buffer) - start > limit:
                    raise DataError(
                        f"{name}: element {number + 1} is not valid JSON, or longer than {size(limit)}.",
                        received=visible(str(error)),
                        hint="mend it; an object on a line of its own, in a file .jsonl, may be left out",
                    ) from error
                break  # not whole yet
            except RecursionError as error:
                raise DataError(f"{name}: element {number + 1} is nested too deep.") from error
            if end == len(buffer) and not closed and buffer[end - 1] not in '}]"':
                break  # a number, which the next piece could continue
            number, start = number + 1, end
            yield number, _as_row(value, name, number)
        buffer = buffer[start:]
    if buffer.strip(_AFTER):
        received = buffer.strip(_BLANK)[:_QUOTED]
        raise DataError(
            f"{name}: what follows element {number} is not valid JSON, or the file was cut short.",
            received=visible(received),
            hint="fetch or write it again",
        )


def nested_names(row: dict[str, Any]) -> Iterator[str]:
    """The dotted paths of the values in objects inside a row, such as `data.text`."""

    def walk(value: dict[str, Any], prefix: str, depth: int) -> Iterator[str]:
        for key, inner in value.items():
            if isinstance(inner, dict) and depth < _DEPTH:
                yield from walk(inner, f"{prefix}{key}.", depth + 1)
            elif prefix:
                yield f"{prefix}{key}"

    return walk(row, "", 1)


def _as_row(value: object, name: str, number: int) -> dict[str, Any] | DataError:
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"text": value}
    return _no_object(name, number, json.dumps(value, ensure_ascii=False, default=str))


def _no_object(name: str, number: int, line: str) -> DataError:
    return DataError(f"{name}:{number} must be a JSON object.", received=visible(shortened(line, _QUOTED)))


def _skip(buffer: str, start: int) -> int:
    while start < len(buffer) and buffer[start] in _AFTER:
        start += 1
    return start


def open_json(file: TextFile, head: bytes) -> Table:
    """Opens JSON; its first bytes, `head`, show whether it is an array.

    Raises:
        DataError: if it holds no object, or no key is obviously the text.
        UsageError: as `columns.choose`.
    """
    settings = file.settings
    text = decoded_head(head, settings.encoding).lstrip(_BLANK)
    is_lines = not text.startswith("[")
    if is_lines:  # an object may also be written on several lines
        first = next(read_lines(file.lines(), name=file.name), (1, {}))[1]
        is_lines = not (isinstance(first, DataError) and text.startswith("{") and not _one_line(text))

    def read(all_columns: bool) -> Rows:
        if is_lines:
            return read_lines(file.lines(), name=file.name)
        return read_values(file.texts(), name=file.name, limit=settings.max_row_bytes)

    names: dict[str, None] = {}
    nested: dict[str, None] = {}
    rows_seen, sample = 0, _first_rows(read(True))
    for _, row in sample:
        rows_seen += not isinstance(row, UndecodableError)
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
            nested.update(dict.fromkeys(nested_names(row)))
    if not names:
        for _, row in read(True):
            if isinstance(row, DataError):
                row.hint = row.hint or (_NO_ROWS if rows_seen else hint_for(file.path, row))
                raise row
        raise DataError(f"{file.name} holds no JSON object.")
    _refuse_columns(file, sample)
    likely = [*names]
    if not any(map(choosing.is_text_name, names)):
        likely += nested
    choice = choosing.choose(likely, settings, where=file.name, dotted=True)
    if choice.label is None:
        choice = replace(choice, label_hint=_label_path(sample) or choice.label_hint)
    return Table(file.path, file.name, tuple(names), choice, read, is_json=True, typed=True)


def _first_rows(rows: Rows) -> list[tuple[int, Any]]:
    """The first rows, as many as show the columns; fewer if their texts are long, but two."""
    sample: list[tuple[int, Any]] = []
    characters = 0
    for number, row in itertools.islice(rows, _SAMPLE_ROWS):
        sample.append((number, row))
        if isinstance(row, dict):
            characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if characters > _SAMPLE and len(sample) > 1:
            break
    return sample


def _label_path(sample: Sequence[tuple[int, Any]]) -> str:
    """How to name the label in what an annotation tool exported, if its path is one of theirs."""
    for path in _LABEL_PATHS:
        get = choosing.path_getter(path, exact=False)
        if any(isinstance(row, dict) and get(row) is not MISSING for _, row in sample):
            return f"--label {path}"
    return ""


def _refuse_columns(file: TextFile, sample: Sequence[tuple[int, Any]]) -> None:
    """Refuses a file of one object that holds the rows inside it, as columns, as a list or by their ids."""
    first = [row for _, row in sample]
    if len(first) != 1 or not isinstance(first[0], dict):
        return
    named = any(map(choosing.is_text_name, first[0]))
    inner = [*first[0].values()]
    if (
        not named
        and len(inner) > 1
        and all(isinstance(row, dict) and set(row) == set(inner[0]) for row in inner)
    ):
        raise DataError(
            f"{file.name} is one object with a row in each of its keys.",
            hint="take them out, for example: jq -c '.[]' OLD > NEW.jsonl",
        )
    if {"columns", "data"} <= set(first[0]) and not named:  # pandas, orient="split"
        raise DataError(f"{file.name} is one object with columns and data apart.", hint=_RECORDS)
    for key, value in first[0].items():
        least = 2 if named else 1
        if isinstance(value, list) and len(value) >= least and all(isinstance(row, dict) for row in value):
            raise DataError(
                f"{file.name} is one object with the rows in its key {visible(key)!r}.",
                hint=f"take them out, for example: jq -c '.[\"{visible(key)}\"][]' OLD > NEW.jsonl",
            )
        if choosing.is_text_name(key) and isinstance(value, dict | list):
            raise DataError(
                f"{file.name} is one object of columns, not a row an object.",
                hint=_RECORDS,
            )


def _one_line(text: str) -> bool:
    """Whether the first line of JSON ends like an object, or is longer than what was read of it."""
    if len(text) > _LONG_LINE and "\n" not in text:
        return True
    if "\n{" in text and text.splitlines()[1].startswith("{"):  # a damaged line before another object
        return True
    return text.splitlines()[0].rstrip().endswith("}")
