"""Draws a text to label on the terminal: wrapped, in pages, with its strongest words marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size

from bertsent.base.display import visible
from bertsent.cli._render import writable
from bertsent.cli.terminal.keys import Terminal

if TYPE_CHECKING:
    from bertsent.scoring.explain import Explanation

_WIDEST = 100  # columns; longer lines are hard to read
_STRONG = 2.5  # marks are bold from this multiple of the least marked weight
_BOLD, _DIM, _GREEN, _RED, _LINED, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[4m", "\x1b[0m"


def wrap(words: Sequence[str], columns: int) -> list[list[tuple[str, int]]]:
    """Breaks words into lines of at most `columns` (10 or more). Longer words are cut.

    Returns:
        One list per line: the pieces to print, each with the number of its word.
    """
    lines: list[list[tuple[str, int]]] = [[]]
    used = 0
    for number, word in enumerate(words):
        word = visible(word)
        for piece in chop_cells(word, columns) if cell_len(word) > columns else [word]:
            width = cell_len(piece)
            if lines[-1] and used + 1 + width > columns:
                lines.append([])
            used = width if not lines[-1] else used + 1 + width
            lines[-1].append((piece, number))
    return lines


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
        """Redraws everything at the terminal's current size. A `page` beyond the text becomes the last page.

        Args:
            about: Lines below the text.
            keys: Returns what to press; its argument says whether there is more than one page.
            marks: The weight of each word, if the person asked for an explanation.
        """
        columns, lines = self._terminal.size
        below = ["", *(f" {line}" for note in about for line in _plain_lines(note, columns - 2))]
        body = self.body(text, marks)
        for paged in (False, True):
            footer = _plain_lines("   ".join(keys(paged)), columns - 2, gap="   ")[: max(lines // 4, 1)]
            room = max(lines - 3 - len(below) - len(footer) - 1, 1)
            if len(body) <= room:
                break
        self.pages = -(-len(body) // room)
        self.page = min(max(self.page, 0), self.pages - 1)
        page = body[self.page * room : (self.page + 1) * room]
        if self.pages > 1:
            status = f"page {self.page + 1} of {self.pages}  {status}"
        frame = [self._title(title, status, columns), self.rule(), *page, *below]
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
            " " + " ".join(self._mark(piece, weights[number]) for piece, number in line)
            for line in self._wrapped[2]
        ]

    def rule(self) -> str:
        """A line across the terminal."""
        return self.style(_DIM, writable("─", "-") * (self._terminal.size[0] - 1))

    def style(self, code: str, text: str) -> str:
        """`text` in a style, if the terminal has styles."""
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
        room = columns - 2 - cell_len(status) - 2
        if cell_len(title) > room:
            start = len(title)
            while start and cell_len(title[start - 1 :]) <= room - 3:
                start -= 1
            title = f"...{title[start:]}" if title[start:] else ""
        gap = max(columns - 2 - cell_len(title) - cell_len(status), 1)
        return " " + self.bold(title) + " " * gap + _cut(status, columns - 2)

    def _show(self, frame: Sequence[str]) -> None:
        if self._terminal.ansi:
            self._terminal.write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in frame) + "\x1b[J")
        else:
            self._terminal.write("\n".join(line for line in frame if line) + "\n")


def about_words(marks: Explanation) -> list[str]:
    """The words that made a score, for people who do not see the colours."""
    lines = []
    for sign, label in ((1, "positive"), (-1, "negative")):
        words = [visible(word) for word in marks.strongest(sign=sign)]
        lines.append(f"to {label}: {'  '.join(words) or '-'}")
    return lines


def _cut(text: str, columns: int) -> str:
    """The beginning of a text that fits into `columns` (at least one)."""
    return text if cell_len(text) <= columns else set_cell_size(text, max(columns, 1))


def _plain_lines(text: str, columns: int, *, gap: str = " ") -> list[str]:
    """Breaks text into lines of at most `columns`, only at `gap`; longer parts are cut."""
    lines = [""]
    for part in text.split(gap):
        part = _cut(part, columns)
        joined = lines[-1] + gap + part if lines[-1] else part
        if cell_len(joined) <= columns:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines
