"""Kills `drift` at its first step, its second, and so on, and runs it again.

    python tests/support/drift_faults.py append|look FOLDER kill|full

`append` adds an event to a trail of two; `look` judges the labels of a workspace whose retraining cannot
begin. After each child, and after a second one that no fault hits, one line of JSON says what a reader finds.
The last line is that of the first child that got to its end. disk_faults.py says what a step is.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Look, batch_digest
from bertsent.retraining import monitor
from support import disk_faults

STATE = (".bertsent", "reports")
ONCE = ("ai_edge_litert.interpreter", "bertsent.drift.judge", "bertsent.scoring.scorer", "scipy.stats")


def made(number: int) -> Look:
    """A look that nobody took."""
    row = f"row {number}"
    return Look(
        look=number,
        version="1",
        version_digest="c" * 64,
        batch=batch_digest([row]),
        rows=(row,),
        report={"verdict": "stable", "headline": 0.0},
        time="2026-01-02T03:04:05Z",
    )


def append(folder: Path) -> None:
    trail = DriftHistory(Workspace(folder))
    trail.append(made(len(trail.events) + 1))


def look(folder: Path) -> None:
    monitor.run(Workspace(folder), settings=DriftSettings())


def prepare(action: str, folder: Path) -> None:
    """Makes the workspace what it was before the child."""
    for name in STATE:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "labels" / ".judged").unlink(missing_ok=True)
    if action == "append":
        append(folder)
        append(folder)


def seen(folder: Path) -> dict[str, Any]:
    trail = DriftHistory(Workspace(folder))
    return {
        "problem": trail.problem,
        "events": [asdict(event).get("look", "outcome") for event in trail.events],
        "temporary": [path.name for path in folder.rglob("*.tmp")],
    }


def lines(action: str, folder: Path, fault: str) -> Iterator[dict[str, Any]]:
    act = {"append": append, "look": look}[action]
    for name in ONCE if action == "look" else ():
        importlib.import_module(name)  # not again in every child
    for number in range(1, 200):
        prepare(action, folder)
        status = disk_faults.run(act, folder, fault, number)
        after = seen(folder)
        again = disk_faults.run(act, folder, "none", 10**9)
        yield {"status": status, **after, "again": {"status": again, **seen(folder)}}
        if status == 0:
            return


if __name__ == "__main__":
    for line in lines(sys.argv[1], Path(sys.argv[2]), sys.argv[3]):
        sys.stdout.write(json.dumps(line) + "\n")
