"""`label --import` and `label --export`: labels from files and into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import counted, shortened, visible
from bertsent.base.errors import UsageError
from bertsent.base.settings.labelling import ExportFormat, Tool
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.cli._render import ask, note, pick, print_json, progress
from bertsent.cli._scorer import open_scorer

if TYPE_CHECKING:
    from bertsent.data.source import Source
    from bertsent.labelling.decisions import Check, Decision, PickedBy
    from bertsent.labelling.imports import Conflict, Imported
    from bertsent.labelling.log import LabelLog

Import = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Take labels from a file of Label Studio, doccano, Prodigy, Argilla or fastText, or from any "
        "table; - for stdin; repeat it for several. A text gets the label that most people gave it (a tie: "
        "none), and keeps one that it has already. A reject counts as the other label. All is read before "
        "any is recorded.",
    ),
]
ImportFormat = Annotated[
    Tool | None,
    typer.Option("--import-format", help="Whose files --import names. [default: told by their content]"),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="With --import: replace earlier labels that differ.")
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", help="Record the labels of a pipe or --import also if most of them contradict the model."
    ),
]
Export = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="FILE",
        help="Write the labels to a table (.csv, .tsv, .jsonl, .json, .parquet, .xlsx).",
    ),
]
Format = Annotated[
    ExportFormat, typer.Option("--export-format", help="Of --export: a table, or the file of a tool.")
]
_SHOWN = 50  # characters of a text that a line quotes


def refuse_together(pool: Path | None, import_files: list[Path] | None, option: str) -> None:
    """Refuses a POOL or --import beside --import or --export."""
    other = "POOL" if pool is not None else "--import" if import_files else ""
    if other:
        raise UsageError(f"{other} and {option} exclude each other.", received=f"{other} {option}")


def import_from(
    log: LabelLog,
    source: Source,
    *,
    tool: Tool | None,
    replace_labels: bool,
    picked_by: PickedBy | None,
    check: Check,
    json: bool,
) -> dict[str, Any]:
    """Records the labels of files; notes go to stderr. Returns what `label --json` prints of it."""
    from bertsent.labelling.imports import import_labels

    with progress(quiet=json) as bar:
        done = import_labels(
            log,
            source,
            tool=tool,
            replace_labels=replace_labels,
            picked_by=picked_by,
            check=check,
            progress=bar,
        )
    for line in _notes(done):
        note(line)
    return {
        "positive": done.positive,
        "negative": done.negative,
        "skipped": done.skipped,
        "again": 0,
        "undone": 0,
        "unchanged": done.unchanged,
        "empty": done.empty,
        "unlabelled": sum(done.unlabelled.values()) + done.both,
        "import": _as_json(done),
    }


def check_by(model: str | None, *, yes: bool) -> Check:
    """What compares new labels with the model's predictions; `yes`: nothing does."""
    from bertsent.labelling.swapped import check_decisions

    def check(decisions: Sequence[Decision]) -> None:
        if not yes:
            check_decisions(
                decisions,
                lambda: open_scorer(model, ScoreSettings()),
                lambda found: ask(f"{found.question} Record them as they are?"),
            )

    return check


def export_to(
    log: LabelLog, path: Path, *, format: ExportFormat, skipped: bool, force: bool, json: bool
) -> None:
    """Writes the labels to a file, and says how many."""
    from bertsent.labelling.exports import export_labels

    done = export_labels(log, path, format=format, skipped=skipped, force=force)
    if done.guarded:
        note(f"{done.guarded} cells begin like a formula and got a ' before them; --import takes it off.")
    if done.cut:
        note(
            f"{done.cut} texts are longer than a cell of a workbook, and were cut: .csv and .jsonl hold all."
        )
    if json:
        print_json(done)
        return
    counts = f"{done.positive} positive, {done.negative} negative" + (
        f", {done.skipped} skipped" if skipped else ""
    )
    typer.echo(f"{visible(str(path))}: {counts}")


def _as_json(done: Imported) -> dict[str, Any]:
    conflicts = [
        pick(one, "text", "where", "positive", "negative")
        | {"earlier": _name(one.earlier), "outcome": _name(one.outcome)}
        for one in done.first_conflicts
    ]
    names = ("tools", "rows", "rejected", "both", "unlabelled", "other_questions", "bad_rows")
    return pick(done, *names, "first_bad_rows", "annotators", "replaced") | {
        "conflicts": pick(done, "tied", "kept") | {"n": done.conflicts, "first": conflicts}
    }


def _notes(done: Imported) -> list[str]:
    """What the user must know beside the counts."""
    from bertsent.data.notes import value_list

    lines = [f"Read as {', '.join(done.tools)}: {counted(done.rows, 'row')}", *done.notes]
    if done.annotators:
        people = [f"{name} {rows}" for name, rows in list(done.annotators.items())[:8]]
        more = f" and {len(done.annotators) - 8} more" if len(done.annotators) > 8 else ""
        lines.append(f"Answered by {', '.join(people)}{more}")
    if done.bad_rows:
        lines.append(f"Left out {counted(done.bad_rows, 'row')} that cannot be read, the first:")
        lines += [f"  {row}" for row in done.first_bad_rows]
    if done.unlabelled:
        rows = counted(sum(done.unlabelled.values()), "row")
        lines.append(f"Left out {rows} without a label: {value_list(done.unlabelled)}")
    if done.both:
        lines.append(f"Left out {counted(done.both, 'row')} with both labels at once")
    if done.other_questions:
        lines.append(f"Left out answers to other questions: {value_list(done.other_questions)}")
    if done.rejected:
        lines.append(f"{counted(done.rejected, 'row')} reject a label, which counts as the other one")
    if done.conflicts:
        lines.append(f"{counted(done.conflicts, 'text')} with different labels{_of_them(done)}:")
        lines += [f"  {_conflict(one)}" for one in done.first_conflicts]
        if done.conflicts > len(done.first_conflicts):
            lines.append(f"  and {done.conflicts - len(done.first_conflicts)} more")
    return lines


def _of_them(done: Imported) -> str:
    parts = [
        f"{number} {words}"
        for number, words in (
            (done.tied, "left out as ties"),
            (done.kept, "keep their earlier label (--replace takes the new one)"),
            (done.replaced, "replaced"),
        )
        if number
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _conflict(one: Conflict) -> str:
    text = shortened(one.text, _SHOWN)
    counts = f"{one.positive} positive, {one.negative} negative"
    earlier = f", earlier {LABEL_NAMES[one.earlier]}" if one.earlier is not None else ""
    return f"{one.where}: {text!r}: {counts}{earlier} -> {_name(one.outcome) or 'left out'}"


def _name(label: int | None) -> str | None:
    return None if label is None else LABEL_NAMES[label]
