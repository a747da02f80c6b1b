"""Reviews that are typed or pasted one by one: score, label, next."""

from __future__ import annotations

from rich.cells import cell_len

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import BertsentError
from bertsent.base.text import clean, is_empty
from bertsent.cli.terminal.keys import Terminal
from bertsent.cli.terminal.screen import about_words
from bertsent.cli.terminal.session import LABEL_OF, Session, key_names
from bertsent.labelling.pool import Question

_PROMPT = "Type or paste a review and end it with an empty line (Ctrl-D: no more)."


class Dialogue(Session):
    """Asks for a text and then for its label, again and again. A key without an action gives no label."""

    def run(self) -> None:
        """Asks until the person quits."""
        going = True
        while going:
            self.terminal.write(f"{self._screen.bold(_PROMPT)}\n")
            text = read_review(self.terminal)
            if text is None:
                return
            if is_empty(clean(text)):
                self._say("That review has no text.")
            else:
                going = self._ask(clean(text))

    def _ask(self, text: str) -> bool:
        """Asks for the label of a text; False if the person quits."""
        before = next((row for row in self.recorder.log.labelled() if row.digest == sha256_text(text)), None)
        if before is not None:
            self._say(f"Labelled before: {'positive' if before.label else 'negative'}, {before.time}.")
        prediction = self._try(lambda: next(self.model.predict([text])))
        if prediction is not None and self.show_score:
            self._say(self._screen.bold(f"{prediction.label}  {prediction.score:.4f}"))
        while True:
            self.terminal.write(f"{self._choices()} ")
            key = self.terminal.key()
            while key in {"", "redraw"}:
                key = self.terminal.key()
            action = self._action(key) or "nothing"
            self.terminal.write(f"{action}\n")
            if action == "explain":
                self._show_words(text)
            elif action == "undo":
                undone = self.recorder.take_back()
                self._say(
                    f"Taken back: {undone.label}, {_start(undone.text)}"
                    if undone
                    else "Nothing to take back."
                )
            else:
                if action in {"positive", "negative"}:
                    question = Question(text, sha256_text(text), "", "typed")
                    self.recorder.record(question, LABEL_OF[action], prediction)
                self.terminal.write("\n")
                return action != "quit"

    def _tell_failure(self, error: BertsentError) -> None:
        self._say(f"No score: {error}")

    def _show_words(self, text: str) -> None:
        """Shows which words made the score."""
        explanation = self._explain(text)
        if explanation is not None:
            for line in self._screen.body(text, explanation):
                self._say(line)
            self._say(f" score {explanation.score:.4f}")
            for line in about_words(explanation):
                self._say(f" {line}")

    def _choices(self) -> str:
        labels, others = (
            key_names(self.keys, names) for names in (["positive", "negative"], ["explain", "undo", "quit"])
        )
        return "  ".join([*labels, "enter nothing", *others]) + ":"

    def _say(self, line: str) -> None:
        self.terminal.write(f"{line}\n")


def _start(text: str) -> str:
    return visible(text if len(text) <= 50 else f"{text[:50]}...")


def read_review(terminal: Terminal) -> str | None:
    """Reads lines up to an empty one, and shows them as they are typed; None at the end of the input.

    It reads key by key, because a terminal that hands over whole lines cuts them at 4,095 bytes, less than
    a long review has. An empty line inside a paste does not end the review.
    """
    typed = _Typed(terminal)
    while True:
        key = terminal.key()
        if key == "eof":
            return typed.text or None
        if key == "enter":
            terminal.write("\n" if typed.line else "")
            # More input at once belongs to an unmarked paste: nobody types that fast.
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
    """The text so far, and the columns that its last line takes.

    The columns are added up: counting the whole line at every character makes a pasted page take minutes.
    Lines break before the terminal would break them, because a program cannot tell where the cursor is then.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.line: list[str] = []  # its characters
        self._lines: list[str] = []
        self._used = 0

    @property
    def text(self) -> str:
        """All lines; "" if all of them are empty."""
        return "\n".join([*self._lines, "".join(self.line)]) if self.line or any(self._lines) else ""

    def end_line(self) -> None:
        """Begins a new line."""
        self._lines.append("".join(self.line))
        self.line, self._used = [], 0

    def add(self, character: str) -> None:
        """Adds a character to the last line, and shows it; ignores a key that is no character."""
        if len(character) != 1:
            return
        before, self._used = self._used, self._used + self._columns(character)
        self.line.append(character)
        broken = self._used // self._width > before // self._width
        self._terminal.write(visible(character) + ("\n" if broken else ""))

    def rub_out(self) -> None:
        """Removes what a person sees as the last character: a letter with its accents, an emoji."""
        columns = 0
        while self.line:
            character = self.line.pop()
            columns += self._columns(character)
            if cell_len(visible(character)):  # neither an accent nor part of the emoji before
                break
        if columns and self._used % self._width == 0:
            self._terminal.write(f"\x1b[A\x1b[{self._width - columns + 1}G\x1b[K")
        else:
            self._terminal.write("\b" * columns + " " * columns + "\b" * columns)
        self._used -= columns

    @property
    def _width(self) -> int:
        return self._terminal.size[0] - 1

    def _columns(self, character: str) -> int:
        """How many columns the line grows by when a character follows the last one."""
        before = visible(self.line[-1]) if self.line else ""
        return cell_len(before + visible(character)) - cell_len(before)
