"""The threshold that `evaluate` chooses: as a table, as JSON, and kept for the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bertsent.base.records.metrics import AtThreshold, ChosenThreshold
from bertsent.base.settings.workspace import Workspace
from bertsent.base.settings.workspace_file import NAME, SavedThreshold, save_threshold
from bertsent.cli._tables import metric

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer


def threshold_lines(chosen: ChosenThreshold) -> Iterator[str]:
    """The threshold, and what it makes of the reviews beside 0.5 and the one in use."""
    from bertsent.reports.evaluation_page import AT_THRESHOLD, threshold_sentence, thresholds

    yield threshold_sentence(chosen)
    columns = thresholds(chosen)
    heads = [f"at {column.threshold}" for column in columns]
    widths = [max(7, len(head)) for head in heads]
    others = chosen.other_rows
    last = "  on reviews that did not choose it" if others else ""
    shown = "".join(f"  {head:>{width}}" for head, width in zip(heads, widths, strict=True))
    yield f"\n  {'':<14}{shown}{last}"
    for name, title in AT_THRESHOLD:
        if name not in chosen.chosen.values:
            continue
        cells = [metric(column.values[name]) for column in columns]
        row = "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {title:<14}{row}{_with_interval(others, name) if others else ''}"


def _with_interval(point: AtThreshold, name: str) -> str:
    low, high = (metric(end) for end in point.intervals[name])
    return f"  {metric(point.values[name])} ({low} to {high})"


def threshold_json(chosen: ChosenThreshold) -> dict[str, Any]:
    """The key `chosen_threshold` of `evaluate --json`."""
    others = None
    if chosen.other_rows:
        folds = {"folds": chosen.folds, "unmet_folds": chosen.unmet_folds}
        others = _point_json(chosen.other_rows) | folds
    low, high = chosen.interval
    return {
        "goal": str(chosen.goal),
        "met": chosen.met,
        "threshold": chosen.threshold,
        "low": low,
        "high": high,
        "unmet_resamples": chosen.unmet,
        "few": chosen.few,
        "at_default": _point_json(chosen.default),
        "at_current": _point_json(chosen.current),
        "at_chosen": _point_json(chosen.chosen),
        "on_other_rows": others,
    }


def _point_json(point: AtThreshold) -> dict[str, Any]:
    measured = {
        name: {"value": value, "low": point.intervals[name][0], "high": point.intervals[name][1]}
        for name, value in point.values.items()
    }
    return {"threshold": point.threshold, **measured, "confusion": point.confusion}


def keep_threshold(chosen: ChosenThreshold, scorer: Scorer) -> str:
    """Writes the threshold into the workspace's file; the line that says so."""
    save_threshold(
        Workspace.current().root / NAME,
        SavedThreshold(
            threshold=chosen.threshold,
            goal=str(chosen.goal),
            version=scorer.version,
            classifier=scorer.classifier_digest,
        ),
    )
    return f"Saved in {NAME}: predict, batch and evaluate use it from now on."
