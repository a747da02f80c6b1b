"""The option `--labels` of `drift`, `label` and `retrain`: labelled reviews, and what labels mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.workspace import Workspace


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
        UsageError: if there is no such path, or there are two, or the map is none.
    """
    maps = [value for value in given or () if "=" in value and not os.path.lexists(value)]
    paths = [Path(value) for value in given or () if value not in maps]
    from bertsent.data.labels import parse_label_map

    label_map = " ".join(maps) or str(ctx.lookup_default("labels") or "")
    parse_label_map(label_map)  # a mistake ends the command even where no table is read
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


def label_folder(
    given: Sequence[str] | None, ctx: typer.Context, reading: ReadSettings
) -> tuple[Path, ReadSettings]:
    """The folder of the label log, and how to read a pool or an import, for `label`.

    Raises:
        UsageError: as `parse_labels` and `require_folder`.
    """
    named = parse_labels(given, ctx)
    reading = replace(reading, labels=named.label_map)
    require_folder(named, reading, then="bertsent drift")
    return named.folder or Workspace.current().labels, reading


def require_folder(named: Labels, reading: ReadSettings, *, then: str) -> None:
    """Refuses labelled reviews where the folder of the label log is asked for.

    Args:
        named: What --labels says.
        reading: How to read the reviews.
        then: The command to run once they are recorded.

    Raises:
        UsageError: if --labels names labelled reviews.
    """
    if named.reviews is None:
        return
    from bertsent.data.source import Source, path_word

    words = Source((named.reviews,), reading).words()
    raise UsageError(
        "--labels must be the folder that `bertsent label` writes.",
        received=visible(str(named.reviews)),
        hint=f"{' '.join(['bertsent label --import', path_word(named.reviews), *words])}, then {then}",
    )


def _holds_other_reviews(folder: Path) -> bool:
    """Whether a folder is not that of `bertsent label`, and holds reviews."""
    from bertsent.data.layout import is_data_set

    logged = any((folder / name).exists() for name in ("log.jsonl", "drift.jsonl"))
    return not logged and is_data_set(folder)
