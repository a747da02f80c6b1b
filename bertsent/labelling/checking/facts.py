"""What the steps of a check gathered, from which its findings are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bertsent.base.records.checking import Example, Severity, WrongLabels
from bertsent.base.records.core import Review
from bertsent.base.records.reading import Survey
from bertsent.base.settings.checking import CheckSettings
from bertsent.base.settings.reading import LABEL_NAMES, NEGATIVE, POSITIVE
from bertsent.data.source import PIPE, Source, path_word
from bertsent.labelling.checking.copies import CopiesInData, Pair
from bertsent.labelling.checking.rows import NO_LABEL, Rows, example


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

    source: Source  # that was checked
    pool: Source  # one path of it, which `label` takes
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
        counts = self.rows.label_counts
        return {"positive": counts[POSITIVE], "negative": counts[NEGATIVE], "none": counts[NO_LABEL]}

    @property
    def labelled(self) -> int:
        """How many rows with text have a label."""
        return self.labels["positive"] + self.labels["negative"]

    @property
    def unknown(self) -> Counter[str]:
        """The values that are no label, with their rows."""
        values = Counter[str]()
        for survey in self.surveys.values():
            values.update(survey.labels.unknown)
            values.update(survey.labels.neither)
        return values

    def severity(self, count: int, *, of: int | None = None) -> Severity:
        """warning if the count is a large share of the rows with text, else note; ok for 0."""
        total = self.with_text if of is None else of
        return "ok" if not count else "warning" if count >= self.settings.many * total else "note"

    def share(self, count: int) -> str:
        """A share of the rows with text, in brackets: (1.2 %)."""
        return f"({percent(count / max(self.with_text, 1))})"

    def check(self, **changed: str) -> str:
        """The command line that checks the same reviews, with other options of reading, by their names."""
        paths = map(path_word, self.source.paths)
        options = [f"--{name} {value}" for name, value in changed.items()]
        return " ".join(["bertsent check", *paths, *self.source.words(without=changed), *options])

    def label(self) -> str:
        """The command line that labels some of the reviews; "" if they came through a pipe."""
        path = self.pool.paths[0]
        return "" if str(path) == PIPE else " ".join(["bertsent label", path_word(path), *self.pool.words()])

    def train(self, option: str) -> str:
        """The command line that trains on the same reviews with an option."""
        data = [f"--data {path_word(path)}" for path in self.source.paths]
        return " ".join(["bertsent train", *data, *self.source.words(), option])

    def pair_examples(
        self, pairs: Sequence[Pair], detail: Callable[[Review, Review], str]
    ) -> tuple[Example, ...]:
        """The later row of each pair as an example; `detail` says of the earlier and the later one what it
        is."""
        fetched = [
            (self.fetched[earlier], self.fetched[later])
            for earlier, later in pairs
            if earlier in self.fetched and later in self.fetched
        ]
        return tuple(replace(example(later), detail=detail(earlier, later)) for earlier, later in fetched)


def percent(share: float) -> str:
    """A share as people read it: 12.3 %, and never 0.0 % of something."""
    return "below 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def label_name(label: int | None) -> str:
    """positive, negative, or no label."""
    return "no label" if label is None else LABEL_NAMES[label]
