"""The lines of a file as text: in the encoding that was named, else that of its byte order mark, else UTF-8.

A line that cannot be decoded does not end the reading: it is yielded as the error that it would raise.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import IO

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError, UsageError

Line = tuple[int, str | DataError]  # its number from 1, and it with its line end
CHUNK = 1 << 16  # bytes read at a time; more would hold too many short lines in memory


class UndecodableError(DataError):
    """A line is not in the encoding of its file; `remedy` says what to do."""


_MARKS = (  # the longer ones first: a UTF-32 mark begins like a UTF-16 one
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EXAMINED = 1 << 23  # bytes that are looked at to find a remedy
_ZEROS = 0.6  # share of zeros in every second byte of English text in UTF-16
_FOREIGN = 0.3  # share of letters beyond ASCII above which a text is hardly English in cp1252
# For bytes that an encoding cannot decode: it makes the UTF-8 of their line wrong, so that it is reported.
_MARKER = "\udc80"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return _MARKER, error.end
    raise error


codecs.register_error("bertsent.mark", _mark)


def check_encoding(name: str) -> str:
    """Python's name of an encoding; "" stays.

    Raises:
        UsageError: if there is no such encoding.
    """
    try:
        return codecs.lookup(name).name if name else ""
    except LookupError as error:
        raise UsageError(
            "There is no such encoding.", received=visible(name), hint="--encoding cp1252, for example"
        ) from error


def marked_encoding(start: bytes) -> str:
    """The encoding that a byte order mark at the start of a file shows; "" without one."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def encoding_of(start: bytes, named: str) -> str:
    """The encoding of a text: the one that was named, else that of the mark at its start, else UTF-8."""
    return named or marked_encoding(start) or "utf-8"


def decoded_head(head: bytes, named: str) -> str:
    """The first characters of a text, without a mark; what cannot be decoded becomes U+FFFD."""
    return head.decode(encoding_of(head, named), "replace").lstrip("\ufeff")


def undecodable(where: str, encoding: str, byte: str) -> UndecodableError:
    """The error for a text that is not in its encoding from a byte on."""
    name = "UTF-8" if encoding == "utf-8" else encoding
    return UndecodableError(f"{where} is not {name} at byte {byte}.")


def unmarked_utf16(start: bytes) -> str:
    """The kind of UTF-16 that the start of a file without a mark is in, by its zero bytes; "" for none."""
    if marked_encoding(start):
        return ""
    half = len(start[:200]) // 2
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = start[first:200:2].count(0), start[1 - first : 200 : 2].count(0)
        if half and zeros > _ZEROS * half and others < zeros / 2:  # a file of zeros is no text
            return name
    return ""


def lines(stream: IO[bytes], *, name: str, encoding: str, limit: int) -> Iterator[Line]:
    """The lines of a file, numbered from 1, with their line end (LF, CRLF or CR) and without a mark.

    Args:
        stream: The file, at its beginning.
        name: Of the file, for messages.
        encoding: Of the text; "" for that of its mark, else UTF-8.
        limit: The most bytes of a line. A longer one is an error, and the rest of it is passed over.
    """
    start = stream.read(CHUNK)
    encoding = encoding_of(start, encoding)
    chunks = _chunks(start.removeprefix(codecs.BOM_UTF8), stream)  # no other encoding begins like this mark
    if encoding != "utf-8":
        chunks = _transcoded(chunks, encoding)
    number = 1
    for line in _split(chunks, limit):
        where = f"{name}:{number}"
        if len(line) > limit:
            fact = f"{where} is longer than {size(limit)}, the most one row may have."
            yield number, DataError(fact, hint="--on-bad-row skip leaves it out")
        else:
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                yield number, undecodable(where, encoding, f"{error.start} of the line")
        number += 1


def texts(stream: IO[bytes], *, name: str, encoding: str) -> Iterator[str]:
    """The text of a file in pieces, for formats without lines; `encoding` as for `lines`.

    Raises:
        UndecodableError: at what is not in the encoding, because nothing after it can be relied on.
    """
    start = stream.read(CHUNK)
    encoding = encoding_of(start, encoding)
    decoder = codecs.getincrementaldecoder(encoding)()
    first, done = True, 0
    try:
        for chunk in itertools.chain(_chunks(start, stream), [b""]):
            text = decoder.decode(chunk, not chunk)
            done += len(chunk)
            if text:
                yield text.removeprefix("\ufeff") if first else text
                first = False
    except UnicodeDecodeError as error:
        raise undecodable(name, encoding, f"{done + error.start}") from error


def _chunks(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    while start:
        yield start
        start = stream.read(CHUNK)


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("bertsent.mark")
    first = True
    for chunk in chunks:
        text = decoder.decode(chunk)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        yield text.encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _split(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Lines with their ends. Of a line longer than `limit` only the beginning, a little longer than that."""
    rest, skipping = b"", False
    for chunk in chunks:
        if skipping:  # the rest of a line that was too long
            end = min((at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0), default=-1)
            if end < 0:
                continue
            chunk, skipping = chunk[end:], False
            chunk = chunk.removeprefix(b"\r") if chunk.startswith(b"\r\n") else chunk
            chunk = chunk[1:]
        *whole, rest = (rest + chunk).splitlines(keepends=True) or [b""]
        yield from whole
        if len(rest) > limit and not rest.endswith((b"\n", b"\r")):
            yield rest
            rest, skipping = b"", True
    if rest:
        yield rest


def remedy(stream: IO[bytes], *, named: str = "") -> str:
    """What to do about a file that cannot be decoded: the encoding that reads it, or what to mend, as a hint.

    Args:
        stream: The file, at its beginning.
        named: The encoding that it was read in by `--encoding`.
    """
    data = stream.read(_EXAMINED).removeprefix(codecs.BOM_UTF8)
    if marked_encoding(data):
        return "mend this row, or --on-bad-row skip leaves it out"
    bad = good = 0  # lines beyond ASCII: not UTF-8, and UTF-8
    for line in data.splitlines():
        if line.isascii():
            continue
        try:
            line.decode()
            good += 1
        except UnicodeDecodeError:
            bad += 1
    skip = "--on-bad-row skip leaves out what is not"
    if named and good and not bad:
        return "without --encoding: the file is UTF-8"
    if good and bad > max(3, good // 10) and good > bad // 10:
        return f"lines in UTF-8: {good}, in another encoding: {bad}; convert those, or {skip}"
    if good and bad <= max(3, good // 10):
        return f"the rest is UTF-8: mend this row, or {skip}"
    encoding = _legacy(data)
    if not encoding:
        return "name its encoding, for example --encoding cp1251, gb18030, shift_jis"
    if bad == 1:
        return f"--encoding {encoding} reads it, if all of the file is in it; or {skip} UTF-8"
    return f"--encoding {encoding} reads it"


def _legacy(data: bytes) -> str:
    """The encoding of Western Europe that reads the data; "" if its letters are hardly of that kind."""
    sample = [byte for byte in data if byte >= 0x80]
    letters = sum(0x41 <= byte & 0xDF <= 0x5A for byte in data) + len(sample)
    if len(sample) > _FOREIGN * letters:
        return ""
    if b"\r" in data and b"\n" not in data:
        return "mac-roman"  # lines of classic Mac OS
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
