"""The records of a check: its findings, and the labels that are likely wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# fatal: the reviews cannot be used; ok: looked for, and there is none
Severity = Literal["fatal", "warning", "note", "ok"]
Section = Literal["rows", "labels", "texts", "copies", "encoding", "wrong labels"]
# version: scores of the version; out of fold: scores of models that were not fitted on the row
Judge = Literal["version", "out of fold"]


@dataclass(frozen=True, slots=True)
class Example:
    """One row that shows a finding."""

    path: str  # file, or file:line
    text: str
    detail: str = ""  # what is wrong with it, where that does not follow from the finding
    label: int | None = None
    score: float | None = None  # P(positive), where it was scored


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one thing that was looked for."""

    check: str  # its name: never changes
    section: Section
    severity: Severity
    fact: str  # one clause, which begins with the number if there is one
    count: int = 0  # rows, or texts
    examples: tuple[Example, ...] = ()
    remedy: str = ""  # what to do, in words
    command: str = ""  # that does it


@dataclass(frozen=True, slots=True)
class WrongLabels:
    """How many labels are likely wrong, by confident learning."""

    judge: Judge
    judged: int  # rows
    left_out: int  # rows drawn that the version was trained on
    agreement: float  # share of the judged rows whose score is on the side of their label
    likely: int  # rows whose label the judge contradicts confidently
    share: float  # of the judged rows that are estimated to have a wrong label
    confidence: tuple[int, ...]  # judged rows by P(their label), in equal steps from 0 to 1
    examples: tuple[Example, ...] = ()  # the clearest first


@dataclass(frozen=True, slots=True)
class Check:
    """What was found in a data set."""

    source: str
    rows: int
    empty: int
    labels: Mapping[str, int]  # positive, negative, none, unknown
    parts: Mapping[str, int]  # rows of train and test, where they are told apart
    reading: tuple[str, ...]  # how the input was read, in words
    findings: tuple[Finding, ...]
    lengths: tuple[tuple[int, int], ...]  # most words of a band, texts in it
    version: str = ""  # that scored; "": none
    wrong_labels: WrongLabels | None = None
    seconds: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether nothing fatal was found."""
        return self.count("fatal") == 0

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)
