"""What looks like a version in `model/` and is none: copied by halves, renamed, or one folder too deep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.files import is_file, is_folder
from bertsent.versions.manifest import CLASSIFIER, MANIFEST, NUMBER, WEIGHTS, names_in, version_numbers

_FILES = (MANIFEST, CLASSIFIER, WEIGHTS)  # a folder with one of them was meant as a version
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Stray:
    """Something in `model/` that looks like a version and is none."""

    name: str
    why: str


def find_strays(folder: Path) -> list[Stray]:
    """What looks like a version in `folder` and is none, sorted by name.

    It has a number for a name, or is a folder with files of a version, or one with versions in it. Temporary
    folders, whose names begin with a dot, do not count.

    Raises:
        ArtefactError: if `folder` cannot be read.
    """
    strays = []
    for name in sorted(names_in(folder)):
        path = folder / name
        if NUMBER.fullmatch(name) and is_file(path / MANIFEST):
            continue  # a version
        why = "" if name.startswith(".") else _why(name, path)
        if why:
            strays.append(Stray(name, why))
    return strays


def _why(name: str, path: Path) -> str:
    """Why this is no version, though it looks like one; "" if it does not."""
    if NUMBER.fullmatch(name):
        return f"no {MANIFEST}" if is_folder(path) else "not a folder"
    if name.isdecimal():
        return "its number begins with 0" if name.startswith("0") else "its name is no plain number"
    if not is_folder(path):
        return ""
    if any(is_file(path / file) for file in _FILES):
        return "its name is no number"
    return "versions lie in it" if version_numbers(path) else ""


def told(strays: Sequence[Stray]) -> str:
    """The first few with their reasons: "3 (no manifest.json), 01 (...) and 2 more"."""
    more = f" and {len(strays) - _SHOWN} more" if len(strays) > _SHOWN else ""
    return ", ".join(f"{visible(stray.name)[:80]} ({stray.why})" for stray in strays[:_SHOWN]) + more
