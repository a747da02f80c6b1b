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
from bertsent.cli._drift_output import open_as_json
from bertsent.cli._render import command_line, given_options, pick, progress
from bertsent.cli._source import open_source
from bertsent.cli._versions import note_strays

if TYPE_CHECKING:
    from bertsent.drift.monitored import MonitoredTexts

# Parameters that may stand beside --texts: those that say how to read, to judge and to tell. The others are
# about labels, and about retraining.
_BESIDE = {
    "texts", "threshold", "report", "model", "json", "quiet",
    "text", "format", "delimiter", "encoding", "no_header", "sheet", "on_bad_row",
}  # fmt: skip
_EXIT = {"none": ExitCode.DONE, "collect": ExitCode.CANNOT_TELL, "reported": ExitCode.DRIFT}


def judge_texts(
    texts: Path,
    ctx: typer.Context,
    *,
    settings: DriftSettings,
    reading: ReadSettings,
    report: Path | None,
    model: str | None,
    json: bool,
    quiet: bool,
) -> ExitCode:
    """Judges the texts, says the verdict, and returns how it ended.

    Raises:
        UsageError: if an option was given that is about labels or about retraining.
    """
    if others := [option for name, option in given_options(ctx).items() if name not in _BESIDE]:
        raise UsageError(
            "--texts judges texts alone: labels do not count, and nothing is retrained.",
            received=", ".join(others),
            hint="leave that out; bertsent drift --labels FILE judges reviews with labels",
        )
    from bertsent.reports import drift_page, drift_texts_page
    from bertsent.retraining.texts_monitor import TextsRun

    if report is not None:
        drift_page.check_target(report)
    note_strays()
    with open_source([texts], reading) as source, progress(quiet=quiet) as bar:
        outcome = TextsRun(
            workspace=Workspace.current(), settings=settings, source=source, model=model, progress=bar
        ).go()
    line = drift_texts_page.log_line(outcome)
    output.show(_as_json(outcome), line, outcome.check, json=json)
    output.note_copies(outcome, quiet=quiet)
    if report is not None:
        drift_texts_page.write(outcome, report, command=command_line(ctx))
    return ExitCode.DRIFT if outcome.open else _EXIT[outcome.action]


def _as_json(outcome: MonitoredTexts) -> dict[str, Any]:
    """The documented keys; without a check there are no measures."""
    without = {"without_labels": True, "foreign_rows": None, "estimated_accuracy": None}
    return {
        **(output.unjudged(outcome) | without if outcome.check is None else outcome.check.report),
        "why": outcome.reason,
        **pick(outcome, "looks", "action", "version", "published", "needed", "continued", "label_command"),
        "open": open_as_json(outcome.open) if outcome.open else None,
    }
