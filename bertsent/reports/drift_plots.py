"""The plots of a drift page, from the JSON that the drift history keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bertsent.base.records.gain import Gain
from bertsent.base.version_names import spoken
from bertsent.drift.history import Check
from bertsent.reports.plots import INK, NEGATIVE, POSITIVE, element, page_figure

_VERDICTS = {  # name for people, mark, colour, fill
    "drift": ("drift", "D", NEGATIVE, "full"),
    "stable": ("stable", "o", POSITIVE, "full"),
    "cannot_tell": ("cannot tell", "o", INK, "none"),
}
_LATEST = 60  # looks that the history shows: a year of weekly ones


def measures(rows: Sequence[Mapping[str, Any]], *, threshold: float) -> str:
    """Each measure with its interval against the threshold, as an SVG element.

    Args:
        rows: The JSON of each measure, with `title`; one that was not judged has no value.
        threshold: 0 to 1.
    """
    ends = [row[key] for row in rows for key in ("value", "high") if row[key] is not None]
    with page_figure("measures", 5.0, 0.55 * len(rows) + 0.7) as figure:
        axes = figure.add_subplot()
        axes.axvline(threshold, color=INK, linestyle="--", alpha=0.7)
        for y, row in enumerate(rows):
            if row["value"] is None:
                axes.text(threshold / 8, y, "not judged", va="center", alpha=0.7)
                continue
            colour = NEGATIVE if row["value"] > threshold else POSITIVE
            if row["low"] is not None and row["high"] is not None:
                axes.hlines(y, row["low"], row["high"], color=colour, linewidth=4, alpha=0.45)
            axes.plot(row["value"], y, "o", color=colour, markersize=9, clip_on=False)
        axes.set_yticks(range(len(rows)), [row["title"] for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, min(1.02, 1.12 * max([*ends, 2 * threshold])))
        _note_above(axes, "threshold", threshold, shift=(4, 2))
        return element(figure)


def gain(counts: Gain) -> str:
    """The share of correct predictions before and after a retrain, with 95 % intervals, as an SVG element."""
    from bertsent.scoring.metrics import wilson

    old = "word counts of\nold reviews" if counts.stand_in else "old reviews"
    sides = [
        (name, side) for name, side in (("new reviews\nkept aside", counts.new), (old, counts.old)) if side.n
    ]
    with page_figure("gain", 5.0, 0.8 * len(sides) + 0.9) as figure:
        axes = figure.add_subplot()
        for y, (_, side) in enumerate(sides):
            dots = (
                (-0.14, side.before, "before", INK, "none"),
                (0.14, side.after, "after", POSITIVE, "full"),
            )
            for shift, right, name, colour, fill in dots:
                low, high = wilson(right, side.n)
                axes.hlines(y + shift, 100 * low, 100 * high, color=colour, linewidth=4, alpha=0.45)
                style = {"color": colour, "fillstyle": fill, "markersize": 9, "clip_on": False}
                axes.plot(100 * right / side.n, y + shift, "o", label=name if not y else None, **style)
        axes.set_yticks(range(len(sides)), [name for name, _ in sides])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(sides) - 0.5, -0.5)
        axes.set_xlabel("% right")
        axes.legend(frameon=False, loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        return element(figure)


def history(looks: Sequence[Check]) -> str:
    """The headline look by look against the threshold, as an SVG element; "" for fewer than two looks."""
    import numpy as np

    looks = looks[-_LATEST:]
    if len(looks) < 2:
        return ""
    number = np.arange(1, len(looks) + 1)
    headline = np.array([look.report["headline"] for look in looks], np.float64)  # None becomes NaN
    threshold = np.array([look.report["threshold"] for look in looks])
    with page_figure("history", 5.6, 2.9) as figure:
        axes = figure.add_subplot()
        edges = [0.5, *(number + 0.5)]
        axes.stairs(threshold, edges, baseline=None, color=INK, linestyle="--", alpha=0.7)
        axes.plot(number, headline, color=INK, alpha=0.35, linewidth=1)
        for verdict, (name, mark, colour, fill) in _VERDICTS.items():
            chosen = np.array([look.verdict == verdict for look in looks]) & np.isfinite(headline)
            if chosen.any():
                style = {"label": name, "color": colour, "fillstyle": fill, "markersize": 8}
                axes.plot(number[chosen], headline[chosen], mark, **style)
        for x, (before, look) in enumerate(itertools.pairwise(looks), start=1):
            if look.version != before.version:
                axes.axvline(x + 0.5, color=INK, alpha=0.3, linewidth=1)
                _note_above(axes, spoken(look.version), x + 0.5, shift=(0, 3), ha="center", fontsize=9)
        step = math.ceil(len(looks) / 4)  # there is room for four dates
        axes.set_xticks(number[::step], [look.time[:10] for look in looks[::step]], fontsize=9)
        axes.set_ylim(0, min(1.04, 1.2 * float(np.nanmax([*headline, *(1.5 * threshold)]))))
        axes.set_xlim(0.5, max(len(looks), 8) + 0.5)
        axes.set_ylabel("headline")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.12))
        return element(figure)


def histograms(values: Mapping[str, Any], *, name: str, label: str, log: bool = False) -> str:
    """Histograms of the reference and of the new reviews, as an SVG element; "" if a side has no rows.

    Args:
        values: JSON of `drift.records.Histograms`.
        name: The picture's name, unique on its page.
        label: The quantity's name.
        log: Whether its axis is logarithmic.
    """
    import numpy as np

    edges, old, new = values["edges"], np.array(values["old"]), np.array(values["new"])
    if len(edges) < 2 or not old.sum() or not new.sum():
        return ""
    with page_figure(name, 4.8, 3.1) as figure:
        axes = figure.add_subplot()
        axes.stairs(100 * old / old.sum(), edges, fill=True, color=INK, alpha=0.25, label="reference")
        axes.stairs(100 * new / new.sum(), edges, color=NEGATIVE, linewidth=2, label="new")
        if log:
            axes.set_xscale("log", base=2)
            axes.set_xticks([tick for tick in 2 ** np.arange(10) if edges[0] <= tick <= edges[-1]])
            axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:.0f}")
            axes.minorticks_off()
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(label)
        axes.set_ylabel("% of reviews")
        axes.legend(frameon=False, loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        return element(figure)


def _note_above(axes: Any, text: str, x: float, *, shift: tuple[int, int], **style: Any) -> None:
    """Writes a text above the axes at `x`, moved by `shift` points."""
    where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate(text, (x, 1), xytext=shift, va="bottom", **where, **style)
