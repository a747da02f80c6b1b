"""What the steps of a check gathered, from which its findings are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bertsent.base.records.checking import Example, Severity, WrongLabels
from bertsent.base.records.core import Review
from bertsent.base.records.reading import Survey
from bertsent.base.settings.checking import CheckSettings
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.data.source import Source, path_word
from bertsent.labelling.checking.copies import CopiesInData, Pair
from bertsent.labelling.checking.rows import Rows, example


@dataclass(frozen=True, slots=True)
class Window:
    """How many of some texts do not fit into the version's window."""

    texts: int  # a random draw of all
    longer: int
    size: int  # tokens
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was gathered; the functions that make findings take nothing else."""

    source: Source
    settings: CheckSettings
    surveys: Mapping[str, Survey]  # part -> what the first pass saw
    rows: Rows
    copies: CopiesInData
    fetched: Mapping[int, Review] = field(default_factory=dict)  # the rows that examples of copies name
    window: Window | None = None
    trained: int = 0  # rows that the version was trained on
    version: str = ""
    wrong_labels: WrongLabels | None = None
    refusal: str = ""  # what to do, by the error with which other commands end at a bad row; "": they do not

    @property
    def with_text(self) -> int:
        """How many rows have text."""
        return self.rows.count - self.rows.empty

    @property
    def labels(self) -> dict[str, int]:
        """How many rows with text have each label, and how many none, by any value."""
        counts = Counter(self.rows.labels)
        return {"positive": counts[1], "negative": counts[0], "none": counts[-1]}

    @property
    def labelled(self) -> int:
        """How many rows with text have a label."""
        return self.labels["positive"] + self.labels["negative"]

    def severity(self, count: int, *, of: int | None = None) -> Severity:
        """warning if the count is a large share of the rows with text, else note; ok for 0."""
        total = self.with_text if of is None else of
        return "ok" if not count else "warning" if count >= self.settings.many * total else "note"

    def share(self, count: int) -> str:
        """A share of the rows with text, in brackets: (1.2 %)."""
        return f"({percent(count / max(self.with_text, 1))})"

    def command(self, name: str, *options: str) -> str:
        """A command line on the same reviews, read in the same way but for these options."""
        changed = {option.removeprefix("--").split()[0] for option in options}
        paths = map(path_word, self.source.paths)
        return " ".join(["bertsent", name, *paths, *self.source.words(without=changed), *options])

    @property
    def data(self) -> str:
        """The first path, as --data takes it, and the options that read it in the same way."""
        return " ".join([path_word(self.source.paths[0]), *self.source.words()])

    def pair_examples(self, pairs: Sequence[Pair], detail: Callable[[Review], str]) -> tuple[Example, ...]:
        """The later row of each pair as an example; `detail` describes it by the earlier one."""
        return tuple(
            replace(example(self.fetched[later]), detail=detail(self.fetched[earlier]))
            for earlier, later in pairs
            if earlier in self.fetched and later in self.fetched
        )


def percent(share: float) -> str:
    """A share as people read it: 12.3 %, and never 0.0 % of something."""
    return "below 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def many(count: int, noun: str) -> str:
    """A number with its noun: 1 row, 2,000 rows."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def label_name(label: int | None) -> str:
    """positive, negative, or no label."""
    return "no label" if label is None else LABEL_NAMES[label]
