"""Where reviews come from: the paths that a user named, and how to read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bertsent.base.settings.reading import ReadSettings

PIPE = "-"  # the path that stands for stdin
STDIN = "stdin"  # what messages call it


@dataclass(frozen=True, slots=True)
class Source:
    """Reviews at one or more paths, to be read in one way."""

    paths: tuple[Path, ...]
    settings: ReadSettings = field(default_factory=ReadSettings)
    piped: Path | None = None  # the file that holds what stdin gave, for the path `-`
    labelled: bool = False  # lines without a header are label, tab, text, unless they look otherwise
    each_a_review: bool = False  # each path is a file that holds one review, such as a *.txt of a folder

    @classmethod
    def of(cls, given: Path | Source) -> Source:
        """The source itself, or one path read with the default settings."""
        return given if isinstance(given, Source) else cls((given,))

    def __str__(self) -> str:
        return ", ".join(str(path) for path in self.paths)
