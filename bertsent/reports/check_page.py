"""The page of a check."""

from __future__ import annotations

from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.files import now, write_text
from bertsent.base.records.checking import Check, Example, Finding, Severity
from bertsent.labelling.checking.findings import example_label
from bertsent.reports import check_plots, page

TITLES = {
    "rows": "Rows",
    "labels": "Labels",
    "texts": "Texts",
    "copies": "Copies",
    "encoding": "Encoding",
    "wrong labels": "Likely wrong labels",
}

_NOUNS: tuple[tuple[Severity, str], ...] = (
    ("fatal", "fatal fault"),
    ("warning", "warning"),
    ("note", "note"),
)


def write(check: Check, path: Path, *, command: str) -> None:
    """Writes the page of a check. The file appears only when it is complete.

    Args:
        path: The HTML file, replaced if it exists.
        command: The command line of the check.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, render(check, command=command, made=now()))


def render(check: Check, *, command: str, made: str) -> str:
    """The HTML page of a check: its outcome, two plots, and the findings with their rows to read."""
    sections = [
        (title, [_finding(finding) for finding in check.findings if finding.section == section])
        for section, title in TITLES.items()
    ]
    return page.render(
        "check.html",
        {"lengths": check_plots.lengths(check), "confidence": check_plots.confidence(check)},
        command=command,
        made=made,
        check=check,
        summary=summary(check),
        source=visible(check.source),
        reading=[visible(line) for line in check.reading],
        sections=[(title, shown) for title, shown in sections if shown],
    )


def summary(check: Check) -> str:
    """The outcome in one line."""
    counts = [
        f"{number} {noun}{'' if number == 1 else 's'}"
        for severity, noun in _NOUNS
        if (number := check.count(severity))
    ]
    verdict = "Usable" if check.usable else "Not usable"
    return f"{verdict}: {', '.join(counts) or 'nothing to complain of'}"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity,
        "fact": visible(finding.fact),
        "remedy": visible(finding.remedy),
        "command": visible(finding.command),
        "rows": [] if finding.severity == "ok" else [_row(example) for example in finding.examples],
    }


def _row(example: Example) -> dict[str, str]:
    return {
        "path": visible(example.path),
        "detail": visible(example_label(example)),
        **page.folded(example.text),
    }
