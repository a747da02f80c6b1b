"""Connections that are refused, redirected, not to be trusted or not possible at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from support.archives import REVIEWS, assert_complete, assert_nothing, tar_of
from support.servers import LOCALHOST_PEM, Answer, impatient, serve

from bertsent.base.errors import BertsentError, NetworkError, UsageError
from bertsent.base.records.training import Download
from bertsent.data.download import dataset

BODY = tar_of(REVIEWS)

Fetch = Callable[[str], Download]


@pytest.fixture
def data(workspace: Path) -> Path:
    return workspace / "data"


@pytest.fixture
def fetch(data: Path) -> Fetch:
    """Downloads from an address, with waits of milliseconds."""
    return lambda url: dataset.download(impatient(url), data=data)


def test_download_obeys_retry_after_up_to_the_longest_wait(fetch: Fetch, data: Path) -> None:
    with serve(BODY, Answer(status=503, headers={"Retry-After": "3600"}), Answer()) as server:
        began = time.monotonic()
        fetch(server.url)
    assert 0.2 <= time.monotonic() - began < 3
    assert_complete(data)


def test_download_obeys_a_date_in_retry_after(fetch: Fetch, data: Path) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with serve(BODY, Answer(status=429, headers={"Retry-After": date}), Answer()) as server:
        began = time.monotonic()
        fetch(server.url)
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_download_takes_a_refusal_for_an_answer(fetch: Fetch, data: Path, status: int) -> None:
    with serve(BODY, Answer(status=status)) as server, pytest.raises(NetworkError, match="did not send"):
        fetch(server.url)
    assert len(server.requests) == 1
    assert_nothing(data)


def test_download_follows_redirects(fetch: Fetch, data: Path) -> None:
    to = [Answer(status=code, headers={"Location": f"/{code}.tar.gz"}) for code in (301, 302, 307, 308)]
    with serve(BODY, *to, Answer()) as server:
        fetch(server.url)
    assert len(server.requests) == 5
    assert_complete(data)


def test_download_follows_ten_redirects_at_most(fetch: Fetch, data: Path) -> None:
    to = [Answer(status=302, headers={"Location": f"/{number}.tar.gz"}) for number in range(20)]
    with serve(BODY, *to) as server, pytest.raises(NetworkError, match="a redirect"):
        fetch(server.url)
    assert len(server.requests) == 11
    assert_nothing(data)


@pytest.mark.parametrize("location", ["file://{0}", "FILE://{0}", "ftp://127.0.0.1/{0}", "data:,x"])
def test_download_refuses_a_redirect_to(fetch: Fetch, data: Path, tmp_path: Path, location: str) -> None:
    secret = tmp_path / "movies.tar.gz"
    secret.write_bytes(BODY)
    there = Answer(status=302, headers={"Location": location.format(secret)})
    with serve(BODY, there) as server, pytest.raises(NetworkError, match="a redirect"):
        fetch(server.url)
    assert len(server.requests) == 1
    assert_nothing(data)


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "localhost.pem"
    path.write_text(LOCALHOST_PEM)
    return path


def test_download_works_over_tls(
    fetch: Fetch, data: Path, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with serve(BODY, pem=pem) as server:
        fetch(server.url)
    assert_complete(data)


def test_download_does_not_trust_an_unknown_certificate(fetch: Fetch, data: Path, pem: Path) -> None:
    with serve(BODY, pem=pem) as server, pytest.raises(NetworkError, match="No secure connection"):
        fetch(server.url)
    assert_nothing(data)


def test_download_refuses_a_redirect_from_https_to_http(
    fetch: Fetch, data: Path, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with serve(BODY) as plain:
        down = Answer(status=302, headers={"Location": plain.url})
        with serve(BODY, down, pem=pem) as server, pytest.raises(NetworkError, match="a redirect"):
            fetch(server.url)
    assert plain.requests == []
    assert_nothing(data)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere.tar.gz",
        "a\0b",
        "x" * 5000,
        "ftp://127.0.0.1/a.zip",
        "file:///nowhere.zip",
        "file://elsewhere/a.zip",
        "http://",
        "http://a:b:c/",
        "http://x\n/a",
        "http://" + "a" * 70 + ".org/",
        "https://[::1/a",
    ],
)
def test_download_refuses_an_address_that_is_none(fetch: Fetch, data: Path, url: str) -> None:
    with pytest.raises(UsageError, match="address"):
        fetch(url)
    assert_nothing(data)


def test_download_shows_no_password_and_no_control_character(fetch: Fetch) -> None:
    with serve(BODY, Answer(status=404)) as server, pytest.raises(BertsentError) as caught:
        fetch(server.url + "/%1b[2J?key=secret")
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()
