"""Where an export appears: whole or not at all, and never in the place of something else."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import StorageError, UsageError
from bertsent.base.files import is_vacant, publish_directory, remove_stale, require_space, temporary_sibling

DESCRIPTION = "export.json"
MARK = "bertsent_export"  # the key in it that says what the folder is
FORMAT = 1
_COMPILED = "__pycache__"  # what importing score.py leaves


def check_target(out: Path, *, number: str = "", force: bool) -> None:
    """Refuses a place that an export may not take.

    Args:
        out: The folder that the user named.
        number: The folder below it that is written, where `out` holds several versions for a server.
        force: Whether an earlier export there is replaced.

    Raises:
        UsageError: if something is there that is not an export, or is one and `force` is not given.
    """
    shown = visible(str(out))
    if number and out.is_dir():
        others = [path.name for path in sorted(out.iterdir()) if path.name[0] != "." and not _served(path)]
        if others:
            raise UsageError(
                f"{shown} holds something else than exports for a server, so none is put beside it.",
                received=visible(", ".join(others))[:200],
                hint="name a folder that is not there yet",
            )
    target = out / number if number and out.is_dir() else out
    if is_vacant(target):
        return
    if not _is_export(target):
        raise UsageError(
            f"{visible(str(target))} is there and is not an export, so it is not replaced.",
            hint="name a folder that is not there yet",
        )
    if not force:
        raise UsageError(f"{visible(str(target))} is there already.", hint="add --force to replace it")


@contextlib.contextmanager
def staged(out: Path, *, number: str = "", force: bool, needed: int) -> Iterator[Path]:
    """A folder to write an export into; when the block ends well it stands at `out`, or `out/number`.

    Raises:
        UsageError: as `check_target`.
        StorageError: if it cannot be written, or has less than `needed` bytes free.
    """
    out = Path(out).absolute()
    check_target(out, number=number, force=force)
    beside = bool(number) and out.is_dir()
    target = out / number if beside else out
    require_space(target.parent, needed)
    remove_stale(target.parent, pattern=f".{target.name}.*.tmp")
    with temporary_sibling(target) as folder:
        inner = folder / number if number and not beside else folder
        inner.mkdir(exist_ok=True)
        yield inner
        _publish(folder, target, force=force)


def _publish(folder: Path, target: Path, *, force: bool) -> None:
    if publish_directory(folder, target):
        return
    if not force or not _is_export(target):
        raise UsageError(f"{visible(str(target))} came to be meanwhile.", hint="name another folder")
    if not publish_directory(folder, target, replace=True):
        raise StorageError(f"{visible(str(target))} was taken by another run.", hint="run again")


def _served(path: Path) -> bool:
    return re.fullmatch("[1-9][0-9]*", path.name) is not None and _is_export(path)


def _is_export(path: Path) -> bool:
    """Whether a folder holds an export and nothing that did not come with it."""
    if path.is_symlink() or not path.is_dir():
        return False
    described = _description(path / DESCRIPTION)
    if described.get(MARK) != FORMAT or not isinstance(described.get("files"), dict):
        return False
    there = (file.relative_to(path) for file in path.rglob("*") if not file.is_dir())
    own = {DESCRIPTION, *described["files"]}
    return all(file.as_posix() in own or file.parts[0] == _COMPILED for file in there)


def _description(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        value = json.loads(file.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else {}
    return {}
