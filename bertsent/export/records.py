"""The records of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertsent.base.settings.export import Format


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the scores of an export are from other scores of the same texts."""

    against: str  # the source of the other scores
    texts: int
    mean: float
    largest: float
    same_label: int  # texts whose two scores are on the same side of 0.5
    allowed: str  # the limits, in words


@dataclass(frozen=True, slots=True)
class Exported:
    """An export at `path`, and the distances of its scores from the scores it was compared with."""

    format: Format
    version: str
    path: Path
    bytes: int  # of all its files
    distances: tuple[Distance, ...]
    seconds: float
