"""A `Progress` that records what a run reports."""

from __future__ import annotations


class Listener:
    """The lines of a run, the stretches of work it began with their sizes, and how many training steps it
    reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.begun: list[str] = []
        self.totals: dict[str, int | None] = {}
        self.steps = 0

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        self.begun.append(what)
        self.totals[what] = total

    def advance(self, done: int, **figures: float) -> None:
        self.steps += "loss" in figures

    def finish(self) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)

    tell = note

    def heard(self, words: str) -> bool:
        return any(words in note for note in self.notes)
