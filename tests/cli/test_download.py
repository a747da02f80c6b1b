"""`bertsent download`, as a user meets it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.archives import REVIEWS, tar_of, zip_of
from support.servers import Answer, Server, serve
from typer.testing import Result

from bertsent.base import files

BODY = tar_of(REVIEWS, mode="w:")
HALF = len(BODY) // 2

Run = Callable[..., Result]


@pytest.fixture
def download(run: Run) -> Run:
    return lambda *arguments: run("download", *arguments)


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own, so that it can be killed."""
    command = [sys.executable, "-c", "from bertsent.cli import main; main()", "download", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_half(workspace: Path) -> None:
    """Until half of the archive has been written."""
    deadline = time.monotonic() + 15
    while not any(path.stat().st_size >= HALF for path in workspace.glob("data/.download.*/movies*")):
        assert time.monotonic() < deadline, "the download never came so far"
        time.sleep(0.01)


def test_download_says_what_it_fetched(download: Run, workspace: Path) -> None:
    with serve(BODY) as server:
        result = download("--url", server.url)
    assert result.exit_code == 0
    assert result.stdout.startswith("data/movies: 20 reviews")
    assert "train 5 pos 5 neg, test 5 pos 5 neg" in result.stdout
    assert "Fetching movies.tar.gz" in result.stderr
    assert (workspace / "data/movies/train/pos/1.txt").read_bytes() == REVIEWS["movies/train/pos/1.txt"]


def test_download_names_what_is_not_used(download: Run) -> None:
    Path("set.tar.gz").write_bytes(
        tar_of(REVIEWS | {"movies/train/unsup/1.txt": b"x", "movies/README": b"x"})
    )
    assert "not used: top folder (1 file), train/unsup (1 file)" in download("--url", "set.tar.gz").stdout


def test_download_says_which_table_it_fetched(download: Run, workspace: Path) -> None:
    packed = zip_of({"Lamp Reviews.csv": b"review,sentiment\nBright.,positive\n", "LICENSE": b"x"})
    with serve(packed) as server:
        result = download("--url", server.url.replace("movies.tar.gz", "lamps.zip"))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "data/lamps: 1 table, 35 B (Lamp Reviews.csv); not used: top folder (1 file)\n"


def test_download_sst2_from_another_server(download: Run, workspace: Path) -> None:
    rows = {name: f"sentence\tlabel\n{name} lamp \t1\n".encode() for name in ("train", "dev", "test")}
    packed = zip_of({f"SST-2/{name}.tsv": rows[name] for name in rows} | {"SST-2/original/a.txt": b"x"})
    digest = hashlib.sha256(packed).hexdigest()
    with serve(packed) as server:
        arguments = "--dataset", "sst2", "--url", server.url.replace("movies.tar.gz", "SST-2.zip")
        refused = download(*arguments)
        result = download(*arguments, "--sha256", digest)
        again = download(*arguments, "--sha256", digest)
    assert refused.exit_code == 6
    assert "d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa" in refused.stderr
    assert result.exit_code == 0, result.stderr
    assert "dev.tsv of the archive is the data set's test.tsv" in result.stderr
    assert result.stdout.startswith("data/sst2: 2 tables, 56 B (test.tsv, train.tsv)")
    assert "; not in the data set: original (1 file), test.tsv (1 file)" in result.stdout
    assert (workspace / "data/sst2/test.tsv").read_bytes() == rows["dev"]
    assert "already complete" in again.stdout


def test_download_says_that_all_is_there_already(download: Run) -> None:
    with serve(BODY) as server:
        download("--url", server.url)
        result = download("--url", server.url)
    assert result.exit_code == 0
    assert "already complete" in result.stdout
    assert len(server.requests) == 1


def test_download_fetches_again_by_force(download: Run) -> None:
    with serve(BODY) as server:
        download("--url", server.url)
        result = download("--url", server.url, "--force")
    assert "already" not in result.stdout
    assert len(server.requests) == 2


def test_download_prints_json_and_nothing_else(download: Run) -> None:
    with serve(BODY) as server:
        result = download("--url", server.url, "--json", "--quiet")
    answer = json.loads(result.stdout)
    assert answer["fetched"] is True
    assert answer["files"] == 20
    assert answer["counts"]["train/neg"] == 5
    assert Path(answer["path"]).name == "movies"
    assert result.stderr == ""


def test_download_takes_the_workspace_from_the_environment(
    download: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "home").mkdir()
    monkeypatch.setenv("BERTSENT_HOME", str(workspace / "home"))
    Path("set.tar.gz").write_bytes(BODY)
    assert download("--url", "set.tar.gz").exit_code == 0
    assert {path.name for path in workspace.iterdir()} == {"home", "set.tar.gz"}


def test_download_writes_the_sample(download: Run) -> None:
    result = download("--sample")
    assert result.exit_code == 0
    assert result.stdout.startswith("data/sample: 300 reviews")
    assert "already complete" in download("--sample").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sample", "--url", "x.zip"],
        ["--sample", "--dataset", "sst2"],
        ["--encoder", "minilm", "--dataset", "imdb"],
        ["--dataset", "sst3"],
        ["--sample", "--sha256", "0" * 64],
        ["--sample", "--encoder", "minilm"],
        ["--encoder", "minilm", "--url", "x.zip"],
        ["--encoder", "minilm", "--force"],
        ["--url", "nowhere.zip"],
        ["--sha256", "abc"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_download_refuses_options_that_make_no_sense(
    download: Run, workspace: Path, arguments: list[str]
) -> None:
    result = download(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not (workspace / "data").exists()


def test_download_ends_with_5_where_the_server_refuses(download: Run) -> None:
    with serve(BODY, Answer(status=404)) as server:
        result = download("--url", server.url)
    assert result.exit_code == 5
    assert result.stderr.startswith("Error: ")
    assert "404" in result.stderr


def test_download_ends_with_5_where_tls_fails(download: Run) -> None:
    with serve(BODY) as server:
        result = download("--url", server.url.replace("http:", "https:"))
    assert result.exit_code == 5


def test_download_ends_with_6_where_the_digest_differs(download: Run, workspace: Path) -> None:
    with serve(BODY) as server:
        result = download("--url", server.url, "--sha256", "0" * 64)
    assert result.exit_code == 6
    assert list((workspace / "data").iterdir()) == []


def test_download_ends_with_6_where_a_web_page_comes(download: Run) -> None:
    with serve(b"<!DOCTYPE html>", Answer(headers={"Content-Type": "text/html"})) as server:
        result = download("--url", server.url)
    assert result.exit_code == 6


def test_download_ends_with_7_where_there_are_no_classes(download: Run) -> None:
    Path("set.tar.gz").write_bytes(tar_of({"movies/a.txt": b"x"}))
    assert download("--url", "set.tar.gz").exit_code == 7


def test_download_ends_with_75_while_another_runs(download: Run, workspace: Path) -> None:
    with files.lock(workspace / ".bertsent/download.lock", "download"):
        result = download("--sample")
    assert result.exit_code == 75
    assert str(os.getpid()) in result.stderr


def test_download_does_not_touch_a_folder_of_the_same_name_nor_the_network(
    download: Run, workspace: Path
) -> None:
    (workspace / "data/aclImdb").mkdir(parents=True)
    (workspace / "data/aclImdb/mine.txt").write_text("mine")
    result = download()
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert [path.name for path in (workspace / "data/aclImdb").iterdir()] == ["mine.txt"]


def interrupted(workspace: Path, server: Server, number: signal.Signals) -> tuple[int, str]:
    """Exit status and stderr of a download that gets a signal after half of the archive."""
    process = start("--url", server.url)
    try:
        wait_for_half(workspace)
        process.send_signal(number)
        stderr = process.communicate(timeout=20)[1]
    finally:
        process.kill()
        process.wait()
    return process.returncode, stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_download_goes_on_after_a_signal(
    download: Run, workspace: Path, number: signal.Signals, status: int
) -> None:
    with serve(BODY, Answer(cut=HALF, stall=True), Answer()) as server:
        returned, stderr = interrupted(workspace, server, number)
        assert returned == status
        assert "Traceback" not in stderr
        assert not (workspace / "data/movies").exists()
        result = download("--url", server.url)
    assert result.exit_code == 0
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert [path.name for path in (workspace / "data").iterdir()] == ["movies"]
    assert (workspace / "data/movies/test/neg/4.txt").read_bytes() == REVIEWS["movies/test/neg/4.txt"]


@pytest.mark.usefixtures("tensorflow")
def test_download_ends_with_2_where_no_encoder_is_called_so(download: Run) -> None:
    result = download("--encoder", "nonsense")
    assert result.exit_code == 2
    assert "nonsense" in result.stderr
