"""The page of a scored input: its scores, their change over time and by group, and the reviews to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.files import now, write_text
from bertsent.base.records.groups import Extreme, Group, Grouping, Overview
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.settings.grouping import GroupSettings
from bertsent.reports import groups_plots, page

_SETTINGS = GroupSettings()


def write(overview: Overview, summary: BatchSummary, path: Path, *, source: str, command: str) -> None:
    """Writes the page of a scored input. The file appears only when it is complete.

    Args:
        overview: The counts of the input and of its groups.
        summary: What `batch` says of the run.
        path: The HTML file, replaced if it exists.
        source: Where the reviews came from.
        command: The command line of the run.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, render(overview, summary, source=source, command=command, made=now()))


def render(
    overview: Overview,
    summary: BatchSummary,
    *,
    source: str,
    command: str,
    made: str,
    settings: GroupSettings = _SETTINGS,
) -> str:
    """The HTML page of a scored input."""
    pictures = {"scores": groups_plots.score_histogram(overview.bands)}
    groupings = []
    for number, grouping in enumerate(overview.groupings):
        pictures[f"groups{number}"] = _picture(grouping, name=f"groups{number}", most=settings.listed)
        groupings.append(_shown(grouping, picture=f"groups{number}", most=settings.listed))
    return page.render(
        "groups.html",
        pictures,
        command=command,
        made=made,
        summary=summary,
        whole=overview.whole,
        sentence=sentence(overview.whole),
        ends=_ends(overview.whole),
        groupings=groupings,
        few=settings.few,
        source=visible(source),
    )


def sentence(whole: Group) -> str:
    """The share of positive reviews in one sentence."""
    low, high = map(page.percent, whole.interval)
    plural = "" if whole.n == 1 else "s"
    return (
        f"{page.percent(whole.share_positive)} % of {page.count(whole.n)} review{plural} positive "
        f"(95 %: {low} to {high}), {page.percent(whole.share_unsure)} % unsure"
    )


def name_of(group: Group) -> str:
    """The name of a group for people."""
    return "(no value)" if group.value is None else visible(group.value)


def _picture(grouping: Grouping, *, name: str, most: int) -> str:
    if grouping.unit:  # all of them: a line has room for many
        return groups_plots.over_time(grouping.groups, name=name, unit=grouping.unit)
    return groups_plots.by_group(grouping.shown(most), name=name)


def _shown(grouping: Grouping, *, picture: str, most: int) -> dict[str, Any]:
    shown = grouping.shown(most)
    hidden = len(grouping.groups) - len(shown)
    return {
        "title": visible(grouping.by),
        "unit": grouping.unit,
        "picture": picture,
        "rows": [{"name": name_of(group), "group": group, "ends": _ends(group)} for group in shown],
        "hidden": hidden,
        "hidden_rows": sum(group.n for group in grouping.groups) - sum(group.n for group in shown),
        "few": any(group.few for group in shown),
        "notes": grouping.notes,
    }


def _ends(group: Group) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The reviews at both ends, those of each under its name; an end without reviews is left out."""
    ends = (("negative", group.most_negative), ("positive", group.most_positive))
    return [(name, [_review(extreme) for extreme in extremes]) for name, extremes in ends if extremes]


def _review(extreme: Extreme) -> dict[str, Any]:
    return {"score": extreme.score, "path": visible(extreme.path), **page.folded(extreme.text)}
