"""The labels of a check that the version under test contradicts, as its report keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertsent.base.settings.drift import MonitorSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.labelling.swapped import Contradiction, contradicts, find_contradiction

if TYPE_CHECKING:
    from bertsent.drift.records import NewRow

_SETTINGS = MonitorSettings()


def contradicted_labels(rows: Sequence[NewRow]) -> dict[str, Any]:
    """How many labels the version contradicts, and those that it contradicts most.

    Returns:
        `labels`, `opposite`: how many were compared, and how many say the opposite; `swapped`: whether these
        are so many that positive and negative are probably swapped; `rows`: `digest` and `score` of the
        labels whose score is farthest away, at most as many as the page shows.
    """
    opposite = [row for row in rows if contradicts(row.score, row.label)]
    most = sorted(opposite, key=lambda row: -abs(row.score - DEFAULT_THRESHOLD))[: _SETTINGS.contradicted]
    found = find_contradiction([row.label for row in rows], [row.score for row in rows])
    return {
        "labels": len(rows),
        "opposite": len(opposite),
        "swapped": found is not None,
        "rows": [{"digest": row.digest, "score": row.score} for row in most],
    }


def probably_swapped(report: Mapping[str, Any]) -> Contradiction | None:
    """The contradiction that a report found, if labels are probably swapped; reports of 0.4.0 have none."""
    values = report.get("contradicted", {})
    return Contradiction(values["labels"], values["opposite"]) if values.get("swapped") else None
