"""What versions are called: by their number, or `packaged` for the one that came with bertsent."""

from __future__ import annotations

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
