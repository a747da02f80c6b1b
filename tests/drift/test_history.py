"""The drift history: what is read again after damage, kills and the migration from 0.4.0."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import drift_faults

from bertsent.base.digests import sha256_text
from bertsent.base.errors import StorageError
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Look, Outcome, TextsCheck, batch_digest

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


@pytest.fixture
def path(home: Workspace) -> Path:
    return home.labels / "drift.jsonl"


def written(home: Workspace, *events: Look | Outcome) -> None:
    history = DriftHistory(home)
    for event in events:
        history.append(event)


# what a history says


def test_history_reads_what_was_appended(home: Workspace) -> None:
    first, second = look(1), look(2, "drift")
    written(home, first, second, outcome(second))
    history = DriftHistory(home)
    assert history.events == [first, second, outcome(second)]
    assert (history.problem, history.damaged) == ("", 0)


def test_history_of_an_empty_workspace_is_empty_and_makes_nothing(workspace: Path) -> None:
    history = DriftHistory(Workspace(workspace))
    history.migrate()
    assert (history.events, history.problem, history.damaged) == ([], "", 0)
    assert list(workspace.iterdir()) == []


def test_history_is_one_json_object_a_line_beside_the_labels(home: Workspace, path: Path) -> None:
    written(home, look(1), outcome(look(1), "rejected"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["event"] for row in rows] == ["look", "outcome"]
    assert all(len(row["digest"]) == 64 for row in rows)
    assert [file.name for file in home.root.rglob("*") if file.is_file()] == ["drift.jsonl"]


def test_history_lies_beside_the_labels_that_are_named(home: Workspace) -> None:
    elsewhere = home.root / "mine"
    DriftHistory(home, elsewhere).append(look(1))
    assert (elsewhere / "drift.jsonl").is_file()
    assert DriftHistory(home, elsewhere).events == [look(1)]
    assert DriftHistory(home).events == []


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
    history = DriftHistory(home)
    assert history.unfinished(CURRENT) is None
    assert (history.outcome_of(old), history.outcome_of(new)) == (None, outcome(new))


def test_batch_digest_does_not_depend_on_the_order() -> None:
    assert batch_digest(["b", "a"]) == batch_digest(["a", "b"])
    assert batch_digest(["a"]) != batch_digest(["a", "b"])


# damage


def turn_a_letter(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("stable", "drifty", 1), encoding="utf-8")


def fill_with_noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) + b"\n")


def add_an_empty_object(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"{}\n")


@pytest.mark.parametrize(
    ("damage", "left"),
    [(turn_a_letter, [2]), (fill_with_noise, []), (add_an_empty_object, [1, 2])],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_history_with_a_damaged_line_says_so_until_that_was_reported(
    home: Workspace, path: Path, damage: Callable[[Path], None], left: list[int]
) -> None:
    written(home, look(1), look(2))
    damage(path)
    for event in (look(3, "drift"), outcome(look(3), "published"), outcome(look(3), "report_only")):
        history = DriftHistory(home)
        assert "damaged: earlier checks are lost" in history.problem
        assert history.damaged
        history.append(event)
    history = DriftHistory(home)
    assert [each.look for each in history.looks()] == [*left, 3]
    assert (history.problem, history.damaged, len(history.events)) == ("", 0, len(left) + 3)


@pytest.mark.parametrize("cut", [1, 20])
def test_append_goes_on_behind_a_line_that_a_kill_cut_short(home: Workspace, path: Path, cut: int) -> None:
    written(home, look(1), look(2))
    path.write_bytes(path.read_bytes()[:-cut])
    left = [1, 2] if cut == 1 else [1]
    history = DriftHistory(home)
    assert ([each.look for each in history.looks()], history.problem) == (left, "")
    history.append(look(3))
    assert [each.look for each in DriftHistory(home).looks()] == [*left, 3]
    assert DriftHistory(home).problem == ""


def test_history_of_a_newer_bertsent_is_kept_and_stops_retraining(home: Workspace, path: Path) -> None:
    written(home, look(1))
    values = json.loads(path.read_text(encoding="utf-8")) | {"event": "audit"}
    del values["digest"]
    values["digest"] = sha256_text(json.dumps(values, sort_keys=True))  # as a newer one would write it
    path.write_text(path.read_text(encoding="utf-8") + json.dumps(values) + "\n", encoding="utf-8")
    assert "newer" in DriftHistory(home).problem
    written(home, look(3))
    assert '"audit"' in path.read_text(encoding="utf-8")
    add_an_empty_object(path)
    written(home, outcome(look(3), "report_only"))
    assert '"audit"' in path.read_text(encoding="utf-8")


def test_append_to_a_folder_that_cannot_be_raises(home: Workspace) -> None:
    home.labels.rmdir()
    home.labels.write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError):
        DriftHistory(home).append(look(1))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null"), os.mkdir])
def test_history_that_is_no_regular_file_is_refused(home: Workspace, path: Path, make: Any) -> None:
    make(path)
    with pytest.raises(StorageError):
        DriftHistory(home)


# the two copies of 0.4.0


def copies(home: Workspace) -> tuple[Path, Path]:
    return home.state / "drift.jsonl", home.reports / "drift.jsonl"


def written_by_0_4_0(home: Workspace, *events: Look | Outcome) -> None:
    """Two copies, and how many lines they have."""
    written(home, *events)
    (home.labels / "drift.jsonl").replace(home.root / "lines")
    for copy in copies(home):
        copy.parent.mkdir()
        shutil.copyfile(home.root / "lines", copy)
    (home.labels / ".judged").write_text(f"{len(events)}\n", encoding="ascii")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGE = [Path.unlink, cut, turn_a_letter, fill_with_noise, empty]


def test_migrate_writes_one_file_and_leaves_the_old_ones(home: Workspace, path: Path) -> None:
    events = [look(1), look(2, "drift"), outcome(look(2))]
    written_by_0_4_0(home, *events)
    old = copies(home)[0].read_bytes()
    assert DriftHistory(home).events == events
    assert not path.exists()
    DriftHistory(home).migrate()
    assert path.read_bytes() == old == copies(home)[0].read_bytes() == copies(home)[1].read_bytes()
    written(home, look(3))
    assert DriftHistory(home).events == [*events, look(3)]
    assert copies(home)[0].read_bytes() == old


def test_append_migrates(home: Workspace) -> None:
    written_by_0_4_0(home, look(1))
    written(home, look(2), look(3))
    assert DriftHistory(home).events == [look(1), look(2), look(3)]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("which", [0, 1])
def test_migrate_takes_the_copy_that_is_whole(
    home: Workspace, damage: Callable[[Path], None], which: int
) -> None:
    events = [look(1), look(2, "drift"), look(3, "stable")]
    written_by_0_4_0(home, *events)
    damage(copies(home)[which])
    DriftHistory(home).migrate()
    history = DriftHistory(home)
    assert (history.events, history.problem) == (events, "")


def test_migrate_takes_from_each_copy_what_the_other_lacks(home: Workspace) -> None:
    times = [f"2026-01-0{number}T00:00:00Z" for number in (1, 2, 3, 4, 4)]
    events = [look(1), look(2), look(3), look(4, "drift"), outcome(look(4))]
    events = [replace(event, time=time) for event, time in zip(events, times, strict=True)]
    written_by_0_4_0(home, *events)
    for copy, gone in zip(copies(home), (1, 3), strict=True):
        lines = copy.read_text(encoding="utf-8").splitlines(keepends=True)
        copy.write_text("".join(lines[:gone] + lines[gone + 1 :]), encoding="utf-8")
    DriftHistory(home).migrate()
    assert (DriftHistory(home).events, DriftHistory(home).problem) == (events, "")


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_migrate_of_a_history_that_was_lost_says_so_until_that_was_reported(
    home: Workspace, damage: Callable[[Path], None]
) -> None:
    written_by_0_4_0(home, look(1), look(2))
    for copy in copies(home):
        damage(copy)
    for _ in range(2):
        assert "lost" in DriftHistory(home).problem
        DriftHistory(home).migrate()
    written(home, look(3), outcome(look(3), "report_only"))
    assert DriftHistory(home).problem == ""


def test_migrate_of_a_history_that_was_emptied_with_its_count_says_that_it_is_lost(home: Workspace) -> None:
    written_by_0_4_0(home, look(1), look(2, "drift"))
    for file in (*copies(home), home.labels / ".judged"):
        empty(file)
    assert DriftHistory(home).damaged


def test_migrate_of_an_older_state_says_that_looks_are_lost(home: Workspace) -> None:
    written_by_0_4_0(home, look(1), look(2, "drift"), outcome(look(2, "drift")))
    for copy in copies(home):
        copy.write_bytes(copy.read_bytes().splitlines(keepends=True)[0])
    assert DriftHistory(home).damaged


def test_migrate_needs_no_count_where_a_copy_is_whole(home: Workspace) -> None:
    written_by_0_4_0(home, look(1), look(2))
    (home.labels / ".judged").unlink()
    copies(home)[0].unlink()
    assert (DriftHistory(home).events, DriftHistory(home).problem) == ([look(1), look(2)], "")


def test_migrate_that_is_killed_is_done_anew(home: Workspace) -> None:
    *killed, last = broken("migrate", home.root, "kill")
    for row in [*killed, last]:
        assert (row["problem"], row["events"]) == ("", [1, 2])
        assert (row["again"]["events"], row["again"]["temporary"]) == ([1, 2], [])


# kills and full disks


def broken(action: str, folder: Path, fault: str) -> list[dict[str, Any]]:
    """What was seen after each child of drift_faults.py; the last one met no fault."""
    command = [sys.executable, drift_faults.__file__, action, str(folder), fault]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=300)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert rows[-1]["status"] == 0
    assert len(rows) >= {"append": 4, "migrate": 6}[action], "the fault missed a step"
    return rows


def test_append_killed_at_any_step_leaves_a_history_without_a_problem(home: Workspace) -> None:
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


# checks of texts without labels


def test_a_check_of_texts_is_read_again_and_is_no_look(home: Workspace) -> None:
    labels = look(1, "cannot_tell")
    shared = TextsCheck.__dataclass_fields__.keys() - {"source"}
    texts = TextsCheck(**{name: getattr(look(1, "drift"), name) for name in shared}, source="new.txt")
    written(home, labels, texts)
    history = DriftHistory(home)
    assert history.problem == ""
    assert history.looks() == [labels]
    assert history.texts_checks() == history.texts_checks(CURRENT) == [texts]
    assert history.texts_checks("d" * 64) == []
    assert history.unfinished() is None, "it never leads to a retrain"
    assert history.judged == set(), "it settles no label"
