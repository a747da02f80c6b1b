"""The trail of looks: what is found again after damage, kills and losses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import drift_faults

from bertsent.base.digests import sha256_text
from bertsent.base.errors import StorageError
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import COUNT, DriftHistory, Look, Outcome, batch_digest

CURRENT = "c" * 64
WHEN = "2026-01-02T03:04:05Z"


def look(number: int, verdict: str = "stable", *, digest: str = CURRENT, rows: str = "") -> Look:
    """A look at two rows of its own, or at those whose names are the letters of `rows`."""
    names = tuple(rows) or (f"{number}a", f"{number}b")
    return Look(
        look=number,
        version="1",
        version_digest=digest,
        batch=batch_digest(names),
        rows=names,
        report={"verdict": verdict, "headline": 0.2},
        time=WHEN,
    )


def outcome(of: Look, ending: Any = "published") -> Outcome:
    return Outcome(batch=of.batch, outcome=ending, version=2, reason="it is better", time=WHEN)


@pytest.fixture
def home(workspace: Path) -> Workspace:
    (workspace / "labels").mkdir()
    return Workspace(workspace)


def copies(home: Workspace) -> tuple[Path, Path]:
    return home.state / "drift.jsonl", home.reports / "drift.jsonl"


def written(home: Workspace, *events: Look | Outcome) -> None:
    trail = DriftHistory(home)
    for event in events:
        trail.append(event)


# what a trail says


def test_trail_reads_what_was_appended(home: Workspace) -> None:
    first, second = look(1), look(2, "drift")
    written(home, first, second, outcome(second))
    trail = DriftHistory(home)
    assert trail.events == [first, second, outcome(second)]
    assert (trail.problem, trail.lost) == ("", False)


def test_trail_of_an_empty_workspace_is_empty_and_makes_nothing(home: Workspace) -> None:
    trail = DriftHistory(home)
    assert (trail.events, trail.problem, trail.lost) == ([], "", False)
    assert not home.state.exists()
    assert not home.reports.exists()


def test_trail_is_one_json_object_a_line_in_two_copies(home: Workspace) -> None:
    written(home, look(1), outcome(look(1), "rejected"))
    first, second = (path.read_text(encoding="utf-8") for path in copies(home))
    assert first == second
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["event"] for row in rows] == ["look", "outcome"]
    assert all(len(row["digest"]) == 64 for row in rows)


def test_judged_holds_the_rows_of_every_verdict_but_cannot_tell(home: Workspace) -> None:
    written(
        home, look(1, "cannot_tell", rows="ab"), look(2, "drift", rows="cd"), look(3, "stable", rows="ef")
    )
    assert DriftHistory(home).judged == set("cdef")
    assert DriftHistory(home).seen == set("abcdef")


def test_looks_are_those_of_a_version_where_one_is_named(home: Workspace) -> None:
    written(home, look(1), look(1, digest="d" * 64), look(2))
    assert [each.look for each in DriftHistory(home).looks(CURRENT)] == [1, 2]
    assert len(DriftHistory(home).looks()) == 3


def test_unfinished_is_drift_without_an_outcome(home: Workspace) -> None:
    drifted = look(2, "drift")
    written(home, look(1), drifted, look(3, "stable"))
    assert DriftHistory(home).unfinished(CURRENT) == drifted
    assert DriftHistory(home).unfinished() == drifted
    assert DriftHistory(home).unfinished("d" * 64) is None
    written(home, outcome(drifted, "rejected"))
    assert DriftHistory(home).unfinished(CURRENT) is None


def test_unfinished_looks_at_the_newest_drift_only(home: Workspace) -> None:
    old, new = look(1, "drift"), look(2, "drift")
    written(home, old, new, outcome(new))
    trail = DriftHistory(home)
    assert trail.unfinished(CURRENT) is None
    assert (trail.outcome_of(old), trail.outcome_of(new)) == (None, outcome(new))


def test_batch_digest_does_not_depend_on_the_order() -> None:
    assert batch_digest(["b", "a"]) == batch_digest(["a", "b"])
    assert batch_digest(["a"]) != batch_digest(["a", "b"])


# damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def turn_a_letter(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("stable", "drifty", 1), encoding="utf-8")


def fill_with_noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = [Path.unlink, cut, turn_a_letter, fill_with_noise]


@pytest.mark.parametrize("damage", [*DAMAGE, become_a_folder], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("which", [0, 1])
def test_trail_with_one_copy_damaged_is_whole_and_says_so(
    home: Workspace, damage: Callable[[Path], None], which: int
) -> None:
    events = [look(1), look(2, "drift"), look(3, "stable")]
    written(home, *events)
    damage(copies(home)[which])
    trail = DriftHistory(home)
    assert trail.events == events
    assert "missing or damaged" in trail.problem
    assert copies(home)[which].name in trail.problem
    assert not trail.lost


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_append_heals_a_damaged_copy(home: Workspace, damage: Callable[[Path], None]) -> None:
    written(home, look(1), look(2))
    damage(copies(home)[0])
    written(home, look(3))
    first, second = (path.read_text(encoding="utf-8") for path in copies(home))
    assert first == second
    assert DriftHistory(home).problem == ""
    assert [each.look for each in DriftHistory(home).looks()] == [1, 2, 3]


def test_trail_takes_from_each_copy_what_the_other_lacks(home: Workspace) -> None:
    events = [look(number) for number in (1, 2, 3, 4)]
    written(home, *events)
    for path, gone in zip(copies(home), (1, 3), strict=True):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:gone] + lines[gone + 1 :]), encoding="utf-8")
    trail = DriftHistory(home)
    assert trail.events == events
    assert trail.problem
    assert not trail.lost


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_trail_that_was_emptied_with_its_count_is_lost(home: Workspace) -> None:
    written(home, look(1), look(2, "drift"))
    for path in (*copies(home), home.labels / COUNT):
        empty(path)
    assert DriftHistory(home).lost


@pytest.mark.parametrize("damage", [Path.unlink, fill_with_noise], ids=lambda damage: damage.__name__)
def test_trail_that_was_lost_is_told_from_one_that_never_was(
    home: Workspace, damage: Callable[[Path], None]
) -> None:
    written(home, look(1), look(2))
    for path in copies(home):
        damage(path)
    trail = DriftHistory(home)
    assert trail.lost
    assert "lost" in trail.problem
    written(home, look(1))
    assert (DriftHistory(home).lost, DriftHistory(home).problem) == (False, "")


def test_trail_that_goes_back_to_an_older_state_is_lost(home: Workspace) -> None:
    written(home, look(1))
    older = copies(home)[0].read_bytes()
    written(home, look(2, "drift"), outcome(look(2, "drift")))
    for path in copies(home):
        path.write_bytes(older)
    assert DriftHistory(home).lost


def test_trail_without_labels_beside_it_works(workspace: Path) -> None:
    home = Workspace(workspace)
    written(home, look(1))
    assert DriftHistory(home).problem == ""
    copies(home)[0].unlink()
    written(home, look(2))
    assert [each.look for each in DriftHistory(home).looks()] == [1, 2]
    assert not home.labels.exists()


def test_trail_of_a_newer_bertsent_is_kept_and_stops_retraining(home: Workspace) -> None:
    written(home, look(1))
    values = json.loads(copies(home)[0].read_text(encoding="utf-8")) | {"event": "audit"}
    del values["digest"]
    values["digest"] = sha256_text(json.dumps(values, sort_keys=True))  # as a newer one would write it
    for path in copies(home):
        path.write_text(path.read_text(encoding="utf-8") + json.dumps(values) + "\n", encoding="utf-8")
    (home.labels / COUNT).write_text("2\n", encoding="ascii")
    assert "newer" in DriftHistory(home).problem
    written(home, look(3))
    assert all('"audit"' in path.read_text(encoding="utf-8") for path in copies(home))


def test_append_to_a_folder_that_cannot_be_raises(home: Workspace) -> None:
    home.reports.write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError):
        DriftHistory(home).append(look(1))


# kills and full disks


def broken(action: str, folder: Path, fault: str) -> list[dict[str, Any]]:
    """What was seen after each child of drift_faults.py; the last one met no fault."""
    command = [sys.executable, drift_faults.__file__, action, str(folder), fault]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=300)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert rows[-1]["status"] == 0
    assert len(rows) > 6, "the fault hit no step"
    return rows


def test_append_killed_at_any_step_leaves_a_trail_without_a_problem(home: Workspace) -> None:
    *killed, last = broken("append", home.root, "kill")
    for row in killed:
        assert row["problem"] == ""
        assert row["events"] in ([1, 2], [1, 2, 3])
        assert row["again"]["problem"] == ""
        assert row["again"]["temporary"] == []
        assert row["again"]["events"] == [*row["events"], len(row["events"]) + 1]
    assert last["events"] == [1, 2, 3]


def test_append_on_a_full_disk_raises_and_loses_nothing(home: Workspace) -> None:
    *failed, last = broken("append", home.root, "full")
    for row in failed:
        assert row["status"] == StorageError.exit_code
        assert row["events"] in ([1, 2], [1, 2, 3])
        assert row["temporary"] == []
        assert row["again"]["problem"] == ""
    assert last["events"] == [1, 2, 3]
