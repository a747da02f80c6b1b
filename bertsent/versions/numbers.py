"""The numbers that the records of a workspace name: a version may be removed, its number stays taken."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from bertsent.base.files import is_file
from bertsent.base.settings.workspace import Workspace

# What retrains, drift and labels wrote; the last two are those of 0.4.0.
_RECORDS = (
    "reports/ledger.jsonl", "labels/drift.jsonl", "labels/log.jsonl", "reports/drift.jsonl",
    ".bertsent/drift.jsonl",
)  # fmt: skip
# In a review the quotes would have backslashes before them, so only a key matches. A candidate that waits has
# its number already, and nobody else gets it.
_VERSION = re.compile(rb'"(?:version|candidate)": ?"?([1-9][0-9]{0,8})\b')


def recorded(folder: Path) -> int:
    """The highest number of a version that the records of a workspace name; 0 if they name none.

    Args:
        folder: A folder of versions. One with another name than `model` has no records beside it.
    """
    if folder.name != Workspace(folder.parent).model.name:
        return 0
    highest = 0
    for name in _RECORDS:
        path = folder.parent / name
        if not is_file(path):
            continue
        with contextlib.suppress(OSError), path.open("rb") as lines:
            for line in lines:
                highest = max(highest, *map(int, _VERSION.findall(line)), 0)
    return highest
