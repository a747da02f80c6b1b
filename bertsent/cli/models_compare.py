"""`bertsent models diff` and `curve`: what a version, and what labels, changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._options import JsonOption, QuietOption
from bertsent.cli._render import prediction_line, print_json, progress
from bertsent.cli.models import models

if TYPE_CHECKING:
    from bertsent.retraining.compare import Difference
    from bertsent.retraining.learning_curve import LearningCurve


@models.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A version.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="A folder or table of reviews. [default: those labelled so far]",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the reviews on which two versions disagree.

    The farthest apart come first. Where reviews have a label, it says which version is right more often.
    """
    from collections import Counter

    from bertsent.base.records.core import Review
    from bertsent.data.reviews import read_reviews, usable
    from bertsent.labelling.log import LabelLog
    from bertsent.retraining import compare
    from bertsent.versions import store

    workspace, left_out = Workspace.current(), Counter[str]()
    one, other = (store.find(name, folder=workspace.model) for name in (first, second))
    if path is not None:
        reviews = read_reviews(path)
    else:
        rows = LabelLog(workspace.labels).labelled()
        if not rows:
            raise DataError("No review is labelled yet.", hint="name a folder or table of reviews")
        reviews = iter([Review(row.text, row.label) for row in rows])
    with progress(quiet=quiet) as shown:
        found = compare.diff(one, other, usable(reviews, left_out), progress=shown)
    if json:
        print_json(_difference_as_json(found, one.name, other.name))
    else:
        _print_difference(found, one.name, other.name)


def _difference_as_json(found: Difference, first: str, second: str) -> dict[str, Any]:
    paired = found.paired
    return {
        "versions": [first, second],
        "reviews": found.reviews,
        "differ": found.differ,
        "pairs": [
            {
                "text": one.text,
                "path": one.path,
                "gold": None if one.gold is None else LABEL_NAMES[one.gold],
                "scores": [one.score, other.score],
            }
            for one, other in found.pairs
        ],
        "labelled": paired.n,
        "right": [paired.champion, paired.challenger],
        "difference": {"value": paired.difference, "low": paired.low, "high": paired.high},
        "p_value": paired.p_value,
    }


def _print_difference(found: Difference, first: str, second: str) -> None:
    typer.echo(f"Versions {first} and {second} differ on {found.differ} of {found.reviews} reviews")
    paired = found.paired
    if paired.n:
        typer.echo(
            f"Of {paired.n} with a label {first} answers {paired.champion} rightly and {second} "
            f"{paired.challenger}: {_points(paired.difference, paired.low, paired.high)}, "
            f"McNemar p {paired.p_value:.2g}"
        )
    for one, other in found.pairs:
        gold = f", gold {LABEL_NAMES[one.gold]}" if one.gold is not None else ""
        typer.echo(f"\n{first} says {one.label} {one.score:.4f}{gold}; {second} says:")
        typer.echo(prediction_line(other))


def _points(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"


@models.command()
def curve(json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Show what each retrain gained.

    And what the next 100 labels would buy, as far as it can be told.
    """
    from bertsent.retraining import learning_curve

    with progress(quiet=quiet) as shown:
        found = learning_curve.compute(Workspace.current(), progress=shown)
    if json:
        print_json(_curve_as_json(found))
    else:
        _print_curve(found)


def _curve_as_json(found: LearningCurve) -> dict[str, Any]:
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


def _print_curve(found: LearningCurve) -> None:
    if found.points:
        typer.echo("  retrained             labels  began with  reserved  became      gained there")
    for point in found.points:
        rows, became = point.reserved, f"version {point.version}" if point.version else "rejected"
        gained = _points(rows.difference, rows.low, rows.high) if rows.n else "-"
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
        expected = _points(found.expected, found.low, found.high)
        typer.echo(f"The next {found.labels} labels would buy {expected}, 90 % sure, on reviews like those.")
