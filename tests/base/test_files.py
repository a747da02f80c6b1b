"""Files that appear complete or not at all, text that is safe to display, and what reading refuses."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from bertsent.base import digests, display, files, resources
from bertsent.base.errors import ArtefactError, StorageError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# atomic_write (its faults are in test_faults.py)


def test_atomic_write_replaces_the_file_only_at_the_end(workspace: Path) -> None:
    path = workspace / "file"
    path.write_text("old", encoding="utf-8")
    with files.atomic_write(path) as file:
        file.write(b"new")
        assert path.read_text(encoding="utf-8") == "old"
        assert len(names(workspace)) == 2, "beside it, as a rename works on one file system only"
    assert path.read_text(encoding="utf-8") == "new"
    assert names(workspace) == ["file"]


def test_atomic_write_keeps_the_old_file_when_the_block_fails(workspace: Path) -> None:
    path = workspace / "file"
    path.write_text("old", encoding="utf-8")
    with contextlib.suppress(KeyError), files.atomic_write(path) as file:
        file.write(b"half of it")
        raise KeyError
    assert path.read_text(encoding="utf-8") == "old"
    assert names(workspace) == ["file"]


def test_atomic_write_makes_the_folder_of_a_file(workspace: Path) -> None:
    files.write_text(workspace / "a" / "b" / "file", "text")
    assert (workspace / "a" / "b" / "file").read_text(encoding="utf-8") == "text"


def test_atomic_write_below_a_file_is_a_storage_error(workspace: Path) -> None:
    (workspace / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=re.escape(str(workspace / "file" / "below"))):
        files.write_text(workspace / "file" / "below", "text")


def test_atomic_write_replaces_a_link_and_not_what_it_points_to(workspace: Path) -> None:
    (workspace / "victim").write_text("mine", encoding="utf-8")
    (workspace / "link").symlink_to("victim")
    files.write_text(workspace / "link", "new")
    assert (workspace / "victim").read_text(encoding="utf-8") == "mine"
    assert not (workspace / "link").is_symlink()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "space"),
        (errno.EDQUOT, "space"),
        (errno.EROFS, "Not allowed"),
        (errno.EIO, "Input/output"),
    ],
)
def test_disk_errors_names_the_path_and_the_remedy(number: int, said: str) -> None:
    with pytest.raises(StorageError, match=r"bad\\x1bname") as caught, files.disk_errors(Path("bad\x1bname")):
        raise OSError(number, os.strerror(number))
    assert said in str(caught.value)
    assert caught.value.hint


# a signal between any two steps

INTERRUPTED_ANYWHERE = """
import contextlib, sys
from pathlib import Path
from bertsent.base.files import atomic_path, atomic_write, temporary_sibling

def write(target):
    with atomic_write(target) as file:
        file.write(b"new")

def write_by_name(target):
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")

def fill(target):
    with temporary_sibling(target) as folder:
        (folder / "file").write_bytes(b"new")

held = []  # whoever keeps an error keeps the frames of its traceback, and no generator in them is closed

def interrupt(step, make, target):
    steps = 0
    def trace(frame, event, argument):
        nonlocal steps
        if frame.f_code.co_filename.endswith(("files.py", "contextlib.py", "<string>")):
            steps += 1
            if steps == step:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace
    sys.settrace(trace)
    try:
        make(target)
    except KeyboardInterrupt as error:
        held.append(error)
    finally:
        sys.settrace(None)
    return steps == step

for make in (write, write_by_name, fill):
    step = 1
    while interrupt(step, make, Path(f"{make.__name__}-{step}")):
        step += 1
    print(step)
"""


def test_signal_at_any_step_leaves_no_temporary_file(workspace: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED_ANYWHERE]
    steps = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(steps) == 3
    assert all(int(each) > 20 for each in steps)
    assert [name for name in names(workspace) if name.endswith(".tmp")] == []


# temporary_sibling, publish_directory, remove_stale


def test_temporary_sibling_lies_beside_its_target_and_goes(workspace: Path) -> None:
    with files.temporary_sibling(workspace / "target") as folder:
        (folder / "file").write_bytes(b"x")
        assert folder.parent == workspace
    assert names(workspace) == []


@pytest.mark.parametrize("sync_each", [True, False])
def test_publish_directory_renames_and_sets_modes(workspace: Path, sync_each: bool) -> None:
    with files.temporary_sibling(workspace / "target") as folder:
        (folder / "inner").mkdir(mode=0o700)
        (folder / "inner" / "file").write_bytes(b"x")
        (folder / "inner" / "file").chmod(0o4600)
        assert files.publish_directory(folder, workspace / "target", sync_each=sync_each)
    assert names(workspace) == ["target"]
    assert mode(workspace / "target") == mode(workspace / "target" / "inner") == 0o755
    assert mode(workspace / "target" / "inner" / "file") == 0o644


def test_publish_directory_refuses_a_folder_that_holds_anything(workspace: Path) -> None:
    (workspace / "target").mkdir()
    (workspace / "target" / "mine").write_bytes(b"old")
    with files.temporary_sibling(workspace / "target") as folder:
        (folder / "mine").write_bytes(b"new")
        assert not files.publish_directory(folder, workspace / "target")
    assert (workspace / "target" / "mine").read_bytes() == b"old"
    assert names(workspace) == ["target"]


def test_publish_directory_refuses_a_file_in_its_place(workspace: Path) -> None:
    (workspace / "target").write_bytes(b"mine")
    with files.temporary_sibling(workspace / "target") as folder:
        assert not files.publish_directory(folder, workspace / "target")
    assert (workspace / "target").read_bytes() == b"mine"


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_publish_directory_replaces_what_is_there(workspace: Path, there: str) -> None:
    target, elsewhere = workspace / "target", workspace / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("stays", encoding="utf-8")
    if there == "folder":
        target.mkdir()
        (target / "old").write_text("old", encoding="utf-8")
    elif there == "file":
        target.write_text("old", encoding="utf-8")
    else:
        target.symlink_to(elsewhere)
    with files.temporary_sibling(target) as folder:
        (folder / "new").write_text("new", encoding="utf-8")
        assert files.publish_directory(folder, target, replace=True)
    assert not target.is_symlink()
    assert names(target) == ["new"]
    assert names(workspace) == ["elsewhere", "target"]
    assert names(elsewhere) == ["file"]


def test_publish_directory_puts_the_old_folder_back_when_it_cannot_replace_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = workspace / "target"
    target.mkdir()
    (target / "old").write_text("old", encoding="utf-8")
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if Path(to) == target and not target.exists() and self.name != "before":
            raise OSError(errno.EIO, "broken")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with files.temporary_sibling(target) as folder:
        (folder / "new").write_text("new", encoding="utf-8")
        with pytest.raises(StorageError):
            files.publish_directory(folder, target, replace=True)
    assert names(target) == ["old"]
    assert names(workspace) == ["target"]


def test_is_vacant_is_what_publish_directory_can_take(workspace: Path) -> None:
    (workspace / "empty").mkdir()
    (workspace / "file").write_text("", encoding="utf-8")
    (workspace / "link").symlink_to(workspace / "empty")
    (workspace / "dangling").symlink_to(workspace / "nothing")
    cases = ("empty", "nothing", "file", "link", "dangling")
    assert [name for name in cases if files.is_vacant(workspace / name)] == ["empty", "nothing"]
    assert not files.is_vacant(workspace)


@pytest.mark.parametrize("name", ["x" * 300, "nul\0", "file/below"])
def test_is_file_and_is_folder_do_not_raise(workspace: Path, name: str) -> None:
    (workspace / "file").write_text("", encoding="utf-8")
    assert files.is_file(workspace / "file")
    assert not files.is_folder(workspace / "file")
    assert files.is_folder(workspace)
    assert not files.is_file(workspace / name)
    assert not files.is_folder(workspace / name)


def test_remove_stale_takes_old_temporary_things_only(workspace: Path) -> None:
    long_ago = time.time() - 100_000
    for name in (".old.tmp", ".young.tmp", "kept.txt", ".kept"):
        (workspace / name).write_bytes(b"")
    (workspace / ".folder.tmp").mkdir()
    (workspace / ".folder.tmp" / "file").write_bytes(b"")
    (workspace / ".dangling.tmp").symlink_to("nowhere")
    for name in (".old.tmp", "kept.txt", ".kept", ".folder.tmp", ".dangling.tmp"):
        os.utime(workspace / name, (long_ago, long_ago), follow_symlinks=False)
    files.remove_stale(workspace)
    assert names(workspace) == [".kept", ".young.tmp", "kept.txt"]


def test_remove_stale_does_not_follow_a_link(workspace: Path) -> None:
    (workspace / "mine").mkdir()
    (workspace / "mine" / "file").write_bytes(b"")
    (workspace / ".link.tmp").symlink_to("mine")
    os.utime(workspace / ".link.tmp", (0, 0), follow_symlinks=False)
    files.remove_stale(workspace)
    assert names(workspace) == ["mine"]
    assert names(workspace / "mine") == ["file"]


def test_require_space_names_what_is_needed(workspace: Path) -> None:
    files.require_space(workspace / "new", 1)
    with pytest.raises(StorageError, match=r"needs 1000000\.0 GB") as caught:
        files.require_space(workspace, 10**15)
    assert "free" in str(caught.value.received)
    assert names(workspace / "new") == []


# digests, sizes, times


def test_sha256_file_is_that_of_its_bytes(workspace: Path) -> None:
    (workspace / "file").write_bytes(b"abc")
    assert digests.sha256_file(workspace / "file") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("name", ["missing", "."])
def test_sha256_file_of_no_file_is_an_artefact_error(workspace: Path, name: str) -> None:
    with pytest.raises(ArtefactError, match="Cannot read"):
        digests.sha256_file(workspace / name)


def test_sha256_folder_tells_names_and_contents_apart(workspace: Path) -> None:
    seen = set()
    for name, content in (("a", b"1"), ("b", b"1"), ("b", b"2"), ("in/b", b"2")):
        folder = workspace / str(len(seen))
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
        seen.add(digests.sha256_folder(folder))
    assert len(seen) == 4


def test_sha256_text_takes_any_text() -> None:
    assert digests.sha256_text("é") == hashlib.sha256("é".encode()).hexdigest()
    assert digests.sha256_text("\ud800") != digests.sha256_text("\ud801")


def test_sha256_lines_knows_where_lines_end() -> None:
    assert digests.sha256_lines(["ab", "c"]) != digests.sha256_lines(["a", "bc"])


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (84_125_825, "84.1 MB"), (2.5e12, "2500.0 GB")],
)
def test_size_counts_in_thousands(count: float, shown: str) -> None:
    assert display.size(count) == shown


def test_now_is_utc_to_the_second() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", files.now())


def test_quiet_stderr_drops_native_output_and_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with resources.quiet_stderr():
        os.write(2, b"greetings")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


# visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("in\u200bvisible", r"in\u200bvisible"),
        ("\ud800", r"\ud800"),
        ("one\ntwo\r\tthree\0", r"one\ntwo\r\tthree\x00"),
        ("\u2028", r"\u2028"),
        ("\U000e0041\ue000", r"\U000e0041\ue000"),
    ],
)
def test_visible_escapes_what_could_deceive(text: str, shown: str) -> None:
    assert display.visible(text) == shown


@pytest.mark.parametrize("text", ["", "plain [bold] text", "naïve 映画 🎬 \u00a0 ñ e\u0301"])
def test_visible_leaves_plain_text_alone(text: str) -> None:
    assert display.visible(text) == text


def test_visible_keeps_newlines_and_tabs_on_request_only() -> None:
    assert display.visible("a\n\tb\r", newlines=True) == "a\n\tb\\r"


def test_visible_lets_no_unsafe_character_through() -> None:
    shown = display.visible("".join(map(chr, [*range(0x10000), *range(0xE0000, 0xE0100)])))
    assert {unicodedata.category(character) for character in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    shown.encode("utf-8")
