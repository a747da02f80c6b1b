"""Text files: what is read of them, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bertsent.base.errors import DataError
from bertsent.base.text import read_utf8


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"plain", "plain"), (b"\xef\xbb\xbfmarked", "marked"), (b"a\r\nb\r", "a\r\nb\r"), (b"", "")],
)
def test_read_utf8_drops_the_mark_and_keeps_line_ends(workspace: Path, raw: bytes, text: str) -> None:
    (workspace / "file").write_bytes(raw)
    assert read_utf8(workspace / "file", limit=100) == text


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"caf\xe9", "not UTF-8 at byte 3"),
        (b"\xff\xfea\0", "not UTF-8 at byte 0"),
        (b"cut \xe2\x82", "not UTF-8 at byte 4"),
        (b"a\0b", "NUL"),
        (b"x" * 101, "larger than 100 B"),
    ],
)
def test_read_utf8_names_the_file_and_the_fault(workspace: Path, raw: bytes, said: str) -> None:
    (workspace / "file\x1b").write_bytes(raw)
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        read_utf8(workspace / "file\x1b", limit=100)
    assert "file\\x1b" in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_read_utf8_of_no_file_is_a_data_error(workspace: Path, name: str) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_utf8(workspace / name, limit=100)
