"""The plots of a check, as SVG elements of its page."""

from __future__ import annotations

from bertsent.base.records.checking import Check
from bertsent.reports.plots import NEGATIVE, POSITIVE, element, page_figure


def lengths(check: Check) -> str:
    """How many texts have how many words; "" without texts."""
    counts = [count for _, count in check.lengths]
    if not any(counts):
        return ""
    ends = [most for most, _ in check.lengths]
    names = [f"{low + 1}-{high}" for low, high in zip([0, *ends[:-2]], ends[:-1], strict=True)]
    names.append(f"{ends[-2] + 1}+")
    with page_figure("lengths", 5.4, 3.0) as figure:
        axes = figure.add_subplot()
        axes.bar(range(len(counts)), counts, color=POSITIVE)
        axes.set_xticks(range(len(counts)), names, rotation=40, ha="right")
        axes.set_xlabel("words")
        axes.set_ylabel("texts")
        axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        return element(figure)


def confidence(check: Check) -> str:
    """How many judged rows have which probability of their own label; "" if none was judged.

    Rows on the left are likely wrong. Counts have a logarithmic scale, because most rows lie on the right.
    """
    judged = check.wrong_labels
    if judged is None:
        return ""
    width = 1 / len(judged.confidence)
    lefts = [number * width for number in range(len(judged.confidence))]
    colours = [NEGATIVE if left + width <= 0.5 else POSITIVE for left in lefts]
    with page_figure("confidence", 5.4, 3.0) as figure:
        axes = figure.add_subplot()
        axes.bar(lefts, judged.confidence, 0.9 * width, align="edge", color=colours)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes.minorticks_off()
        axes.set_xlabel("probability of the label that the row has")
        axes.set_ylabel("rows")
        return element(figure)
