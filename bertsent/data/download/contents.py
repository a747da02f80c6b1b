"""What a data set from an archive consists of: class folders or tables, and other files beside them."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bertsent.base.records.training import Download
from bertsent.base.settings.reading import FOLDERS, HALVES, LABELS

_TABLE = re.compile(
    r"\.(csv|tsv|tab|jsonl|ndjson|jl|json|parquet|pq|xlsx|xlsm|xlsb|xls|ods)(\.(gz|bz2|xz|zst))?$",
    re.IGNORECASE,
)
_CLASSES = {**FOLDERS, **LABELS}


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a data set."""

    counts: Mapping[str, int]  # folder (as `train/pos`; `.` is the top) -> files in it
    bytes: int
    tables: tuple[str, ...]  # paths inside the data set; none where class folders hold its reviews
    has_classes: bool  # whether both classes are there, in the top folder or in `train`

    @property
    def files(self) -> int:
        return sum(self.counts.values())


def class_of(folder: str) -> int | None:
    """The label of the reviews in a folder of this name or path, in any case; None if it is no class."""
    return _CLASSES.get(PurePosixPath(folder).name.casefold())


def is_table(name: str) -> bool:
    """Whether a file of this name is a table of reviews, plain or compressed. Text files are not: one of them
    in an archive is a review or a readme."""
    return _TABLE.search(name) is not None


def table_stem(name: str) -> str:
    """The name without the suffixes of a table."""
    return _TABLE.sub("", name)


def survey(root: Path, *, marker: str) -> Contents:
    """Counts the files below `root`, without the one named `marker` in it."""
    counts: dict[str, int] = {}
    size, tables = 0, list[str]()
    for parent, folders, names in os.walk(root):
        folders.sort()
        inside = Path(parent).relative_to(root)
        names = [name for name in names if inside.parts or name != marker]
        if names:
            counts[inside.as_posix()] = len(names)
        if class_of(inside.as_posix()) is None:
            tables += [(inside / name).as_posix() for name in sorted(names) if is_table(name)]
        size += sum(Path(parent, name).stat().st_size for name in names)
    has_classes = _has_classes(counts)
    return Contents(counts, size, () if has_classes else tuple(tables), has_classes)


def root_of(folder: Path) -> Path:
    """The folder that holds the splits or tables of an unpacked archive: its only top folder, or `folder`."""
    entries = list(folder.iterdir())
    tops = [path for path in entries if path.is_dir()]
    tables = any(path.is_file() and is_table(path.name) for path in entries)
    if len(tops) != 1 or tables or tops[0].name.startswith("."):
        return folder
    is_part = tops[0].name.casefold() in HALVES or class_of(tops[0].name) is not None
    return folder if is_part else tops[0]


def others(contents: Contents | Download) -> dict[str, int]:
    """Folder -> its files that are neither reviews of a class nor a table of the data set."""
    used = Counter(PurePosixPath(table).parent.as_posix() for table in contents.tables)
    rest = {
        folder: count - used[folder]
        for folder, count in contents.counts.items()
        if contents.tables or class_of(folder) is None
    }
    return {folder: count for folder, count in rest.items() if count}


def _has_classes(counts: Mapping[str, int]) -> bool:
    labels: dict[str, set[int | None]] = defaultdict(set)
    for folder in counts:
        labels[PurePosixPath(folder).parent.as_posix().casefold()].add(class_of(folder))
    return any(labels[split] >= set(FOLDERS.values()) for split in (".", HALVES[0]))
