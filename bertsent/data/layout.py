"""The layout of a data set: which paths hold its train, validation and test rows.

This is told by the name of a folder (`train/`, `Test/`, `dev/`) or of a table (`train.csv`,
`test-00000-of-00001.parquet`, `labeledTrainData.tsv`), whatever its case. Without such names all rows are
training rows, of which the others are drawn.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bertsent.base.display import counted, listed, visible
from bertsent.base.files import is_folder
from bertsent.base.settings.reading import CLASSES
from bertsent.data.compression import inner_name
from bertsent.data.folders import entries, is_real_folder, sorted_entries
from bertsent.data.source import Source
from bertsent.data.tables import is_table_name

Role = Literal["train", "validation", "test"]
AnyRole = Role | Literal["other"]

# What people call the splits. The rows of "other" have no labels, as aclImdb's unsup.
ROLES: dict[str, AnyRole] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("unsup", "unsupervised", "unlabeled", "unlabelled"), "other"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")  # of snake_case and camelCase
_NAMED = 3  # names of one kind that a message lists


@dataclass(frozen=True, slots=True)
class Layout:
    """The sources of each split; the files of one source have the same columns and labels."""

    train: tuple[Source, ...]  # the splits without a source are drawn from it
    validation: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    passed_over: tuple[str, ...] = ()  # entries of folders that belong to no split, in words
    is_divided: bool = False  # whether a folder has the splits inside

    def items(self) -> Iterator[tuple[Role, Source]]:
        """Each source with its role."""
        roles: tuple[tuple[Role, tuple[Source, ...]], ...] = (
            ("train", self.train),
            ("validation", self.validation),
            ("test", self.test),
        )
        return ((role, source) for role, sources in roles for source in sources)


def layout_of(data: Path | Source) -> Layout:
    """The layout of a data set.

    A folder with splits inside is divided. Several paths are divided by their own names if one is called
    train and another validation or test. Every other folder or file is training data.

    Raises:
        DataError: if a folder cannot be read, or a split inside is a link.
    """
    given = Source.of(data)
    passed_over: list[str] = []
    named: dict[Path, AnyRole | None] = {}  # role by the name of a path that is not divided
    divided: dict[AnyRole, list[Path]] = {}
    for path in given.paths:
        inside = _by_role(path) if is_folder(path) else _Inside({}, [])
        for role, paths in inside.roles.items():
            divided.setdefault(role, []).extend(paths)
        passed_over += inside.passed_over
        if not inside.roles:
            named[path] = ROLES.get(path.name.lower()) if is_folder(path) else _role_of_file(path.name)
    roles = {*named.values()}
    if "train" not in roles or not roles & {"validation", "test"}:
        named = dict.fromkeys(named)
    passed_over += [visible(str(path)) for path, role in named.items() if role == "other"]

    def sources(role: Role) -> tuple[Source, ...]:
        paths = [path for path, said in named.items() if (said or "train") == role]
        return _sources(given, [*divided.get(role, ()), *paths])

    return Layout(
        sources("train"),
        sources("validation"),
        sources("test"),
        passed_over=tuple(passed_over),
        is_divided=bool(divided),
    )


def all_sources(data: Path | Source) -> tuple[Source, ...]:
    """All sources of a data set, for who needs its texts."""
    return tuple(source for _, source in layout_of(data).items())


def is_data_set(path: Path) -> bool:
    """Whether a path is a data set by its name and what it holds: a table, or a folder with one, with
    splits, or with classes. Links are none, nor are text files, which may be anything."""
    if path.is_symlink():
        return False
    if not is_folder(path):
        return is_table(path.name)
    kinds = {_kind(entry) for entry in entries(path)}
    return bool(kinds & {"train", "table"}) or {"pos", "neg"} <= kinds


def is_table(name: str) -> bool:
    """Whether a file's name is that of a table, perhaps compressed. Text files count as none."""
    return name[0] not in "._~" and is_table_name(name)  # ~: a lock of Excel


@dataclass(frozen=True, slots=True)
class _Inside:
    """The splits inside a folder."""

    roles: dict[AnyRole, list[Path]]
    passed_over: list[str]


def _by_role(folder: Path) -> _Inside:
    """The splits inside a folder: subfolders, or if none is called train or a class, tables."""
    folders: dict[AnyRole, list[Path]] = {}
    tables: dict[AnyRole, list[Path]] = {}
    kinds: set[str] = set()
    for entry in entries(folder):
        kinds.add(_kind(entry))
        path, is_folder_ = Path(entry.path), entry.is_dir()
        role = ROLES.get(entry.name.lower()) if is_folder_ else _role_of_file(entry.name)
        if role is not None and (is_folder_ or entry.is_file(follow_symlinks=False)):
            (folders if is_folder_ else tables).setdefault(role, []).append(path)
    roles = folders if "train" in folders or {"pos", "neg"} <= kinds else tables
    if "train" not in roles:
        return _Inside({}, [])
    roles = {role: sorted(paths) for role, paths in roles.items()}
    for path in (path for role, paths in roles.items() if role != "other" for path in paths):
        is_real_folder(path)  # refuses a link
    read = {path.name for role, paths in roles.items() if role != "other" for path in paths}
    return _Inside(roles, list(_others(folder, read)))


def _others(folder: Path, read: set[str]) -> Iterator[str]:
    """The entries of a data set that belong to no split, in words."""
    tables: list[str] = []
    loose = 0
    for entry in sorted_entries(folder):
        if entry.name in read:
            continue
        if entry.is_symlink():
            yield f"{visible(entry.name)} (a link)"
        elif entry.is_dir():
            yield f"{visible(entry.name)} ({counted(sum(1 for _ in entries(Path(entry.path))), 'file')})"
        elif is_table(entry.name):
            tables.append(entry.name)
        else:
            loose += entry.name[0] != "."  # hidden files are not data
    if tables:
        yield listed(tables, _NAMED)
    if loose:
        yield f"./ ({counted(loose, 'loose file')})"


def _sources(given: Source, paths: list[Path]) -> tuple[Source, ...]:
    """One source for all files, and one for each folder: shards share their columns and labels, folders
    need not."""
    files = tuple(path for path in paths if not is_folder(path))
    groups = [*([files] if files else []), *((path,) for path in paths if is_folder(path))]
    return tuple(Source(group, given.settings, given.piped) for group in groups)


def _role_of_file(name: str) -> AnyRole | None:
    """The role that a table's name says; None if it says none, or several."""
    inner = inner_name(Path(name))
    if inner.lower().endswith(".txt"):  # may be a review, so only the whole name counts: train.ft.txt.bz2
        return ROLES.get(name.partition(".")[0].lower())
    if not is_table(name):
        return None
    said = {ROLES[word.lower()] for word in _WORD.findall(Path(inner).stem) if word.lower() in ROLES}
    if "other" in said:
        return "other"
    return said.pop() if len(said) == 1 else None


def _kind(entry: os.DirEntry[str]) -> str:
    """What an entry shows of the folder it is in: "train", "pos", "neg", "table", or nothing."""
    if entry.is_symlink() or entry.name[0] == ".":
        return ""
    if not entry.is_dir():
        return "table" if is_table(entry.name) else ""
    name = entry.name.lower()
    if name in CLASSES:
        return name[:3]
    return "train" if ROLES.get(name) == "train" else ""
