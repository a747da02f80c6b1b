"""`bertsent models diff`: the reviews on which two versions disagree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import counted
from bertsent.base.errors import DataError, UsageError
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import pick, prediction_line, print_json, progress
from bertsent.cli._tables import points
from bertsent.cli._versions import find_version

if TYPE_CHECKING:
    from bertsent.retraining.compare import Difference


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A version: its number, packaged, or a folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another version.")],
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="A folder or table of reviews. [default: the reserved ones]"),
    ] = None,
    all_labels: Annotated[
        bool,
        typer.Option(
            "--all-labels", help="Compare on all labelled reviews, those that versions learnt from included."
        ),
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the reviews on which two versions disagree.

    The largest differences come first. If reviews have labels, it says which version is correct more often.
    Without PATH it takes the labelled reviews that are reserved: no version learnt from them.
    """
    from collections import Counter

    from bertsent.base.records.core import Review
    from bertsent.data.reviews import read_reviews, usable
    from bertsent.labelling.log import LabelLog
    from bertsent.labelling.selection import is_reserved, words_digest
    from bertsent.retraining import compare

    workspace, left_out = Workspace.current(), Counter[str]()
    one, other = find_version(first, option="A"), find_version(second, option="B")
    if path is not None and all_labels:
        raise UsageError("--all-labels and PATH both say which reviews.", hint="leave one of the two out")
    kind = "" if path is not None or all_labels else "reserved "
    if path is not None:
        reviews = read_reviews(path)
    else:
        rows = LabelLog(workspace.labels).labelled()
        if not rows:
            raise DataError("No review is labelled yet.", hint="name a folder or table of reviews")
        chosen = rows if all_labels else [row for row in rows if is_reserved(words_digest(row.text))]
        if not chosen:
            raise DataError(
                f"None of {counted(len(rows), 'labelled review')} is reserved: one in "
                f"{RetrainSettings().reserved} is, by its text.",
                hint="label more, name a folder or table of reviews, or give --all-labels",
            )
        reviews = iter([Review(row.text, row.label) for row in chosen])
    with progress(quiet=quiet) as bar:
        difference = compare.diff(one, other, usable(reviews, left_out), progress=bar)
    if json:
        print_json(_difference_as_json(difference, one.name, other.name))
    else:
        _print_difference(difference, one.name, other.name, kind=kind)


def _difference_as_json(difference: Difference, first: str, second: str) -> dict[str, Any]:
    paired = difference.paired
    return {
        "versions": [first, second],
        **pick(difference, "reviews", "differ"),
        "pairs": [
            pick(one, "text", "path")
            | {
                "gold": None if one.gold is None else LABEL_NAMES[one.gold],
                "scores": [one.score, other.score],
            }
            for one, other in difference.pairs
        ],
        "labelled": paired.n,
        "right": [paired.champion, paired.challenger],
        "difference": {"value": paired.difference, **pick(paired, "low", "high")},
        **pick(paired, "p_value"),
    }


def _print_difference(difference: Difference, first: str, second: str, *, kind: str) -> None:
    among = f"{difference.differ} of {difference.reviews} {kind}reviews"
    typer.echo(f"Versions {first} and {second} differ on {among}")
    paired = difference.paired
    if paired.n:
        typer.echo(
            f"Of {paired.n} labelled reviews {first} predicts {paired.champion} correctly and {second} "
            f"{paired.challenger}: {points(paired.difference, paired.low, paired.high)}, "
            f"McNemar p {paired.p_value:.2g}"
        )
    for one, other in difference.pairs:
        gold = f", gold {LABEL_NAMES[one.gold]}" if one.gold is not None else ""
        typer.echo(f"\n{first} predicts {one.label} {one.score:.4f}{gold}; {second} predicts:")
        typer.echo(prediction_line(other))
