"""What lies at a path that a user named: files of one review each, or tables; and what is passed over."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from bertsent.base.display import counted, visible
from bertsent.base.errors import DataError
from bertsent.base.files import is_folder
from bertsent.base.settings.reading import CLASSES
from bertsent.data.folders import entries, file_names, has_files, is_review_file, review_names, sorted_entries
from bertsent.data.layout import is_table, layout_of

_HINTED = 4  # splits that a hint names
_NAMED = 3  # entries of a kind that a line names
_KINDS = ("link", "folder", "empty file", "other file")  # in the order in which they are named
_SPARK_MARK = "_SUCCESS"  # the file that Spark leaves beside its parts
# Texts that are no reviews begin with one of these.
_ABOUT = ("readme", "license", "licence", "copying", "notice", "changelog", "about")


@dataclass(slots=True)
class Part:
    """One thing to read: a table, or a folder of files with one review each."""

    path: Path
    is_table: bool
    label: int | None = None  # of all files of a class folder


class PassedOver:
    """What was not read: how many links, folders and other files, and the first names of each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, name: str) -> None:
        """Counts an entry of a folder."""
        self._counts[kind] += 1
        names = self._names.setdefault(kind, [])
        names.append(name)
        names.sort()
        del names[_NAMED:]

    def update(self, other: PassedOver) -> None:
        """Counts what another one has counted."""
        self._counts.update(other._counts)
        for kind, names in other._names.items():
            self._names[kind] = sorted([*self._names.get(kind, ()), *names])[:_NAMED]

    def count(self, kind: str) -> int:
        """How many entries of a kind."""
        return self._counts[kind]

    def __str__(self) -> str:
        """It in words: "2 links (a, b), 12 other files (README.md, c, d, ...)"; "" for nothing."""
        return ", ".join(self._kind(kind) for kind in _KINDS if self._counts[kind])

    def _kind(self, kind: str) -> str:
        number, names = self._counts[kind], [visible(name) for name in self._names[kind]]
        return f"{counted(number, kind)} ({', '.join(names + ['...'] * (number > _NAMED))})"


@dataclass(slots=True)
class Parts:
    """All there is to read at a path."""

    parts: list[Part] = field(default_factory=list)
    passed_over: PassedOver = field(default_factory=PassedOver)
    notes: list[str] = field(default_factory=list)


def find_parts(path: Path) -> Parts:
    """What there is to read at a path: a file, class folders, text files, or the tables of a folder.

    Raises:
        DataError: if there is nothing to read, or the path is a data set divided into splits.
    """
    if not is_folder(path):
        return Parts([Part(path, is_table=True)])
    content = Parts()
    classes = class_folders(path)
    if classes:
        for folder, label in classes:
            content.parts.append(Part(folder, is_table=False, label=label))
            _pass_over(folder, content)
        names = [folder.name for folder, _ in classes]
        if {name.lower() for name in names} - {"pos", "neg"}:
            content.notes.append(f"labels from the folders {visible(', '.join(names))}")
        _pass_over(path, content, besides={folder.name for folder, _ in classes})
        return _not_empty(path, content)
    _open_files(path, content)
    return content


def _open_files(path: Path, content: Parts) -> None:
    """Adds the files of a folder without class folders: one review each, or tables.

    Raises:
        DataError: if there are as many tables as text files, nothing to read, or splits of a data set.
    """
    text = next((name for name in review_names(path) if not _is_about(name)), "")
    table = next((entry.name for entry in entries(path) if _is_table(entry)), "")
    spark = bool(text) and (path / _SPARK_MARK).exists()  # parts of text lines
    if text and table and not spark and _more_texts(path):
        table = ""  # a stray one, which is counted
    if text and table and not spark:
        raise DataError(
            f"{visible(str(path))} holds tables and text files; which of them are the reviews?",
            received=visible(f"{table}, {text}"),
            hint=f"name the files, for example {visible(str(path / table))}",
        )
    if not (table or spark) and has_files(path):
        content.parts.append(Part(path, is_table=False))
        _pass_over(path, content)
        return
    _refuse_splits(path)
    tables = [path / name for name in file_names(path)] if spark else tables_of(path)
    filled = [table for table in tables if table.stat().st_size] or tables  # Spark leaves empty parts
    content.parts.extend(Part(table, is_table=True) for table in filled)
    for empty in {*tables} - {*filled}:
        content.passed_over.add("empty file", empty.name)
    _pass_over(path, content, besides={table.name for table in tables})
    _not_empty(path, content)


def class_folders(path: Path) -> list[tuple[Path, int]]:
    """The folders of a class in a folder, with its label: negative ones first; names in any case.

    Raises:
        DataError: if one of them is a link.
    """
    classes = []
    for entry in sorted_entries(path):
        label = CLASSES.get(entry.name.lower())
        if label is None:
            continue
        if entry.is_symlink():
            raise DataError(
                f"{visible(entry.path)} is a link, and links inside a data set are not followed.",
                hint="put the folder itself there",
            )
        if entry.is_dir():
            classes.append((Path(entry.path), label))
    return sorted(classes, key=lambda pair: pair[1])


def _refuse_splits(path: Path) -> None:
    """Refuses a folder with splits inside, unless it holds no more than the parts of a table of one split."""
    layout = layout_of(path)
    if layout.is_divided and (layout.validation or layout.test or is_folder(layout.train[0].paths[0])):
        splits = [visible(str(split)) for _, source in layout.items() for split in source.paths]
        hint = " or ".join(splits[:_HINTED])
        raise DataError("This is a whole data set; name one of its parts.", hint=hint)


def tables_of(path: Path) -> list[Path]:
    """The tables of a folder, by name; hidden files and those that begin with _ (`_SUCCESS`) or ~ (a lock of
    Excel) are none."""
    return [Path(entry.path) for entry in sorted_entries(path) if _is_table(entry)]


def _is_table(entry: os.DirEntry[str]) -> bool:
    return is_table(entry.name) and entry.is_file(follow_symlinks=False)


def _more_texts(path: Path) -> bool:
    """Whether a folder has more text files than tables."""
    texts = sum(not _is_about(name) for name in review_names(path))
    return texts > sum(map(_is_table, entries(path)))


def _is_about(name: str) -> bool:
    return name.lower().startswith(_ABOUT)


def _not_empty(path: Path, content: Parts) -> Parts:
    for part in content.parts:
        if part.is_table or has_files(part.path):
            return content
    raise DataError(
        f"{visible(str(path))} holds no review: neither *.txt, nor pos/*.txt and neg/*.txt, nor a table.",
        received=str(content.passed_over) or None,
        hint=_instead(path, links=content.passed_over.count("link") > 0),
    )


def _copy_links(path: Path) -> str:
    """What to do about a folder that has links where it should have reviews, as a hint."""
    copy = path.with_name(f"{path.name}-files") if path.name else Path("../files")
    words = " ".join(visible(shlex.quote(str(one))) for one in (path, copy))
    return f"links are not followed: cp -rL {words} copies what they lead to"


def _instead(path: Path, *, links: bool) -> str:
    """What to name instead of a folder without a review, as a hint."""
    inside = [Path(entry.path) for entry in sorted_entries(path) if entry.is_dir(follow_symlinks=False)]
    likely = [folder for folder in inside if _holds_reviews(folder)]
    if not likely:
        likely = [
            Path(entry.path)
            for folder in inside
            for entry in sorted_entries(folder)
            if entry.is_dir(follow_symlinks=False) and _holds_reviews(Path(entry.path))
        ]
    if likely and not all(map(has_files, likely)):
        return f"name what holds them: {' '.join(visible(str(folder)) for folder in likely[:_NAMED])}"
    if likely:  # text files of classes with other names
        return "call the folders pos and neg if they are the classes, or name one of them"
    if links:
        return _copy_links(path)
    files = [entry.name for entry in sorted_entries(path) if entry.is_file(follow_symlinks=False)]
    files = [name for name in files if name[0] not in "._~" and not name.lower().startswith(_ABOUT)]
    if files:
        return (
            f"name the files, for example {visible(str(path / files[0]))}; a review's own file ends in .txt"
        )
    return "name a folder or a file that does; files of one review each end in .txt"


def _holds_reviews(folder: Path) -> bool:
    names = {entry.name.lower() for entry in entries(folder) if entry.is_dir(follow_symlinks=False)}
    return bool(names & CLASSES.keys() or tables_of(folder)) or has_files(folder)


def _pass_over(folder: Path, content: Parts, *, besides: Collection[str] | None = None) -> None:
    """Counts the entries of a folder that are not read: all besides its reviews, or besides some names."""
    for entry in entries(folder):
        if entry.name.startswith("."):
            continue
        if is_review_file(entry) if besides is None else entry.name in besides:
            continue
        kind = "link" if entry.is_symlink() else "folder" if entry.is_dir() else "other file"
        content.passed_over.add(kind, entry.name)
