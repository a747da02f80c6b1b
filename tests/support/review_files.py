"""Review files, and what the reader makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.reading import Survey
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source

Rows = list[tuple[str, int | None]]


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files, given by their paths inside a folder; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def classes(prefix: str = "", *, rows: int = 30, what: str = "film") -> dict[str, str | bytes]:
    """Distinct reviews of both classes, as file name -> text."""
    return {
        f"{prefix}{name}/{number}.txt": f"{word} {what} number {number}"
        for name, word in (("pos", "fine"), ("neg", "dull"))
        for number in range(rows)
    }


def write_one(folder: Path, name: str, content: str | bytes, *, encoding: str = "utf-8") -> Path:
    """Writes a file; returns it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(*paths: Path, **settings: Any) -> tuple[Rows, Survey]:
    """The rows with their labels, after a first pass, and what that found."""
    reviews = open_reviews(Source(paths, ReadSettings(**settings)))
    survey = reviews.survey()
    return [(review.text, review.label) for review in reviews], survey


def refusal(*paths: Path, **settings: Any) -> DataError | UsageError:
    """The error with which reading is refused."""
    with pytest.raises((DataError, UsageError)) as error:
        read(*paths, **settings)
    return error.value
