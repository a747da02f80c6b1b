"""Kills a retrain at its first step, its second, and so on, and runs it again after each kill.

    python tests/support/retrain_faults.py HOME DATA [ask]

HOME is a workspace whose challenger is trained and not yet judged; it is copied for every kill. With `ask` a
challenger that passes the gate waits. A step is what Python's audit hooks report of `model`, `reports` and
the folders of challenger and candidate: a file opened for writing, a folder made, a link, a rename, and the
first removal. One line of JSON says how a run ended and what it left; the last line is that of the first run
that was not killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ai_edge_litert.interpreter  # noqa: F401 - as the next two: here once, and not in every child
import jinja2  # noqa: F401
import scipy.stats  # noqa: F401

from bertsent.retraining.ledger import Ledger
from bertsent.versions.manifest import read_version, version_numbers
from support import retrain_world as world

STEPS = {"os.mkdir", "os.link", "os.rename"}
REMOVALS = {"os.remove", "os.rmdir"}
PLACES = ("/model", "/reports", "/.bertsent/challenger", "/.bertsent/candidate", "/labels")
STATUS = {"published": 0, "rejected": 3, "waiting": 4}


def is_step(event: str, arguments: tuple[Any, ...], removed: list[str]) -> bool:
    if event == "open":
        writes = isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        return writes and any(place in str(arguments[0]) for place in PLACES)
    if event in REMOVALS:
        removed.append(event)
        return len(removed) == 1
    return event in STEPS and any(place in str(arguments[0]) for place in PLACES)


def prepare(number: int) -> None:
    left, removed = number, list[str]()

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if is_step(event, arguments, removed):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def run(home: Path, data: Path, number: int = 0, *, ask: bool = False) -> int:
    """Retrains in a child, killed at a step; its exit status is that of `STATUS`."""
    child = os.fork()
    if not child:
        try:
            if number:
                prepare(number)
            os._exit(STATUS[world.retrain(home, data, ask=ask).outcome])
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def seen(home: Path) -> dict[str, Any]:
    """What a run left: its versions, all of them verified, and its judgements."""
    found = [read_version(home / "model" / str(number)) for number in version_numbers(home / "model")]
    for version in found:
        version.verify()
    return {
        "versions": [version.manifest.version for version in found],
        "events": [[each["event"], each["version"]] for each in Ledger(home / "reports").events()],
        "challenger": (home / ".bertsent" / "challenger").exists(),
        "candidate": sorted(path.name for path in (home / ".bertsent" / "candidate").glob("*")),
    }


def lines(template: Path, data: Path, *, ask: bool) -> Iterator[dict[str, Any]]:
    for number in range(1, 100):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(shutil.copytree(template, Path(folder) / "home"))
            killed = run(home, data, number, ask=ask)
            after = seen(home)
            yield {"killed": killed, "after": after, "again": run(home, data, ask=ask), **seen(home)}
            if killed != -signal.SIGKILL:
                return


if __name__ == "__main__":
    for line in lines(Path(sys.argv[1]), Path(sys.argv[2]), ask="ask" in sys.argv[3:]):
        sys.stdout.write(json.dumps(line) + "\n")
