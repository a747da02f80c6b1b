"""Breaks a write at its first step, its second, and so on, as SQLite's own tests do.

    python tests/support/disk_faults.py write|publish|rollback|prune FOLDER kill|full|short

A step is what Python's audit hooks report of the file system: a file opened for writing, a folder made, a
rename. The write runs in a forked child, so that it can really be killed. After each child one line of JSON
says how it ended and what a reader then finds. The last line is that of the first child that met no fault.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bertsent.base.errors import ArtefactError, BertsentError
from bertsent.base.files import write_text
from bertsent.base.settings.workspace import Workspace
from bertsent.versions import prune as pruning
from bertsent.versions import registry, store
from bertsent.versions.manifest import version_numbers
from support import fake_versions

OLD, NEW = "old " * 500, "new " * 1000
STEPS = {"os.mkdir", "os.chmod", "os.rename", "os.remove", "os.rmdir"}
SHORT = 300  # bytes by which the largest file a child may write grows from child to child


def write(folder: Path) -> None:
    write_text(folder / "file", NEW)


def publish(folder: Path) -> None:
    fake_versions.publish(folder)


def rollback(folder: Path) -> None:
    registry.rollback(1, workspace=Workspace(folder.parent))


def prune(folder: Path) -> None:
    pruning.prune(Workspace(folder.parent), keep=1)


def two_versions(folder: Path) -> None:
    """Makes the store what it was before the child."""
    shutil.rmtree(folder)
    fake_versions.publish(folder, classifier=b"one")
    fake_versions.publish(folder, classifier=b"two")


ACTIONS = {"write": write, "publish": publish, "rollback": rollback, "prune": prune}


def is_step(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in STEPS


def prepare(fault: str, number: int) -> None:
    """Makes the fault wait for its step; a full disk stays full."""
    if fault == "short":
        resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT * number, SHORT * number))
        return
    left = number

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if is_step(event, arguments):
            left -= 1
            if left <= 0 and fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if left <= 0 and event not in {"os.remove", "os.rmdir"}:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(count)


def run(action: Callable[[Path], None], folder: Path, fault: str, number: int) -> int:
    """The exit status of the child; a negative one is the signal that ended it."""
    child = os.fork()
    if not child:
        try:
            prepare(fault, number)
            action(folder)
        except BertsentError as error:
            os._exit(error.exit_code)
        except BaseException:
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def seen(folder: Path) -> dict[str, Any]:
    """What a reader finds: names, the file, and of each version whether it is intact."""
    intact = {}
    for number in version_numbers(folder):
        try:
            store.find(str(number), folder=folder).verify()
            intact[number] = True
        except ArtefactError:
            intact[number] = False
    file = folder / "file"
    return {
        "names": sorted(path.name for path in folder.iterdir()),
        "file": file.read_text(encoding="utf-8") if file.exists() else None,
        "versions": intact,
    }


def lines(action: str, folder: Path, fault: str) -> Iterator[dict[str, Any]]:
    if action in {"rollback", "prune"}:
        folder = folder / "model"
        folder.mkdir()
    for number in range(1, 200):
        if folder.name == "model":
            two_versions(folder)
        (folder / "file").write_text(OLD, encoding="utf-8")
        status = run(ACTIONS[action], folder, fault, number)
        yield {"status": status, **seen(folder)}
        if status == 0:
            return


if __name__ == "__main__":
    for line in lines(sys.argv[1], Path(sys.argv[2]), sys.argv[3]):
        sys.stdout.write(json.dumps(line) + "\n")
