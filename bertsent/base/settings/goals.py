"""What a threshold is chosen for: `evaluate --choose-threshold`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsent.base.settings.checks import require

_GOALS = "precision=0.95, recall=0.9, f1, macro-f1, mcc or cost=5:1"
_GOAL_NAMES = ("precision", "recall", "f1", "macro-f1", "mcc", "cost")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a threshold is chosen for.

    `name` is precision, recall, f1, macro-f1, mcc or cost. `least` is what precision or recall must reach, in
    (0, 1]. `false_positive` and `false_negative` are what such an error costs, both above 0.
    """

    name: str
    least: float = float("nan")
    false_positive: float = float("nan")
    false_negative: float = float("nan")

    def __str__(self) -> str:
        """The goal as `--choose-threshold` takes it."""
        if self.name == "cost":
            return f"cost={self.false_positive:.15g}:{self.false_negative:.15g}"
        return self.name if math.isnan(self.least) else f"{self.name}={self.least:.15g}"


def parse_goal(text: str) -> Goal:
    """The goal that `--choose-threshold` names.

    Raises:
        UsageError: if it is none.
    """
    name, equals, value = (part.strip() for part in text.strip().lower().replace("_", "-").partition("="))
    takes_value = name in {"precision", "recall", "cost"}
    require(
        name in _GOAL_NAMES and bool(equals) == takes_value,
        f"--choose-threshold takes {_GOALS}.",
        text,
    )
    if not takes_value:
        return Goal(name)
    numbers = [_number(part) for part in value.split(":")]
    if name == "cost":
        require(
            len(numbers) == 2 and min(numbers) > 0,
            "cost takes what a false positive costs and what a false negative does, both above 0: cost=5:1.",
            text,
        )
        return Goal(name, false_positive=numbers[0], false_negative=numbers[1])
    require(
        len(numbers) == 1 and 0 < numbers[0] <= 1,
        f"{name} takes a share above 0 and at most 1, such as {name}=0.9.",
        text,
    )
    return Goal(name, least=numbers[0])


def _number(text: str) -> float:
    """A finite number, or -1 for what is none."""
    try:
        number = float(text)
    except ValueError:
        return -1.0
    return number if math.isfinite(number) else -1.0
