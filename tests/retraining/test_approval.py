"""A person's word on a candidate, whatever ends the run that carries it out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import approval_faults


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_word_killed_at_any_step_is_carried_out_once(asked: Path, word: str) -> None:
    command = [sys.executable, approval_faults.__file__, asked, word]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=600)
    *killed, last = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(killed) >= (20 if word == "approve" else 4)
    assert {row["killed"] for row in killed} == {-signal.SIGKILL}
    approved = word == "approve"
    versions, ends = ([1, 2], ["published", 2]) if approved else ([1], ["rejected", None])
    for row in (*killed, last):
        found = row["drift"]  # a run of `drift` after the kill: nothing says that all is well too early
        answered = found["versions"] == [1, 2]
        assert found["open"] == (None if answered else "waiting" if found["waits"] else "rejected")
        assert found["waits"] in ({None} if answered else {2, None})
        if found["waits"]:
            assert (found["events"], found["outcomes"]) == ([["waiting", None]], ["waiting"])
        else:
            assert (found["events"], found["outcomes"]) == (
                [["waiting", None], ends],
                ["waiting", ends[0]],
            )
        assert row["again"] in {0, 2}  # 2: there is nothing left to say
        assert (row["versions"], row["events"]) == (versions, [["waiting", None], ends])
        assert row["outcomes"] == ["waiting", ends[0]]
        assert (row["candidate"], row["temporary"]) == ([], 0)
    assert last["killed"] == 0
