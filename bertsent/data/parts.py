"""What lies at a path that a user named: files of one review each, or tables; and what is passed over."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import is_folder
from bertsent.base.settings.reading import CLASSES, HALVES
from bertsent.data.compression import inner_name
from bertsent.data.folders import entries, is_review_file, sorted_entries
from bertsent.data.tables import is_table_name

TEST_NAMES = ("test", "testing", "dev", "validation", "valid", "val", "eval")
_NAMED = 3  # files that a count names
_KINDS = ("link", "folder", "empty file", "other file")
_SPARK_MARK = "_SUCCESS"  # the file that Spark leaves beside its parts
_ABOUT = (
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "changelog",
    "about",
)  # texts that are no reviews


@dataclass(slots=True)
class Part:
    """One thing to read: a table, or a folder of files with one review each."""

    path: Path
    is_table: bool
    label: int | None = None  # of all files of a class folder


@dataclass(slots=True)
class Parts:
    """All there is to read at some paths."""

    parts: list[Part] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)  # what was not read, in words -> its number
    notes: list[str] = field(default_factory=list)


def find_parts(path: Path) -> Parts:
    """What there is to read at a path: a file, class folders, text files, or the tables of a folder.

    Raises:
        DataError: if there is nothing to read, or the path is a data set with halves.
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
        _pass_over(path, content, besides={folder.name for folder, _ in classes}, reviews_too=True)
        return _not_empty(path, content)
    _open_files(path, content)
    return content


def _open_files(path: Path, content: Parts) -> None:
    """Adds the files of a folder without class folders: one review each, or tables.

    Raises:
        DataError: if there are as many tables as text files, nothing to read, or halves of a data set.
    """
    text = next((name for name in review_files(path) if not _is_about(name)), "")
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
    if not (table or spark) and any(True for _ in review_files(path)):
        content.parts.append(Part(path, is_table=False))
        _pass_over(path, content)
        return
    halves = halves_of(path)
    if halves:
        named = [visible(str(half)) for files in halves.values() for half in files]
        raise DataError("This is a whole data set; name one of its parts.", hint=" or ".join(named[:4]))
    tables = [path / name for name in sorted(review_files(path))] if spark else tables_of(path)
    filled = [table for table in tables if table.stat().st_size] or tables  # Spark leaves empty parts
    content.passed_over.update({"empty file": len(tables) - len(filled)})
    content.parts.extend(Part(table, is_table=True) for table in filled)
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


def halves_of(path: Path) -> dict[str, list[Path]]:
    """The parts of a data set that are named train and test (or validation), as folders or tables.

    Returns:
        "train", "test" and other such names in lower case -> their paths, sorted; {} without a train part.
    """
    halves: dict[str, list[Path]] = {}
    for entry in sorted_entries(path):
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            name = entry.name.lower()
        elif is_table_name(entry.name):
            name = table_half(entry.name)
        else:
            continue
        if name in HALVES or name in TEST_NAMES:
            halves.setdefault(name, []).append(Path(entry.path))
    return halves if "train" in halves else {}


def table_half(name: str) -> str:
    """The part of a data set that a table's name begins with: `train` for train-00000-of-00001.parquet."""
    stem = inner_name(Path(name)).lower()
    for separator in "-_. ":
        stem = stem.partition(separator)[0]
    return stem


def tables_of(path: Path) -> list[Path]:
    """The tables of a folder, by name; hidden files and those that begin with _ (`_SUCCESS`) or ~ (a lock of
    Excel) are none."""
    return [Path(entry.path) for entry in sorted_entries(path) if _is_table(entry)]


def _is_table(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name[-4:].lower() == ".txt" or name[0] in "._~":
        return False
    return is_table_name(name) and entry.is_file(follow_symlinks=False)


def _more_texts(path: Path) -> bool:
    """Whether a folder has more text files than tables."""
    texts = sum(not _is_about(name) for name in review_files(path))
    return texts > sum(map(_is_table, entries(path)))


def _is_about(name: str) -> bool:
    return name.lower().startswith(_ABOUT)


def _not_empty(path: Path, content: Parts) -> Parts:
    for part in content.parts:
        if part.is_table or any(map(is_review_file, entries(part.path))):
            return content
    raise DataError(
        f"{visible(str(path))} holds no review: neither *.txt, nor pos/*.txt and neg/*.txt, nor a table.",
        received=passed_over_line(content.passed_over) or None,
        hint=_instead(path),
    )


def _instead(path: Path) -> str:
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
    if likely and not all(any(map(is_review_file, entries(folder))) for folder in likely):
        return f"name what holds them: {' '.join(visible(str(folder)) for folder in likely[:_NAMED])}"
    if likely:  # text files of classes with other names
        return "call the folders pos and neg if they are the classes, or name one of them"
    files = [entry.name for entry in sorted_entries(path) if entry.is_file(follow_symlinks=False)]
    files = [name for name in files if name[0] not in "._~" and not name.lower().startswith(_ABOUT)]
    if files:
        return (
            f"name the files, for example {visible(str(path / files[0]))}; a review's own file ends in .txt"
        )
    return "name a folder or a file that does; files of one review each end in .txt"


def _holds_reviews(folder: Path) -> bool:
    names = {entry.name.lower() for entry in entries(folder) if entry.is_dir(follow_symlinks=False)}
    return bool(names & CLASSES.keys() or tables_of(folder)) or any(map(is_review_file, entries(folder)))


def _pass_over(
    folder: Path, content: Parts, *, besides: set[str] | None = None, reviews_too: bool = False
) -> None:
    """Counts the entries of a folder that are not read."""
    others: list[str] = []
    number = 0
    for entry in entries(folder):
        if entry.name.startswith(".") or (besides and entry.name in besides):
            continue
        if entry.is_symlink():
            content.passed_over["link"] += 1
        elif entry.is_dir():
            content.passed_over["folder"] += 1
            content.passed_over[f"folder {visible(entry.name)}"] += 0
        elif reviews_too or besides is not None or not is_review_file(entry):
            number += 1
            if len(others) < _NAMED:
                others.append(visible(entry.name))
    if number:
        content.passed_over["other file"] += number
        for name in others:
            content.passed_over[f"other file {name}"] += 0


def passed_over_line(counts: Counter[str]) -> str:
    """What was passed over, in words: "2 links, 1 folder (unsup), 3 other files (README.md, ...)"."""
    return ", ".join(_counted(counts, kind) for kind in _KINDS if counts[kind])


def _counted(counts: Counter[str], kind: str) -> str:
    number = counts[kind]
    names = [key.removeprefix(f"{kind} ") for key in counts if key.startswith(f"{kind} ")]
    listed = ", ".join(names[:_NAMED]) + (", ..." if number > len(names[:_NAMED]) else "")
    return f"{number} {kind}{'' if number == 1 else 's'}" + (f" ({listed})" if names else "")


def file_count(parts: Parts) -> int | None:
    """How many reviews the folders hold; None if there is a table, which would have to be read first."""
    if any(part.is_table for part in parts.parts):
        return None
    return sum(1 for part in parts.parts for _ in review_files(part.path))


def review_files(folder: Path) -> Iterator[str]:
    """The names of the review files of a folder, in no order."""
    return (entry.name for entry in entries(folder) if is_review_file(entry))
