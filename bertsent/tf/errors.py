"""Turns the exceptions of failed writes by TensorFlow and safetensors into `StorageError`."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from bertsent.base import display, files
from bertsent.tf import tf

_FULL = ("No space left", "File too large", "quota exceeded")  # texts of strerror


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """`files.disk_errors` for a block in which TensorFlow or safetensors writes below `path`."""
    with files.disk_errors(path):
        try:
            yield
        except (tf.errors.OpError, SafetensorError) as error:
            full = any(words in str(error) for words in _FULL)
            raise OSError(
                errno.ENOSPC if full else errno.EIO, display.visible(str(error).splitlines()[0])[:200]
            ) from error
