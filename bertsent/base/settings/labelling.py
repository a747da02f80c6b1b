"""Defaults of labelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice

# Whose file `label --import` reads; table: any file that the other commands read too
Tool = Literal["label-studio", "doccano", "prodigy", "argilla", "fasttext", "table"]
ExportFormat = Literal["table", "prodigy", "doccano", "label-studio", "fasttext"]
Order = Literal["random", "uncertain", "diverse", "mixed", "foreign"]  # in which `label` asks


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """How `label` picks what it asks, and records the answers."""

    patience: float = 10.0  # seconds to wait for an append of another process, which takes milliseconds
    order: Order = "mixed"  # uncertain rows teach most, random ones tell whether the reviews have changed
    foreign: int = 50  # questions that the order foreign begins with, a sitting's; it goes on as mixed
    again: int = 20  # about every 20 questions an earlier one comes again: enough to notice carelessness
    seed: int = 42  # of the order of the questions
    sample: int = 2000  # rows of a pool that are scored: more than anybody answers in a sitting
    first: int = 256  # rows read before the first question (20 ms); the others load in the background
    slice: int = 16  # rows scored at a time; the UI thread waits for no more than these, 0.2 s
    remembered: int = 200  # newest labelled texts; "diverse" picks texts unlike them
    dimensions: int = 1024  # of the vectors of hashed words that "diverse" compares

    def __post_init__(self) -> None:
        require_choice("order", self.order, Order)
        require(self.again >= 0, "again must be at least 0 (0: never).", self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapSettings:
    """When labels contradict the model so often that positive and negative are probably swapped."""

    least: int = 20  # labels; of fewer a person sees at once what they say
    sample: int = 200  # labels that are compared, of more: ten seconds of long reviews
    chance: float = 0.001  # that a model which only guesses contradicts so many: 18 of 20, 123 of 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """When two texts are copies of each other."""

    least_words: int = 8  # shorter texts are copies only with the same words: one may reverse the meaning
    sketch: int = 48  # hashes per text; at a share of one half the standard error is 0.07
    resemblance: float = 0.5  # share of common runs of three words; of 230 words, one in ten may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """How the labels of other programs are read."""

    max_task_bytes: int = 16 * 1024**2  # one text with the answers of all its annotators, on a line
    max_array_bytes: int = 1024**3  # an array on one line, as Label Studio exports it, is read whole
    examined: int = 100  # first tasks of a file that show whose it is
    named: int = 10  # conflicts that the summary names; the others are counted
