"""The options that say how reviews are read, shared by all commands that read them."""

from __future__ import annotations

import functools
import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsent.base.settings import reading
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.source import PIPE, Source

DEFAULTS = ReadSettings()
_TEXT = Annotated[
    str,
    typer.Option(
        "--text",
        metavar="COLUMN",
        help="The column of the text: a name, a dotted path in JSON (data.text), or a number with "
        "--no-header. [default: the obvious one]",
        show_default=False,
    ),
]
_LABEL = Annotated[
    str,
    typer.Option(
        "--label",
        metavar="COLUMN",
        help="The column of the label, likewise. [default: the obvious one]",
        show_default=False,
    ),
]
_LABELS = Annotated[
    str,
    typer.Option(
        "--labels",
        metavar="MAP",
        help="Values that are labels, besides positive, negative, 1, 0 and the like: "
        "'positive=4,5 negative=1,2', or ranges, 'positive=7..10 negative=1..4'.",
        show_default=False,
    ),
]
_FORMAT = Annotated[
    reading.Format, typer.Option("--format", help="Of the file; lines: each line is a review.")
]
_DELIMITER = Annotated[
    str,
    typer.Option(
        "--delimiter", metavar="CHARACTER", help="Of CSV. [default: found in the file]", show_default=False
    ),
]
_ENCODING = Annotated[
    str,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Of the text, such as cp1252. [default: that of the byte order mark, else UTF-8]",
        show_default=False,
    ),
]
_NO_HEADER = Annotated[
    bool, typer.Option("--no-header", help="The first row of a table is a review, not names of columns.")
]
_SHEET = Annotated[
    str,
    typer.Option("--sheet", metavar="NAME", help="Of a workbook. [default: the first]", show_default=False),
]
_ON_BAD_ROW = Annotated[
    reading.OnBadRow,
    typer.Option(
        "--on-bad-row",
        help="What to do with a row that cannot be read: end before any work, or leave it out and say so.",
    ),
]
_OPTIONS: dict[str, tuple[Any, Any]] = {  # parameter -> its option and default
    "text": (_TEXT, DEFAULTS.text),
    "label": (_LABEL, DEFAULTS.label),
    "labels": (_LABELS, DEFAULTS.labels),
    "format": (_FORMAT, DEFAULTS.format),
    "delimiter": (_DELIMITER, DEFAULTS.delimiter),
    "encoding": (_ENCODING, DEFAULTS.encoding),
    "no_header": (_NO_HEADER, not DEFAULTS.header),
    "sheet": (_SHEET, DEFAULTS.sheet),
    "on_bad_row": (_ON_BAD_ROW, DEFAULTS.on_bad_row),
}


def reads_reviews(*, without: Sequence[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of reading in place of its parameter `reading: ReadSettings`.

    Args:
        without: Options that the command lacks or has in a form of its own.
    """
    chosen = {name: option for name, option in _OPTIONS.items() if name not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            if parameter.name != "reading":
                parameters.append(parameter)
                continue
            for name, (option, default) in chosen.items():
                kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
                parameters.append(inspect.Parameter(name, kind, default=default, annotation=option))

        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            given = {name: values.pop(name) for name in chosen}
            if "no_header" in given:
                given["header"] = not given.pop("no_header")
            command(**values, reading=ReadSettings(**given))

        with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return with_options

    return decorate


@contextmanager
def open_source(paths: Sequence[Path], reading: ReadSettings, *, labelled: bool = False) -> Iterator[Source]:
    """The source of some paths. What stdin gives for the path `-` lies in a temporary file for the block,
    because it is read twice.

    Args:
        labelled: Lines without a header are label, tab, text, unless they look otherwise.
    """
    if all(str(path) != PIPE for path in paths):
        yield Source(tuple(paths), reading, labelled=labelled)
        return
    from bertsent.cli._stdin import stdin_pipe

    with tempfile.NamedTemporaryFile(prefix="bertsent-") as file:
        shutil.copyfileobj(stdin_pipe(), file)
        file.flush()
        yield Source(tuple(paths), reading, Path(file.name), labelled)
