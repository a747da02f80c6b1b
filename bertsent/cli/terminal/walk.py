"""The walk through a pool: a text, a key, the next text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, Interrupted
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import LABELS
from bertsent.cli.terminal.keys import Terminal
from bertsent.cli.terminal.screen import Screen, about_words
from bertsent.labelling.decisions import Answer, Decision, decide, undo
from bertsent.labelling.log import LabelLog
from bertsent.labelling.pool import Pool, Question, second_look
from bertsent.labelling.shared_scorer import Model

if TYPE_CHECKING:
    from bertsent.base.records.core import Prediction
    from bertsent.scoring.explain import Explanation

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
_ANSWERS: dict[str, Answer] = {"positive": "positive", "negative": "negative", "skip": "skip"}
_NOTHING_LEFT = "Nothing is left to ask."


class Recorder:
    """Answers on their way to the log, and what was answered in this sitting."""

    def __init__(self, log: LabelLog) -> None:
        self.log = log
        self.counts: Counter[str] = Counter()

    def record(self, question: Question, answer: Answer, prediction: Prediction | None) -> None:
        """Records an answer, with what the model says of the text where that is known."""
        decision = decide(
            question.text,
            answer,
            picked_by=question.picked_by,
            score=None if prediction is None else prediction.score,
            version=None if prediction is None else prediction.version,
            again=question.again,
            path=question.path,
        )
        self.log.append(decision)
        self.counts["again" if question.again else answer] += 1

    def take_back(self) -> Decision | None:
        """Undoes the newest decision of all sittings that was not undone yet; None if there is none."""
        valid = self.log.valid_decisions()
        if not valid:
            return None
        self.log.append(undo(valid[-1]))
        self.counts["undone"] += 1
        return valid[-1]


class Walk:
    """Asks one question after the other until the person quits.

    Args:
        terminal: Open.
        keys: Key -> action of `KEYS`.
        recorder: Where the answers go.
        pool: The questions.
        model: For scores and explanations.
        show_score: Show what the model says before the answer.
        settings: How often old questions come again.
    """

    def __init__(
        self,
        terminal: Terminal,
        *,
        keys: dict[str, str],
        recorder: Recorder,
        pool: Pool,
        model: Model,
        show_score: bool,
        settings: LabelSettings,
        title: str,
    ) -> None:
        self._terminal = terminal
        self._screen = Screen(terminal)
        self._keys = keys
        self._recorder = recorder
        self._pool = pool
        self._model = model
        self._show_score = show_score
        self._settings = settings
        self._title = title
        self._waiting: list[Question] = []  # put aside by an undo; the last one comes first
        self._said = ""
        self._question: Question | None = None  # without an answer yet
        self._marks: Explanation | None = None

    def run(self) -> None:
        """Asks until the person quits or the terminal goes."""
        going = True
        while going:
            going = self._ask(self._next())

    def _next(self) -> Question | None:
        if self._waiting:
            return self._waiting.pop()
        valid = self._recorder.log.valid_decisions()
        # By another process meanwhile; what this one asked is in the pool no more.
        self._pool.leave_out_answered({each.digest for each in valid if each.label in LABELS})
        return second_look(valid, settings=self._settings) or self._pool.next()

    def _ask(self, question: Question | None) -> bool:
        """Shows a question until it is answered; False if the person wants no more."""
        self._question, self._screen.page, self._marks = question, 0, None
        self._draw(question)
        if question is not None and self._score(question):
            self._draw(question)
        while True:
            key = self._terminal.key()
            action = "quit" if key == "eof" else self._keys.get(key) or self._keys.get(key.lower(), "")
            if action == "quit":
                return False
            if action in _ANSWERS and question is not None:
                self._score(question)
                self._recorder.record(question, _ANSWERS[action], self._model.known(question.text))
                self._said = f"last: {'skipped' if action == 'skip' else action}"
                self._question = None
                return True
            if action == "undo" and self._undo(question):
                return True
            if question is not None:
                self._look(action, question)
            if action or key in {"redraw", "escape"}:
                self._draw(question)

    def _undo(self, question: Question | None) -> bool:
        taken = self._recorder.take_back()
        if taken is None:
            self._said = "nothing to take back"
            return False
        if question is not None:
            self._waiting.append(question)
        self._question = None
        self._waiting.append(
            Question(taken.text, taken.digest, taken.path, taken.picked_by, again=taken.again)
        )
        self._said = f"taken back: {taken.label}"
        return True

    def _look(self, action: str, question: Question) -> None:
        self._screen.page += {"more": 1, "back": -1}.get(action, 0)
        if action == "explain" and self._marks is None:
            self._said = "leaving words out ..."
            self._draw(question)
            self._said = ""
            self._marks = self._try(lambda: _explain(self._model, question.text))

    def _score(self, question: Question) -> bool:
        """Scores the text while the person begins to read; whether there is something new to show."""
        if self._model.known(question.text) is None and (self._show_score or self._model.ready):
            self._try(lambda: list(self._model.predict([question.text])))
            return self._show_score
        return False

    def _try(self, action: Callable[[], Explanation | list[Prediction]]) -> Explanation | None:
        """What an action of the model gives; where it fails the walk goes on and says so."""
        try:
            result = action()
        except Interrupted:
            raise
        except BertsentError as error:
            self._said = "no model"
            self._pool.say(f"No scores: {error}")
            return None
        return None if isinstance(result, list) else result

    def _draw(self, question: Question | None) -> None:
        counts = self._recorder.counts
        done = sum(counts[each] for each in ("positive", "negative", "skip", "again")) - counts["undone"]
        self._screen.draw(
            _NOTHING_LEFT if question is None else question.text,
            title=self._title,
            status="  ".join(filter(None, [self._said, f"{max(done, 0)} answered, {self._left_said}"])),
            about=[] if question is None else self._about(question),
            keys=lambda paged: key_names(self._keys, _offered(paged) if question else ["undo", "quit"]),
            marks=self._marks,
        )

    def _about(self, question: Question) -> list[str]:
        lines = [visible(question.path)] if question.path else []
        known = self._model.known(question.text)
        if self._marks is not None:
            lines += [f"score {self._marks.score:.4f}", *about_words(self._marks)]
        elif self._show_score:
            lines.append("score ..." if known is None else f"score {known.score:.4f}  {known.label}")
        return lines

    @property
    def _left_said(self) -> str:
        return f"{self.left} left{'' if self._pool.whole else ' and more'}"

    @property
    def left(self) -> int:
        """How many questions have no answer yet, the one on the screen counted."""
        return len(self._pool) + len(self._waiting) + (self._question is not None)


def _offered(paged: bool) -> list[str]:
    return [action for action in KEYS if paged or action not in {"more", "back"}]


def key_names(keys: dict[str, str], actions: Sequence[str]) -> list[str]:
    """What to press for each action, as a person reads it: its first key, or two where they are short."""
    bound: dict[str, list[str]] = {}
    for key, action in keys.items():
        bound.setdefault(action, []).append(visible(key))
    short = {action: [key for key in named[:2] if len(key) == 1] for action, named in bound.items()}
    return [f"{'/'.join(short[action] or bound[action][:1])} {action}" for action in actions]


def _explain(model: Model, text: str) -> Explanation:
    from bertsent.scoring.explain import explain

    return explain(text, model.scores)
