"""What versions are called: by their number, or `packaged` for the one that came with bertsent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACKAGED = "packaged"  # no number: those are the workspace's own, and another bertsent brings another version


def spoken(version: object) -> str:
    """A version in a sentence: "version 3", "the packaged version".

    Args:
        version: Its number or name, as records and JSON have it.
    """
    return "the packaged version" if version == PACKAGED else f"version {version}"


def capital(version: object) -> str:
    """The same at the beginning of a sentence."""
    said = spoken(version)
    return said[0].upper() + said[1:]


def is_packaged(champion: Mapping[str, Any]) -> bool:
    """Whether the `champion` of a lineage is the packaged version; 0.4.0 gave it a number as well."""
    return champion.get("packaged") is True


def spoken_champion(champion: Mapping[str, Any]) -> str:
    """The `champion` of a lineage in a sentence."""
    return spoken(PACKAGED if is_packaged(champion) else champion["version"])
