"""Where reviews come from: the paths that a user named, and how to read them."""

from __future__ import annotations

import shlex
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.settings.reading import ReadSettings

PIPE = "-"  # the path that stands for stdin
STDIN = "stdin"  # what messages call it
# The options that commands have for how to read, in the order in which a command line names them
_OPTIONS = ("text", "label", "labels", "format", "delimiter", "encoding", "sheet", "on_bad_row")


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

    def words(self, *, without: Container[str] = ()) -> list[str]:
        """The options that ask for this way of reading, as a shell takes them; none for the default way.

        Args:
            without: Settings whose option the command line gives another value.
        """
        usual = ReadSettings()
        words = [] if self.settings.header or "header" in without else ["--no-header"]
        for name in _OPTIONS:
            value = getattr(self.settings, name)
            if value != getattr(usual, name) and name not in without:
                words += [f"--{name.replace('_', '-')}", shlex.quote(visible(value))]
        return words

    def __str__(self) -> str:
        return ", ".join(str(path) for path in self.paths)


def path_word(path: Path | str) -> str:
    """A path as a shell takes it, and a command does not take for an option."""
    name = visible(str(path))
    return shlex.quote(f"./{name}" if name.startswith("-") and name != PIPE else name)
