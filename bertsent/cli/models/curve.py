"""`bertsent models curve`: what each retrain gained, and what more labels would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import visible
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._options import JsonOption, QuietOption
from bertsent.cli._render import print_json, progress
from bertsent.cli._tables import points

if TYPE_CHECKING:
    from bertsent.retraining.learning_curve import Curve


def curve(json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Show what each retrain gained.

    And what the next 100 labels would buy, as far as it can be told.
    """
    from bertsent.retraining import learning_curve

    with progress(quiet=quiet) as shown:
        found = learning_curve.curve(Workspace.current(), progress=shown)
    if json:
        print_json(_curve_as_json(found))
    else:
        _print_curve(found)


def _curve_as_json(found: Curve) -> dict[str, Any]:
    return {
        "retrains": [
            {
                "version": point.version,
                "time": point.time,
                "labels": point.labels,
                "start": point.start,
                "reserved": point.reserved.n,
                "gained": point.reserved.difference,
                "low": point.reserved.low,
                "high": point.reserved.high,
            }
            for point in found.points
        ],
        "next_labels": found.labels,
        "expected": {"value": found.expected, "low": found.low, "high": found.high},
        "retrains_needed": found.needed,
    }


def _print_curve(found: Curve) -> None:
    if found.points:
        typer.echo("  retrained             labels  began with  reserved  became      gained there")
    for point in found.points:
        rows, became = point.reserved, f"version {point.version}" if point.version else "rejected"
        gained = points(rows.difference, rows.low, rows.high) if rows.n else "-"
        typer.echo(
            f"  {visible(point.time):<20}  {point.labels:>6}  {visible(point.start):<10}  {rows.n:>8}  "
            f"{became:<10}  {gained}"
        )
    if found.needed:
        typer.echo(
            f"Too few retrains to say what the next {found.labels} labels would buy: it takes {found.needed} "
            "more, each with more labels."
        )
    else:
        expected = points(found.expected, found.low, found.high)
        typer.echo(f"The next {found.labels} labels would buy {expected}, 90 % sure, on reviews like those.")
