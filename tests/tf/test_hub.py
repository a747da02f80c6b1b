"""Encoders by name, handle and folder, from a cache, a server and the disk, whole and broken."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.listener import Listener
from support.servers import Answer, Server, serve
from typer.testing import Result

from bertsent.base.presets import UNCASED

Run = Callable[..., Result]
Folders = tuple[Path, Path]
SMALL = "small_bert/bert_en_uncased_L-4_H-512_A-8"
HANDLE = f"https://tfhub.dev/tensorflow/{SMALL}/1"
# tensorflow_hub 0.16.1 never closes the answer it reads from.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
PAGE = b"<html><body>Sign in to this network</body></html>" * 20


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of encoders; nothing but this machine is asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    return tmp_path / "hub"


def key(handle: str) -> str:
    """What tensorflow_hub calls the folder of a handle."""
    return hashlib.sha1(handle.encode()).hexdigest()


def packed(folder: Path) -> bytes:
    """A folder as TF Hub sends it: tar.gz, names relative to the folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return buffer.getvalue()


def handle_at(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/enc/1"


def nobody() -> str:
    """The address of a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def refused(run: Run, hub_cache: Path) -> Callable[..., str]:
    """Runs `preview` on an encoder that cannot be had and gives the one line of the error."""

    def preview(code: int, *options: object) -> str:
        result = run("preview", *options)
        assert result.exit_code == code, result.stderr
        assert not result.stdout
        *notes, line = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert not [note for note in notes if "Error" in note]
        assert not [*hub_cache.glob("*.tmp"), *hub_cache.glob("*.lock")]
        return line

    return preview


def test_download_fetches_a_handle(run: Run, tiny_encoder: Folders, hub_cache: Path) -> None:
    with serve(packed(tiny_encoder[0])) as server:
        handle = handle_at(server)
        first = run("download", "--encoder", handle, "--json", "-q")
        second = run("download", "--encoder", handle, "--json", "-q")
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr + second.stderr
    answer = json.loads(first.stdout)
    assert answer["fetched"]
    assert Path(answer["path"]) == hub_cache / key(handle)
    assert (hub_cache / key(handle) / "saved_model.pb").read_bytes() == (
        tiny_encoder[0] / "saved_model.pb"
    ).read_bytes()
    assert not json.loads(second.stdout)["fetched"]
    assert len(server.requests) == 1


def test_lock_of_a_download_that_was_killed_is_removed(
    run: Run, tiny_encoder: Folders, hub_cache: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as killed:
        killed.wait()
    with serve(packed(tiny_encoder[0])) as server:
        hub_cache.mkdir()
        lock = hub_cache / f"{key(handle_at(server))}.lock"
        lock.write_text(f"{socket.gethostname()}.{killed.pid}.0123456789abcdef", encoding="utf-8")
        result = run("download", "--encoder", handle_at(server))
    assert result.exit_code == 0, result.stderr
    assert "its lock is removed" in result.stderr
    assert not lock.exists()


@pytest.mark.parametrize("host", ["", "another-host.example.org"])
def test_process_that_holds_the_lock_of_a_download_is_named(
    tiny_encoder: Folders, hub_cache: Path, host: str
) -> None:
    from bertsent.tf.hub import fetch

    holder = f"{host}.7" if host else f"{socket.gethostname()}.{os.getpid()}"
    told = Listener()
    with serve(packed(tiny_encoder[0])) as server:
        hub_cache.mkdir()
        lock = hub_cache / f"{key(handle_at(server))}.lock"
        lock.write_text(f"{holder}.0123456789abcdef", encoding="utf-8")
        timer = threading.Timer(0.5, lock.unlink)  # the other one ends
        timer.start()
        fetch(handle_at(server), progress=told)
    assert any(holder.rsplit(".", 1)[1] in note and str(lock) in note for note in told.notes)


def test_fetch_brings_the_preprocessor_too(tiny_encoder: Folders, hub_cache: Path) -> None:
    from bertsent.tf.hub import fetch

    with serve(packed(tiny_encoder[0])) as one, serve(packed(tiny_encoder[1])) as two:
        done = fetch(handle_at(one), preprocessor=handle_at(two))
        assert (hub_cache / key(handle_at(two)) / "assets" / "vocab.txt").is_file()
    assert done.fetched
    assert done.files == sum(path.is_file() for folder in tiny_encoder for path in folder.rglob("*"))


def test_fetch_says_that_a_folder_was_not_fetched(tiny_encoder: Folders) -> None:
    from bertsent.tf.hub import fetch

    assert not fetch(str(tiny_encoder[0])).fetched


def test_locate_finds_a_preset_in_the_cache_by_name_and_handle(
    tiny_encoder: Folders, hub_cache: Path
) -> None:
    from bertsent.tf.hub import locate

    for handle, folder in zip((HANDLE, UNCASED), tiny_encoder, strict=True):
        shutil.copytree(folder, hub_cache / key(handle))
    sources = [locate(name) for name in (SMALL, HANDLE, HANDLE + "/")]
    assert {source.name for source in sources} == {SMALL}
    assert {source.handle for source in sources} == {HANDLE}
    assert {source.preprocessor_folder for source in sources} == {hub_cache / key(UNCASED)}


def test_preview_offline_says_how_to_do_without_network(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", nobody())
    line = refused(5, "--encoder", SMALL)
    assert HANDLE in line
    assert "bertsent download --encoder" in line


def test_preview_reports_a_refused_port(refused: Callable[..., str]) -> None:
    assert "Connection refused" in refused(5, "--encoder", f"{nobody()}/enc/1")


def test_preview_reports_an_address_that_is_none(refused: Callable[..., str]) -> None:
    assert "http://127.0.0.1:port/enc/1" in refused(5, "--encoder", "http://127.0.0.1:port/enc/1")


def test_preview_reports_a_forbidden_handle(refused: Callable[..., str]) -> None:
    with serve(b"", Answer(status=403)) as server:
        assert "HTTP 403" in refused(5, "--encoder", handle_at(server))


def test_preview_reports_a_page_in_place_of_a_model(refused: Callable[..., str], hub_cache: Path) -> None:
    with serve(PAGE) as server:
        line = refused(6, "--encoder", handle_at(server))
    assert "not a TF Hub model" in line
    assert not (hub_cache / key(handle_at(server))).exists()


def test_preview_reports_a_connection_that_broke(
    refused: Callable[..., str], tiny_encoder: Folders, hub_cache: Path
) -> None:
    body = packed(tiny_encoder[0])
    with serve(body, Answer(cut=len(body) // 2)) as server:
        line = refused(5, "--encoder", handle_at(server))
    assert "broke off" in line
    assert not (hub_cache / key(handle_at(server))).exists()


def test_preview_reports_an_archive_without_a_model(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README").write_text("no model")
    with serve(packed(tmp_path / "other")) as server:
        line = refused(6, "--encoder", handle_at(server))
    assert "no SavedModel" in line
    assert "rm -r" in line


@pytest.mark.parametrize("kept", ["saved_model.pb", "variables"])
def test_preview_reports_a_half_empty_cache(
    refused: Callable[..., str], tiny_encoder: Folders, hub_cache: Path, kept: str
) -> None:
    cached = hub_cache / key(HANDLE)
    shutil.copytree(tiny_encoder[0], cached)
    for part in cached.iterdir():
        if part.name != kept:
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    line = refused(6, "--encoder", SMALL)
    assert "incomplete" in line
    assert f"rm -r {cached}" in line


def test_preview_reports_a_cache_that_cannot_be_written(
    refused: Callable[..., str], tiny_encoder: Folders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "file" / "hub"))
    with serve(packed(tiny_encoder[0])) as server:
        line = refused(74, "--encoder", handle_at(server))
    assert str(tmp_path / "file" / "hub") in line


def test_preview_names_what_an_encoder_may_be(refused: Callable[..., str]) -> None:
    line = refused(2, "--encoder", "bert\x1b[2J")
    assert "preview --list" in line
    assert "\x1b" not in line


def test_preview_reports_a_folder_without_a_model(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "saved_model.pb" in refused(6, "--encoder", tmp_path)


def test_preview_reports_an_unknown_preprocessor(refused: Callable[..., str], tiny_encoder: Folders) -> None:
    line = refused(2, "--encoder", tiny_encoder[0], "--preprocessor", "nowhere")
    assert "'nowhere'" in line
    assert "preprocessor" in line


def test_preview_asks_for_the_preprocessor_that_cannot_be_told(
    refused: Callable[..., str], tiny_encoder: Folders, tmp_path: Path
) -> None:
    encoder = Path(shutil.copytree(tiny_encoder[0], tmp_path / "encoder"))
    shutil.rmtree(encoder / "assets")
    assert "--preprocessor" in refused(2, "--encoder", encoder)


@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.index"])
def test_preview_reports_a_damaged_model(
    refused: Callable[..., str], tiny_encoder: Folders, tmp_path: Path, part: str
) -> None:
    encoder = Path(shutil.copytree(tiny_encoder[0], tmp_path / "encoder"))
    (encoder / part).write_bytes((encoder / part).read_bytes()[:50])
    assert str(encoder) in refused(6, "--encoder", encoder)
