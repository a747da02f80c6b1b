"""What both ways of labelling on a terminal share: keys, the log of the session, and calls of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, Interrupted
from bertsent.cli.terminal.keys import Terminal
from bertsent.cli.terminal.screen import Screen
from bertsent.labelling.decisions import Answer, Decision, decide, undo
from bertsent.labelling.log import LabelLog
from bertsent.labelling.pool import Question
from bertsent.labelling.shared_scorer import SharedScorer

if TYPE_CHECKING:
    from bertsent.base.records.core import Prediction
    from bertsent.scoring.explain import Explanation

Result = TypeVar("Result")

KEYS = {  # action -> its keys
    "positive": ("p", "1"),
    "negative": ("n", "0"),
    "skip": ("s",),
    "undo": ("u",),
    "explain": ("e",),
    "more": ("space", "pagedown", "down"),
    "back": ("b", "pageup", "up"),
    "quit": ("q",),
}
LABEL_OF: dict[str, Answer] = {"positive": "positive", "negative": "negative", "skip": "skip"}  # by action


class Recorder:
    """Writes labels to the log, and counts those of this session."""

    def __init__(self, log: LabelLog) -> None:
        self.log = log
        self.counts: Counter[str] = Counter()

    def record(self, question: Question, label: Answer, prediction: Prediction | None) -> None:
        """Writes a label, with the model's prediction if there is one."""
        decision = decide(
            question.text,
            label,
            picked_by=question.picked_by,
            score=None if prediction is None else prediction.score,
            version=None if prediction is None else prediction.version,
            again=question.again,
            path=question.path,
        )
        self.log.append(decision)
        self.counts["again" if question.again else label] += 1

    def take_back(self) -> Decision | None:
        """Undoes the newest decision that is not undone, of any session; None if there is none."""
        decisions = self.log.valid_decisions()
        if not decisions:
            return None
        self.log.append(undo(decisions[-1]))
        self.counts["undone"] += 1
        return decisions[-1]


@dataclass
class Session:
    """What `Dialogue` and `Walk` share: a person at a terminal, and a model."""

    terminal: Terminal  # open
    keys: dict[str, str]  # key -> action of `KEYS`
    recorder: Recorder  # where the labels go
    model: SharedScorer  # for scores and explanations
    show_score: bool  # before the person labels

    def __post_init__(self) -> None:
        self._screen = Screen(self.terminal)

    def _action(self, key: str) -> str:
        """The action of a key; "" if it has none."""
        return "quit" if key == "eof" else self.keys.get(key) or self.keys.get(key.lower(), "")

    def _try(self, call: Callable[[], Result]) -> Result | None:
        """Calls the model. If that fails, tells the person and returns None; the session goes on."""
        try:
            return call()
        except Interrupted:
            raise
        except BertsentError as error:
            self._tell_failure(error)
            return None

    def _tell_failure(self, error: BertsentError) -> None:
        raise NotImplementedError

    def _explain(self, text: str) -> Explanation | None:
        from bertsent.scoring.explain import explain

        return self._try(lambda: explain(text, self.model.scores))


def key_names(keys: dict[str, str], actions: Sequence[str]) -> list[str]:
    """What to press for each action: of its first two keys the single characters, else its first key."""
    bound: dict[str, list[str]] = {}
    for key, action in keys.items():
        bound.setdefault(action, []).append(visible(key))
    short = {action: [key for key in named[:2] if len(key) == 1] for action, named in bound.items()}
    return [f"{'/'.join(short[action] or bound[action][:1])} {action}" for action in actions]
