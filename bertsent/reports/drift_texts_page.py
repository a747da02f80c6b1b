"""The output of a run of `drift --texts`: a line for a log, and a page. Both say that labels are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bertsent.base.display import counted, visible
from bertsent.base.files import now, write_text
from bertsent.base.settings.drift import MonitorSettings
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.version_names import spoken
from bertsent.drift.history import TextsCheck
from bertsent.drift.monitored import MonitoredTexts, found_earlier
from bertsent.reports import drift_plots, page
from bertsent.reports.drift_page import VERDICTS, measured_words, open_steps, report_parts
from bertsent.reports.page import moment

_SETTINGS = MonitorSettings()


def log_line(run: MonitoredTexts) -> str:
    """Verdict, headline, threshold, what fired or could have fired, number of texts, and what to do."""
    reason, found = run.reason[:1].lower() + run.reason[1:], found_earlier(run)
    lead = f"{found.sentence}. " if found else ""
    if run.check is None:
        return visible(f"{lead}CANNOT TELL without labels: {counted(run.new_rows, 'new text')}; {reason}")
    report = run.check.report
    measured, effects = measured_words(report)
    time = f" of {moment(run.check.time)}" if run.continued else ""
    judged = f"{report['new_rows']} new texts, check {run.check.look} of {spoken(run.check.version)}{time}"
    verdict = VERDICTS[run.check.verdict][0]
    return visible(f"{lead}{verdict} without labels: {measured}{effects}; {judged}; {reason}")


def verdict_sentence(run: MonitoredTexts) -> str:
    """The verdict in words."""
    if run.check is None:
        return f"Cannot tell yet: {counted(run.new_rows, 'new text')}"
    return VERDICTS[run.check.verdict][1].format(version=spoken(run.check.version))


def write(run: MonitoredTexts, path: Path, *, command: str) -> None:
    """Writes the page of a run. The file appears only when it is complete.

    Args:
        run: The run.
        path: The HTML file, which `drift_page.check_target` allowed; replaced if it exists.
        command: The command line of the run.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, render(run, command=command, made=now()))


def render(run: MonitoredTexts, *, command: str, made: str) -> str:
    """The HTML page of a run."""
    checks = run.history.texts_checks()
    pictures = {"history": drift_plots.history(checks)}
    values: dict[str, Any] = {}
    if run.check is not None:
        drawn, values = report_parts(run.check.report)
        pictures |= drawn
        values["foreign"] = _foreign(run)
    return page.render(
        "drift_texts.html",
        pictures,
        command=command,
        made=made,
        run=run,
        look=run.check,
        verdict=verdict_sentence(run),
        found=found_earlier(run),
        next_steps=_next_steps(run),
        history=[(past, _outcome(run, past)) for past in reversed(checks)],
        verdicts={name: log.lower() for name, (log, _) in VERDICTS.items()},
        judged="texts",
        **values,
    )


def _next_steps(run: MonitoredTexts) -> list[tuple[str, str]]:
    """What to do next: sentences, each with the command for it, or ""."""
    steps = [("Check again when there are new texts.", "")]
    if run.action == "reported":
        read = (
            "Read the texts below, and label some: with labels bertsent drift says whether the model is "
            "wrong, and retrains."
        )
        steps = [(read, run.label_command)]
    elif run.action == "collect":
        more = max(run.needed - run.new_rows, 1)
        steps = [(f"Collect {more} more texts; then the next run can judge.", "")]
    if run.open is None:
        return steps
    do, accept = open_steps(run.open)
    if found_earlier(run):
        steps = [do, *(steps if run.action == "collect" else [])]
    return [*steps, accept]


def _outcome(run: MonitoredTexts, check: TextsCheck) -> str:
    """What came of a check, in words."""
    if run.open and run.open.look == check:
        return f"open: {run.open.state}"
    accepted = run.history.acceptance_of(check)
    return visible(f"accepted: {accepted.reason}") if accepted else ""


def _foreign(run: MonitoredTexts) -> list[dict[str, Any]]:
    """The most foreign texts, with their scores."""
    digests = [digest for digest in run.check.report["foreign"] if digest in run.texts] if run.check else []
    shown = []
    for digest in digests[: _SETTINGS.foreign]:
        text, score = run.texts[digest]
        label = LABEL_NAMES[int(score >= DEFAULT_THRESHOLD)]
        shown.append({"score": score, "label": label, **page.folded(text)})
    return shown
