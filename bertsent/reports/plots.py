"""Pictures, by matplotlib, imported only when one is asked for."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_write
from bertsent.base.records.metrics import Evaluation
from bertsent.base.records.training import Epoch, Tree

FORMATS = (".svg", ".png", ".pdf")
# Blue and orange-red are told apart in every kind of colour vision.
_TRAIN, _VALIDATION, _MUTED = "#3b6ea5", "#c8553d", "#6b7280"
_FILL, _LINE = "#eef3f9", "#3b6ea5"
NEGATIVE, POSITIVE, INK = "#c8553d", "#3b6ea5", "#1f2328"
# What these colours become in a page, whose style sheet knows whether it is light or dark.
_OF_PAGE = {NEGATIVE: "var(--negative)", POSITIVE: "var(--positive)", INK: "currentColor"}
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_PAGE: dict[Any, Any] = {
    **dict.fromkeys(_INKED, INK),
    "font.size": 11,
    "svg.fonttype": "none",
}  # text stays text


def training_curves(epochs: Sequence[Epoch], *, best_epoch: int, path: Path) -> None:
    """Loss and accuracy of training and validation by epoch, the best one marked."""
    figure = new_figure(9.0, 3.4)
    numbers = [epoch.epoch for epoch in epochs]
    panels = (
        ("loss", [e.loss for e in epochs], [e.validation_loss for e in epochs]),
        ("accuracy", [e.accuracy for e in epochs], [e.validation_accuracy for e in epochs]),
    )
    for place, (name, train, validation) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, 2, place)
        axes.plot(numbers, train, "o-", color=_TRAIN, label="train")
        axes.plot(numbers, validation, "s-", color=_VALIDATION, label="validation")
        axes.axvline(best_epoch, color=_MUTED, linestyle=":", label="published")
        axes.set_xlabel("epoch")
        axes.set_xticks(numbers)
        axes.set_title(name)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    _save(figure, path)


def check_format(path: Path) -> None:
    """Refuses a name that no picture can have, before the work for it begins.

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
    check_format(path)
    rows = list(_rows(tree))
    figure = new_figure(9.0, 0.42 * len(rows) + 0.4)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, 100)
    axes.set_ylim(len(rows), 0)
    axes.axis("off")
    last: dict[int, int] = {}
    for row, (depth, part) in enumerate(rows):
        left = 2 + 5 * depth
        axes.add_patch(
            _rectangle((left, row + 0.12), 98 - left, 0.76, facecolor=_FILL, edgecolor=_LINE, linewidth=0.8)
        )
        if depth:
            axes.plot(
                [left - 3.5, left - 3.5, left],
                [last[depth - 1] + 0.88, row + 0.5, row + 0.5],
                color=_LINE,
                linewidth=0.8,
            )
        last[depth] = row
        name = f"{part.name}   {part.detail}" if part.detail else part.name
        # A "$" in the name of somebody's variable begins no formula.
        axes.text(left + 1, row + 0.5, visible(name), va="center", fontsize=9, parse_math=False)
        if part.parameters:
            axes.text(
                97, row + 0.5, f"{part.parameters:,}", va="center", ha="right", fontsize=9, color=_MUTED
            )
    _save(figure, path)


def roc(evaluation: Evaluation) -> str:
    """The ROC curve as an SVG element for a page, the threshold marked; "" with one class only."""
    if not evaluation.roc:
        return ""
    with page_style("roc"):
        figure = new_figure(4.6, 4.3)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], ":", color=INK, alpha=0.5)
        axes.plot(*zip(*evaluation.roc, strict=True), color=POSITIVE, linewidth=2)
        counts = evaluation.metrics.confusion
        called = counts.false_positive / (counts.false_positive + counts.true_negative), counts.recall
        axes.plot(*called, "o", color=NEGATIVE, markersize=7)
        axes.annotate(
            f"threshold {evaluation.threshold:g}", called, xytext=(10, -14), textcoords="offset points"
        )
        axes.set_xlabel("negative reviews called positive")
        axes.set_ylabel("positive reviews called positive")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        return element(figure)


def reliability(evaluation: Evaluation) -> str:
    """Share of positive reviews against score as an SVG element, below it how many reviews that is."""
    bands = [band for band in evaluation.by_score if band.n]
    means = [band.mean for band in bands]
    shares = [band.positive / band.n for band in bands]
    reach = [
        [max(0.0, share - band.interval[0]) for share, band in zip(shares, bands, strict=True)],
        [max(0.0, band.interval[1] - share) for share, band in zip(shares, bands, strict=True)],
    ]
    with page_style("reliability"):
        figure = new_figure(4.6, 4.3)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        axes.plot([0, 1], [0, 1], ":", color=INK, alpha=0.5)
        axes.errorbar(means, shares, yerr=reach, fmt="o", markersize=5, color=POSITIVE, elinewidth=1.2)
        axes.set_ylabel("share that is positive")
        axes.set_ylim(-0.03, 1.03)
        middles = [(band.low + band.high) / 2 for band in bands]
        wide = 0.9 * evaluation.by_score[0].high
        below.bar(middles, [band.n for band in bands], wide, color=INK, alpha=0.5)
        count_axis(below, max(band.n for band in bands))
        below.set_xlabel("score")
        below.set_xlim(-0.02, 1.02)
        return element(figure)


def scores(evaluation: Evaluation) -> str:
    """How many reviews of each gold label have which score, as an SVG element; counts on a log scale."""
    bands = evaluation.by_score
    wide = 0.45 * bands[0].high
    with page_style("scores"):
        figure = new_figure(5.8, 3.2)
        axes = figure.add_subplot()
        for shift, name, colour in ((0.0, "negative", NEGATIVE), (wide, "positive", POSITIVE)):
            places = [band.low + 0.05 * bands[0].high + shift for band in bands]
            counts = [getattr(band, name) for band in bands]
            axes.bar(places, counts, wide, align="edge", color=colour, label=f"gold {name}")
        axes.axvline(evaluation.threshold, color=INK, linestyle=":", alpha=0.6)
        count_axis(axes, max(max(band.negative, band.positive) for band in bands))
        axes.set_xlabel("score")
        axes.set_xlim(-0.01, 1.01)
        axes.legend(frameon=False, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.16))
        return element(figure)


def count_axis(axes: Any, most: int) -> None:
    """Makes the upright axis one of counts on a log scale."""
    marks = (1, 2, 5) if most < 100 else (1,)
    axes.set_yscale("log", nonpositive="clip", subs=marks)
    axes.yaxis.get_major_locator().set_params(subs=marks)
    axes.set_ylim(bottom=0.7)  # one review is a bar that can be seen
    axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.minorticks_off()
    axes.set_ylabel("reviews")


def page_style(name: str) -> Any:
    """The look of a picture in a page, for a `with` around the drawing; `name` differs on one page."""
    from matplotlib import rc_context

    # The salt keeps ids of two pictures on one page apart, and the same from run to run.
    return rc_context({**_PAGE, "svg.hashsalt": name, "axes.spines.top": False, "axes.spines.right": False})


def element(figure: Any) -> str:
    """A drawing as an SVG element whose colours the page sets."""
    picture = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(picture, format="svg", bbox_inches="tight", transparent=True, metadata=unsaid)
    svg = picture.getvalue()
    svg = re.sub(r' (?:id="[^"]*_\d+"|xmlns(?::\w+)?="[^"]*")', "", svg[svg.index("<svg") :])
    return re.sub("|".join(_OF_PAGE), lambda found: _OF_PAGE[found[0]], svg)


def _rows(tree: Tree, depth: int = 0) -> list[tuple[int, Tree]]:
    below = [row for part in tree.parts for row in _rows(part, depth + 1)] if depth < 3 else []
    return [(depth, tree), *below]


def new_figure(width: float, height: float) -> Any:
    """An empty drawing, in inches."""
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    return Figure(figsize=(width, height))


def _rectangle(*place: Any, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(*place, **style)


def _save(figure: Any, path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lower().removeprefix("."), bbox_inches="tight")
    with atomic_write(path) as file:
        file.write(picture.getbuffer())
