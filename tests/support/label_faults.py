"""Kills an append to the label log before its first line of code, its second, and so on.

    python tests/support/label_faults.py FOLDER

Every append runs in a forked child that a trace function kills with SIGKILL. After each child one line of
JSON says how it ended, what a reader then finds, and what the log holds after one more append. The last line
is that of the first child that ran to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from bertsent.base import journal
from bertsent.labelling import log
from bertsent.labelling.decisions import decide, undo
from bertsent.labelling.log import LabelLog


def prepare(folder: Path) -> None:
    """A log with two labels, and one line that a former kill cut short."""
    opened = LabelLog(folder)
    opened.append(decide("a good film", "positive"))
    opened.append(decide("a bad film", "negative"))
    with (folder / "log.jsonl").open("ab") as file:
        file.write(b'{"id": "cut sho')


def act(opened: LabelLog) -> None:
    """Takes the last label back and gives another one."""
    opened.append(undo(opened.valid_decisions()[-1]))
    opened.append(decide("a bad film", "positive"))


def kill_at(number: int) -> None:
    """Kills this process before the `number`th line it runs of the log's modules."""
    left = number

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in {log.__file__, journal.__file__}:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def run(folder: Path, number: int) -> int:
    """The exit status of the child; a negative one is the signal that ended it."""
    child = os.fork()
    if not child:
        try:
            opened = LabelLog(folder)
            kill_at(number)
            act(opened)
        except BaseException:
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tree(folder: Path) -> dict[str, str]:
    """The files of pos and neg."""
    files = sorted([*folder.glob("pos/*"), *folder.glob("neg/*"), *folder.glob("*/.*")])
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def rebuilt(folder: Path) -> dict[str, str]:
    """The same, made anew from the log alone."""
    shutil.rmtree(folder / "pos", ignore_errors=True)
    shutil.rmtree(folder / "neg", ignore_errors=True)
    LabelLog(folder).rebuild()
    return tree(folder)


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """What each child left behind."""
    prepare(folder / "start")
    for number in range(1, 2000, 4):  # neighbours see the same; every one takes half a minute
        labelled = folder / "labels"
        shutil.copytree(folder / "start", labelled)
        status = run(labelled, number)
        found = [each.label for each in LabelLog(labelled).decisions()]
        LabelLog(labelled).append(decide("one more", "negative"))
        after = [each.label for each in LabelLog(labelled).decisions()]
        healed = tree(labelled)
        yield {"status": status, "found": found, "after": after, "healed": healed == rebuilt(labelled)}
        shutil.rmtree(labelled)
        if status == 0:
            return


if __name__ == "__main__":
    for line in lines(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(line) + "\n")
