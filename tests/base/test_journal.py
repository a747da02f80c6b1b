"""Durable JSON lines: several processes, full disks and locks. The tests of the ledger have damaged lines."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bertsent.base import journal
from bertsent.base.errors import BusyError, StorageError

WRITER = """
import sys
from pathlib import Path
from bertsent.base import journal
for number in range(20):
    journal.append(Path(sys.argv[1]), {"writer": sys.argv[2], "number": number})
"""


def test_read_gives_back_what_append_was_given(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.jsonl"
    assert journal.read(path) == ([], 0)
    assert not path.parent.exists()
    journal.append(path, {"a": 1.5, "b": [None, "Ä\u2028\n"], "c": ("x",)})
    journal.append(path, {})
    assert journal.read(path) == ([{"a": 1.5, "b": [None, "Ä\u2028\n"], "c": ["x"]}, {}], 0)
    assert path.read_bytes().isascii()


def test_append_refuses_a_number_that_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append(tmp_path / "lines.jsonl", {"a": math.nan})


def test_append_of_several_processes_at_once_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abc"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    rows, damaged = journal.read(path)
    assert (len(rows), damaged) == (60, 0)
    for name in "abc":
        assert [row["number"] for row in rows if row["writer"] == name] == list(range(20))


def test_append_gives_up_on_a_file_that_another_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.jsonl"
    journal.append(path, {"number": 1})
    monkeypatch.setattr(journal, "PATIENCE", 0.05)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            journal.append(path, {"number": 2})
        assert journal.read(path) == ([{"number": 1}], 0)


def test_append_that_the_disk_refuses_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    journal.append(path, {"number": 1})
    before = path.read_bytes()
    code = (
        "import resource, signal; from pathlib import Path; from bertsent.base import journal\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 40},) * 2)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"journal.append(Path({str(path)!r}), {{'number': 2}})\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StorageError: No space left" in ended.stderr
    assert path.read_bytes() == before


def test_read_of_a_folder_raises(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        journal.read(tmp_path)


# file systems without locks

NO_FLOCK = """
import errno, fcntl, os
def no_locks(*_):
    raise OSError(getattr(errno, os.environ["NO_LOCKS"]), "no locks here")
fcntl.flock = no_locks
"""
WITHOUT_LOCKS = pytest.mark.parametrize("answer", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])


@WITHOUT_LOCKS
def test_append_of_several_processes_where_there_are_no_locks(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "lines.jsonl"
    environment = os.environ | {"NO_LOCKS": answer}
    writers = [
        subprocess.Popen([sys.executable, "-c", NO_FLOCK + WRITER, str(path), name], env=environment)
        for name in "abc"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    rows, damaged = journal.read(path)
    assert (len(rows), damaged) == (60, 0)
    assert not [*tmp_path.glob(".lines*")], "the lock is gone"


def test_lock_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    die = (
        "with journal.opened(Path(sys.argv[1]), os.O_RDWR | os.O_CREAT, patience=1): os.kill(os.getpid(), 9)"
    )
    begin = NO_FLOCK + "import sys\nfrom pathlib import Path\nfrom bertsent.base import journal\n"
    environment = os.environ | {"NO_LOCKS": "ENOLCK"}
    for code, expected in ((die, -9), ("journal.append(Path(sys.argv[1]), {'number': 1})", 0)):
        command = [sys.executable, "-c", begin + code, str(path)]
        assert subprocess.run(command, env=environment, timeout=60, check=False).returncode == expected
    assert journal.read(path) == ([{"number": 1}], 0)


@WITHOUT_LOCKS
def test_workspace_lock_where_there_are_no_locks(tmp_path: Path, answer: str) -> None:
    code = """
import sys
from pathlib import Path
from bertsent.base.errors import BusyError
from bertsent.base.files import lock
path = Path(sys.argv[1])
for _ in range(2):
    with lock(path, "train"):
        try:
            with lock(path, "train"):
                sys.exit(1)
        except BusyError as error:
            assert "train, process" in str(error)
"""
    command = [sys.executable, "-W", "error", "-c", NO_FLOCK + code, str(tmp_path / "train.lock")]
    ended = subprocess.run(
        command, env=os.environ | {"NO_LOCKS": answer}, capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_lock_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(StorageError, match="Input/output error"):
        journal.append(tmp_path / "lines.jsonl", {"number": 1})
