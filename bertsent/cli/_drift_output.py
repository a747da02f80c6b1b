"""What `drift` prints, with labels and without."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import visible
from bertsent.base.records.core import to_json
from bertsent.cli._render import note, pick, print_json

if TYPE_CHECKING:
    from bertsent.drift.history import Check
    from bertsent.drift.monitored import Monitored, MonitoredTexts, OpenDrift

_WIDTH = 80  # columns of a small terminal


class Said:
    """What a watch said last, so that it says it once."""

    def __init__(self) -> None:
        self._last: object = None

    def is_new(self, answer: object) -> bool:
        """Whether this was not said last; it is from now on."""
        is_new, self._last = answer != self._last, answer
        return is_new


def show(
    answer: Mapping[str, Any], line: str, check: Check | None, *, json: bool, said: Said | None = None
) -> None:
    """Prints the answer as JSON, or the line; on a terminal also what the check measured.

    Args:
        said: Of a watch, which does not repeat what it said last.
    """
    if said is not None and not said.is_new(to_json(answer) if json else line):
        return
    if json:
        print_json(answer)
        return
    typer.echo(line)
    if sys.stdout.isatty() and check is not None:
        _print_table(check.report)


def note_copies(outcome: Monitored | MonitoredTexts, *, quiet: bool) -> None:
    """Says how many reviews were not judged, unless nobody wants to know."""
    if outcome.copies and not quiet:
        note(f"Not judged: {outcome.copies} with the words of another or of a training review.")


def unjudged(outcome: Monitored | MonitoredTexts) -> dict[str, Any]:
    """The keys of a report where nothing was judged."""
    return {
        "verdict": "cannot_tell" if outcome.action == "collect" else None,
        "headline": None,
        **pick(outcome, "threshold", "new_rows"),
        "measures": {},
        "fired": [],
        "minimum_detectable_effect": {},
        "smallest_visible": {},
    }


def open_as_json(drift: OpenDrift) -> dict[str, Any]:
    """The documented keys of a drift that is open, or was until it was accepted."""
    return {
        "date": drift.look.time,
        "state": drift.state,
        "without_labels": drift.without_labels,
        **pick(drift.look, "version", "look", "batch"),
        "headline": drift.look.report["headline"],
        **pick(drift, "answered_by", "candidate", "remedy"),
    }


def _print_table(report: Mapping[str, Any]) -> None:
    """Prints the reason of a report, its measures, and what is never judged."""
    from bertsent.reports.drift_page import MEASURES, minimum_detectable_effect
    from bertsent.reports.page import number, p_value

    typer.echo("\n" + textwrap.fill(visible(report["reason"]), _WIDTH) + "\n")
    rows = [
        (name, title, report["measures"][name]) for name, title, _ in MEASURES if name in report["measures"]
    ]
    width = max(len(title) for _, title, _ in rows)
    judged, least = ("texts", "detectable") if report.get("without_labels") else ("labels", "min. detectable")
    typer.echo(f"  {'':<{width}}  value   90 % interval  adjusted p  {judged:>6}  {least}")
    for name, title, row in rows:
        if row["value"] is None:
            typer.echo(f"  {title:<{width}}      -   not judged")
            continue
        ends = f"{number(row['low'], 3)} to {number(row['high'], 3)}"
        effect = number(minimum_detectable_effect(report).get(name), 3)
        over = "  over" if name in report["fired"] else ""
        typer.echo(
            f"  {title:<{width}}  {number(row['value'], 3)}  {ends:>14}  {p_value(row['adjusted']):>10}"
            f"  {row['n']:>6}  {effect:>{len(least)}}{over}"
        )
    if accuracy := report.get("estimated_accuracy"):
        new, held_out = (f"{accuracy[side]:.1%}" for side in ("new", "reference"))
        typer.echo(f"\n  Estimated accuracy: {new}, of held-out reviews {held_out}.")
    _print_diagnostics(report["diagnostics"])


def _print_diagnostics(diagnostics: Mapping[str, Any]) -> None:
    """Prints what is reported but never judged."""
    from bertsent.reports.page import p_value

    typer.echo("\n  medians      reference       new  KS p")
    for title, key, form in (("score", "scores", "{:.2f}"), ("word pieces", "length", "{:.0f}")):
        row = diagnostics[key]
        if row["median_new"] is not None:
            old, new = (form.format(row[which]) for which in ("median_old", "median_new"))
            typer.echo(f"  {title:<11}  {old:>9}  {new:>8}  {p_value(row['p_value'])}")
    for direction in ("more", "less"):
        moved = [word for word in diagnostics["words"] if word["direction"] == direction]
        words = [word.get("text", str(word["piece"])) for word in moved]
        if words:
            line = visible(f"{direction} often: {' '.join(words)}")
            typer.echo(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
