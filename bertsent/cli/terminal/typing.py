"""Reviews that are typed or pasted one by one: score, answer, next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, Interrupted
from bertsent.base.text import clean, is_empty
from bertsent.cli.terminal.keys import Terminal, width
from bertsent.cli.terminal.screen import Screen, about_words
from bertsent.cli.terminal.walk import Recorder, key_names
from bertsent.labelling.decisions import Answer
from bertsent.labelling.pool import Question
from bertsent.labelling.shared_scorer import SharedScorer

if TYPE_CHECKING:
    from bertsent.base.records.core import Prediction

_ANSWERS: dict[str, Answer] = {"positive": "positive", "negative": "negative"}
_PROMPT = "Type or paste a review and end it with an empty line (Ctrl-D: no more)."


class Dialogue:
    """Asks for a text and then for its label, again and again.

    Args:
        terminal: Open.
        keys: Key -> action; of the walk's, and any other key gives no answer.
        recorder: Where the answers go.
        model: For scores and explanations.
        show_score: Show what the model says before the answer.
    """

    def __init__(
        self,
        terminal: Terminal,
        *,
        keys: dict[str, str],
        recorder: Recorder,
        model: SharedScorer,
        show_score: bool,
    ) -> None:
        self._terminal = terminal
        self._screen = Screen(terminal)
        self._keys = keys
        self._recorder = recorder
        self._model = model
        self._show_score = show_score

    def run(self) -> None:
        """Asks until the person wants no more."""
        going = True
        while going:
            self._terminal.write(f"{self._screen.bold(_PROMPT)}\n")
            text = read_review(self._terminal)
            if text is None:
                return
            if is_empty(clean(text)):
                self._say("There is nothing to read in it.")
            else:
                going = self._ask(clean(text))

    def _ask(self, text: str) -> bool:
        """Asks for the label of a text; False if the person wants no more."""
        before = next((row for row in self._recorder.log.labelled() if row.digest == sha256_text(text)), None)
        if before is not None:
            self._say(f"Labelled before: {'positive' if before.label else 'negative'}, {before.time}.")
        prediction = self._predict(text)
        if prediction is not None and self._show_score:
            self._say(self._screen.bold(f"{prediction.label}  {prediction.score:.4f}"))
        while True:
            self._terminal.write(f"{self._choices()} ")
            key = self._terminal.key()
            while key in {"", "redraw"}:
                key = self._terminal.key()
            action = "quit" if key == "eof" else self._keys.get(key) or self._keys.get(key.lower(), "nothing")
            self._terminal.write(f"{action}\n")
            if action == "explain":
                self._explain(text)
            elif action == "undo":
                taken = self._recorder.take_back()
                self._say(
                    f"Taken back: {taken.label}, {_start(taken.text)}" if taken else "Nothing to take back."
                )
            else:
                if action in _ANSWERS:
                    question = Question(text, sha256_text(text), "", "typed")
                    self._recorder.record(question, _ANSWERS[action], prediction)
                self._terminal.write("\n")
                return action != "quit"

    def _predict(self, text: str) -> Prediction | None:
        try:
            return next(self._model.predict([text]))
        except Interrupted:
            raise
        except BertsentError as error:
            self._say(f"No score: {error}")
            return None

    def _explain(self, text: str) -> None:
        from bertsent.scoring.explain import explain

        try:
            marks = explain(text, self._model.scores)
        except Interrupted:
            raise
        except BertsentError as error:
            self._say(f"No score: {error}")
            return
        lines = self._screen.body(text, marks)
        self._terminal.write("\n".join([*lines, f" score {marks.score:.4f}", ""]))
        for line in about_words(marks):
            self._say(f" {line}")

    def _choices(self) -> str:
        answers = key_names(self._keys, ["positive", "negative"])
        return (
            "  ".join([*answers, "enter nothing", *key_names(self._keys, ["explain", "undo", "quit"])]) + ":"
        )

    def _say(self, line: str) -> None:
        self._terminal.write(f"{line}\n")


def _start(text: str) -> str:
    return visible(text if len(text) <= 50 else f"{text[:50]}...")


def read_review(terminal: Terminal) -> str | None:
    """Lines up to an empty one, shown as they are typed; None at the end of the input.

    Read key by key, because a terminal that hands over whole lines cuts them at 4,095 bytes, less than a
    long review has. An empty line inside a paste does not end it.
    """
    typed = _Typed(terminal)
    while True:
        key = terminal.key()
        if key == "eof":
            return typed.text or None
        if key == "enter":
            terminal.write("\n" if typed.line else "")
            # A terminal that does not mark pastes sends them faster than anyone types.
            if not typed.line and typed.text and not terminal.pending():
                return typed.text
            typed.end_line()
        elif key == "paste":
            for number, line in enumerate(terminal.pasted.split("\n")):
                if number:
                    terminal.write("\n")
                    typed.end_line()
                for character in line:
                    typed.add(character)
        elif key == "backspace":
            typed.rub_out()
        else:
            typed.add(" " if key in {"space", "tab"} else key)


class _Typed:
    """What was typed so far, and the columns that its last line takes: counted anew at every character, a
    pasted page would take minutes.

    The line is broken before the terminal would break it, whose cursor then stands where no program can tell.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.line: list[str] = []
        self._lines: list[str] = []
        self._used = 0

    @property
    def text(self) -> str:
        """All lines; "" if none of them holds anything."""
        return "\n".join([*self._lines, "".join(self.line)]) if self.line or any(self._lines) else ""

    def end_line(self) -> None:
        """Begins a new line."""
        self._lines.append("".join(self.line))
        self.line, self._used = [], 0

    def add(self, character: str) -> None:
        """Adds a character to the last line, and shows it; a key that writes nothing adds nothing."""
        if len(character) != 1:
            return
        columns = self._terminal.size[0] - 1
        shown = visible(character)
        before, self._used = self._used, self._used + width(shown)
        self.line.append(character)
        self._terminal.write(shown + ("\n" if self._used // columns > before // columns else ""))

    def rub_out(self) -> None:
        """Takes the last character of the last line back, on the terminal too."""
        if not self.line:
            return
        columns = self._terminal.size[0] - 1
        taken = width(visible(self.line.pop()))
        if self._used % columns == 0:
            self._terminal.write(f"\x1b[A\x1b[{columns - taken + 1}G\x1b[K")
        else:
            self._terminal.write("\b" * taken + " " * taken + "\b" * taken)
        self._used -= taken
