"""A watched folder: what is complete, what is scored once, and what a restart remembers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from bertsent.base.errors import BusyError, DataError, StorageError, UsageError
from bertsent.base.records.metrics import BatchSummary, Confusion
from bertsent.base.settings.reading import OutputFormat, ReadSettings
from bertsent.data.writers.output import Output
from bertsent.scoring.watch import JOURNAL, Scored, parse_interval, watch

MINUTE = 60.0


class Ended(Exception):
    """Takes the place of the signal that ends a watch."""


class World:
    """An inbox, what is done in it between two looks, and what was scored."""

    def __init__(self, folder: Path) -> None:
        self.inbox, self.out = folder / "inbox", folder / "scored"
        self.inbox.mkdir()
        self.calls: list[tuple[list[str], str, bool]] = []
        self.came: list[Scored] = []
        self.told: list[str] = []

    def write(self, name: str, content: str = "text\ngood\n", *, old: bool = True) -> Path:
        path = self.inbox / name
        path.write_text(content, encoding="utf-8")
        if old:
            before = time.time() - 2 * MINUTE
            os.utime(path, (before, before))
        return path

    def score(self, files: Sequence[Path], output: Output, each_a_review: bool) -> BatchSummary:
        self.calls.append(([file.name for file in files], output.path.name, each_a_review))
        if any("bad" in file.read_text(encoding="utf-8") for file in files):
            raise DataError("row 3 is bad")
        output.path.write_text("scored", encoding="utf-8")
        return BatchSummary("1", len(files), 0, Confusion(), 1, 0, 0, 1.0, str(output.path))

    def look(
        self,
        *between: Callable[[], object],
        score: Callable[[Sequence[Path], Output, bool], BatchSummary] | None = None,
        reading: ReadSettings | None = None,
        format: OutputFormat | None = None,
        force: bool = False,
    ) -> list[tuple[list[str], str, bool]]:
        """Watches for one look and one more after each of some actions; returns what was scored."""
        actions = iter(between)
        self.calls.clear()

        def wait(seconds: float) -> None:
            assert seconds == MINUTE
            action = next(actions, None)
            if action is None:
                raise Ended
            action()

        with pytest.raises(Ended):
            watch(
                self.inbox,
                self.out,
                score=score or self.score,
                reading=reading or ReadSettings(),
                interval=MINUTE,
                format=format,
                force=force,
                each=self.came.append,
                tell=self.told.append,
                wait=wait,
            )
        return list(self.calls)


@pytest.fixture
def world(workspace: Path) -> World:
    return World(workspace)


def names(calls: Iterable[tuple[list[str], str, bool]]) -> list[list[str]]:
    return [call[0] for call in calls]


# what is complete


def test_old_files_are_scored_at_the_first_look_and_new_ones_when_they_rest(world: World) -> None:
    world.write("a.csv")
    world.write("b.csv", old=False)
    assert names(world.look()) == [["a.csv"]]
    assert names(world.look(lambda: None)) == [["b.csv"]]


def test_a_file_that_grows_waits(world: World) -> None:
    def grow() -> None:
        world.write("a.csv", (world.inbox / "a.csv").read_text(encoding="utf-8") + "more\n", old=False)

    world.write("a.csv", old=False)
    assert names(world.look(grow, grow)) == []
    assert names(world.look(lambda: None)) == [["a.csv"]]


@pytest.mark.parametrize(
    "name", [".a.csv", "a.csv.part", "A.CSV.PART", "a.crdownload", "a.csv.tmp", "a.csv~"]
)
def test_hidden_and_unfinished_names_wait_until_they_are_renamed(world: World, name: str) -> None:
    path = world.write(name)
    assert names(world.look(lambda: path.rename(world.inbox / "a.csv"))) == [["a.csv"]]
    assert world.told == []


def test_folders_and_links_are_passed_over_and_said_once(world: World) -> None:
    (world.inbox / "sub").mkdir()
    (world.inbox / "link.csv").symlink_to(world.write("a.csv"))
    os.mkfifo(world.inbox / "fifo")
    world.out = world.inbox / "scored"
    assert names(world.look(lambda: None)) == [["a.csv"]]
    assert sorted(world.told) == [
        "Not read: the folder sub.",
        "Not read: the link link.csv.",
        "Not read: the special file fifo.",
    ]


# once


def test_each_file_is_scored_once_also_after_a_restart(world: World) -> None:
    world.write("a.csv")
    assert names(world.look(lambda: world.write("b.csv"), lambda: None)) == [["a.csv"], ["b.csv"]]
    assert world.look(lambda: None) == []


def test_a_changed_file_is_scored_again_into_its_output(world: World) -> None:
    world.write("a.csv")
    first = world.look()
    again = world.look(lambda: world.write("a.csv", "text\nother\n"))
    assert first == again == [(["a.csv"], "a.csv", False)]


def test_a_killed_run_is_done_again_and_its_output_replaced(world: World) -> None:
    world.write("a.csv")
    world.write("b.csv")

    def killed(files: Sequence[Path], output: Output, each_a_review: bool) -> BatchSummary:
        output.path.write_text("half", encoding="utf-8")
        raise Ended

    assert world.look(score=killed) == []
    assert names(world.look()) == [["a.csv"], ["b.csv"]]
    assert (world.out / "a.csv").read_text(encoding="utf-8") == "scored"


def test_a_full_disk_ends_the_watch_and_the_file_is_scored_by_the_next(world: World) -> None:
    world.write("a.csv")

    def full(files: Sequence[Path], output: Output, each_a_review: bool) -> BatchSummary:
        raise StorageError("No space left")

    with pytest.raises(StorageError):
        watch(
            world.inbox,
            world.out,
            score=full,
            reading=ReadSettings(),
            interval=MINUTE,
            each=world.came.append,
            tell=world.told.append,
        )
    assert names(world.look()) == [["a.csv"]]


def test_a_damaged_line_of_the_journal_is_said_and_its_file_scored_again(world: World) -> None:
    world.write("a.csv")
    world.look()
    journal = world.out / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line.replace(b'"scored"', b'"skored"') for line in lines))
    assert names(world.look()) == [["a.csv"]]
    assert "1 damaged lines" in world.told[0]


def test_two_watches_of_one_folder_do_not_mix(world: World) -> None:
    def second() -> None:
        other = World.__new__(World)
        other.__dict__.update(world.__dict__)
        with pytest.raises(BusyError, match="Another run"):
            watch(
                world.inbox,
                world.out,
                score=world.score,
                reading=ReadSettings(),
                interval=MINUTE,
                each=world.came.append,
                tell=world.told.append,
            )

    world.look(second)


# what fails


def test_a_bad_file_is_reported_once_and_again_when_it_has_changed(world: World) -> None:
    world.write("a.csv", "bad")
    world.write("b.csv")
    calls = world.look(lambda: None, lambda: world.write("a.csv", "good now"))
    assert names(calls) == [["a.csv"], ["b.csv"], ["a.csv"]]
    assert [(scored.names, str(scored.error or "")) for scored in world.came] == [
        (("a.csv",), "row 3 is bad"),
        (("b.csv",), ""),
        (("a.csv",), ""),
    ]


def test_a_bad_file_is_tried_again_after_a_restart(world: World) -> None:
    world.write("a.csv", "bad")
    assert len(world.look()) == len(world.look()) == 1
    assert not (world.out / "a.csv").exists()


def test_an_output_of_others_is_not_replaced_unless_forced(world: World) -> None:
    world.out.mkdir()
    (world.out / "a.csv").write_text("mine", encoding="utf-8")
    world.write("a.csv")
    assert world.look() == []
    assert "exists" in str(world.came[0].error)
    assert (world.out / "a.csv").read_text(encoding="utf-8") == "mine"
    assert names(world.look(force=True)) == [["a.csv"]]


def test_two_inputs_never_share_an_output(world: World) -> None:
    world.write("a.zip")
    world.write("a.zip.csv")
    assert world.look() == [(["a.zip"], "a.zip.csv", False)]
    assert "is the output of a.zip" in str(world.came[1].error)


@pytest.mark.parametrize("folder", ["inbox", "file"])
def test_a_folder_that_cannot_take_outputs_is_refused(world: World, folder: str) -> None:
    (world.inbox.parent / "file").write_text("x", encoding="utf-8")
    world.out = world.inbox.parent / folder
    with pytest.raises(UsageError, match=r"outputs would be scored|writes into a folder"):
        world.look()


def test_a_folder_that_goes_away_ends_the_watch(world: World) -> None:
    with pytest.raises(DataError, match="Cannot read the folder"):
        world.look(world.inbox.rmdir)


# names and formats of outputs


@pytest.mark.parametrize(
    ("name", "format", "output"),
    [
        ("a.csv", None, "a.csv"),
        ("a.csv.gz", None, "a.csv.gz"),
        ("a.jsonl", None, "a.jsonl"),
        ("a.xlsx", None, "a.xlsx"),
        ("a.parquet", None, "a.parquet"),
        ("a.zip", None, "a.zip.csv"),
        ("a", None, "a.csv"),
        ("a.jsonl", "csv", "a.jsonl.csv"),
        ("a.csv", "csv", "a.csv"),
        ("a.csv", "sqlite", "a.csv.db"),
    ],
)
def test_outputs_are_named_for_their_inputs(
    world: World, name: str, format: OutputFormat | None, output: str
) -> None:
    world.write(name)
    assert world.look(format=format) == [([name], output, False)]


def test_texts_of_a_look_share_an_output_with_a_new_name(world: World) -> None:
    world.write("b.txt")
    world.write("A.TXT")
    world.write("c.csv")
    table, texts = world.look()
    assert table[0] == ["c.csv"]
    assert texts[0] == ["A.TXT", "b.txt"]
    assert texts[1].startswith("texts-2")
    assert texts[1].endswith("Z.csv")
    assert texts[2]
    ((more, output, _),) = world.look(lambda: world.write("d.txt"))
    assert more == ["d.txt"]
    assert output != texts[1]
    assert world.look(format="jsonl") == []


def test_a_text_that_cannot_be_read_does_not_hold_up_the_others(world: World) -> None:
    world.write("a.txt")
    (world.inbox / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    world.write("z.txt")
    calls = world.look(lambda: None, lambda: None)
    assert sorted(name for group in names(calls) for name in group) == ["a.txt", "z.txt"]
    assert [scored.names for scored in world.came if scored.error] == [("latin.txt",)]


def test_texts_are_tables_if_a_format_is_given(world: World) -> None:
    world.write("a.txt")
    assert world.look(reading=ReadSettings(format="lines")) == [(["a.txt"], "a.txt.csv", False)]


# times


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1m", 60), ("2H", 7200), ("1.5m", 90)])
def test_interval_is_read(text: str, seconds: float) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "60", "0s", "-1m", "2d", "nanm", "infs", "25h", "1e9s", "one m"])
def test_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="1s to 24h"):
        parse_interval(text)
