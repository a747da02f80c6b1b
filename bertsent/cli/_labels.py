"""The option `--labels` of `drift` and `retrain`, which names labelled reviews and says what labels mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError


@dataclass(frozen=True, slots=True)
class Labels:
    """What `--labels` says."""

    folder: Path | None = None  # of the label log; None: the workspace's
    reviews: Path | None = None  # labelled reviews that are in no label log: a file, or a folder
    label_map: str = ""  # such as 'positive=4,5 negative=1,2'


def parse_labels(given: Sequence[str] | None, ctx: typer.Context) -> Labels:
    """Tells the values of `--labels` apart: a value with = that is no path is a label map. Without a map that
    of `bertsent.toml` holds, under its key `labels`.

    Raises:
        UsageError: if there is no such path, or there are two.
    """
    maps = [value for value in given or () if "=" in value and not os.path.lexists(value)]
    paths = [Path(value) for value in given or () if value not in maps]
    label_map = " ".join(maps) or str(ctx.lookup_default("labels") or "")
    if not paths:
        return Labels(label_map=label_map)
    path = paths[0]
    if len(paths) > 1:
        raise UsageError("--labels takes one folder or file.", received=visible(", ".join(map(str, paths))))
    if not path.exists():
        raise UsageError(
            "--labels takes a folder or file that exists, or a map such as 'positive=4,5 negative=1,2'.",
            received=visible(str(path)),
        )
    if path.is_dir() and not _holds_other_reviews(path):
        return Labels(folder=path, label_map=label_map)
    return Labels(reviews=path, label_map=label_map)


def _holds_other_reviews(folder: Path) -> bool:
    """Whether a folder is not that of `bertsent label`, and holds reviews."""
    from bertsent.data.layout import is_data_set

    logged = any((folder / name).exists() for name in ("log.jsonl", "drift.jsonl"))
    return not logged and is_data_set(folder)
