"""A workspace whose version knows short texts of common words, and what a person brings to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from typer.testing import Result

from bertsent.base.text import clean
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import read_version
from support.word_soup import KITCHEN, PACKAGED


def write(home: Path, texts: Sequence[str], name: str = "new.txt") -> Path:
    """Texts as a file, a line each."""
    path = home / name
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def kitchen(count: int = 60, *, skip: int = 0) -> list[str]:
    """Reviews of kitchenware, which the version does not know."""
    rows = KITCHEN.read_text(encoding="utf-8").splitlines()[skip : skip + count]
    return [json.loads(row)["text"] for row in rows]


def label(folder: Path, texts: Sequence[str], *, wrong: bool = False, time: str = "") -> None:
    """Records labels in a folder as `bertsent label` does: those that the version predicts, or the others.

    Args:
        time: When they were given; now by default.
    """
    log = LabelLog(folder)
    for text, prediction in zip(texts, _scorer().predict(map(clean, texts)), strict=True):
        positive = (prediction.score >= 0.5) != wrong
        row = decide(text, "positive" if positive else "negative", picked_by="random")
        log.append(replace(row, time=time) if time else row)


@cache
def _scorer() -> Scorer:
    return Scorer(read_version(PACKAGED))


def line(result: Result, code: int) -> str:
    """The one line of a run that ended with this exit code."""
    assert result.exit_code == code, result.output
    (only,) = result.stdout.splitlines()
    return only


def answer(result: Result) -> dict[str, Any]:
    """The one object of a run with --json."""
    (only,) = result.stdout.splitlines()
    value: dict[str, Any] = json.loads(only)
    return value
