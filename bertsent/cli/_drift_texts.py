"""`bertsent drift --texts`: have the reviews changed, as far as texts without labels can tell?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.errors import ExitCode, UsageError
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _drift_output as output
from bertsent.cli._labels import Labels
from bertsent.cli._render import command_line, given_options, pick, progress
from bertsent.cli._source import open_source
from bertsent.cli._versions import note_strays
from bertsent.data.source import PIPE

if TYPE_CHECKING:
    from bertsent.drift.monitored import MonitoredTexts

# Parameters that may stand beside --texts: those that say how to read, to judge and to tell. The others are
# about labels, and about retraining.
_BESIDE = {
    "texts", "threshold", "report", "model", "json", "quiet", "watch", "labelled",
    "text", "format", "delimiter", "encoding", "no_header", "sheet", "on_bad_row",
}  # fmt: skip
_EXIT = {"none": ExitCode.DONE, "collect": ExitCode.CANNOT_TELL, "reported": ExitCode.DRIFT}


def check_options(texts: Path, named: Labels, ctx: typer.Context) -> None:
    """Refuses options that are about labels or about retraining, and a watch of a pipe.

    Raises:
        UsageError: if such an option was given.
    """
    given = given_options(ctx)
    others = [option for name, option in given.items() if name not in _BESIDE]
    if "labelled" in given and named.folder is None:
        others.append(given["labelled"])
    if others:
        raise UsageError(
            "--texts judges texts alone: labels do not count, and nothing is retrained.",
            received=", ".join(others),
            hint="leave that out; bertsent drift --labels FILE judges reviews with labels",
        )
    if "watch" in given and str(texts) == PIPE:
        raise UsageError("--watch reads the texts again and again, and a pipe gives them once.")


def judge_texts(
    texts: Path,
    ctx: typer.Context,
    *,
    settings: DriftSettings,
    reading: ReadSettings,
    label_folder: Path | None,
    report: Path | None,
    model: str | None,
    json: bool,
    quiet: bool,
    said: output.Said | None = None,
) -> ExitCode:
    """Judges the texts, says the verdict, and returns how it ended."""
    from bertsent.reports import drift_page, drift_texts_page
    from bertsent.retraining.texts_monitor import TextsRun

    if report is not None:
        drift_page.check_target(report)
    note_strays()
    with open_source([texts], reading) as source, progress(quiet=quiet) as bar:
        outcome = TextsRun(
            workspace=Workspace.current(),
            settings=settings,
            source=source,
            model=model,
            label_folder=label_folder,
            progress=bar,
        ).go()
    line = drift_texts_page.log_line(outcome)
    output.show(texts_as_json(outcome), line, outcome.check, json=json, said=said)
    output.note_copies(outcome, quiet=quiet)
    if report is not None:
        drift_texts_page.write(outcome, report, command=command_line(ctx))
    return ExitCode.DRIFT if outcome.open else _EXIT[outcome.action]


def texts_as_json(outcome: MonitoredTexts) -> dict[str, Any]:
    """The documented keys; without a check there are no measures."""
    without = {"without_labels": True, "foreign_rows": None, "estimated_accuracy": None}
    return {
        **(output.unjudged(outcome) | without if outcome.check is None else outcome.check.report),
        "why": outcome.reason,
        **pick(outcome, "looks", "action", "version", "published", "needed", "continued", "label_command"),
        "open": output.open_as_json(outcome.open) if outcome.open else None,
    }
