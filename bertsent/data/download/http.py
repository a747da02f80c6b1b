"""Connections over HTTP: what is followed, how long is waited, and which failures pass with time."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from bertsent.base.display import visible
from bertsent.base.errors import NetworkError
from bertsent.base.settings.download import DownloadSettings

_BUSY = {408, 425, 429, 500, 502, 503, 504}  # answers that another attempt may change
_MAX_REDIRECTS = 10  # as Python's own opener has it; browsers follow 20


class TryAgain(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, reason: str, *, wait: float = 0.0, restart: bool = False) -> None:
        self.reason = reason
        self.wait = wait  # seconds, as the server asked
        self.restart = restart  # what has arrived is of no use
        super().__init__(reason)


def shown(url: str) -> str:
    """An address as it may be shown: without a password or the query, which may hold a key."""
    parts = urlsplit(url)
    return visible(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


@contextlib.contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Turns what urllib raises into `TryAgain` or, where that would be of no use, `NetworkError`."""
    try:
        yield
    except HTTPError as error:
        with error:
            raise _refusal(url, error) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise NetworkError(
                f"No secure connection to {shown(url)}.",
                received=visible(str(error.reason)),
                hint="look at the clock and the certificates of this machine, or name another --url",
            ) from error
        raise TryAgain(f"No connection ({visible(str(error.reason))})") from error
    except (OSError, http.client.HTTPException) as error:
        raise TryAgain(f"The connection broke ({visible(str(error) or type(error).__name__)})") from error


def _refusal(url: str, error: HTTPError) -> TryAgain | NetworkError:
    """What an answer other than success means."""
    said = f"{error.code} {visible(str(error.msg))}"
    if error.code in _BUSY:
        return TryAgain(f"The server answered {said}", wait=_retry_after(error.headers))
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return TryAgain("The file on the server is shorter than before", restart=True)
    if 300 <= error.code < 400:
        return _refused_redirect(url, said)
    return NetworkError(
        f"The server does not give {shown(url)}.", received=said, hint="look at the address (--url)"
    )


def _retry_after(headers: Message) -> float:
    """Seconds that the server asks to wait, as a number or until a date; 0 where it does not."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    with contextlib.suppress(TypeError, ValueError):  # no date, or one without a time zone
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    return 0.0


def _refused_redirect(url: str, to: str) -> NetworkError:
    return NetworkError(
        f"{shown(url)} redirects where bertsent does not follow: at most {_MAX_REDIRECTS} times, to http "
        "or https, and never from https to http.",
        received=to,
        hint="name the archive's own address with --url",
    )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to http or https, but never from a secure connection to an open one."""

    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        came, scheme = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if scheme not in {"http", "https"} or (came == "https" and scheme == "http"):
            fp.close()
            raise _refused_redirect(req.full_url, shown(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connection(http.client.HTTPConnection):
    """Has one time-out for the connection and another for each byte after it."""

    def __init__(self, host: str, *, read_timeout: float, **rest: Any) -> None:
        super().__init__(host, **rest)
        self._read_timeout = read_timeout

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._read_timeout)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Http(urllib.request.HTTPHandler):
    def __init__(self, read_timeout: float) -> None:
        super().__init__()
        self._read_timeout = read_timeout

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, read_timeout=self._read_timeout), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, read_timeout: float) -> None:
        super().__init__()
        self._read_timeout = read_timeout

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        connect = partial(_SecureConnection, read_timeout=self._read_timeout)
        return self.do_open(connect, req, context=ssl.create_default_context())


def build_opener(settings: DownloadSettings) -> urllib.request.OpenerDirector:
    """An opener of http and https alone: urllib's own would also read files and speak FTP."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(settings.read_timeout),
        _Https(settings.read_timeout),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        director.add_handler(handler)
    return director
