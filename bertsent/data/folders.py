"""What lies in a folder: its entries, and the names of its review files in order, however many there are.

Only real folders and regular `*.txt` files count: a link could lead out of the folder that the user named,
and a FIFO would wait for ever.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.settings.reading import ReadSettings


def is_folder(path: Path) -> bool:
    """Whether there is a folder that one may look at, behind a link or not."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir lets "permission denied" through


def is_real_folder(path: Path) -> bool:
    """Whether `path`, inside a data set, is a folder.

    Raises:
        DataError: if it is a link.
    """
    if path.is_symlink():
        raise DataError(f"{visible(str(path))} is a link, and links inside a data set are not followed.")
    return is_folder(path)


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, as the file system gives it: in no order.

    Raises:
        DataError: if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            yield from found
    except OSError as error:
        raise DataError(f"Cannot read the folder {visible(str(folder))} ({error.strerror}).") from error


def sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    """The same by name, for a folder of few entries: each takes 200 bytes and more."""
    return sorted(entries(folder), key=lambda entry: entry.name)


def has_files(folder: Path) -> bool:
    """Whether a folder holds a review file."""
    return any(True for _ in _names(folder))


def count_files(folder: Path) -> int:
    """How many review files a folder holds."""
    return sum(1 for _ in _names(folder))


def file_names(folder: Path, *, settings: ReadSettings, after: str = "") -> Iterator[str]:
    """Yields the names of the review files of a folder, sorted, in memory that does not grow with them.

    No more than `settings.held_names` are kept; a folder of more is looked through once for every so many.
    A file that comes while this goes on is seen if its turn is not over.

    Args:
        after: Only names behind this one, wherever an earlier reading stopped.
    """
    while names := _next_names(folder, after, settings.held_names):
        after = names[-1]
        last = len(names) < settings.held_names
        yield from names
        if last:
            return
        names.clear()  # before the next ones are gathered


def draw_names(folder: Path, count: int, *, salt: str, settings: ReadSettings) -> Iterator[str]:
    """Yields `count` of those names, drawn without replacement, sorted; all where there are no more."""
    total = count_files(folder)
    names = file_names(folder, settings=settings)
    if count >= total:
        return names
    drawn = set(random.Random(salt).sample(range(total), count))
    return (name for place, name in enumerate(names) if place in drawn)


def _names(folder: Path) -> Iterator[str]:
    for entry in entries(folder):
        name = entry.name
        if name.endswith(".txt") and name[0] != "." and entry.is_file(follow_symlinks=False):
            yield name


def _next_names(folder: Path, after: str, count: int) -> list[str]:
    """The first `count` names behind `after`, sorted."""
    names: list[str] = []
    bound = None
    for name in _names(folder):
        if name > after and (bound is None or name < bound):
            names.append(name)
            if len(names) >= count + count // 4 + 1:  # sorting at every name would be quadratic
                names.sort()
                del names[count:]
                bound = names[-1]
    names.sort()
    return names[:count]
