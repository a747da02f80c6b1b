"""Downloads from a server that cuts, stalls and lies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.archives import REVIEWS, assert_complete, assert_nothing, partials, tar_of
from support.servers import Answer, impatient, serve

from bertsent.base.errors import ArtefactError, NetworkError
from bertsent.base.records.training import Download
from bertsent.base.settings.download import KNOWN_SHA256, DownloadSettings
from bertsent.data.download import dataset

BODY = tar_of(REVIEWS, mode="w:")  # plain: large enough to be cut in two
OTHER = tar_of(dict.fromkeys(REVIEWS, b"Another text. " * 200), mode="w:")
HALF = len(BODY) // 2

Fetch = Callable[..., Download]


@pytest.fixture
def data(workspace: Path) -> Path:
    return workspace / "data"


@pytest.fixture
def fetch(data: Path) -> Fetch:
    """Downloads from a server, with waits of milliseconds."""
    return lambda server, **asked: dataset.download(impatient(server.url), data=data, **asked)


def test_download_gives_the_whole_data_set(fetch: Fetch, data: Path) -> None:
    with serve(BODY) as server:
        done = fetch(server)
    assert done.fetched
    assert done.counts == {"train/pos": 5, "train/neg": 5, "test/pos": 5, "test/neg": 5}
    assert_complete(data)


def test_download_of_a_complete_data_set_asks_no_server(fetch: Fetch, data: Path) -> None:
    with serve(BODY) as server:
        first = fetch(server)
        second = fetch(server)
    assert len(server.requests) == 1
    assert not second.fetched
    assert (second.files, second.bytes, second.sha256) == (first.files, first.bytes, first.sha256)


def test_download_resumes_after_a_cut(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF), Answer()) as server:
        fetch(server)
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert server.requests[1]["If-Range"] == '"one"'
    assert_complete(data)


def test_download_resumes_after_a_stall(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF, stall=True), Answer()) as server:
        began = time.monotonic()
        fetch(server)
    assert time.monotonic() - began < 4  # the time-out of a read, not of the connection
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert_complete(data)


def test_download_resumes_by_date_where_there_is_no_strong_tag(fetch: Fetch, data: Path) -> None:
    date = {"Last-Modified": "Sun, 12 Jun 2011 00:00:00 GMT"}
    weak = Answer(etag='W/"one"', headers=date)
    with serve(BODY, Answer(etag='W/"one"', headers=date, cut=HALF), weak) as server:
        fetch(server)
    assert server.requests[1]["If-Range"] == date["Last-Modified"]
    assert_complete(data)


def test_download_starts_over_where_the_server_has_no_validator(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(etag="", cut=HALF), Answer(etag="")) as server:
        fetch(server)
    assert server.ranges == [None, None]
    assert_complete(data)


def test_download_starts_over_where_range_is_ignored(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF), Answer(ranges=False)) as server:
        fetch(server)
    assert server.ranges[1] == f"bytes={HALF}-"
    assert_complete(data)


@pytest.mark.parametrize("if_range", [True, False], ids=["obeys If-Range", "ignores If-Range"])
def test_download_starts_over_where_the_file_changed(fetch: Fetch, data: Path, if_range: bool) -> None:
    changed = Answer(body=OTHER, etag='"two"', if_range=if_range)
    with serve(BODY, Answer(cut=HALF), changed) as server:
        fetch(server)
    assert server.ranges[1] == f"bytes={HALF}-"
    assert_complete(data, body="Another")


def test_download_starts_over_where_the_wrong_part_comes(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF), Answer(shift=100), Answer()) as server:
        fetch(server)
    assert server.ranges == [None, f"bytes={HALF}-", None]
    assert_complete(data)


def test_download_takes_a_body_of_unknown_length(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(announced=False)) as server:
        fetch(server)
    assert_complete(data)


def test_download_starts_over_where_the_server_has_less_than_before(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF), Answer(status=416), Answer()) as server:
        fetch(server)
    assert server.ranges == [None, f"bytes={HALF}-", None]
    assert_complete(data)


def test_download_gives_up_after_the_attempts(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=0)) as server, pytest.raises(NetworkError):
        fetch(server)
    assert len(server.requests) == 3
    assert not (data / "movies").exists()


def test_download_goes_on_as_long_as_each_attempt_brings_something(data: Path) -> None:
    step = len(BODY) // 6 + 1
    with serve(BODY, Answer(cut=step)) as server:
        settings = DownloadSettings(url=server.url, attempts=2, backoff=0.001, headway=1000)
        dataset.download(settings, data=data)
    assert len(server.requests) == 6
    assert_complete(data)


def test_download_never_accepts_less_than_announced(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(length=len(BODY) + 1000)) as server, pytest.raises(NetworkError):
        fetch(server)
    assert not (data / "movies").exists()


def test_download_refuses_a_body_that_was_announced_too_short(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(length=HALF)) as server, pytest.raises(ArtefactError):
        fetch(server)
    assert_nothing(data)


def test_download_is_resumed_by_the_next_run(fetch: Fetch, data: Path) -> None:
    answers = [Answer(cut=HALF), Answer(status=404), Answer()]
    with serve(BODY, *answers) as server:
        with pytest.raises(NetworkError):
            fetch(server)
        assert len(partials(data)) == 1
        fetch(server)
    assert server.ranges == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    assert_complete(data)


def test_download_that_fails_twice_leaves_one_partial_file(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(cut=HALF), Answer(status=404)) as server:
        for _ in range(2):
            with pytest.raises(NetworkError):
                fetch(server)
    [partial] = data.iterdir()
    assert sum(path.stat().st_size for path in partial.iterdir()) < HALF + 1000


def test_download_refuses_a_web_page_and_keeps_what_arrived(fetch: Fetch, data: Path) -> None:
    page = Answer(body=b"<!DOCTYPE html><title>Log in</title>", headers={"Content-Type": "text/html"})
    with serve(BODY, Answer(cut=HALF), Answer(status=404), page, Answer()) as server:
        with pytest.raises(NetworkError):
            fetch(server)
        with pytest.raises(ArtefactError, match="web page"):
            fetch(server)
        fetch(server)
    assert server.ranges[-1] == f"bytes={HALF}-"
    assert_complete(data)


def test_download_refuses_a_web_page_that_poses_as_an_archive(fetch: Fetch, data: Path) -> None:
    with serve(b"<!DOCTYPE html><title>Log in</title>") as server, pytest.raises(ArtefactError) as caught:
        fetch(server)
    assert "is not an archive" in str(caught.value)
    assert "DOCTYPE" in str(caught.value)
    assert_nothing(data)


def test_download_refuses_another_digest(fetch: Fetch, data: Path) -> None:
    with serve(BODY) as server:
        digest = fetch(server).sha256
    flipped = bytearray(BODY)
    flipped[600] ^= 1
    with serve(bytes(flipped)) as server, pytest.raises(ArtefactError, match=digest):
        fetch(server, sha256=digest.upper(), force=True)
    assert_complete(data)  # the first data set, untouched, and no temporary file


def test_download_checks_the_known_digest(fetch: Fetch, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(BODY) as server:
        monkeypatch.setitem(KNOWN_SHA256, server.url, "0" * 64)
        with pytest.raises(ArtefactError, match="0" * 64):
            fetch(server)
    assert_nothing(data)


@pytest.mark.parametrize(
    "answer", [Answer(cut=0, stall=True), Answer(announced=False)], ids=["announced", "sent"]
)
def test_download_refuses_more_than_the_largest_size(data: Path, answer: Answer) -> None:
    with serve(BODY, answer) as server, pytest.raises(ArtefactError, match="larger than"):
        dataset.download(replace(impatient(server.url), max_bytes=HALF), data=data)
    assert_nothing(data)


def test_download_removes_the_partial_files_of_long_ago(fetch: Fetch, data: Path) -> None:
    old = data / ".download.0123456789abcdef.part"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    with serve(BODY) as server:
        fetch(server)
    assert not old.exists()
