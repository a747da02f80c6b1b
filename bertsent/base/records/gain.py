"""What a new version gained: how many reviews it predicts correctly, beside the version before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Side:
    """How two versions predict the same reviews."""

    n: int  # reviews
    before: int  # that the version before predicts correctly
    after: int  # that the new one does
    put_right: int  # that only the new one does
    broken: int  # that only the version before does

    @property
    def changes(self) -> str:
        """How many predictions changed which way, in brackets."""
        return f"({self.put_right} put right, {self.broken} broken)"


@dataclass(frozen=True, slots=True)
class Gain:
    """What the gate counted of the champion (before) and the challenger (after)."""

    new: Side  # the reserved labels: reviews that never train a version
    old: Side  # the test reviews of the data set, or what stands for them
    stand_in: bool  # `old` are bags of words of old reviews

    @classmethod
    def from_gate(cls, gate: Mapping[str, Any]) -> Gain:
        """The gain in the JSON of a gate, as ledger and manifests have it.

        Raises:
            KeyError, TypeError: if it is something else.
        """
        return cls(_side(gate["reserved"]), _side(gate["test"]), bool(gate.get("stand_in", False)))

    @property
    def sentence(self) -> str:
        """Both sides in words, without the last full stop."""
        new, old = self.new, self.old
        name = "Word counts of old reviews" if self.stand_in else "Old reviews"
        said = "New reviews kept aside: none"
        if new.n:
            said = f"New reviews kept aside: {new.after} of {new.n} right, before {new.before} {new.changes}"
        return f"{said}. {name}: {_shares(old)} {old.changes}" if old.n else said


def _side(rows: Mapping[str, Any]) -> Side:
    return Side(rows["n"], rows["champion"], rows["challenger"], rows["gained"], rows["lost"])


def _shares(side: Side) -> str:
    """The share of correct predictions after and before, with as many decimals as show a difference."""
    if side.after == side.before:
        return f"{100 * side.after / side.n:.1f} %, as before"
    for decimals in (1, 2):
        after, before = (f"{100 * right / side.n:.{decimals}f} %" for right in (side.after, side.before))
        if after != before:
            break
    return f"{after}, before {before}"
