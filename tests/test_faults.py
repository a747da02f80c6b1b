"""Every write broken at every step (disk_faults.py), killed processes, and the lock between processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import disk_faults

from bertsent.base.errors import BusyError, ExitCode, StorageError
from bertsent.base.files import lock
from bertsent.versions import store
from bertsent.versions.manifest import version_numbers

HOLD = """
import sys
from pathlib import Path
from bertsent.base.files import lock
with lock(Path(sys.argv[1]), "train"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def broken(action: str, folder: Path, fault: str) -> list[dict[str, Any]]:
    """What was seen after each child; the last one met no fault."""
    ran = subprocess.run(
        [sys.executable, disk_faults.__file__, action, folder, fault],
        capture_output=True,
        check=True,
        timeout=60,
    )
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert rows[-1]["status"] == 0
    assert len(rows) > 3, "the fault hit no step"
    return rows


def temporary(row: dict[str, Any]) -> list[str]:
    return [name for name in row["names"] if name.startswith(".")]


# atomic_write


def test_atomic_write_killed_at_any_step_leaves_the_old_or_the_new_file(workspace: Path) -> None:
    *killed, last = broken("write", workspace, "kill")
    assert {row["status"] for row in killed} == {-signal.SIGKILL}
    assert {row["file"] for row in killed} <= {disk_faults.OLD, disk_faults.NEW}
    assert last["file"] == disk_faults.NEW


@pytest.mark.parametrize("fault", ["full", "short"])
def test_atomic_write_on_a_full_disk_leaves_the_old_file_and_nothing_else(
    workspace: Path, fault: str
) -> None:
    *failed, last = broken("write", workspace, fault)
    for row in failed:
        assert row["status"] == ExitCode.STORAGE
        assert row["file"] == disk_faults.OLD
        assert row["names"] == ["file"]
    assert last["file"] == disk_faults.NEW


# publish


def test_publish_killed_at_any_step_leaves_whole_versions_only(workspace: Path) -> None:
    rows = broken("publish", workspace, "kill")
    for before, row in itertools.pairwise(rows):
        assert all(row["versions"].values())
        assert before["versions"].keys() <= row["versions"].keys()
    assert rows[-1]["versions"]


@pytest.mark.parametrize("fault", ["full", "short"])
def test_publish_on_a_full_disk_leaves_the_store_as_it_was(workspace: Path, fault: str) -> None:
    *failed, last = broken("publish", workspace, fault)
    for row in failed:
        assert row["status"] == ExitCode.STORAGE
        assert row["versions"] == {}
        assert temporary(row) == []
    assert last["versions"] == {"1": True}


@pytest.mark.slow
def test_publish_killed_at_any_moment_leaves_whole_versions_only(workspace: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from support import fake_versions\n"
        "while True: fake_versions.publish(Path(sys.argv[1]))"
    )
    for milliseconds in (0, 3, 7, 12, 20, 31):
        process = subprocess.Popen([sys.executable, "-c", code, str(workspace)], cwd=Path(__file__).parent)
        seen = len(version_numbers(workspace))
        while len(version_numbers(workspace)) == seen:
            assert process.poll() is None
            time.sleep(0.001)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=milliseconds / 1000)
        process.kill()
        process.wait()
        for number in version_numbers(workspace):
            store.find(str(number), folder=workspace).verify()
    assert len(version_numbers(workspace)) >= 6


def test_publish_of_two_processes_at_once_gives_different_numbers(workspace: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from support import fake_versions\n"
        "print(*(fake_versions.publish(Path(sys.argv[1])).name for _ in range(20)))"
    )
    command = [sys.executable, "-c", code, str(workspace)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent, text=True)
        for _ in range(2)
    ]
    numbers = [int(word) for process in both for word in process.communicate(timeout=60)[0].split()]
    assert sorted(numbers) == list(range(1, 41))
    assert version_numbers(workspace) == list(range(1, 41))


# lock


@pytest.fixture
def holder(workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds `workspace/lock` until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_lock_held_elsewhere_is_refused_at_once_naming_the_holder(
    workspace: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(BusyError) as caught, lock(workspace / "lock", "predict"):
        pytest.fail("both hold the lock")
    assert caught.value.exit_code == 75
    said = str(caught.value.received)
    assert "train" in said
    assert str(holder.pid) in said
    assert "since 20" in said


def test_lock_is_free_after_the_holder_ended(workspace: Path, holder: subprocess.Popen[str]) -> None:
    holder.communicate("\n", timeout=30)
    with lock(workspace / "lock", "train"):
        pass


def test_lock_is_free_at_once_after_the_holder_was_killed(
    workspace: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    with lock(workspace / "lock", "train"):
        pass


def test_lock_removes_what_a_killed_holder_left_half_written(workspace: Path) -> None:
    (workspace / ".lock.owner.abc.tmp").write_text("train, pro", encoding="utf-8")
    with lock(workspace / "lock", "train"):
        assert not list(workspace.glob(".*.tmp"))


def test_lock_is_free_after_its_block_failed(workspace: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyError), lock(workspace / "lock", "train"):
            raise KeyError
    assert not (workspace / "lock.owner").exists()


def test_lock_is_not_held_twice_by_one_process(workspace: Path) -> None:
    with lock(workspace / "lock", "train"):
        with pytest.raises(BusyError, match=str(os.getpid())), lock(workspace / "lock", "train"):
            pytest.fail("held twice")
        with pytest.raises(BusyError), lock(workspace / "lock", "train"):
            pytest.fail("the refusal freed it")


def test_lock_is_not_left_to_a_child_that_outlives_the_holder(workspace: Path) -> None:
    with lock(workspace / "lock", "train"):
        child = subprocess.Popen(["sleep", "30"])
    try:
        with lock(workspace / "lock", "train"):
            pass
    finally:
        child.kill()
        child.wait()


def test_lock_refuses_a_link(workspace: Path) -> None:
    (workspace / "victim").write_text("mine", encoding="utf-8")
    (workspace / "lock").symlink_to("victim")
    with pytest.raises(StorageError, match="is a link"), lock(workspace / "lock", "train"):
        pytest.fail("followed the link")
    assert (workspace / "victim").read_text(encoding="utf-8") == "mine"
