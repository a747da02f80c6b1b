"""A text to label on the terminal: wrapped, paged, its words marked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.cli.terminal.keys import Terminal, width

if TYPE_CHECKING:
    from bertsent.scoring.explain import Explanation

_WIDEST = 100  # columns; longer lines are hard to read
_STRONG = 2.5  # times the least that is marked; from there on a mark is bold
_BOLD, _DIM, _GREEN, _RED, _LINED, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[4m", "\x1b[0m"


def wrap(words: Sequence[str], columns: int) -> list[list[tuple[str, int]]]:
    """Words in lines of at most `columns`; each with its place in the text. Longer words are cut."""
    lines: list[list[tuple[str, int]]] = [[]]
    used = 0
    for place, word in enumerate(words):
        for piece in _cut(visible(word), columns):
            taken = width(piece)
            if lines[-1] and used + 1 + taken > columns:
                lines.append([])
            used = taken if not lines[-1] else used + 1 + taken
            lines[-1].append((piece, place))
    return lines


def _cut(word: str, columns: int) -> Iterator[str]:
    """A word in pieces of at most `columns`, at least a character each, in time that grows with it only."""
    start = used = 0
    for place, character in enumerate(word if width(word) > columns else ""):
        taken = width(character)
        if used + taken > columns and place > start:
            yield word[start:place]
            start, used = place, 0
        used += taken
    yield word[start:]


class Screen:
    """Draws frames of a title, a page of text, lines about it, and the keys."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.page = 0
        self.pages = 1
        self._wrapped: tuple[str, int, list[list[tuple[str, int]]]] = ("", 0, [])  # text, columns, lines

    def draw(
        self,
        text: str,
        *,
        title: str,
        status: str,
        about: Sequence[str],
        keys: Callable[[bool], Sequence[str]],
        marks: Explanation | None,
    ) -> None:
        """Draws all anew, at the size the terminal has now; `page` is brought into the text's range.

        Args:
            keys: What to press, given whether there is more than one page.
        """
        columns, lines = self._terminal.size
        below = ["", *(f" {line}" for each in about for line in _plain_lines(each, columns - 2))]
        body = self.body(text, marks)
        for paged in (False, True):
            footer = _plain_lines("   ".join(keys(paged)), columns - 2, gap="   ")[: max(lines // 4, 1)]
            room = max(lines - 3 - len(below) - len(footer) - 1, 1)
            if len(body) <= room:
                break
        self.pages = -(-len(body) // room)
        self.page = min(max(self.page, 0), self.pages - 1)
        shown = body[self.page * room : (self.page + 1) * room]
        if self.pages > 1:
            status = f"page {self.page + 1} of {self.pages}  {status}"
        frame = [self._title(title, status, columns), self.rule(), *shown, *below]
        frame += [""] * max(lines - len(frame) - 1 - len(footer), 0)
        frame += [self.rule(), *(self.style(_DIM, f" {line}") for line in footer)]
        self._show(frame[: max(lines, 3)])

    def body(self, text: str, marks: Explanation | None = None) -> list[str]:
        """The lines of a text, indented by a column."""
        columns = max(min(self._terminal.size[0] - 2, _WIDEST), 10)
        if self._wrapped[:2] != (text, columns):
            self._wrapped = text, columns, wrap(text.split(), columns)
        least = marks.least() if marks else 1.0
        weights = [weight / least for weight in marks.weights] if marks else [0.0] * len(text.split())
        return [
            " " + " ".join(self._mark(piece, weights[place]) for piece, place in line)
            for line in self._wrapped[2]
        ]

    def rule(self) -> str:
        """A line across the terminal."""
        return self.style(_DIM, _dash() * (self._terminal.size[0] - 1))

    def style(self, code: str, text: str) -> str:
        """`text` in a style where the terminal has one."""
        return f"{code}{text}{_PLAIN}" if self._terminal.ansi and text else text

    def bold(self, text: str) -> str:
        """`text` in bold."""
        return self.style(_BOLD, text)

    def _mark(self, piece: str, weight: float) -> str:
        if abs(weight) < 1:
            return piece
        how = (_GREEN if weight > 0 else _RED) if self._terminal.colours else _LINED
        return self.style(how + (_BOLD if abs(weight) >= _STRONG else ""), piece)

    def _title(self, title: str, status: str, columns: int) -> str:
        room = columns - 2 - width(status) - 2
        if width(title) > room:
            title = "..." + title[len(title) - max(room - 3, 0) :] if room > 3 else ""
        gap = max(columns - 2 - width(title) - width(status), 1)
        return " " + self.bold(title) + " " * gap + status[: max(columns - 2, 0)]

    def _show(self, frame: Sequence[str]) -> None:
        if self._terminal.ansi:
            self._terminal.write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in frame) + "\x1b[J")
        else:
            self._terminal.write("\n".join(line for line in frame if line) + "\n")


def about_words(marks: Explanation) -> list[str]:
    """The words that made a score, for those who do not see the colours."""
    said = []
    for sign, label in ((1, "positive"), (-1, "negative")):
        words = [visible(word) for word in marks.strongest(sign=sign)]
        said.append(f"to {label}: {'  '.join(words) or '-'}")
    return said


def _plain_lines(text: str, columns: int, *, gap: str = " ") -> list[str]:
    """Text in lines of at most `columns`, broken at `gap` only, cut where one part is longer."""
    lines = [""]
    for part in text.split(gap):
        part = part[: max(columns, 1)]
        joined = lines[-1] + gap + part if lines[-1] else part
        if width(joined) <= columns:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _dash() -> str:
    try:
        "─".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "-"
    return "─"
