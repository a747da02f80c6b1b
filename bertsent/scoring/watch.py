"""Scores the files that arrive in a folder, each once, and remembers it across restarts.

Each table gives an output of its own. Files `*.txt` hold one review each, as in every folder; those that
arrive between two looks share an output. Before an output is written and after it is complete, a line goes
into a journal beside the outputs, so that a run that was killed leaves nothing half done: its file is scored
again, and nothing else is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bertsent.base import journal
from bertsent.base.display import visible
from bertsent.base.errors import DataError, MissingExtraError, UsageError
from bertsent.base.files import is_folder, lock, now
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.settings.grouping import WatchSettings
from bertsent.base.settings.reading import OutputFormat, ReadSettings
from bertsent.data.files import read_review
from bertsent.data.folders import entries
from bertsent.data.writers.output import FORMATS, Output

JOURNAL, _LOCK = ".bertsent-watch.jsonl", ".bertsent-watch.lock"
_SETTINGS = WatchSettings()
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TEXTS = "texts"  # begins the names of outputs of *.txt

# Scores some files into an output; the flag says that each file is one review. It raises a `DataError`,
# `UsageError` or `MissingExtraError` if that cannot be done with these files.
Score = Callable[[Sequence[Path], Output, bool], BatchSummary]


class Seen(NamedTuple):
    """A file as a look finds it; any change of its content changes this."""

    name: str
    size: int  # bytes
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of some files: a summary, or the error that says why there is none."""

    names: tuple[str, ...]
    summary: BatchSummary | None = None
    error: DataError | UsageError | MissingExtraError | None = None


def parse_interval(text: str, settings: WatchSettings = _SETTINGS) -> float:
    """The seconds of a time such as 30s, 1m or 1h.

    Raises:
        UsageError: if it is no such time, or shorter or longer than the settings allow.
    """
    number, unit = text[:-1], text[-1:].lower()
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        seconds = float("nan")
    if not settings.shortest <= seconds <= settings.longest:
        raise UsageError(
            "--watch takes a time from 1s to 24h.",
            received=visible(text)[:60],
            hint="--watch 1m, for example",
        )
    return seconds


def watch(
    inbox: Path,
    folder: Path,
    *,
    score: Score,
    reading: ReadSettings,
    interval: float,
    format: OutputFormat | None = None,
    force: bool = False,
    each: Callable[[Scored], None],
    tell: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
    settings: WatchSettings = _SETTINGS,
) -> None:
    """Scores what is in a folder and what arrives there, until a signal ends the process.

    A file is complete if it has the same size and time of change as at the look before, or was last changed
    longer ago than `interval`. Hidden files, and those whose names say that they are unfinished, wait. A file
    that cannot be scored is handed to `each` once, and again when it has changed; it does not end the watch.
    A file that changes after it was scored is scored again, and its output replaced.

    Args:
        inbox: The folder to watch; not what is in its subfolders.
        folder: Where the outputs and the journal go.
        score: Scores some files into an output.
        reading: How the files are read; with a format, files *.txt are tables of it.
        interval: Seconds from one look to the next.
        format: Of the outputs. None: that of each input where it can be written, else CSV.
        force: Replace outputs that an earlier watch has not made.
        each: Receives what came of each table, and of the texts of each look.
        tell: Receives lines about what is passed over, each once.
        wait: Sleeps for some seconds; tests end the watch here.
        settings: Which names are unfinished.

    Raises:
        DataError, UsageError: as `check_folders`.
        BusyError: if another process watches into `folder`.
        StorageError: if an output or the journal cannot be written.
    """
    check_folders(inbox, folder)
    with lock(folder / _LOCK, f"watching {visible(str(inbox))}"):
        done = _Done(folder / JOURNAL, tell)
        box = _Inbox(inbox, interval, tell, settings, besides=folder)
        failed: set[Seen] = set()
        while True:
            ready = [seen for seen in box.look() if not done.has(seen) and seen not in failed]
            for group, as_texts in _groups(ready, lines=reading.format != "auto"):
                if as_texts:
                    group = _readable(inbox, group, reading, failed, each)
                if not group:
                    continue
                names = tuple(seen.name for seen in group)
                target = _target(names[0], format, as_texts=as_texts)
                try:
                    output = done.claim(group, folder / target, format, force=force, new=as_texts)
                    summary = score([inbox / name for name in names], output, as_texts)
                except (DataError, UsageError, MissingExtraError) as error:
                    failed.update(group)
                    each(Scored(names, error=error))
                else:
                    done.finish(group, output.path.name, summary)
                    each(Scored(names, summary))
            wait(interval)


def check_folders(inbox: Path, folder: Path) -> None:
    """Checks that a folder can be watched and its outputs go to another one.

    Raises:
        DataError: if there is no folder `inbox`.
        UsageError: if `folder` is `inbox`, or a file.
    """
    if not is_folder(inbox):
        raise DataError(f"There is no folder {visible(str(inbox))} to watch.")
    if os.path.lexists(folder) and not is_folder(folder):
        raise UsageError(
            "--watch writes into a folder.", received=visible(str(folder)), hint="--output scored/"
        )
    if is_folder(folder) and folder.samefile(inbox):
        raise UsageError(
            "The outputs would be scored in their turn.",
            received=visible(str(folder)),
            hint=f"--output {visible(str(folder / 'scored'))}",
        )


def _groups(ready: Sequence[Seen], *, lines: bool) -> Iterator[tuple[list[Seen], bool]]:
    """What is scored together: each table alone, and all texts."""
    texts: list[Seen] = []
    for seen in ready:
        if seen.name.lower().endswith(".txt") and not lines:
            texts.append(seen)
        else:
            yield [seen], False
    if texts:
        yield texts, True


def _readable(
    inbox: Path,
    texts: Sequence[Seen],
    reading: ReadSettings,
    failed: set[Seen],
    each: Callable[[Scored], None],
) -> list[Seen]:
    """The texts that can be read; each other one is handed to `each` and does not hold up the rest."""
    good = []
    for seen in texts:
        try:
            text = read_review(str(inbox / seen.name), reading)
        except DataError as error:
            text = error
        if isinstance(text, DataError):
            failed.add(seen)
            each(Scored((seen.name,), error=text))
        else:
            good.append(seen)
    return good


def _target(name: str, format: OutputFormat | None, *, as_texts: bool) -> str:
    """The name of the output for an input: the same where the format stays, else with a suffix added."""
    if as_texts:
        name = f"{_TEXTS}-{now().replace('-', '').replace(':', '')}"
    if format is None and not as_texts:
        try:
            Output.to(Path(name))
        except UsageError:
            return f"{name}.csv"
        return name
    suffix = next(suffix for suffix, one in FORMATS.items() if one == (format or "csv"))
    return name if name.lower().endswith(suffix) else name + suffix


class _Inbox:
    """Looks into a folder for complete files."""

    def __init__(
        self,
        folder: Path,
        interval: float,
        tell: Callable[[str], None],
        settings: WatchSettings,
        besides: Path,
    ) -> None:
        self._folder, self._interval, self._tell, self._settings = folder, interval, tell, settings
        self._besides = besides
        self._before: set[Seen] = set()
        self._told: set[str] = set()

    def look(self) -> list[Seen]:
        """The complete files, by name.

        Raises:
            DataError: if the folder can no longer be read.
        """
        present, complete = set(), []
        latest = time.time_ns() - int(self._interval * 1e9)
        for seen in self._files():
            present.add(seen)
            if seen in self._before or seen.mtime_ns <= latest:
                complete.append(seen)
        self._before = present
        return sorted(complete)

    def _files(self) -> Iterator[Seen]:
        for entry in list(entries(self._folder)):
            if entry.name.startswith(".") or entry.name.lower().endswith(self._settings.unfinished):
                continue
            if not entry.is_file(follow_symlinks=False):
                self._pass_over(entry)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # it was moved away after it was listed
                continue
            yield Seen(entry.name, status.st_size, status.st_mtime_ns)

    def _pass_over(self, entry: os.DirEntry[str]) -> None:
        if entry.name in self._told or (is_folder(self._besides) and self._besides.samefile(entry.path)):
            return
        self._told.add(entry.name)
        kind = "link" if entry.is_symlink() else "folder" if entry.is_dir() else "special file"
        self._tell(f"Not read: the {kind} {visible(entry.name)}.")


class _Done:
    """The journal: which files were scored, and which outputs are ours."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path = path
        self._scored: set[Seen] = set()
        self._owners: dict[str, tuple[str, ...]] = {}  # output -> names of its inputs
        lines, damaged = journal.read(path)
        if damaged:
            tell(f"{damaged} damaged lines in {visible(str(path))}: their files are scored again.")
        for line in lines:
            files = [Seen(*file) for file in line["files"]]
            self._owners[line["output"]] = tuple(seen.name for seen in files)
            if line["event"] == "scored":
                self._scored.update(files)

    def has(self, seen: Seen) -> bool:
        return seen in self._scored

    def claim(
        self, files: Sequence[Seen], path: Path, format: OutputFormat | None, *, force: bool, new: bool
    ) -> Output:
        """The output for some files, at `path` or, with `new`, at the first free name like it.

        Raises:
            UsageError: if a file lies there that is not the output of an earlier version of these files.
        """
        names = tuple(seen.name for seen in files)
        number, stem = 1, path.stem
        while new and os.path.lexists(path):
            number += 1
            path = path.with_name(f"{stem}-{number}{path.suffix}")
        owner = self._owners.get(path.name)
        if owner is not None and owner != names and not new:
            raise UsageError(f"{visible(str(path))} is the output of {visible(owner[0])}.")
        if owner is None and os.path.lexists(path) and not force:
            raise UsageError(f"{visible(str(path))} exists.", hint="--force replaces it")
        output = Output.to(path, format=format)
        self._append("started", files, path.name)
        return output

    def finish(self, files: Sequence[Seen], output: str, summary: BatchSummary) -> None:
        self._append("scored", files, output, reviews=summary.reviews, version=summary.version)
        self._scored.update(files)

    def _append(self, event: str, files: Sequence[Seen], output: str, **more: object) -> None:
        line = {"event": event, "time": now(), "output": output, "files": files, **more}
        journal.append(self._path, line)
        self._owners[output] = tuple(seen.name for seen in files)
