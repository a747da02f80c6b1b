"""The walk through a pool: a text, a key, the next text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.errors import BertsentError
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import LABELS
from bertsent.cli.terminal.screen import about_words
from bertsent.cli.terminal.session import KEYS, LABEL_OF, Session, key_names
from bertsent.labelling.pool import Question, Questions, second_look

if TYPE_CHECKING:
    from bertsent.scoring.explain import Explanation


@dataclass
class Walk(Session):
    """Asks one question after the other until the person quits."""

    pool: Questions
    settings: LabelSettings  # how often old questions come again
    title: str  # of the screen

    def __post_init__(self) -> None:
        super().__post_init__()
        self._waiting: list[Question] = []  # to be asked again after an undo; the last one comes first
        self._message = ""  # about the last key
        self._question: Question | None = None  # without a label yet
        self._marks: Explanation | None = None

    def run(self) -> None:
        """Asks until the person quits or the terminal closes."""
        going = True
        while going:
            going = self._ask(self._next())

    def _next(self) -> Question | None:
        if self._waiting:
            return self._waiting.pop()
        decisions = self.recorder.log.valid_decisions()
        # Another process may have labelled some meanwhile; those that this one asked have left the pool.
        self.pool.leave_out_answered({one.digest for one in decisions if one.label in LABELS})
        return second_look(decisions, settings=self.settings) or self.pool.next()

    def _ask(self, question: Question | None) -> bool:
        """Shows a question until it has a label; False if the person quits."""
        self._question, self._screen.page, self._marks = question, 0, None
        self._draw(question)
        if question is not None and self._score(question):
            self._draw(question)
        while True:
            key = self.terminal.key()
            action = self._action(key)
            if action == "quit":
                return False
            if action in LABEL_OF and question is not None:
                self._score(question)
                self.recorder.record(question, LABEL_OF[action], self.model.known(question.text))
                self._message = f"last: {'skipped' if action == 'skip' else action}"
                self._question = None
                return True
            if action == "undo" and self._undo(question):
                return True
            if question is not None:
                self._look(action, question)
            if action or key in {"redraw", "escape"}:
                self._draw(question)

    def _undo(self, question: Question | None) -> bool:
        undone = self.recorder.take_back()
        if undone is None:
            self._message = "nothing to take back"
            return False
        if question is not None:
            self._waiting.append(question)
        self._question = None
        self._waiting.append(
            Question(undone.text, undone.digest, undone.path, undone.picked_by, again=undone.again)
        )
        self._message = f"taken back: {undone.label}"
        return True

    def _look(self, action: str, question: Question) -> None:
        self._screen.page += {"more": 1, "back": -1}.get(action, 0)
        if action == "explain" and self._marks is None:
            self._message = "leaving words out ..."
            self._draw(question)
            self._message = ""
            self._marks = self._explain(question.text)

    def _score(self, question: Question) -> bool:
        """Scores the text while the person begins to read; True if there is a new score to show."""
        if self.model.known(question.text) is None and (self.show_score or self.model.ready):
            self._try(lambda: list(self.model.predict([question.text])))
            return self.show_score
        return False

    def _tell_failure(self, error: BertsentError) -> None:
        self._message = "no model"
        self.pool.say(f"No scores: {error}")

    def _draw(self, question: Question | None) -> None:
        counts = self.recorder.counts
        done = sum(counts[name] for name in (*LABEL_OF, "again")) - counts["undone"]
        left = f"{self.left} left{'' if self.pool.whole else ' and more'}"
        self._screen.draw(
            "Nothing is left to ask." if question is None else question.text,
            title=self.title,
            status="  ".join(filter(None, [self._message, f"{max(done, 0)} answered, {left}"])),
            about=[] if question is None else self._about(question),
            keys=lambda paged: key_names(self.keys, self._offered(paged)),
            marks=self._marks,
        )

    def _about(self, question: Question) -> list[str]:
        lines = [visible(question.path)] if question.path else []
        prediction = self.model.known(question.text)
        if self._marks is not None:
            lines += [f"score {self._marks.score:.4f}", *about_words(self._marks)]
        elif self.show_score:
            if question.before:
                lines.append(f"labelled {question.before} before")
            score = "..." if prediction is None else f"{prediction.score:.4f}  {prediction.label}"
            lines.append(f"score {score}")
        return lines

    def _offered(self, paged: bool) -> list[str]:
        """The actions to offer now; `paged` if the text has more than one page."""
        if self._question is None:
            return ["undo", "quit"]
        return [action for action in KEYS if paged or action not in {"more", "back"}]

    @property
    def left(self) -> int:
        """How many questions have no label yet, the one on the screen included."""
        return len(self.pool) + len(self._waiting) + (self._question is not None)
