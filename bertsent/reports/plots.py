"""The plots of training, models and evaluations. matplotlib is imported when one is drawn."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_write
from bertsent.base.records.metrics import Evaluation
from bertsent.base.records.training import Epoch, Tree

FORMATS = (".svg", ".png", ".pdf")
# Blue and orange-red differ in every kind of colour vision.
NEGATIVE, POSITIVE, INK, _MUTED, _FILL = "#c8553d", "#3b6ea5", "#1f2328", "#6b7280", "#eef3f9"
# The CSS colours that replace these in a page: its style sheet knows whether the page is light or dark.
_OF_PAGE = {NEGATIVE: "var(--negative)", POSITIVE: "var(--positive)", INK: "currentColor"}
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_PAGE: dict[Any, Any] = {**dict.fromkeys(_INKED, INK), "font.size": 11, "svg.fonttype": "none"}


def training_curves(epochs: Sequence[Epoch], *, best_epoch: int, path: Path) -> None:
    """Loss and accuracy of training and validation by epoch; the published one is marked."""
    figure = _figure(9.0, 3.4)
    numbers = [epoch.epoch for epoch in epochs]
    panels = (
        ("loss", [e.loss for e in epochs], [e.validation_loss for e in epochs]),
        ("accuracy", [e.accuracy for e in epochs], [e.validation_accuracy for e in epochs]),
    )
    for position, (name, train, validation) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, 2, position)
        axes.plot(numbers, train, "o-", color=POSITIVE, label="train")
        if not all(map(math.isnan, validation)):  # a run with folds has no validation rows
            axes.plot(numbers, validation, "s-", color=NEGATIVE, label="validation")
        axes.axvline(best_epoch, color=_MUTED, linestyle=":", label="published")
        axes.set_xlabel("epoch")
        axes.set_xticks(numbers)
        axes.set_title(name)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    _save(figure, path)


def check_format(path: Path) -> None:
    """Refuses a file name that has no picture format, before any work begins.

    Raises:
        UsageError: if the file's suffix names no picture format.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"A picture's name ends in {', '.join(FORMATS)}.", received=visible(repr(path.name)))


def structure(tree: Tree, path: Path) -> None:
    """The parts of a model as boxes, parts of parts indented below them, with their parameter counts.

    Raises:
        UsageError: as `check_format`.
        StorageError: if the disk does not take the file.
    """
    from matplotlib.patches import Rectangle

    check_format(path)
    rows = _rows(tree)
    figure = _figure(9.0, 0.42 * len(rows) + 0.4)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, 100)
    axes.set_ylim(len(rows), 0)
    axes.axis("off")
    last: dict[int, int] = {}
    for row, (depth, part) in enumerate(rows):
        left = 2 + 5 * depth
        style: dict[str, Any] = {"facecolor": _FILL, "edgecolor": POSITIVE, "linewidth": 0.8}
        axes.add_patch(Rectangle((left, row + 0.12), 98 - left, 0.76, **style))
        if depth:
            x, y = [left - 3.5, left - 3.5, left], [last[depth - 1] + 0.88, row + 0.5, row + 0.5]
            axes.plot(x, y, color=POSITIVE, linewidth=0.8)
        last[depth] = row
        name = f"{part.name}   {part.detail}" if part.detail else part.name
        text = {"va": "center", "fontsize": 9, "parse_math": False}  # a "$" in a name is no formula
        axes.text(left + 1, row + 0.5, visible(name), **text)
        if part.parameters:
            axes.text(97, row + 0.5, f"{part.parameters:,}", ha="right", color=_MUTED, **text)
    _save(figure, path)


def roc(evaluation: Evaluation) -> str:
    """The ROC curve as an SVG element for a page, the threshold marked; "" with one class only."""
    if not evaluation.roc:
        return ""
    with page_figure("roc", 4.6, 4.3) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], ":", color=INK, alpha=0.5)
        axes.plot(*zip(*evaluation.roc, strict=True), color=POSITIVE, linewidth=2)
        counts = evaluation.metrics.confusion
        point = counts.false_positive / (counts.false_positive + counts.true_negative), counts.recall
        axes.plot(*point, "o", color=NEGATIVE, markersize=7)
        label = f"threshold {evaluation.threshold}"
        axes.annotate(label, point, xytext=(10, -14), textcoords="offset points")
        axes.set_xlabel("negative reviews predicted positive")
        axes.set_ylabel("positive reviews predicted positive")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        return element(figure)


def reliability(evaluation: Evaluation) -> str:
    """Share of positive reviews against score as an SVG element, and below it the number of reviews."""
    import numpy as np

    bands = [band for band in evaluation.by_score if band.n]
    shares = np.array([band.positive / band.n for band in bands])
    low, high = np.array([band.interval for band in bands]).T
    half_widths = np.maximum(0.0, [shares - low, high - shares])
    with page_figure("reliability", 4.6, 4.3) as figure:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        axes.plot([0, 1], [0, 1], ":", color=INK, alpha=0.5)
        means, style = [band.mean for band in bands], {"markersize": 5, "color": POSITIVE, "elinewidth": 1.2}
        axes.errorbar(means, shares, yerr=half_widths, fmt="o", **style)
        axes.set_ylabel("share that is positive")
        axes.set_ylim(-0.03, 1.03)
        middles = [(band.low + band.high) / 2 for band in bands]
        width = 0.9 * evaluation.by_score[0].high
        below.bar(middles, [band.n for band in bands], width, color=INK, alpha=0.5)
        _count_axis(below, max(band.n for band in bands))
        below.set_xlabel("score")
        below.set_xlim(-0.02, 1.02)
        return element(figure)


def scores(evaluation: Evaluation) -> str:
    """A histogram of the scores of each gold label, as an SVG element; counts on a log scale."""
    bands = evaluation.by_score
    width = 0.45 * bands[0].high
    with page_figure("scores", 5.8, 3.2) as figure:
        axes = figure.add_subplot()
        for shift, name, colour in ((0.0, "negative", NEGATIVE), (width, "positive", POSITIVE)):
            left = [band.low + 0.05 * bands[0].high + shift for band in bands]
            counts = [getattr(band, name) for band in bands]
            axes.bar(left, counts, width, align="edge", color=colour, label=f"gold {name}")
        axes.axvline(evaluation.threshold, color=INK, linestyle=":", alpha=0.6)
        _count_axis(axes, max(max(band.negative, band.positive) for band in bands))
        axes.set_xlabel("score")
        axes.set_xlim(-0.01, 1.01)
        axes.legend(frameon=False, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.16))
        return element(figure)


def _count_axis(axes: Any, most: int) -> None:
    """Shows counts on the vertical axis, on a log scale."""
    marks = (1, 2, 5) if most < 100 else (1,)
    axes.set_yscale("log", nonpositive="clip", subs=marks)
    axes.yaxis.get_major_locator().set_params(subs=marks)
    axes.set_ylim(bottom=0.7)  # so that the bar of one review is visible
    axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.minorticks_off()
    axes.set_ylabel("reviews")


@contextlib.contextmanager
def page_figure(name: str, width: float, height: float) -> Iterator[Any]:
    """An empty drawing, in inches, in the style of a page; `name` is unique on its page."""
    _silence_matplotlib()
    from matplotlib import rc_context

    # The salt gives the pictures of a page different ids, which are the same in every run.
    with rc_context({**_PAGE, "svg.hashsalt": name, "axes.spines.top": False, "axes.spines.right": False}):
        yield _figure(width, height)


def element(figure: Any) -> str:
    """A drawing as an SVG element whose colours the page sets."""
    picture = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(picture, format="svg", bbox_inches="tight", transparent=True, metadata=no_metadata)
    svg = picture.getvalue()
    svg = re.sub(r' (?:id="[^"]*_\d+"|xmlns(?::\w+)?="[^"]*")', "", svg[svg.index("<svg") :])
    return re.sub("|".join(_OF_PAGE), lambda colour: _OF_PAGE[colour[0]], svg)


def _rows(tree: Tree, depth: int = 0) -> list[tuple[int, Tree]]:
    below = [row for part in tree.parts for row in _rows(part, depth + 1)] if depth < 3 else []
    return [(depth, tree), *below]


def _figure(width: float, height: float) -> Any:
    """An empty drawing of this width and height, in inches."""
    _silence_matplotlib()
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    return Figure(figsize=(width, height))


def _silence_matplotlib() -> None:
    """Where no home can be written, matplotlib tells stderr each time that its cache is in /tmp."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _save(figure: Any, path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lower().removeprefix("."), bbox_inches="tight")
    with atomic_write(path) as file:
        file.write(picture.getbuffer())
