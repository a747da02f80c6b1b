"""Which version is current: adopting, going back, pruning, and what stands in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import fake_versions
from test_faults import broken

from bertsent.base.errors import ArtefactError, BusyError, UsageError
from bertsent.base.files import lock
from bertsent.base.settings.workspace import Workspace
from bertsent.versions import prune, read_locks, registry, store
from bertsent.versions.manifest import CLASSIFIER, MANIFEST, VOCABULARY, Version, version_numbers

READ = """
import sys
from pathlib import Path
from bertsent.versions import read_locks
class Reader: pass
reader = Reader()
read_locks.lock_for_reading(Path(sys.argv[1]), reader=reader)
print("reading", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def home(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace without any version; none came with bertsent either."""
    monkeypatch.setattr(store, "packaged_path", lambda: None)
    return Workspace(workspace)


@pytest.fixture
def packaged(home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that came with bertsent."""
    fake_versions.publish(tmp_path / "package", classifier=b"packaged")
    monkeypatch.setattr(store, "packaged_path", lambda: tmp_path / "package" / "1")


def publish(home: Workspace, *contents: bytes) -> None:
    for content in contents:
        fake_versions.publish(home.model, classifier=content)


def current(home: Workspace) -> Version:
    return store.find(None, folder=home.model)


def damage(home: Workspace, number: int) -> None:
    path = home.model / str(number) / CLASSIFIER
    content = path.read_bytes()
    path.unlink()  # or the versions that share the file would be damaged too
    path.write_bytes(content[:-1] + b"X")


# rollback


def test_rollback_publishes_the_version_before_under_the_next_number(home: Workspace) -> None:
    publish(home, b"one", b"two")
    before, made = registry.rollback(None, workspace=home)
    assert (before, made.name) == (2, "3")
    assert made.file(CLASSIFIER).read_bytes() == b"one"
    assert (made.manifest.reason, made.manifest.parent) == ("rollback", 2)
    assert made.manifest.lineage == {"republished_from": 1, "undone": 2}
    assert version_numbers(home.model) == [1, 2, 3]
    made.verify()


def test_rollback_shares_the_files_and_leaves_the_old_version_as_it_was(home: Workspace) -> None:
    publish(home, b"one", b"two")
    manifest = (home.model / "1" / MANIFEST).read_bytes()
    made = registry.rollback(1, workspace=home)[1]
    assert (made.path / CLASSIFIER).samefile(home.model / "1" / CLASSIFIER)
    assert (home.model / "1" / MANIFEST).read_bytes() == manifest


def test_rollback_twice_goes_back_two_versions(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three")
    assert registry.rollback(None, workspace=home)[1].manifest.lineage["republished_from"] == 2
    again = registry.rollback(None, workspace=home)[1]
    assert again.manifest.lineage["republished_from"] == 1
    assert again.name == "5"
    with pytest.raises(UsageError, match="no intact version before"):
        registry.rollback(None, workspace=home)


def test_rollback_to_what_is_current_changes_nothing(home: Workspace) -> None:
    publish(home, b"one", b"two")
    registry.rollback(1, workspace=home)
    for number in (1, 3):
        before, made = registry.rollback(number, workspace=home)
        assert (before, made.name) == (3, "3")
    assert version_numbers(home.model) == [1, 2, 3]


def test_rollback_can_be_taken_back(home: Workspace) -> None:
    publish(home, b"one", b"two")
    registry.rollback(None, workspace=home)
    made = registry.rollback(2, workspace=home)[1]
    assert made.file(CLASSIFIER).read_bytes() == b"two"
    assert made.manifest.lineage == {"republished_from": 2, "undone": 3}


def test_rollback_passes_by_a_damaged_version_and_refuses_it_by_number(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three")
    damage(home, 2)
    with pytest.raises(ArtefactError):
        registry.rollback(2, workspace=home)
    assert version_numbers(home.model) == [1, 2, 3]
    assert registry.rollback(None, workspace=home)[1].manifest.lineage["republished_from"] == 1


@pytest.mark.parametrize("name", [CLASSIFIER, MANIFEST])
def test_rollback_gets_away_from_a_damaged_current_version(home: Workspace, name: str) -> None:
    publish(home, b"one", b"two")
    (home.model / "2" / name).write_bytes(b"damaged")
    assert registry.rollback(None, workspace=home)[1].name == "3"
    assert current(home).file(CLASSIFIER).read_bytes() == b"one"


@pytest.mark.parametrize("champion", ["packaged", 1], ids=["now", "written by 0.4.0"])
def test_rollback_from_the_first_own_version_reaches_the_packaged_one(
    home: Workspace, packaged: None, tmp_path: Path, champion: int | str
) -> None:
    own = registry.adopt(
        fake_versions.publish(tmp_path / "challenger", classifier=b"own"),
        folder=home.model,
        after=1,
        parent="packaged",
        reason="drift",
        lineage={"champion": {"version": champion, "packaged": True}},
    )
    assert (own.name, own.manifest.parent) == ("2", "packaged")
    before, made = registry.rollback(None, workspace=home)
    assert (before, made.name) == (2, "3")
    assert made.file(CLASSIFIER).read_bytes() == b"packaged"
    assert made.manifest.lineage == {"republished_from": "packaged", "undone": 2}
    assert not made.packaged
    assert registry.rollback("packaged", workspace=home) == (3, made), "it is current already"


def test_rollback_never_reaches_the_packaged_version_by_surprise(home: Workspace, packaged: None) -> None:
    publish(home, b"one", b"two")
    prune.prune(home, keep=1)
    for which in (None, 1):
        with pytest.raises(UsageError) as caught:
            registry.rollback(which, workspace=home)
        assert caught.value.exit_code == 2
    assert version_numbers(home.model) == [2]
    assert registry.rollback("packaged", workspace=home)[1].file(CLASSIFIER).read_bytes() == b"packaged"


@pytest.mark.parametrize("which", ["01", "model/1", "", "newest", "-1"])
def test_rollback_takes_a_number_or_packaged(home: Workspace, which: str) -> None:
    publish(home, b"one", b"two")
    with pytest.raises(UsageError, match="takes the number"):
        registry.rollback(which, workspace=home)


def test_promote_of_what_was_made_from_the_packaged_version_skips_its_number(
    home: Workspace, packaged: None, tmp_path: Path
) -> None:
    champion = current(home)
    assert (champion.id, champion.name, champion.packaged) == ("packaged", "packaged", True)
    challenger = fake_versions.publish(tmp_path / "challenger", classifier=b"new")
    made = registry.promote(challenger, workspace=home, champion=champion, reason="drift", lineage={})
    assert (made.name, made.manifest.parent) == ("2", "packaged")


def test_promote_refuses_if_an_own_version_1_took_over_from_the_packaged_one(
    home: Workspace, packaged: None, tmp_path: Path
) -> None:
    champion = current(home)
    challenger = fake_versions.publish(tmp_path / "challenger", classifier=b"new")
    publish(home, b"own")
    with pytest.raises(BusyError, match=r"Version 1 became .* the packaged version"):
        registry.promote(challenger, workspace=home, champion=champion, reason="retrain", lineage={})


def test_rollback_copies_where_links_are_not_to_be_had(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, b"one", b"two")
    monkeypatch.setattr(os, "link", lambda *paths: (_ for _ in ()).throw(OSError(18, "cross-device link")))
    made = registry.rollback(None, workspace=home)[1]
    assert not (made.path / CLASSIFIER).samefile(home.model / "1" / CLASSIFIER)
    assert made.file(CLASSIFIER).read_bytes() == b"one"


def test_rollback_without_any_version_says_so(home: Workspace) -> None:
    with pytest.raises(UsageError, match="No model yet"):
        registry.rollback(None, workspace=home)


def test_rollback_waits_for_no_other_publisher(home: Workspace) -> None:
    publish(home, b"one", b"two")
    with lock(home.state / "publish.lock", "publish"), pytest.raises(BusyError):
        registry.rollback(None, workspace=home)


@pytest.mark.slow
def test_rollback_killed_at_any_step_leaves_the_old_or_the_new_current(workspace: Path) -> None:
    *killed, last = broken("rollback", workspace, "kill")
    for row in killed:
        assert all(row["versions"].values())
        assert row["versions"].keys() in ({"1", "2"}, {"1", "2", "3"})
    assert last["versions"].keys() == {"1", "2", "3"}


# promote


def test_promote_refuses_if_another_version_became_current_meanwhile(home: Workspace, tmp_path: Path) -> None:
    publish(home, b"one")
    champion = current(home)
    challenger = fake_versions.publish(tmp_path / "challenger", classifier=b"new")
    publish(home, b"two")
    with pytest.raises(BusyError, match="became current"):
        registry.promote(challenger, workspace=home, champion=champion, reason="retrain", lineage={})
    assert version_numbers(home.model) == [1, 2]


def test_adopt_refuses_a_damaged_version(home: Workspace, tmp_path: Path) -> None:
    challenger = fake_versions.publish(tmp_path / "challenger")
    (challenger.path / VOCABULARY).write_bytes(b"")
    with pytest.raises(ArtefactError):
        registry.adopt(challenger, folder=home.model, after=0, reason="retrain", lineage={})
    assert version_numbers(home.model) == []


# prune


def test_prune_keeps_the_newest(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three", b"four")
    pruned = prune.prune(home, keep=2)
    assert (pruned.removed, pruned.kept) == ((1, 2), (3, 4))
    assert sorted(path.name for path in home.model.iterdir()) == ["3", "4"]
    assert fake_versions.publish(home.model).name == "5"


@pytest.mark.parametrize("keep", [4, 100])
def test_prune_with_room_for_all_removes_none(home: Workspace, keep: int) -> None:
    publish(home, b"one", b"two", b"three", b"four")
    assert prune.prune(home, keep=keep).removed == ()


def test_prune_refuses_to_keep_none(home: Workspace) -> None:
    publish(home, b"one")
    with pytest.raises(UsageError, match="At least 1"):
        prune.prune(home, keep=0)
    assert current(home).name == "1"


def test_prune_keeps_a_way_back_from_a_damaged_version(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three")
    damage(home, 3)
    pruned = prune.prune(home, keep=1)
    assert (pruned.removed, pruned.kept, pruned.damaged) == ((1,), (2, 3), (3,))


def test_prune_leaves_the_files_that_a_republished_version_shares(home: Workspace) -> None:
    publish(home, b"one", b"two")
    registry.rollback(1, workspace=home)
    pruned = prune.prune(home, keep=1)
    assert (pruned.removed, pruned.undone) == ((1,), (2,))
    current(home).verify()


def test_prune_keeps_what_a_rollback_replaced_until_another_version_is_current(home: Workspace) -> None:
    publish(home, b"one", b"two")
    registry.rollback(1, workspace=home)
    assert prune.prune(home, keep=1).kept == (2, 3)
    assert registry.rollback(2, workspace=home)[1].file(CLASSIFIER).read_bytes() == b"two"
    publish(home, b"five")
    assert prune.prune(home, keep=1).kept == (5,)


def test_plan_says_what_prune_does_and_what_that_frees(home: Workspace) -> None:
    publish(home, b"one", b"two")
    registry.rollback(1, workspace=home)
    planned = prune.plan(home, keep=1)
    assert version_numbers(home.model) == [1, 2, 3]
    manifest, card = (home.model / "1" / name for name in (MANIFEST, "README.md"))
    assert planned.bytes == sum(path.stat().st_size for path in (manifest, card) if path.exists())
    assert prune.prune(home, keep=1) == planned


def test_prune_removes_only_what_was_agreed_to(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three")
    planned = prune.plan(home, keep=1)
    publish(home, b"four")
    assert prune.prune(home, keep=1, only=planned.removed).kept == (3, 4)


def test_prune_keeps_what_another_process_reads_until_it_ends(home: Workspace) -> None:
    publish(home, b"one", b"two", b"three")
    manifest = str(home.model / "1" / MANIFEST)
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, manifest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        pruned = prune.prune(home, keep=1)
        assert (pruned.removed, pruned.in_use) == ((2,), (1,))
    finally:
        reader.kill()
        reader.communicate()
    assert prune.prune(home, keep=1).removed == (1,)


def test_hold_ends_with_its_reader(home: Workspace) -> None:
    class Reader: ...

    publish(home, b"one")
    manifest, reader = home.model / "1" / MANIFEST, Reader()
    read_locks.lock_for_reading(manifest, reader=reader)
    with read_locks.lock_for_removal(manifest) as free:
        assert not free
    del reader
    with read_locks.lock_for_removal(manifest) as free:
        assert free


def test_unread_of_what_is_not_there_cannot_be_told(home: Workspace) -> None:
    with read_locks.lock_for_removal(home.model / "nothing") as free:
        assert not free


def test_what_a_killed_run_left_half_made_goes_with_the_next_one_and_a_training_stays(
    home: Workspace,
) -> None:
    publish(home, b"one", b"two")
    for name in (".adopted.x.tmp", ".1.77.tmp", ".next.x.tmp"):
        (home.model / name).mkdir()
    registry.rollback(1, workspace=home)
    assert sorted(path.name for path in home.model.iterdir()) == [".next.x.tmp", "1", "2", "3"]


@pytest.mark.slow
def test_prune_killed_at_any_step_leaves_whole_versions(workspace: Path) -> None:
    *killed, last = broken("prune", workspace, "kill")
    for row in killed:
        assert all(row["versions"].values())
        assert row["versions"].keys() in ({"1", "2"}, {"2"})
    assert last["versions"].keys() == {"2"}
