"""SHA-256 digests of files, folders and texts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError

DIGEST = "digest"  # the key of a JSON object that holds its own digest


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        ArtefactError: if the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtefactError(f"Cannot read {visible(str(path))} ({error.strerror}).") from error


def sha256_folder(folder: Path) -> str:
    """The SHA-256 over the names and digests of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_lines(f"{path.relative_to(folder).as_posix()} {sha256_file(path)}" for path in files)


def sha256_text(text: str) -> str:
    """The SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_lines(lines: Iterable[str]) -> str:
    """The SHA-256 over lines, each ended by a newline."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def sha256_json(values: Mapping[str, Any]) -> str:
    """The SHA-256 of a JSON object without its own digest; the order of its keys does not matter."""
    content = {name: value for name, value in values.items() if name != DIGEST}
    return sha256_text(json.dumps(content, sort_keys=True))


class DigestAhead:
    """Hashes a file in a thread while imports run.

    The file is mapped and hashed in one call, which releases the GIL for the whole time. Reading it
    in pieces would wait for the GIL at every piece, and those waits take longer than the hash itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = ""
        # Not a daemon: one that outlives the interpreter aborts the process if no memory is left.
        self._thread = threading.Thread(target=self._run)
        with contextlib.suppress(RuntimeError):  # the limit on threads is reached
            self._thread.start()

    def _run(self) -> None:
        with (
            contextlib.suppress(OSError, ValueError),  # a missing or an empty file cannot be mapped
            open(self._path, "rb", opener=_without_waiting) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            self._digest = hashlib.sha256(mapped).hexdigest()

    def result(self) -> str:
        """The digest, as 64 hexadecimal digits. If the thread failed, this call hashes the file.

        Raises:
            ArtefactError: if the file is missing or cannot be read.
        """
        if self._thread.ident is not None:  # it was started
            self._thread.join()
        return self._digest or sha256_file(self._path)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a FIFO would wait for its writer
