"""Where an export appears: only when it is complete, and never in place of something else."""

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
MARK = "bertsent_export"  # the key in it that marks the folder as an export
FORMAT = 1
_COMPILED = "__pycache__"  # left by importing score.py


def check_target(out: Path, *, number: str = "", force: bool) -> None:
    """Refuses a folder that an export may not take.

    Args:
        out: The folder that the user named.
        number: The folder in `out` to write, if `out` holds several versions for a server.
        force: Whether to replace an earlier export there.

    Raises:
        UsageError: if the folder is not an export, or if it is one and `force` is not given.
    """
    if number and out.is_dir():
        others = [path.name for path in sorted(out.iterdir()) if path.name[0] != "." and not _served(path)]
        if others:
            raise UsageError(
                f"{visible(str(out))} holds other things than exports for a server, so none is added.",
                received=visible(", ".join(others))[:200],
                hint="name a folder that does not exist yet",
            )
    target = out / number if number and out.is_dir() else out
    if is_vacant(target):
        return
    if not _is_export(target):
        raise UsageError(
            f"{visible(str(target))} exists and is not an export, so it is not replaced.",
            hint="name a folder that does not exist yet",
        )
    if not force:
        raise UsageError(f"{visible(str(target))} exists already.", hint="add --force to replace it")


@contextlib.contextmanager
def staged(out: Path, *, number: str = "", force: bool, needed: int) -> Iterator[Path]:
    """A folder to write an export into; if the block succeeds, it appears as `out`, or `out/number`.

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
        raise UsageError(f"Another program made {visible(str(target))} just now.", hint="name another folder")
    if not publish_directory(folder, target, replace=True):
        raise StorageError(f"Another run wrote {visible(str(target))} just now.", hint="run again")


def _served(path: Path) -> bool:
    return re.fullmatch("[1-9][0-9]*", path.name) is not None and _is_export(path)


def _is_export(path: Path) -> bool:
    """Whether a folder holds an export and no other files."""
    if path.is_symlink() or not path.is_dir():
        return False
    described = _description(path / DESCRIPTION)
    if described.get(MARK) != FORMAT or not isinstance(described.get("files"), dict):
        return False
    files = (file.relative_to(path) for file in path.rglob("*") if not file.is_dir())
    own = {DESCRIPTION, *described["files"]}
    return all(file.as_posix() in own or file.parts[0] == _COMPILED for file in files)


def _description(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        value = json.loads(file.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else {}
    return {}
