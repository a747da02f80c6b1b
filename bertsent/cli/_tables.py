"""Metrics and comparisons as text: the tables that several commands print."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.records.metrics import Confusion

if TYPE_CHECKING:
    from bertsent.retraining.gate import GateResult


def or_dash(value: object) -> str:
    """A value of a manifest; - if it is None."""
    return "-" if value is None else visible(str(value))


def metric(value: object) -> str:
    """A metric with four decimals; - if it does not exist."""
    return f"{value:.4f}" if isinstance(value, float) and math.isfinite(value) else "-"


def points(value: float, low: float, high: float) -> str:
    """A difference in accuracy (-1 to 1) and its interval, in percentage points."""
    return f"{100 * value:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"


def reading_lines(*, truncated: int, empty: int) -> list[str]:
    """Counts of the reviews that were truncated and of those without text; no line for a count of 0."""
    lines = [f"{truncated} were longer than the model's window"] if truncated else []
    return lines + ([f"{empty} had nothing to read and were left out"] if empty else [])


def confusion_lines(counts: Confusion) -> list[str]:
    """The table of gold labels against predictions."""
    return [
        "                 predicted negative  predicted positive",
        f"  gold negative  {counts.true_negative:>18}  {counts.false_positive:>18}",
        f"  gold positive  {counts.false_negative:>18}  {counts.true_positive:>18}",
    ]


def gate_lines(gate: GateResult) -> list[str]:
    """The comparison of champion and challenger as a table."""
    sure = round(100 * gate.confidence)
    lines = [
        f"  rows      number  champion  challenger  difference  {sure} % lower  {sure} % upper  McNemar p"
    ]
    for name, rows in (("stand-in" if gate.stand_in else "test", gate.test), ("reserved", gate.reserved)):
        if not rows.n:
            lines.append(f"  {name:<8}  {0:>6}")
            continue
        lines.append(
            f"  {name:<8}  {rows.n:>6}  {rows.champion / rows.n:>8.4f}  {rows.challenger / rows.n:>10.4f}  "
            f"{rows.difference:>+10.4f}  {rows.low:>+10.4f}  {rows.high:>+10.4f}  {rows.p_value:>9.2g}"
        )
    if gate.validation:
        lines.append(f"  {gate.validation} of the {gate.test.n} test rows are validation rows.")
    return lines
