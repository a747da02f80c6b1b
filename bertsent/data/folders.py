"""The entries of a folder, and its review files: regular files `*.txt`, in any case, sorted by name.

Links are not followed, because one could point outside the folder that the user named. FIFOs are left out,
because reading one would wait for ever.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import is_folder


def is_real_folder(path: Path) -> bool:
    """Whether `path`, inside a data set, is a folder.

    Raises:
        DataError: if it is a link.
    """
    if path.is_symlink():
        raise DataError(f"{visible(str(path))} is a link, and links inside a data set are not followed.")
    return is_folder(path)


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder, in no order.

    Raises:
        DataError: if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as scan:
            yield from scan
    except OSError as error:
        raise DataError(f"Cannot read the folder {visible(str(folder))} ({error.strerror}).") from error


def sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries sorted by name, for a folder with few of them: each takes 200 bytes and more."""
    return sorted(entries(folder), key=lambda entry: entry.name)


def review_names(folder: Path) -> Iterator[str]:
    """The names of a folder's review files, in no order."""
    return (entry.name for entry in entries(folder) if is_review_file(entry))


def has_files(folder: Path) -> bool:
    """Whether a folder holds a review file."""
    return any(True for _ in review_names(folder))


def count_files(folder: Path) -> int:
    """How many review files a folder holds."""
    return sum(1 for _ in review_names(folder))


def file_names(folder: Path) -> list[str]:
    """The names of a folder's review files, sorted; about 100 MB for a million."""
    return sorted(review_names(folder))


def draw_names(folder: Path, count: int, *, salt: str) -> list[str]:
    """Draws `count` of those names without replacement and sorts them; all if there are no more."""
    names = file_names(folder)
    if count >= len(names):
        return names
    return [names[index] for index in sorted(random.Random(salt).sample(range(len(names)), count))]


def is_review_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a review file: regular, not hidden, with the suffix .txt in any case."""
    name = entry.name
    return name[-4:].lower() == ".txt" and name[0] != "." and entry.is_file(follow_symlinks=False)
