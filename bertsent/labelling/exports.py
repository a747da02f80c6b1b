"""Writes the labels of a workspace for other programs: `label --export`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_write, is_folder, require_unused
from bertsent.base.records.reading import Column
from bertsent.base.settings.labelling import ExportFormat
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.data.writers.layout import Changes, Layout
from bertsent.data.writers.output import Output, open_writer
from bertsent.labelling.annotation_tools import SKIP
from bertsent.labelling.decisions import Labelled, labelled
from bertsent.labelling.log import LabelLog

# Of the table, in their order; the names are documented and stay.
COLUMNS = (
    Column("text"),
    Column("label"),
    Column("picked_by"),
    Column("score", "number"),
    Column("version"),
    Column("path"),
    Column("time"),
    Column("annotator"),
    Column("digest"),
)
_NO_DATABASE = "sqlite"  # its table is for scores


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    path: Path
    format: ExportFormat
    positive: int
    negative: int
    skipped: int  # texts that were skipped, if they were asked for
    guarded: int = 0  # cells of CSV that begin like a formula and got a ' before them
    cut: int = 0  # texts that a workbook's cell does not hold whole


def export_labels(
    log: LabelLog,
    path: Path,
    *,
    format: ExportFormat = "table",
    skipped: bool = False,
    force: bool = False,
) -> Exported:
    """Writes each labelled text with its valid label, in the order in which they got it.

    A table is CSV, TSV, JSON, JSON lines, Parquet or a workbook, by the suffix. The formats of annotation
    tools are those that the tools import, and that `label --import` reads back.

    Args:
        log: The labels.
        path: The file.
        format: `table`, or whose format.
        skipped: Also write the texts that were skipped and have no label; their label is `skip`.
        force: Replace an existing file.

    Raises:
        UsageError: if the file exists, or its suffix is no table's.
        DataError: if the log is damaged.
        MissingExtraError: for Parquet or a workbook without its package.
        StorageError: if it cannot be written.
    """
    if not is_folder(path):  # which is refused below
        require_unused(path, force=force)
    rows = list(_rows(log, skipped=skipped))
    changes = Changes()
    if format == "table":
        output = Output.to(path)
        if output.format == _NO_DATABASE:
            raise UsageError(
                "Labels go to .csv, .tsv, .jsonl, .json, .parquet or .xlsx.", received=visible(str(path))
            )
        with open_writer(output, Layout(COLUMNS, (), {}), changes=changes) as write:
            for row, label in rows:
                write(_cells(row, label))
    else:
        if is_folder(path):
            raise UsageError("Labels go to a file.", received=visible(str(path)))
        with atomic_write(path) as file:
            for line in _LINES[format](rows):
                file.write(line.encode("utf-8", "backslashreplace") + b"\n")
    labels = [label for _, label in rows]
    return Exported(
        path=path,
        format=format,
        positive=labels.count(LABEL_NAMES[1]),
        negative=labels.count(LABEL_NAMES[0]),
        skipped=labels.count(SKIP),
        guarded=changes.guarded,
        cut=changes.cut,
    )


_Rows = Sequence[tuple[Labelled, str]]


def _rows(log: LabelLog, *, skipped: bool) -> Iterator[tuple[Labelled, str]]:
    """The labelled texts with the word for their label, then the skipped ones."""
    decisions = log.valid_decisions()
    with_label = labelled(decisions)
    for row in with_label:
        yield row, LABEL_NAMES[row.label]
    if not skipped:
        return
    digests = {row.digest for row in with_label}
    for one in decisions:
        if one.label == SKIP and one.digest not in digests:
            digests.add(one.digest)
            how, model = one.picked_by, (one.score, one.version)
            yield (
                Labelled(one.text, -1, one.digest, how, *model, one.time, one.id, one.path, one.annotator),
                SKIP,
            )


def _cells(row: Labelled, label: str) -> tuple[Any, ...]:
    values = (row.text, label, row.picked_by, row.score, row.version, row.path, row.time)
    return (*values, row.annotator or None, row.digest)


def _prodigy(rows: _Rows) -> Iterator[str]:
    """Tasks with a label that was accepted, for `prodigy db-in`."""
    for row, label in rows:
        task: dict[str, Any] = {"text": row.text}
        task |= {"answer": "ignore"} if label == SKIP else {"label": label.upper(), "answer": "accept"}
        if row.annotator:
            task["_annotator_id"] = row.annotator
        yield _json(task | {"_view_id": "classification", "meta": {"path": row.path}})


def _doccano(rows: _Rows) -> Iterator[str]:
    for row, label in rows:
        yield _json({"text": row.text, "label": [] if label == SKIP else [label], "path": row.path})


def _label_studio(rows: _Rows) -> Iterator[str]:
    """Tasks with one annotation, for a project with a question `sentiment` about `text`."""
    yield "["
    for number, (row, label) in enumerate(rows, start=1):
        result = {
            "from_name": "sentiment",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [label.capitalize()]},
        }
        annotation = {"result": [] if label == SKIP else [result], "was_cancelled": label == SKIP}
        data = {"text": row.text, "annotator": row.annotator, "path": row.path}
        yield _json({"data": data, "annotations": [annotation]}) + ("," if number < len(rows) else "")
    yield "]"


def _fasttext(rows: _Rows) -> Iterator[str]:
    """Lines of label and text; there is no line for a skip."""
    for row, label in rows:
        if label != SKIP:
            yield f"__label__{label} {row.text}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_LINES: dict[ExportFormat, Callable[[_Rows], Iterator[str]]] = {
    "prodigy": _prodigy,
    "doccano": _doccano,
    "label-studio": _label_studio,
    "fasttext": _fasttext,
}
