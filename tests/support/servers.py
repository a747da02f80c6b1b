"""A local HTTP server that misbehaves as a test asks."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bertsent.base.settings.download import DownloadSettings

# For 127.0.0.1 alone, of use to nobody else; self-signed by `openssl ca -selfsign`, good from 2020 to 2120.
LOCALHOST_PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNOhdv1klQ9LcDBzk
LUVQhUHYT5VYI/GBCKzYCSvmX2ihRANCAATZ7PcRbhrk19ajQGht3g/y7xmuEAlo
po7YPxiiXY7x3Wf/BD/2BaxKfESDbki3HsLj06vtjcNL1cERXy8NWx3E
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBazCCARKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNns9xFuGuTX1qNA
aG3eD/LvGa4QCWimjtg/GKJdjvHdZ/8EP/YFrEp8RINuSLcewuPTq+2Nw0vVwRFf
Lw1bHcSjUzBRMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
HQ4EFgQUssjm8JilrpP32vfBLAeYhALtlDkwDgYDVR0PAQH/BAQDAgKEMAoGCCqG
SM49BAMCA0cAMEQCIADPvlUv0mdOZ6YhcZrfCjjhlsdIs01N32SVJCS8Cp77AiB4
wSIydz015DVV7PpK5CfiIHIMBrAo8cLOizv7H9P2Kg==
-----END CERTIFICATE-----
"""


@dataclass
class Answer:
    """What the server does with one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # None: the server's file
    etag: str = '"one"'
    ranges: bool = True  # False: Range is ignored, the whole file comes
    if_range: bool = True  # False: the part comes although the file has changed
    length: int | None = None  # what Content-Length says; None: the truth
    announced: bool = True  # False: no Content-Length, the end is where the connection closes
    shift: int = 0  # bytes that a part begins too late
    cut: int | None = None  # bytes of the body after which the connection is closed
    stall: bool = False  # instead of closing, say nothing more


class Server(ThreadingHTTPServer):
    """Gives one answer after another; the last for ever."""

    daemon_threads = True

    def __init__(self, body: bytes, answers: tuple[Answer, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = body
        self.answers = list(answers) or [Answer()]
        self.requests: list[dict[str, str]] = []
        self.closing = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/movies.tar.gz"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request so far."""
        return [headers.get("Range") for headers in self.requests]

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(dict(self.headers))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        body = self.server.body if answer.body is None else answer.body
        start = self._start(answer)
        headers = {"ETag": answer.etag, "Content-Type": "application/gzip"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        body = body[start:]
        if answer.announced:
            headers["Content-Length"] = str(len(body) if answer.length is None else answer.length)
        self.send_response(206 if start else answer.status)
        for name, value in (headers | dict(answer.headers)).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: answer.cut])
        self.wfile.flush()
        if answer.stall:
            self.server.closing.wait(30)
        self.close_connection = True

    def _start(self, answer: Answer) -> int:
        """The byte to begin with."""
        asked = self.headers.get("Range")
        if not asked or not answer.ranges or answer.status != 200:
            return 0
        if answer.if_range and self.headers.get("If-Range") != answer.etag:
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-")) + answer.shift

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr, where the tests look."""


def impatient(url: str) -> DownloadSettings:
    """Settings that wait for tenths of a second where the real ones wait for minutes."""
    return DownloadSettings(
        url=url, connect_timeout=5, read_timeout=0.3, attempts=3, backoff=0.001, max_backoff=0.2
    )


@contextmanager
def serve(body: bytes, *answers: Answer, pem: Path | None = None) -> Iterator[Server]:
    """Runs a server of `body`; with `pem`, a file of LOCALHOST_PEM, over TLS."""
    server = Server(body, answers)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
