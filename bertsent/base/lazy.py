"""Packages whose names are made when they are asked for (PEP 562): a start that needs few makes few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def on_demand(package: str, names: Sequence[str], *rooms: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package of bertsent.

    Args:
        package: Its name below bertsent.
        names: What it gives; any other name is an AttributeError, as of any module.
        rooms: Its modules, in the order in which they are searched.
    """

    def find(name: str) -> Any:
        if name in names:
            for room in rooms:
                found = vars(import_module(f"bertsent.{package}.{room}"))
                if name in found:
                    return found[name]
        raise AttributeError(f"module 'bertsent.{package}' has no attribute {name!r}")

    return find
