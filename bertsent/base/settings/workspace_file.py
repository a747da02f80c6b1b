"""The file `bertsent.toml` of a workspace: how its reviews are read, for every command.

    [data]
    text = "Review Text"
    labels = "positive=4,5 negative=1,2"

The keys are the options of reading without their dashes; an option overrules the file.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.text import read_utf8

NAME = "bertsent.toml"
_LIMIT = 64 * 1024  # bytes
_KEYS = {
    "text": str, "label": str, "labels": str, "format": str, "delimiter": str, "encoding": str,
    "sheet": str, "on-bad-row": str, "header": bool,
}  # fmt: skip


def load_data_options(path: Path) -> dict[str, Any]:
    """The options of reading that the file sets, by the names of their parameters; {} without a file.

    Raises:
        UsageError: naming the file, if it cannot be read, is not TOML, or holds what is no such option.
    """
    if not path.is_file():
        return {}
    import tomllib

    where = visible(str(path))
    try:
        table = tomllib.loads(read_utf8(path, limit=_LIMIT, what="a configuration"))
    except (tomllib.TOMLDecodeError, DataError, ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not TOML: {visible(str(error))}") from error
    unknown = next((key for key in table if key != "data"), None)
    if unknown is not None:
        raise UsageError(f"{where} has a table [data], and nothing else.", received=visible(unknown)[:60])
    if not isinstance(table.get("data", {}), dict):
        raise UsageError(f"{where}: [data] must be a table.")
    return dict(_option(key, value, where) for key, value in table.get("data", {}).items())


def _option(key: str, value: Any, where: str) -> tuple[str, Any]:
    name = key.replace("_", "-")
    if name not in _KEYS:
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
