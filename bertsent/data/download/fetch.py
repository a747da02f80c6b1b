"""Downloads over HTTP that survive a bad connection: resume, retries, time-outs, no unsafe redirect."""

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
from bertsent.data.download.http import TryAgain, build_opener, network_errors, shown

_CHUNK = 1 << 16
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"  # what a correct address may hold besides letters and digits


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whose bytes a partial file holds, in the words of its server."""

    etag: str = ""
    modified: str = ""
    length: int | None = None  # bytes of the whole file, where the server said so

    @property
    def validator(self) -> str:
        """What If-Range may name (RFC 9110, 13.1.5: no weak tag); empty where a resume is not safe."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def agrees(self, headers: Message, length: int | None) -> bool:
        """Whether an answer's part belongs to the same file."""
        pairs = [(self.etag, headers["ETag"]), (self.modified, headers["Last-Modified"])]
        return all(not (mine and theirs) or mine == theirs for mine, theirs in pairs) and (
            None in (self.length, length) or self.length == length
        )


class _Partial:
    """What has arrived so far: the bytes, and beside them whose they are."""

    def __init__(self, folder: Path, name: str) -> None:
        self.body = folder / name
        self._about = folder / ".about.json"
        self.origin = _Origin()
        with contextlib.suppress(OSError, ValueError, TypeError):  # no partial, or one cut at its start
            self.origin = _Origin(**json.loads(self._about.read_text(encoding="utf-8")))

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.body.stat().st_size if self.body.is_file() else 0

    @property
    def complete(self) -> bool:
        """Whether the whole file lies here already, from a run that was stopped after the download."""
        return self.size > 0 and self.size == self.origin.length

    def restart(self, origin: _Origin) -> None:
        """Empties the file, then notes whose bytes come next: in this order, so that a kill between
        the two never leaves old bytes under a new name."""
        with files.disk_errors(self.body):
            self.body.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.body.write_bytes(b"")
        files.write_text(self._about, json.dumps(asdict(origin)))
        self.origin = origin


def source(value: str) -> str | Path:
    """What `value` names: an address to fetch, or an archive that is on the disk already.

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
        _ = parts.port  # raises where it is no number
    except ValueError as error:  # of which UnicodeError is one
        raise _no_source(value) from error
    if parts.scheme in {"http", "https"}:
        if not host or visible(value) != value:
            raise _no_source(value)
        return quote(value, safe=_URL_SAFE)
    local = parts.scheme == "file" and parts.netloc in {"", "localhost"}
    try:
        path = Path(unquote(parts.path) if local else value).resolve()
        found = path.is_file()
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a NUL
        raise _no_source(value) from error
    if not found:
        raise _no_source(value)
    return path


def _no_source(value: str) -> UsageError:
    return UsageError(
        "The archive must be an http, https or file address, or an archive on the disk.",
        received=repr(visible(value)),
        hint="bertsent download --url data/archive.tar.gz",
    )


def file_name(url: str) -> str:
    """What the file at `url` is called, in characters that no shell or terminal minds."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[-100:] or "archive"


def fetch(settings: DownloadSettings, *, folder: Path, progress: Progress = silent) -> Path:
    """Brings the file at `settings.url` into `folder`.

    Attempts that fail for a passing reason are repeated, after a wait that doubles. Each goes on where the
    last one stopped if the server can tell that its file is still the same. What a killed or failed
    run left in `folder` is gone on with in the same way.

    Args:
        settings: The address (as `source` gives it), time-outs and number of attempts.
        folder: A folder for this address alone, made if need be. The caller removes it after use.
        progress: Told of the bytes that have arrived and of every new attempt.

    Returns:
        The file in `folder`. Its bytes are not verified.

    Raises:
        NetworkError: if the server refuses, or the attempts are used up; `folder` keeps what arrived.
        ArtefactError: if the server sends a web page or more than `settings.max_bytes`.
        StorageError: if the disk does not take it.
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
        f"Cannot fetch {shown(settings.url)} in {settings.attempts} attempts.",
        received=reason,
        hint=f"run the same command again, it goes on after {display.size(partial.size)}"
        if resumable
        else "look at the connection, then run the same command again",
    )


def _attempt(
    opener: urllib.request.OpenerDirector, settings: DownloadSettings, partial: _Partial, progress: Progress
) -> None:
    """Fetches what is missing in one request.

    Raises:
        TryAgain: if it broke off, or what had arrived was of another file.
    """
    offset = partial.size if partial.origin.validator else 0
    # identity: the bytes of the file itself, which Range counts and the digest is of
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
    """Makes `partial` ready for the body that comes now: its rest, or all of it."""
    headers = response.headers
    if headers.get_content_type() == "text/html":  # a login or error page; before anything is overwritten
        raise ArtefactError(
            f"{shown(settings.url)} is not an archive: the server sends a web page.",
            hint="open the address in a browser; some networks ask for a login there first",
        )
    if (response.length or 0) > settings.max_bytes:
        raise _too_large(settings)
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:  # Range ignored, or the file changed since
        partial.restart(_Origin(headers.get("ETag", ""), headers.get("Last-Modified", ""), response.length))
    else:
        start, length = _content_range(headers)
        if not offset or start != offset or not partial.origin.agrees(headers, length):
            raise TryAgain("The file on the server changed between two halves", restart=True)


def _content_range(headers: Message) -> tuple[int | None, int | None]:
    """First byte and whole length of a part, from `bytes 100-199/200`; None where it is not said."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", headers.get("Content-Range", ""))
    if not found:
        return None, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


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
                shutil.rmtree(partial.body.parent, ignore_errors=True)  # never to be completed
                raise _too_large(settings)
            progress.advance(done)
    length = partial.origin.length
    if length is not None and done < length:
        raise TryAgain(f"The server broke off after {display.size(done)} of {display.size(length)}")


def _chunks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    with network_errors(url):
        # read1 gives what has come: read would wait for a whole chunk and lose it in a time-out
        while chunk := response.read1(_CHUNK):
            yield chunk


def _too_large(settings: DownloadSettings) -> ArtefactError:
    return ArtefactError(
        f"{shown(settings.url)} is larger than {display.size(settings.max_bytes)}, the most that is fetched."
    )
