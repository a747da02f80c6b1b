"""Files that are no reviews whatever their name: web pages, archives, databases, pictures."""

from __future__ import annotations

import re

from bertsent.base.errors import DataError

_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body|\?xml)\b", re.IGNORECASE)
_UNPACK = "unpack it and name the table inside"
_TWICE = "unpack it once: it is packed twice"
_EXPORT = "export its table as CSV"
_MARKS = (  # first bytes, what they show, and what to do
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "git lfs pull fetches the file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b"%PDF-", "a PDF document", "name the table it was made from"),
    (b"{\\rtf", "a document in rich text format", "save it as plain text"),
    (b"\x89PNG\r\n", "a picture", "name a table"),
    (b"\xff\xd8\xff", "a picture", "name a table"),
    (b"GIF8", "a picture", "name a table"),
    (b"ARROW1\0\0", "an Arrow file", "write it as Parquet"),
    (b"FEA1", "a Feather file", "write it as Parquet"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"\x89HDF\r\n", "an HDF5 file", "write it as Parquet"),
    (b"\x93NUMPY", "a NumPy array", "write it as Parquet"),
    (b"\x80\x04\x95", "a Python pickle", "write it as Parquet, with pandas as to_parquet()"),
    (b"\x80\x05\x95", "a Python pickle", "write it as Parquet, with pandas as to_parquet()"),
)
_PACKED = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR_MARK, _TAR_AT = b"ustar", 257


def refuse_foreign(head: bytes, name: str, *, packed: bool) -> None:
    """Refuses a file that by its first bytes is something else than reviews.

    Args:
        head: The first bytes, unpacked.
        name: Of the file, for messages.
        packed: Whether they were unpacked from another file.

    Raises:
        DataError: if it is; says what to do.
    """
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise DataError(
            f"{name} is a web page or XML, not a table.",
            hint="fetch the file itself, signed in where its site asks for it; or save it as CSV",
        )
    if head and not head.strip(b"\0"):
        raise DataError(f"{name} holds only zero bytes.", hint="fetch it again")
    if head[_TAR_AT : _TAR_AT + len(_TAR_MARK)] == _TAR_MARK:
        raise DataError(f"{name} is a tar archive.", hint=_UNPACK)
    if packed and head.startswith(_PACKED):
        raise DataError(f"{name} holds a packed file.", hint=_TWICE)
    for mark, what, hint in _MARKS:
        if head.startswith(mark):
            raise DataError(f"{name} is {what}.", hint=hint)
