"""What a container or `ulimit` grants of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bertsent.base import resources

MODEL = Path(__file__).parents[2] / "model" / "1"
GIB = 2**30
Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Lays out /proc and /sys as Linux does, on a machine of 16 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)))

    def lay(groups: str, **limits: str) -> Path:
        for name, content in {"proc/self/cgroup": groups, **limits}.items():
            path = tmp_path / name.replace("sys:", "sys/fs/cgroup/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n", encoding="ascii")
        return tmp_path

    return lay


def test_without_a_limit_all_cores_and_any_memory(tree: Tree) -> None:
    root = tree(
        "0::/user.slice", **{"sys:user.slice/cpu.max": "max 100000", "sys:user.slice/memory.max": "max"}
    )
    assert (resources.cores(root), resources.memory(root)) == (16, None)


@pytest.mark.parametrize(("quota", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1)])
def test_cores_are_those_of_the_quota(tree: Tree, quota: str, cores: int) -> None:
    assert resources.cores(tree("0::/", **{"sys:cpu.max": quota})) == cores


def test_a_quota_beyond_the_machine_grants_no_more_cores(tree: Tree) -> None:
    assert resources.cores(tree("0::/", **{"sys:cpu.max": "6400000 100000"})) == 16


def test_the_least_limit_of_a_group_and_those_around_it_counts(tree: Tree) -> None:
    root = tree(
        "0::/a/b/c",
        **{"sys:a/memory.max": str(GIB), "sys:a/b/memory.max": "max", "sys:a/b/c/memory.max": str(2 * GIB)},
        **{"sys:a/cpu.max": "max 100000", "sys:a/b/cpu.max": "400000 100000"},
    )
    assert (resources.cores(root), resources.memory(root)) == (4, GIB)


def test_limits_of_version_1(tree: Tree) -> None:
    root = tree(
        "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/x\n0::/",
        **{"sys:memory/docker/1/memory.limit_in_bytes": str(GIB // 2)},
        **{"sys:cpu/docker/1/cpu.cfs_quota_us": "300000", "sys:cpu/docker/1/cpu.cfs_period_us": "100000"},
    )
    assert (resources.cores(root), resources.memory(root)) == (3, GIB // 2)


def test_a_container_sees_its_own_limits_as_the_outermost(tree: Tree) -> None:
    root = tree(
        "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/",
        **{"sys:memory/memory.limit_in_bytes": str(GIB)},
        **{"sys:cpu/cpu.cfs_quota_us": "-1", "sys:cpu/cpu.cfs_period_us": "100000"},
    )
    assert (resources.cores(root), resources.memory(root)) == (16, GIB)


def test_outside_linux_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert resources.cores(tmp_path) == len(os.sched_getaffinity(0))
    assert resources.memory(tmp_path) is None


def test_many_cores_and_little_memory_score_all_the_same(tmp_path: Path) -> None:
    table = tmp_path / "table.jsonl"
    table.write_text(f"{json.dumps({'text': 'a long and winding film'})}\n" * 100, encoding="utf-8")
    script = (
        "import os, resource\n"
        "os.sched_getaffinity = lambda process: set(range(64))\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20,) * 2)\n"
        "from bertsent.cli import main; main()\n"
    )
    command = [sys.executable, "-c", script, "batch", table, "--model", MODEL, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 101


def test_digest_in_hand_does_not_abort_a_process_without_memory(tmp_path: Path) -> None:
    """A daemon thread that outlives the interpreter needs memory to end, and aborts the process without."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)  # sparse; hashed in a fraction of a second
    script = (
        "import pathlib, re, resource, sys, time\n"
        "from bertsent.base.digests import DigestAhead\n"
        "DigestAhead(pathlib.Path(sys.argv[1]))\n"
        "class Last:\n"
        "    def __del__(self, sleep=time.sleep):\n"
        "        sleep(0.5)  # the thread ends while the interpreter does\n"
        "last = Last()\n"
        "taken = re.search(r'VmSize:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (int(taken) * 1024,) * 2)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(large)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
