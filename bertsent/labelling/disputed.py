"""Labels that the model contradicts, and the questions that ask for them again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertsent.base.settings.reading import LABEL_NAMES, LABELS
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.labelling.decisions import Decision, Labelled, labelled
from bertsent.labelling.pool import Question
from bertsent.labelling.swapped import Contradiction, contradicts, find_contradiction

if TYPE_CHECKING:
    from bertsent.base.records.core import Prediction


@dataclass(frozen=True, slots=True)
class Dispute:
    """A label, and the score that contradicts it."""

    row: Labelled
    score: float  # P(positive), on the other side of 0.5


@dataclass(frozen=True, slots=True)
class Disputes:
    """The labels of a log that the model contradicts."""

    labels: int  # compared
    open: tuple[Dispute, ...]  # the score farthest from the label first
    confirmed: int  # contradicted too, but a person gave the label twice
    contradiction: Contradiction | None  # if there are so many that labels are probably swapped


def find_disputes(
    decisions: Sequence[Decision], predict: Callable[[Sequence[str]], Iterable[Prediction]]
) -> Disputes:
    """Compares all labels with the model's predictions.

    A label that a person gave twice is not asked a third time: `confirmed` counts it.

    Args:
        decisions: The valid decisions of the log, oldest first.
        predict: Scores clean texts in their order.
    """
    rows, confirmed = labelled(decisions), _given_twice(decisions)
    scores = [prediction.score for prediction in predict([row.text for row in rows])]
    contradicted = [
        Dispute(row, score) for row, score in zip(rows, scores, strict=True) if contradicts(score, row.label)
    ]
    asked = [dispute for dispute in contradicted if dispute.row.digest not in confirmed]
    return Disputes(
        labels=len(rows),
        open=tuple(sorted(asked, key=lambda dispute: -abs(dispute.score - DEFAULT_THRESHOLD))),
        confirmed=len(contradicted) - len(asked),
        contradiction=find_contradiction([row.label for row in rows], scores),
    )


def _given_twice(decisions: Sequence[Decision]) -> set[str]:
    """Digests of the texts whose label is the one of at least two answers, without another between them."""
    labels: dict[str, str] = {}
    answers: dict[str, int] = {}
    for decision in decisions:
        if decision.label not in LABELS:
            continue
        if labels.get(decision.digest) == decision.label:
            answers[decision.digest] += 1
        else:
            answers[decision.digest] = 1
            if not decision.again:  # a second look changes no label
                labels[decision.digest] = decision.label
    return {digest for digest, count in answers.items() if count > 1}


class DisputedQuestions:
    """Asks for disputed labels again, in their order. A new answer replaces the label; a skip keeps it."""

    whole = True  # nothing is read while the questions are asked

    def __init__(self, disputes: Sequence[Dispute]) -> None:
        self.problems: list[str] = []  # to be displayed at the end
        self._open = deque(disputes)

    def __len__(self) -> int:
        return len(self._open)

    def next(self) -> Question | None:
        """Takes the next question; None if there is none left."""
        if not self._open:
            return None
        row = self._open.popleft().row
        return Question(row.text, row.digest, row.path, row.picked_by, before=LABEL_NAMES[row.label])

    def leave_out_answered(self, digests: Collection[str]) -> None:
        """Leaves none out: every question here was answered before."""

    def say(self, problem: str) -> None:
        """Adds to `problems`, unless it is there already."""
        if problem not in self.problems:
            self.problems.append(problem)
