"""The plots of a page about groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertsent.base.display import visible
from bertsent.base.records.groups import Group, Unit
from bertsent.reports.plots import INK, NEGATIVE, POSITIVE, element, page_figure
from bertsent.scoring.dates import number_of

_LONGEST = 26  # characters of a group's name beside its bar
_TICKS = 5  # dates that fit below an axis
_LEGIBLE = 60  # points of a line that get a mark


def over_time(groups: Sequence[Group], *, name: str, unit: Unit) -> str:
    """The share of positive reviews over time with its interval, and the numbers below, as an SVG element.

    The line has a gap where no review was written.

    Args:
        groups: Oldest first, named by `dates.period`; those without a scored review are left out.
        name: The picture's name, unique on its page.
        unit: Of time, for the label of the axis.
    """
    dated = {number_of(group.value, unit): group for group in groups if group.n and group.value}
    if not dated:
        return ""
    first, last = min(dated), max(dated)
    with page_figure(name, 5.4, 3.6) as figure:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for run in _runs(list(dated)):
            shares = [100 * dated[number].share_positive for number in run]
            low, high = ([100 * dated[number].interval[end] for number in run] for end in (0, 1))
            marks = len(run) == 1 or len(dated) <= _LEGIBLE
            axes.plot(run, shares, "o-" if marks else "-", color=POSITIVE, markersize=4)
            if len(run) > 1:
                axes.fill_between(run, low, high, color=POSITIVE, alpha=0.22, linewidth=0)
            else:
                axes.vlines(run, low, high, color=POSITIVE, alpha=0.3, linewidth=4)
        axes.set_ylim(-3, 103)
        axes.set_ylabel("% positive")
        below.bar([*dated], [group.n for group in dated.values()], 0.8, color=INK, alpha=0.5)
        below.set_ylabel("reviews")
        below.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        below.set_ylim(bottom=0)
        chosen = [*dated][:: math.ceil(len(dated) / _TICKS)]
        ticks = [tick for n, tick in enumerate(chosen) if not n or tick - chosen[n - 1] > (last - first) / 9]
        below.set_xticks(ticks, [str(dated[tick].value) for tick in ticks], fontsize=9)
        below.set_xlim(first - 0.6, last + 0.6)
        below.set_xlabel(unit)
        return element(figure)


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers, cut where one is missing."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def by_group(groups: Sequence[Group], *, name: str) -> str:
    """The share of positive reviews of each group as a bar with its interval, as an SVG element.

    The largest share is at the top; groups with few reviews are pale.
    """
    groups = sorted((group for group in groups if group.n), key=lambda group: -group.share_positive)
    if not groups:
        return ""
    with page_figure(name, 5.0, 0.34 * len(groups) + 0.9) as figure:
        axes = figure.add_subplot()
        for y, group in enumerate(groups):
            low, high = group.interval
            alpha = 0.35 if group.few else 0.8
            axes.barh(y, 100 * group.share_positive, 0.66, color=POSITIVE, alpha=alpha)
            axes.plot([100 * low, 100 * high], [y, y], color=INK, linewidth=1.3, alpha=0.8)
            axes.text(102, y, f"{group.n:,}", va="center", fontsize=9)
        names = [_shortened(group.value) for group in groups]
        axes.set_yticks(range(len(groups)), names, parse_math=False)  # a "$" in a name is no formula
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel("% positive; at the right the number of reviews")
        return element(figure)


def score_histogram(bands: Sequence[int]) -> str:
    """The number of reviews in each band of the score, as an SVG element."""
    width = 1 / len(bands)
    with page_figure("scores", 5.4, 2.6) as figure:
        axes = figure.add_subplot()
        for band, count in enumerate(bands):
            colour = POSITIVE if band >= len(bands) / 2 else NEGATIVE
            axes.bar(band * width, count, 0.9 * width, align="edge", color=colour)
        axes.set_xlim(0, 1)
        axes.set_xlabel("score, P(positive)")
        axes.set_ylabel("reviews")
        axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes.yaxis.get_major_locator().set_params(integer=True)
        return element(figure)


def _shortened(value: str | None) -> str:
    text = "(no value)" if value is None else visible(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
