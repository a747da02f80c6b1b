"""The packages of the optional extras that read and write files, imported when a file needs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bertsent.base.errors import MissingExtraError
from bertsent.base.resources import save_addresses


def pyarrow_or_error() -> Any:
    """The package pyarrow, with `pyarrow.parquet`.

    Raises:
        MissingExtraError: if it is not installed.
    """
    save_addresses()
    with _extra("parquet", "Parquet files need the package pyarrow"):
        import pyarrow.parquet
    return pyarrow


def zstd_or_error() -> Any:
    """The module that reads and writes Zstandard: Python's own from 3.14 on, else that of backports.zstd.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with _extra("zstd", "Files .zst need the package backports.zstd"):
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    return zstd


def calamine_or_error() -> Any:
    """The package python_calamine, which reads workbooks.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with _extra("excel", "Workbooks need the package python-calamine"):
        import python_calamine
    return python_calamine


def xlsxwriter_or_error() -> Any:
    """The package xlsxwriter, which writes workbooks.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with _extra("excel", "Workbooks need the package xlsxwriter"):
        import xlsxwriter
    return xlsxwriter


@contextmanager
def _extra(name: str, fact: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"{fact} ({error}).", hint=f"pip install 'bertsent[{name}]'") from error
