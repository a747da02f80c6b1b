"""Rows of text files without a header: one review a line, perhaps with its label before or after a tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from bertsent.base.errors import DataError
from bertsent.data.columns import Choice
from bertsent.data.decoding import Line
from bertsent.data.labels import USUAL, label_word
from bertsent.data.table import Rows, Table, TextFile

# plain: a line is a text; label_first: label<TAB>text; label_last: text<TAB>label; fasttext: __label__x text
Layout = Literal["plain", "label_first", "label_last", "fasttext"]
Row = tuple[int, tuple[str, ...] | DataError]
COLUMNS: dict[Layout, tuple[str, ...]] = {
    "plain": ("text",),
    "label_first": ("label", "text"),
    "label_last": ("text", "label"),
    "fasttext": ("label", "text"),
}
NOTES: dict[Layout, str] = {
    "plain": "",
    "label_first": "each line read as label, tab, text",
    "label_last": "each line read as text, tab, label",
    "fasttext": "each line read as fastText's __label__ and text",
}
_FASTTEXT = re.compile(r"((?:__label__\S*\s+)+)")  # several labels are one value, which no usual word is
_LABELLED = 0.9  # share of lines with a label above which all are taken for labelled


def find_layout(sample: Sequence[str], *, labelled: bool) -> Layout:
    """How the lines of a file are laid out, by its first lines.

    Args:
        labelled: The caller says that a label stands before each text.
    """
    lines = [line.rstrip("\r\n") for line in sample if line.strip()]
    if not lines:
        return "label_first" if labelled else "plain"
    enough = _LABELLED * len(lines)
    if sum(line.startswith("__label__") for line in lines) >= enough:
        return "fasttext"
    tabbed = [line.split("\t") for line in lines if "\t" in line]
    if sum(label_word(cells[0]) in USUAL for cells in tabbed) >= min(enough, len(lines) - 1) > 0:
        return "label_first"
    if sum(label_word(cells[-1]) in USUAL for cells in tabbed) >= enough:
        return "label_last"
    if len(lines) == 1 and tabbed and label_word(tabbed[0][0]) in USUAL:
        return "label_first"
    return "label_first" if labelled else "plain"


def read_rows(numbered: Iterable[Line], layout: Layout) -> Iterator[Row]:
    """The lines with the cells of their layout; of those with a label, empty lines are left out."""
    for number, line in numbered:
        if isinstance(line, DataError):
            yield number, line
            continue
        line = line.rstrip("\r\n")
        if layout == "plain":
            yield number, (line,)
        elif line.strip():
            yield number, _cells(line, layout)


def _cells(line: str, layout: Layout) -> tuple[str, str]:
    if layout == "fasttext":
        match = _FASTTEXT.match(line)
        return (match[1].rstrip(), line[match.end() :]) if match else ("", line)
    if layout == "label_last":
        text, tab, label = line.rpartition("\t")
        return (text, label) if tab else (line, "")
    label, tab, text = line.partition("\t")
    return (label, text) if tab else ("", line)


def open_lines(file: TextFile, *, labelled: bool) -> Table:
    """Opens a file of text lines, in the layout that `find_layout` finds."""
    layout = find_layout(file.sample(), labelled=labelled)
    names = COLUMNS[layout]
    choice = Choice("text", "label" if "label" in names else None)

    def read(all_columns: bool) -> Rows:
        return table.narrowed(read_rows(file.lines(), layout), all_columns)

    table = Table(file.path, file.name, names, choice, read, more_notes=[NOTES[layout]])
    return table
