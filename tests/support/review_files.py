"""Folders of review files."""

from __future__ import annotations

from pathlib import Path


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files, given by their paths inside a folder; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def classes(prefix: str = "", *, rows: int = 30, what: str = "film") -> dict[str, str | bytes]:
    """Distinct reviews of both classes, as file name -> text."""
    return {
        f"{prefix}{name}/{number}.txt": f"{word} {what} number {number}"
        for name, word in (("pos", "fine"), ("neg", "dull"))
        for number in range(rows)
    }
