"""How long does a command take from cold, and how much memory does it need?

    python tests/bench/cold_start.py [--command bertsent] [--runs 20] [--rows 25000] [--json FILE]

Every command runs as the installed script in its own process and in an empty workspace, so the version that
comes with bertsent scores. Two uncounted runs first bring files into memory and let Python compile its
modules. Wall time is from the start of the process to its end. For `label` it is to the first review on a
terminal of 24 lines, with pools made here: --rows reviews of 230 words, as a folder and as CSV. Memory is the
highest resident size the system counted, mapped files included. The median must keep the limit; minimum and
maximum show how quiet the machine was. Run it on a machine that does nothing else.

Prints one table; exits with 1 if a limit is missed. Needs only bertsent itself.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pty
import random
import select
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any

RUNS, WARM_UPS, ROWS = 20, 2, 25_000
WORDS, WORDS_A_REVIEW = 20_000, 230  # of the made reviews; IMDB's have 230 on average
SHOWN = b" answered, "  # stands below a review that `label` shows
PATIENCE = 60.0  # seconds for one run
UNSET = "PYTHONDONTWRITEBYTECODE"  # an installed program has its compiled modules


@dataclass(frozen=True, slots=True)
class Case:
    """A command and its limits."""

    name: str
    arguments: Sequence[str]
    seconds: float
    megabytes: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    on_terminal: bool = False  # timed until a review is shown


COMPLETE = {"_BERTSENT_COMPLETE": "complete_bash", "COMP_WORDS": "bertsent predict --m", "COMP_CWORD": "2"}
CASES = (
    Case("--version", ["--version"], 0.2),
    Case("--help", ["--help"], 0.2),
    Case("download --help", ["download", "--help"], 0.2),
    Case("completion", [], 0.2, environment=COMPLETE),
    Case('predict "great film"', ["predict", "great film"], 0.35, 120.0),
    Case("drift, nothing new", ["drift"], 0.5),
    Case("models", ["models"], 0.5),
)


def pools(folder: Path, rows: int) -> Iterator[Case]:
    """Writes the pools and gives a case for each.

    One review at a time: what this process has in memory when it starts another counts as that one's.
    """
    drawn = random.Random(1)
    words = ["".join(drawn.choices(ascii_lowercase, k=drawn.randint(2, 9))) for _ in range(WORDS)]
    for name in ("neg", "pos"):
        (folder / "folder" / name).mkdir(parents=True)
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text"])
        for number in range(rows):
            text = f"{' '.join(drawn.choices(words, k=WORDS_A_REVIEW))}<br />"
            table.writerow([text])
            path = folder / "folder" / ("neg", "pos")[number % 2] / f"{number}.txt"
            path.write_text(text, encoding="utf-8")
    for name in ("folder", "table.csv"):
        pool = str(folder / name)
        yield Case(f"label, first of {rows:,}: {name}", ["label", pool], 0.5, on_terminal=True)


def measure(command: Sequence[str], case: Case, *, workspace: Path, runs: int = RUNS) -> dict[str, Any]:
    """A row of the table: wall seconds and highest memory of each run, and whether the limits are kept."""
    environment = {name: value for name, value in os.environ.items() if name != UNSET}
    environment |= {"BERTSENT_HOME": str(workspace), "TERM": "xterm", **case.environment}
    timed = _until_shown if case.on_terminal else _whole
    done = [timed([*command, *case.arguments], environment) for _ in range(WARM_UPS + runs)][WARM_UPS:]
    walls, peaks = [wall for wall, _ in done], [peak for _, peak in done]
    kept = statistics.median(walls) <= case.seconds
    return {
        "command": case.name,
        "seconds": walls,
        "seconds_limit": case.seconds,
        "megabytes": peaks,
        "megabytes_limit": case.megabytes,
        "met": kept and (case.megabytes is None or max(peaks) <= case.megabytes),
    }


def _whole(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    status, peak = _reap(process)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"{shlex.join(command)} ended with {status}: {said.decode()[-500:]}")
    return wall, peak


def _until_shown(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    wall, shown = 0.0, b""
    try:
        while time.perf_counter() - began < PATIENCE:
            try:
                shown += os.read(ours, 65536) if select.select([ours], [], [], 1)[0] else b""
            except OSError:  # the other end was closed
                break
            if SHOWN in shown and not wall:
                wall = time.perf_counter() - began
                os.write(ours, b"q")
        if not wall:
            process.send_signal(signal.SIGKILL)
            raise SystemExit(f"{shlex.join(command)} showed no review: {shown.decode()[-500:]}")
        return wall, _reap(process)[1]
    finally:
        os.close(ours)


def _reap(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """The exit status of a process and its highest resident size in MB, as the system counted it."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss * 1024 / 1e6


def rows(command: Sequence[str], *, runs: int = RUNS, pool_rows: int = ROWS) -> list[dict[str, Any]]:
    """All rows of the table; another bench may show them in its own."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name, "workspace")
        workspace.mkdir()
        cases = [*CASES, *pools(Path(name), pool_rows)]
        return [measure(command, case, workspace=workspace, runs=runs) for case in cases]


def table(measured: Sequence[Mapping[str, Any]]) -> str:
    """The rows as text."""
    lines = ["command                                   min  median     max   limit  peak MB   limit"]
    for row in measured:
        walls, most = row["seconds"], row["megabytes_limit"]
        lines.append(
            f"{row['command']:<36} {min(walls):>8.3f} {statistics.median(walls):>7.3f} {max(walls):>7.3f} "
            f"{row['seconds_limit']:>7.2f} {max(row['megabytes']):>8.1f} {most or '-':>7} "
            f"{'' if row['met'] else 'MISSED'}".rstrip()
        )
    return "\n".join(lines)


def main() -> int:
    """Measures, prints, writes; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description="How long a command takes from cold, and how much memory.")
    parser.add_argument("--command", default="bertsent", help="the installed script, and words before it")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--rows", type=int, default=ROWS, help="reviews of the pools that label is given")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    measured = rows(shlex.split(given.command), runs=given.runs, pool_rows=given.rows)
    print(f"wall seconds of {given.runs} runs each, from the start of the process\n{table(measured)}")
    if given.json:
        load = os.getloadavg()[0]
        given.json.write_text(json.dumps({"rows": measured, "load": load}, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["met"] for row in measured))


if __name__ == "__main__":
    sys.exit(main())
