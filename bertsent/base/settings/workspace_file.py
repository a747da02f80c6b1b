"""The file `bertsent.toml` of a workspace: how its reviews are read, and which scores are positive.

    [data]
    text = "Review Text"
    labels = "positive=4,5 negative=1,2"

    [score]
    threshold = 0.8123

The keys of [data] are the options of reading without their dashes; an option overrules the file.
`evaluate --choose-threshold --save` writes [score].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError

NAME = "bertsent.toml"
_LIMIT = 64 * 1024  # bytes
_TABLES = ("data", "score")
_KEYS = {
    "text": str, "label": str, "labels": str, "format": str, "delimiter": str, "encoding": str,
    "sheet": str, "on-bad-row": str, "header": bool,
}  # fmt: skip
_SCORE_KEYS = ("threshold", "goal", "version", "classifier")
_WAY_BACK = "Without this table 0.5 divides, and scores near it are unsure."


@dataclass(frozen=True, slots=True)
class SavedThreshold:
    """The table [score]: from which score on a review is positive, and what that was chosen for."""

    threshold: float  # above 0, below 1
    goal: str = ""  # as --choose-threshold takes it; "": a person wrote the threshold
    version: str = ""  # the number of the version that scored
    classifier: str = ""  # the SHA-256 of its classifier, which a rollback does not change


@dataclass(frozen=True, slots=True)
class WorkspaceFile:
    """What the file sets."""

    data: dict[str, Any] = field(default_factory=dict)  # options of reading, by the names of their parameters
    score: SavedThreshold | None = None


def load_workspace_file(path: Path) -> WorkspaceFile:
    """What the file sets; nothing if there is no file.

    Raises:
        UsageError: naming the file, if it cannot be read, is not TOML, or holds what is no such option.
    """
    if not path.is_file():
        return WorkspaceFile()
    _, tables = _read(path)
    where = visible(str(path))
    unknown = next((key for key in tables if key not in _TABLES), None)
    if unknown is not None:
        raise UsageError(
            f"{where} has the tables [data] and [score], and nothing else.", received=visible(unknown)[:60]
        )
    for name in _TABLES:
        if not isinstance(tables.get(name, {}), dict):
            raise UsageError(f"{where}: [{name}] must be a table.")
    data = dict(_option(key, value, where) for key, value in tables.get("data", {}).items())
    return WorkspaceFile(data, _score(tables["score"], where) if tables.get("score") else None)


def save_threshold(path: Path, saved: SavedThreshold) -> None:
    """Sets the table [score] of the file; comments, other tables and line ends stay as they are.

    The file is replaced at once, or made if there is none; where it is a link, the file it leads to.

    Raises:
        UsageError: if the file is not TOML.
        StorageError: if the disk does not take it.
    """
    import codecs

    import tomlkit

    from bertsent.base.files import write_text

    path, text, mark = path.resolve(), "", ""
    if path.is_file():
        text = _read(path)[0]
        mark = "\ufeff" if path.read_bytes().startswith(codecs.BOM_UTF8) else ""
    content = tomlkit.parse(text)
    if "score" not in content:
        table = tomlkit.table()
        table.add(tomlkit.comment(_WAY_BACK))
        if text:
            content.add(tomlkit.nl())
        content.add("score", table)
    values = {name: getattr(saved, name) for name in _SCORE_KEYS}
    score: Any = content["score"]
    for name, value in values.items():
        score[name] = value
    changed = tomlkit.dumps(content)
    if "\r\n" in text and text.count("\r\n") == text.count("\n"):
        changed = changed.replace("\r\n", "\n").replace("\n", "\r\n")
    write_text(path, mark + changed)


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of the file and its tables."""
    import tomllib  # and the next: not loaded without a file, because every command passes here

    from bertsent.base.text import read_utf8

    try:
        text = read_utf8(path, limit=_LIMIT, what="a configuration")
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, DataError, ValueError, RecursionError) as error:
        raise UsageError(f"{visible(str(path))} is not TOML: {visible(str(error))}") from error


def _score(table: dict[str, Any], where: str) -> SavedThreshold:
    unknown = next((key for key in table if key not in _SCORE_KEYS), None)
    if unknown is not None:
        raise UsageError(
            f"{where}: [score] has the keys {', '.join(_SCORE_KEYS)}.", received=visible(unknown)[:60]
        )
    threshold = table.get("threshold")
    if not isinstance(threshold, float | int) or not 0 < threshold < 1:  # true and false are 1 and 0
        raise UsageError(
            f"{where}: threshold must be a number between 0 and 1.",
            received="none" if threshold is None else visible(str(threshold))[:60],
            hint="without the table [score] 0.5 divides",
        )
    for name in _SCORE_KEYS[1:]:
        if not isinstance(table.get(name, ""), str):
            raise UsageError(f"{where}: {name} must be a text in quotes.", received=str(table[name])[:60])
    return SavedThreshold(**{**table, "threshold": float(threshold)})


def _option(key: str, value: Any, where: str) -> tuple[str, Any]:
    name = key.replace("_", "-")
    if name not in _KEYS:
        import difflib

        near = difflib.get_close_matches(name, _KEYS, n=1)
        raise UsageError(
            f"{where}: [data] has the keys {', '.join(_KEYS)}.",
            received=visible(key)[:60],
            hint=f"write {near[0]}" if near else "",
        )
    if name in {"text", "label"} and type(value) is int:
        value = str(value)  # a number of a column
    if type(value) is not _KEYS[name]:
        kind = "true or false" if _KEYS[name] is bool else "a text in quotes"
        raise UsageError(f"{where}: {name} must be {kind}.", received=visible(str(value))[:60])
    return ("no_header", not value) if name == "header" else (name.replace("-", "_"), value)
