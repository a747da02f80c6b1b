"""HTTP downloads that survive a bad connection: they resume, retry, time out, and refuse unsafe redirects."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bertsent import __version__
from bertsent.base import display, files
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, NetworkError, UsageError
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.download import DownloadSettings
from bertsent.data.download.http import TryAgain, build_opener, network_errors, redacted

_CHUNK = 1 << 16
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"  # what a correct address may hold besides letters and digits


@dataclass(frozen=True, slots=True)
class _Origin:
    """The file on the server that a partial file belongs to, as the server described it."""

    etag: str = ""
    modified: str = ""
    length: int | None = None  # bytes of the complete file; None: the server did not say

    @property
    def validator(self) -> str:
        """The value for If-Range (RFC 9110, 13.1.5: no weak tag); empty if resuming is not safe."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def agrees(self, headers: Message, length: int | None) -> bool:
        """Whether a partial answer belongs to the same file, judged by the values that both have."""
        pairs = [(self.etag, headers["ETag"]), (self.modified, headers["Last-Modified"])]
        return all(not (mine and theirs) or mine == theirs for mine, theirs in pairs) and (
            None in (self.length, length) or self.length == length
        )


class _Partial:
    """A file that is being downloaded: its bytes so far, and their `_Origin` in a file beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.body = folder / name
        self._about = folder / ".about.json"
        self.origin = _Origin()
        with contextlib.suppress(OSError, ValueError, TypeError):  # not written yet, or only in part
            self.origin = _Origin(**json.loads(self._about.read_text(encoding="utf-8")))

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.body.stat().st_size if files.is_file(self.body) else 0

    @property
    def complete(self) -> bool:
        """Whether all bytes have arrived, in a run that was stopped after the download."""
        return self.size > 0 and self.size == self.origin.length

    def restart(self, origin: _Origin) -> None:
        """Empties the file, then writes the origin of the new bytes. In this order a kill between the two
        never leaves old bytes with a new origin."""
        with files.disk_errors(self.body):
            self.body.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.body.write_bytes(b"")
        files.write_text(self._about, json.dumps(asdict(origin)))
        self.origin = origin


def source(value: str) -> str | Path:
    """Turns `value` into the address to fetch, or the path of an archive on the disk.

    Args:
        value: An http, https or file address, or a file name.

    Returns:
        The address with its special characters escaped, or the file's absolute path.

    Raises:
        UsageError: if it is neither.
    """
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").encode("idna")
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError as error:  # UnicodeError is one too
        raise _no_source(value) from error
    if parts.scheme in {"http", "https"}:
        if not host or visible(value) != value:
            raise _no_source(value)
        return quote(value, safe=_URL_SAFE)
    local = parts.scheme == "file" and parts.netloc in {"", "localhost"}
    try:
        path = Path(unquote(parts.path) if local else value).resolve()
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a NUL
        raise _no_source(value) from error
    if not files.is_file(path):
        raise _no_source(value)
    return path


def _no_source(value: str) -> UsageError:
    return UsageError(
        "The archive must be an http, https or file address, or an archive on the disk.",
        received=repr(visible(value)),
        hint="bertsent download --url data/archive.tar.gz",
    )


def file_name(url: str) -> str:
    """The name of the file at `url`, with only characters that are safe in a shell and a terminal."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[-100:] or "archive"


def fetch(settings: DownloadSettings, *, folder: Path, progress: Progress = silent) -> Path:
    """Downloads the file at `settings.url` into `folder`.

    An attempt that fails for a temporary reason is repeated after a wait, which doubles each time. It resumes
    where the last one stopped if the server confirms that its file is still the same. A new run
    resumes a killed or failed one in the same way.

    Args:
        settings: The address (as `source` gives it), time-outs and number of attempts.
        folder: A folder for this address only; it is made if necessary. The caller removes it after use.
        progress: Receives the bytes that have arrived, and a note for every new attempt.

    Returns:
        The file in `folder`. Its bytes are not verified.

    Raises:
        NetworkError: if the server refuses, or the attempts are used up; `folder` keeps what arrived.
        ArtefactError: if the server sends a web page or more than `settings.max_bytes`.
        StorageError: if the disk fails or is full.
    """
    partial = _Partial(folder, file_name(settings.url))
    opener = build_opener(settings)
    failures, furthest = 0, partial.size
    while not partial.complete:
        try:
            _attempt(opener, settings, partial, progress)
            break
        except TryAgain as error:
            reached = partial.size
            failures = 1 if reached - furthest >= settings.headway else failures + 1
            furthest = max(furthest, reached)
            if error.restart:
                partial.restart(_Origin())
            if failures >= settings.attempts:
                raise _given_up(settings, partial, error.reason) from error
            wait = max(settings.backoff * 2 ** (failures - 1), error.wait)
            wait = min(wait, settings.max_backoff)
            progress.note(
                f"{error.reason}; attempt {failures + 1} of {settings.attempts} follows in {wait:.0f} s."
            )
            time.sleep(wait)
    progress.finish()
    return partial.body


def _given_up(settings: DownloadSettings, partial: _Partial, reason: str) -> NetworkError:
    resumable = partial.size and partial.origin.validator
    return NetworkError(
        f"Cannot fetch {redacted(settings.url)} in {settings.attempts} attempts.",
        received=reason,
        hint=f"run the same command again, which resumes after {display.size(partial.size)}"
        if resumable
        else "check the connection, then run the same command again",
    )


def _attempt(
    opener: urllib.request.OpenerDirector, settings: DownloadSettings, partial: _Partial, progress: Progress
) -> None:
    """Fetches the missing bytes in one request.

    Raises:
        TryAgain: if the connection broke, or the bytes that had arrived belong to another file.
    """
    offset = partial.size if partial.origin.validator else 0
    # identity: no compression, because Range and the digest refer to the bytes of the file itself
    headers = {"User-Agent": f"bertsent/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": partial.origin.validator}
    request = urllib.request.Request(settings.url, headers=headers)
    with network_errors(settings.url):
        response = opener.open(request, timeout=settings.connect_timeout)
    with response:
        _begin(response, partial, offset, settings)
        length = partial.origin.length or 0
        files.require_space(partial.body.parent, length - partial.size + length * settings.space_factor)
        progress.start(f"Fetching {partial.body.name}", partial.origin.length, "bytes")
        _receive(response, partial, settings, progress)


def _begin(
    response: http.client.HTTPResponse, partial: _Partial, offset: int, settings: DownloadSettings
) -> None:
    """Prepares `partial` for the body of this answer, which is the rest of the file or all of it."""
    headers = response.headers
    if headers.get_content_type() == "text/html":  # a login or error page; nothing is overwritten yet
        raise ArtefactError(
            f"{redacted(settings.url)} is not an archive: the server sends a web page.",
            hint="open the address in a browser; some networks ask for a login there first",
        )
    if (response.length or 0) > settings.max_bytes:
        raise _too_large(settings)
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:  # the server ignored Range, or the file changed
        partial.restart(_Origin(headers.get("ETag", ""), headers.get("Last-Modified", ""), response.length))
    else:
        start, length = _content_range(headers)
        if not offset or start != offset or not partial.origin.agrees(headers, length):
            raise TryAgain("The file on the server changed during the download", restart=True)


def _content_range(headers: Message) -> tuple[int | None, int | None]:
    """First byte of a part and length of the file, from `bytes 100-199/200`; None if missing."""
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", headers.get("Content-Range", ""))
    if not match:
        return None, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _receive(
    response: http.client.HTTPResponse, partial: _Partial, settings: DownloadSettings, progress: Progress
) -> None:
    done = partial.size
    progress.advance(done)
    with files.disk_errors(partial.body), partial.body.open("ab") as target:
        for chunk in _chunks(response, settings.url):
            target.write(chunk)
            done += len(chunk)
            if done > settings.max_bytes:
                shutil.rmtree(partial.body.parent, ignore_errors=True)  # it will never be completed
                raise _too_large(settings)
            progress.advance(done)
    length = partial.origin.length
    if length is not None and done < length:
        raise TryAgain(f"The server broke off after {display.size(done)} of {display.size(length)}")


def _chunks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    with network_errors(url):
        # read1 returns what has arrived; read would wait for a full chunk and lose it in a time-out
        while chunk := response.read1(_CHUNK):
            yield chunk


def _too_large(settings: DownloadSettings) -> ArtefactError:
    limit = display.size(settings.max_bytes)
    return ArtefactError(f"{redacted(settings.url)} is larger than {limit}, the largest download allowed.")
