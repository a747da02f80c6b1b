"""Kills `drift` at its first step, its second, and so on, and runs it again (a step: see disk_faults.py).

    python tests/support/drift_faults.py append|migrate|look FOLDER kill|full

`append` adds an event to a history of two; `migrate` takes over two events of 0.4.0; `look` judges the labels
of a workspace whose retraining cannot begin. After each child, and after a second one without faults, one
line of JSON says what a reader finds. The last line is that of the first child that ran to its end.
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
    history = DriftHistory(Workspace(folder))
    history.append(made(len(history.events) + 1))


def migrate(folder: Path) -> None:
    DriftHistory(Workspace(folder)).migrate()


def look(folder: Path) -> None:
    monitor.DriftRun(workspace=Workspace(folder), settings=DriftSettings()).go()


def prepare(action: str, folder: Path) -> None:
    """Makes the workspace what it was before the child."""
    for name in STATE:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "labels" / "drift.jsonl").unlink(missing_ok=True)
    if action in {"append", "migrate"}:
        append(folder)
        append(folder)
    if action == "migrate":
        (folder / "reports").mkdir()
        (folder / "labels" / "drift.jsonl").rename(folder / "reports" / "drift.jsonl")


def seen(folder: Path) -> dict[str, Any]:
    history = DriftHistory(Workspace(folder))
    return {
        "problem": history.problem,
        "events": [asdict(event).get("look", "outcome") for event in history.events],
        "temporary": [path.name for path in folder.rglob("*.tmp")],
    }


def lines(action: str, folder: Path, fault: str) -> Iterator[dict[str, Any]]:
    act = {"append": append, "migrate": migrate, "look": look}[action]
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
