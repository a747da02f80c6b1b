"""The pictures of a drift report, from the JSON that the drift history keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertsent.reports.plots import INK, NEGATIVE, POSITIVE, element, new_figure, page_style

_COLOURS = {"drift": NEGATIVE, "stable": POSITIVE}  # what cannot be told has no colour
_MARKS = {"drift": "D", "stable": "o"}
_SHOWN = 60  # looks of the history: a year of weekly ones


@dataclass(frozen=True, slots=True)
class Point:
    """A look in the history."""

    headline: float  # NaN: nothing was judged
    threshold: float
    verdict: str
    version: str
    day: str


def measures(rows: Sequence[tuple[str, Mapping[str, Any]]], *, threshold: float) -> str:
    """Each measure with its interval against the threshold, as an SVG element.

    Args:
        rows: Name for people and JSON of a measure; one that was not judged has no value.
        threshold: 0 to 1.
    """
    ends = [row[key] for _, row in rows for key in ("value", "high") if row[key] is not None]
    with page_style("measures"):
        figure = new_figure(5.0, 0.55 * len(rows) + 0.7)
        axes = figure.add_subplot()
        axes.axvline(threshold, color=INK, linestyle="--", alpha=0.7)
        for place, (_, row) in enumerate(rows):
            if row["value"] is None:
                axes.text(threshold / 8, place, "not judged", va="center", alpha=0.7)
                continue
            colour = NEGATIVE if row["value"] > threshold else POSITIVE
            low, high = _or(row["low"], row["value"]), _or(row["high"], row["value"])
            axes.plot(
                [low, high], [place, place], color=colour, linewidth=4, alpha=0.45, solid_capstyle="butt"
            )
            axes.plot(row["value"], place, "o", color=colour, markersize=9, clip_on=False)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, min(1.02, 1.12 * max([*ends, 2 * threshold])))
        axes.annotate(
            "threshold",
            (threshold, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, 2),
            textcoords="offset points",
            va="bottom",
        )
        return element(figure)


def history(points: Sequence[Point]) -> str:
    """The headline look by look against the threshold, as an SVG element; "" for fewer than two."""
    points = points[-_SHOWN:]
    if len(points) < 2:
        return ""
    places = range(1, len(points) + 1)
    with page_style("history"):
        figure = new_figure(5.6, 2.9)
        axes = figure.add_subplot()
        edges = [0.5, *(place + 0.5 for place in places)]
        axes.stairs(
            [point.threshold for point in points], edges, baseline=None, color=INK, linestyle="--", alpha=0.7
        )
        axes.plot(places, [point.headline for point in points], color=INK, alpha=0.35, linewidth=1)
        for verdict, name in (("drift", "drift"), ("stable", "stable"), ("cannot_tell", "cannot tell")):
            chosen = [(at, p.headline) for at, p in zip(places, points, strict=True) if p.verdict == verdict]
            chosen = [(at, height) for at, height in chosen if not math.isnan(height)]
            if chosen:
                axes.plot(
                    *zip(*chosen, strict=True),
                    _MARKS.get(verdict, "o"),
                    label=name,
                    markersize=8,
                    color=_COLOURS.get(verdict, INK),
                    fillstyle="full" if verdict in _COLOURS else "none",
                )
        _mark_versions(axes, points)
        _label_days(axes, points)
        axes.set_ylim(0, min(1.04, 1.2 * max(max(_finite(p.headline), 1.5 * p.threshold) for p in points)))
        axes.set_xlim(0.5, max(len(points), 8) + 0.5)
        axes.set_ylabel("headline")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.12))
        return element(figure)


def spread(compared: Mapping[str, Any], *, name: str, label: str, log: bool = False) -> str:
    """How a quantity is spread in the reference and in the new reviews, as an SVG element; "" if unknown."""
    edges, old, new = compared["edges"], compared["old"], compared["new"]
    if len(edges) < 2 or not sum(old) or not sum(new):
        return ""
    with page_style(name):
        figure = new_figure(4.8, 3.1)
        axes = figure.add_subplot()
        axes.stairs(
            [100 * count / sum(old) for count in old],
            edges,
            fill=True,
            color=INK,
            alpha=0.25,
            label="reference",
        )
        axes.stairs(
            [100 * count / sum(new) for count in new], edges, color=NEGATIVE, linewidth=2, label="new"
        )
        if log:
            _log_axis(axes, edges)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(label)
        axes.set_ylabel("% of reviews")
        axes.legend(frameon=False, loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        return element(figure)


def _mark_versions(axes: Any, points: Sequence[Point]) -> None:
    """A line where another version took over."""
    for place in range(1, len(points)):
        if points[place].version != points[place - 1].version:
            axes.axvline(place + 0.5, color=INK, alpha=0.3, linewidth=1)
            axes.annotate(
                f"version {points[place].version}",
                (place + 0.5, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                va="bottom",
                ha="center",
                fontsize=9,
            )


def _label_days(axes: Any, points: Sequence[Point]) -> None:
    """The days of some looks: as many as have room."""
    step = math.ceil(len(points) / 4)
    chosen = range(0, len(points), step)
    axes.set_xticks([place + 1 for place in chosen], [points[place].day for place in chosen], fontsize=9)


def _log_axis(axes: Any, edges: Sequence[float]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(
        [edge for edge in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if edges[0] <= edge <= edges[-1]]
    )
    axes.xaxis.set_major_formatter(lambda count, _: f"{count:.0f}")
    axes.minorticks_off()


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _finite(value: float) -> float:
    return 0.0 if math.isnan(value) else value
