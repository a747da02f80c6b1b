"""Kills a person's word at its first step, its second, and so on, and lets the next run carry it out.

    python tests/support/approval_faults.py HOME approve|reject

HOME is a workspace whose candidate waits; it is copied for every kill (a step: see retrain_faults.py). After
each kill one line of JSON says what `drift` finds in one copy, and what the same word leaves in another one.
The last line is that of the first run that was not killed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertsent.base.errors import BertsentError
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Outcome
from bertsent.retraining import approval, monitor
from support import retrain_faults


def say(home: Path, word: str, number: int = 0) -> int:
    """Says a word in a child, killed at a step; its exit status."""
    child = os.fork()
    if not child:
        try:
            if number:
                retrain_faults.prepare(number)
            getattr(approval, word)(Workspace(home), "so be it")
        except BertsentError as error:
            os._exit(error.exit_code)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def drift(home: Path) -> dict[str, Any]:
    """What the next run of `drift` finds, without retraining."""
    run = monitor.DriftRun(workspace=Workspace(home), settings=DriftSettings(), retrain=False).go()
    return {**seen(home), "open": run.open.state if run.open else None, "waits": run.candidate}


def seen(home: Path) -> dict[str, Any]:
    events = DriftHistory(Workspace(home)).events
    outcomes = [event.outcome for event in events if isinstance(event, Outcome)]
    return {**retrain_faults.seen(home), "outcomes": outcomes, "temporary": len([*home.rglob("*.tmp")])}


def lines(template: Path, word: str) -> Iterator[dict[str, Any]]:
    for number in range(1, 100):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(shutil.copytree(template, Path(folder) / "home"))
            killed = say(home, word, number)
            other = Path(shutil.copytree(home, Path(folder) / "other"))
            yield {"killed": killed, "drift": drift(other), "again": say(home, word), **seen(home)}
            if killed >= 0:
                return


if __name__ == "__main__":
    for line in lines(Path(sys.argv[1]), sys.argv[2]):
        sys.stdout.write(json.dumps(line) + "\n")
