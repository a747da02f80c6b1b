"""HTTP connections: time-outs, allowed redirects, and which failures justify another attempt."""

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

_BUSY = {408, 425, 429, 500, 502, 503, 504}  # another attempt may get another answer
_MAX_REDIRECTS = 10  # as many as Python's own opener; browsers follow 20


class TryAgain(Exception):
    """An attempt failed, and another one may succeed."""

    def __init__(self, reason: str, *, wait: float = 0.0, restart: bool = False) -> None:
        self.reason = reason
        self.wait = wait  # seconds that the server asked for
        self.restart = restart  # the bytes that have arrived cannot be used
        super().__init__(reason)


def redacted(url: str) -> str:
    """An address for messages, without password and query, which may hold a key."""
    parts = urlsplit(url)
    return visible(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


@contextlib.contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Turns the errors of urllib into `TryAgain`, or `NetworkError` where another attempt would not help."""
    try:
        yield
    except HTTPError as error:
        with error:
            raise _refusal(url, error) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise NetworkError(
                f"No secure connection to {redacted(url)}.",
                received=visible(str(error.reason)),
                hint="check the clock and the certificates of this machine, or name another --url",
            ) from error
        raise TryAgain(f"No connection ({visible(str(error.reason))})") from error
    except (OSError, http.client.HTTPException) as error:
        raise TryAgain(f"The connection broke ({visible(str(error) or type(error).__name__)})") from error


def _refusal(url: str, error: HTTPError) -> TryAgain | NetworkError:
    """The error for an answer other than success."""
    answer = f"{error.code} {visible(str(error.msg))}"
    if error.code in _BUSY:
        return TryAgain(f"The server answered {answer}", wait=_retry_after(error.headers))
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return TryAgain("The file on the server is shorter than before", restart=True)
    if 300 <= error.code < 400:
        return _refused_redirect(url, answer)
    return NetworkError(
        f"The server did not send {redacted(url)}.", received=answer, hint="check the address (--url)"
    )


def _retry_after(headers: Message) -> float:
    """Seconds that the server asks to wait, as a number or a date; 0 if it does not ask."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    with contextlib.suppress(TypeError, ValueError):  # not a date, or a date without a time zone
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    return 0.0


def _refused_redirect(url: str, to: str) -> NetworkError:
    return NetworkError(
        f"{redacted(url)} has a redirect that is not allowed: bertsent follows at most {_MAX_REDIRECTS}, to "
        "http or https, and never from https to http.",
        received=to,
        hint="name the archive's own address with --url",
    )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but never from https to http."""

    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, scheme = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if scheme not in {"http", "https"} or (before == "https" and scheme == "http"):
            fp.close()
            raise _refused_redirect(req.full_url, redacted(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connection(http.client.HTTPConnection):
    """Has one time-out for connecting and another for each read after that."""

    def __init__(self, host: str, *, read_timeout: float, **rest: Any) -> None:
        super().__init__(host, **rest)
        self._read_timeout = read_timeout

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._read_timeout)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Http(urllib.request.AbstractHTTPHandler):
    """Opens http and https addresses with `_Connection` and `_SecureConnection`."""

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def __init__(self, read_timeout: float) -> None:
        super().__init__()
        self._read_timeout = read_timeout

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, read_timeout=self._read_timeout), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        connect = partial(_SecureConnection, read_timeout=self._read_timeout)
        return self.do_open(connect, req, context=ssl.create_default_context())


def build_opener(settings: DownloadSettings) -> urllib.request.OpenerDirector:
    """An opener for http and https only: urllib's default would also read files and speak FTP."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(settings.read_timeout),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        director.add_handler(handler)
    return director
