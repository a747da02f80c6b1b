"""The commands that a message tells a person to run next.

They repeat the options that the person gave: a command that looks into other folders would answer another
question.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.retraining import GateSettings
from bertsent.data.source import Source, path_word

_MARGIN = GateSettings().margin
_READ = ReadSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOptions:
    """Options of the loop's commands that a later command must repeat; the defaults repeat nothing."""

    label_folder: Path | None = None  # --labels
    data: tuple[Path, ...] = ()  # --data
    reading: ReadSettings = _READ  # how to read that
    margin: float = _MARGIN  # --margin
    ask: bool = False  # --ask

    def command(self, words: str) -> str:
        """A command line of `drift`, `label`, `retrain` or `models`, with the given options that it takes."""
        name = words.split()[1]
        options = []
        if self.label_folder is not None and name in {"drift", "label", "retrain"}:
            options += ["--labels", path_word(self.label_folder)]
        if name in {"drift", "retrain"} and "--accept" not in words:
            options += [word for path in self.data for word in ("--data", path_word(path))]
            options += Source((), self.reading).words()
            options += [f"--margin {self.margin:g}"] if self.margin != _MARGIN else []
            options += ["--ask"] if self.ask else []
        return " ".join([words, *options])


NOTHING_GIVEN = GivenOptions()
