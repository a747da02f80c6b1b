"""Pictures, by matplotlib, imported only when one is asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertsent.errors import UsageError
from bertsent.files import atomic_write, visible
from bertsent.records import Epoch, Tree

FORMATS = (".svg", ".png", ".pdf")
# Blue and orange-red are told apart in every kind of colour vision.
_TRAIN, _VALIDATION, _MUTED = "#3b6ea5", "#c8553d", "#6b7280"
_FILL, _LINE = "#eef3f9", "#3b6ea5"


def training_curves(epochs: Sequence[Epoch], *, best_epoch: int, path: Path) -> None:
    """Loss and accuracy of training and validation by epoch, the best one marked."""
    figure = _figure(9.0, 3.4)
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
    figure = _figure(9.0, 0.42 * len(rows) + 0.4)
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


def _rows(tree: Tree, depth: int = 0) -> list[tuple[int, Tree]]:
    below = [row for part in tree.parts for row in _rows(part, depth + 1)] if depth < 3 else []
    return [(depth, tree), *below]


def _figure(width: float, height: float) -> Any:
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
