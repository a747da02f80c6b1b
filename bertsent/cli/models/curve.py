"""`bertsent models curve`: what each retrain gained, and what more labels would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import visible
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import pick, print_json, progress
from bertsent.cli._tables import points

if TYPE_CHECKING:
    from bertsent.retraining.learning_curve import LearningCurve


def curve(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Show what each retrain gained.

    Also estimates what the next 100 labels would buy, after enough retrains.
    """
    from bertsent.retraining import learning_curve

    with progress(quiet=quiet) as bar:
        result = learning_curve.compute(Workspace.current(), progress=bar)
    if json:
        print_json(_curve_as_json(result))
    else:
        _print_curve(result)


def _curve_as_json(result: LearningCurve) -> dict[str, Any]:
    return {
        "retrains": [
            {
                **pick(point, "version", "time", "labels", "start"),
                "reserved": point.reserved.n,
                "gained": point.reserved.difference,
                **pick(point.reserved, "low", "high"),
            }
            for point in result.points
        ],
        "next_labels": result.labels,
        "expected": {"value": result.expected, **pick(result, "low", "high")},
        "retrains_needed": result.needed,
    }


def _print_curve(result: LearningCurve) -> None:
    if result.points:
        typer.echo("  retrained             labels  began with  reserved  became      gained there")
    for point in result.points:
        rows, became = point.reserved, f"version {point.version}" if point.version else "rejected"
        gained = points(rows.difference, rows.low, rows.high) if rows.n else "-"
        typer.echo(
            f"  {visible(point.time):<20}  {point.labels:>6}  {visible(point.start):<10}  {rows.n:>8}  "
            f"{became:<10}  {gained}"
        )
    if result.needed:
        typer.echo(
            f"Too few retrains to say what the next {result.labels} labels would buy: "
            f"it takes {result.needed} more, each with more labels."
        )
    else:
        expected = points(result.expected, result.low, result.high)
        typer.echo(f"The next {result.labels} labels would buy {expected}, 90 % sure, on reviews like those.")
