"""Who may read and write the files that bertsent makes: the umask says it, for every kind of file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from bertsent.base import files, journal
from bertsent.base.errors import StorageError
from bertsent.base.settings.download import cache_folder

Run = Callable[..., Result]
ROOT = os.geteuid() == 0
SOMEBODY = 12345  # a user of no list


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o077, 0o027, 0o022, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_and_folders_follow_the_umask(workspace: Path, umask: int) -> None:
    files.write_text(workspace / "page.html", "text")
    journal.append(workspace / "log.jsonl", {"key": 1})
    with files.temporary_sibling(workspace / "version") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_bytes(b"x")
        assert files.publish_directory(folder, workspace / "version")
    for name in ("page.html", "log.jsonl", "version/inner/file"):
        assert mode(workspace / name) == 0o666 & ~umask, name
    assert mode(workspace / "version") == mode(workspace / "version" / "inner") == 0o777 & ~umask


@pytest.mark.parametrize("command", ["batch", "evaluate", "predict"])
def test_texts_of_customers_stay_private(run: Run, model: Path, sample: Path, command: str) -> None:
    home = model.parent
    options: dict[str, tuple[object, ...]] = {
        "batch": (sample / "test" / "pos", "-o", home / "out.csv", "--report", home / "out.html"),
        "evaluate": (sample / "test", "--report", home / "out.html"),
        "predict": ("a dull film", "--sentiment", "negative"),
    }
    known = {*home.rglob("*")}
    before = os.umask(0o077)
    try:
        assert run(command, *options[command]).exit_code == 0
    finally:
        os.umask(before)
    made = [path for path in home.rglob("*") if path.is_file() and path not in known]
    assert made
    assert [path for path in made if mode(path) & 0o077] == []


def test_a_file_that_is_replaced_keeps_its_mode(workspace: Path) -> None:
    for kept in (0o600, 0o664):
        path = workspace / "out.csv"
        files.write_text(path, "old")
        path.chmod(kept)
        files.write_text(path, "new")
        assert mode(path) == kept


def test_folder_of_a_group_stays_one(workspace: Path) -> None:
    workspace.chmod(0o2775)
    before = os.umask(0o002)
    try:
        with files.temporary_sibling(workspace / "version") as folder:
            (folder / "file").write_bytes(b"x")
            files.publish_directory(folder, workspace / "version")
    finally:
        os.umask(before)
    assert mode(workspace / "version") == 0o2775


def let_others_through(folder: Path) -> None:
    """Opens pytest's folders, which only their owner may enter."""
    for place in (folder, *folder.parents):
        if mode(place) == 0o700:
            place.chmod(0o711)


def as_somebody(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs code as a user of no list; what it needs is imported before, as that user may not read it."""
    become = f"os.setgroups([]); os.setgid({SOMEBODY}); os.setuid({SOMEBODY})"
    lines = (
        "import os, platformdirs, platformdirs.unix, pwd, shlex, configparser",
        "from pathlib import Path",
        "from bertsent.base.files import write_text",
        "from bertsent.base.settings.download import cache_folder",
        become,
        code,
    )
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=environment | {"PYTHONPATH": str(Path(files.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


# not allowed


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_what_another_user_left_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    let_others_through(tmp_path)
    os.chown(home, SOMEBODY, SOMEBODY)
    (home / "reports").mkdir()  # by root, once
    code = f"write_text(Path({str(home / 'reports' / 'page.html')!r}), 'x')"
    ended = as_somebody(code, {})
    assert f"it belongs to root: sudo chown -R {SOMEBODY} {home / 'reports'}" in ended.stderr


# the cache of encoders


def test_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BERTSENT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bertsent"


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
@pytest.mark.parametrize("home", [None, "/nonexistent", "/proc/1"])
def test_cache_of_a_user_without_a_home_is_in_the_workspace(workspace: Path, home: str | None) -> None:
    let_others_through(workspace)
    environment = {"BERTSENT_HOME": str(workspace)} | ({} if home is None else {"HOME": home})
    assert as_somebody("print(cache_folder())", environment).stdout.strip() == str(
        workspace / ".bertsent" / "cache"
    )


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_cache_that_may_not_be_written_is_named_by_its_own_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BERTSENT_CACHE", str(tmp_path / "cache"))
    tmp_path.chmod(0o555)
    with pytest.raises(StorageError) as caught:
        files.write_text(tmp_path / "cache" / "file", "x")
    assert "BERTSENT_CACHE" in caught.value.hint
