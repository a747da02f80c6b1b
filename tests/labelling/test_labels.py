"""The label log: what is kept, what stands, what a kill leaves, and the folders that follow from it."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bertsent.base.digests import sha256_text
from bertsent.base.errors import BusyError, DataError, StorageError
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.labelling.decisions import Decision, agreement, decide, undo
from bertsent.labelling.log import LabelLog

TESTS = Path(__file__).parents[1]
KEYS = ["id", "digest", "text", "label", "undoes", "score", "version", "picked_by", "again", "path", "time",
        "annotator"]  # fmt: skip


@pytest.fixture
def folder(workspace: Path) -> Path:
    return Workspace(workspace).labels


@pytest.fixture
def log(folder: Path) -> LabelLog:
    return LabelLog(folder)


def tree(folder: Path) -> dict[str, str]:
    files = [*folder.glob("pos/*"), *folder.glob("neg/*")]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def stands(folder: Path) -> dict[str, int]:
    return {row.text: row.label for row in LabelLog(folder).labelled()}


# what a line holds


def test_extend_writes_all_lines_at_once(
    log: LabelLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(decide("a good film", "positive"))
    synced = []
    monkeypatch.setattr("bertsent.base.journal.os.fsync", synced.append)
    log.extend([decide(f"film {n}", "negative" if n % 2 else "positive", annotator="ann") for n in range(5)])
    log.extend([])
    assert len(synced) == 1
    assert [row.text for row in LabelLog(folder).labelled()] == [
        "a good film",
        *(f"film {n}" for n in range(5)),
    ]
    assert {row.annotator for row in log.labelled()} == {"", "ann"}
    assert len([*(folder / "pos").iterdir()]) == 4
    assert len([*(folder / "neg").iterdir()]) == 2


def test_extend_goes_on_after_a_line_that_was_cut_short(log: LabelLog, folder: Path) -> None:
    log.append(decide("a good film", "positive"))
    with (folder / "log.jsonl").open("ab") as file:
        file.write(b'{"id": "cut')
    log.extend([decide("one", "negative"), decide("two", "negative")])
    assert [row.text for row in LabelLog(folder).labelled()] == ["a good film", "one", "two"]


def test_append_writes_one_line_with_the_documented_keys(log: LabelLog, folder: Path) -> None:
    log.append(
        decide("a  good<br />film", "positive", picked_by="random", score=0.25, version="1", path="p.csv:2")
    )
    (line,) = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(line)
    assert list(row) == KEYS
    assert row | {"id": 0, "time": 0} == {
        **{"id": 0, "time": 0, "text": "a good film", "digest": sha256_text("a good film")},
        **{"label": "positive", "undoes": None, "score": 0.25, "version": "1", "picked_by": "random"},
        **{"again": False, "path": "p.csv:2", "annotator": ""},
    }
    assert len(row["id"]) == 32
    assert row["time"].endswith("Z")


def test_decisions_gives_back_what_was_appended(log: LabelLog, folder: Path) -> None:
    made = [decide("one", "positive", score=0.5, version="2"), decide("zwei Ä 映画", "skip")]
    made.append(undo(made[0]))
    for decision in made:
        log.append(decision)
    assert LabelLog(folder).decisions() == made == log.decisions()


def test_reading_creates_nothing(log: LabelLog, folder: Path) -> None:
    assert log.decisions() == log.labelled() == log.valid_decisions() == []
    log.rebuild()
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "  \n", "<br /><br />", "<p></p>", "\ufeff"])
def test_decide_refuses_a_text_with_nothing_to_read(text: str) -> None:
    with pytest.raises(DataError):
        decide(text, "positive")


def test_append_takes_a_path_that_is_not_utf8(log: LabelLog, folder: Path) -> None:
    log.append(decide("good", "positive", path=os.fsdecode(b"caf\xe9.txt")))
    assert LabelLog(folder).decisions()[0].path == r"caf\udce9.txt"


# what stands


def test_labelled_gives_the_newest_label_of_a_text(log: LabelLog, folder: Path) -> None:
    for text, label in [("one", "positive"), ("two", "negative"), ("one ", "negative")]:
        log.append(decide(text, label))  # type: ignore[arg-type]
    assert [(row.text, row.label) for row in log.labelled()] == [("two", 0), ("one", 0)]
    assert stands(folder) == {"two": 0, "one": 0}


def test_labelled_knows_how_a_row_was_picked_and_scored(log: LabelLog) -> None:
    log.append(decide("one", "positive", picked_by="uncertain", score=0.51, version="3"))
    (row,) = log.labelled()
    (decision,) = log.decisions()
    assert (row.picked_by, row.score, row.version) == ("uncertain", 0.51, "3")
    assert (row.id, row.digest, row.time) == (decision.id, decision.digest, decision.time)


def test_labelled_leaves_out_skips_and_second_answers(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    log.append(decide("one", "negative", again=True))
    log.append(decide("two", "skip"))
    assert stands(folder) == {"one": 1}
    assert len(log.valid_decisions()) == 3
    assert set(tree(folder)) == {f"pos/{sha256_text('one')[:16]}.txt"}


def test_undo_brings_back_the_label_before(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    log.append(decide("one", "negative"))
    log.append(undo(log.valid_decisions()[-1]))
    assert stands(folder) == {"one": 1}
    assert tree(folder) == {f"pos/{sha256_text('one')[:16]}.txt": "one\n"}


def test_undo_goes_back_to_the_first_decision_in_another_process_too(log: LabelLog, folder: Path) -> None:
    for number in range(30):
        log.append(decide(f"text {number}", "skip" if number % 3 else "negative"))
    left = []
    while decisions := LabelLog(folder).valid_decisions():
        left.append(decisions[-1].text)
        LabelLog(folder).append(undo(decisions[-1]))
    assert left == [f"text {number}" for number in reversed(range(30))]
    assert stands(folder) == {}
    assert tree(folder) == {}


# the folders


def test_folders_are_a_data_set(log: LabelLog, folder: Path) -> None:
    for number in range(5):
        log.append(decide(f"good {number}", "positive"))
        log.append(decide(f"bad {number}", "negative"))
    rows = {clean(row.text): row.label for row in read_reviews(folder)}
    assert rows == stands(folder)
    assert len(rows) == 10


def test_rebuild_gives_the_same_files_again(log: LabelLog, folder: Path) -> None:
    for text, label in [("one", "positive"), ("two", "negative"), ("three", "positive")]:
        log.append(decide(text, label))  # type: ignore[arg-type]
    before = tree(folder)
    shutil.rmtree(folder / "pos")
    next((folder / "neg").iterdir()).write_text("changed", encoding="utf-8")
    for _ in range(2):
        LabelLog(folder).rebuild()
        assert tree(folder) == before


def test_rebuild_removes_its_own_files_only(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    (folder / "pos" / "mine.txt").write_text("a file of the user's", encoding="utf-8")
    (folder / "pos" / f"{'0' * 16}.txt").write_text("of no decision", encoding="utf-8")
    log.rebuild()
    assert set(tree(folder)) == {"pos/mine.txt", f"pos/{sha256_text('one')[:16]}.txt"}


def test_append_heals_the_folders_on_its_way(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    shutil.rmtree(folder / "pos")
    LabelLog(folder).append(decide("two", "positive"))
    assert sorted(tree(folder).values()) == ["one\n", "two\n"]


# kills, damage and company


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_append_repairs_a_last_line_that_was_cut(log: LabelLog, folder: Path, cut: int) -> None:
    log.append(decide("one", "positive"))
    log.append(decide("two", "positive"))
    path = folder / "log.jsonl"
    path.write_bytes(path.read_bytes()[: -1 - cut])
    assert stands(folder) == {"one": 1}
    LabelLog(folder).append(decide("three", "negative"))
    assert stands(folder) == {"one": 1, "three": 0}
    assert path.read_bytes().count(b"\n") == 2


def test_append_keeps_a_whole_last_line_that_lost_its_newline(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    path = folder / "log.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert stands(folder) == {"one": 1}
    LabelLog(folder).append(decide("two", "negative"))
    assert stands(folder) == {"one": 1, "two": 0}
    assert path.read_bytes().count(b"\n") == 2


DAMAGE: dict[str, dict[str, Any]] = {
    "label": {"label": "good"},
    "digest": {"text": "another text"},
    "score": {"score": float("nan")},
    "score of the wrong kind": {"score": "0.5"},
    "id": {"id": "../../etc/passwd"},
    "picked_by": {"picked_by": "hand"},
    "undoes": {"undoes": []},
    "again": {"again": 1},
    "path": {"path": None},
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_decisions_names_a_damaged_line_and_append_leaves_it(
    log: LabelLog, folder: Path, change: dict[str, Any]
) -> None:
    rows = [asdict(decide(text, "positive")) for text in ("one", "two", "three")]
    rows[1] |= change
    folder.mkdir()
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"log\.jsonl:2 is damaged"):
        log.decisions()
    with pytest.raises(DataError, match=r"log\.jsonl:2 is damaged"):
        LabelLog(folder).append(decide("four", "negative"))
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b"garbage", b"{}", b"[]", b"\xff\xfe", b"\0\0\0", b"[" * 100_000])
def test_decisions_refuses_a_line_that_is_no_decision(log: LabelLog, folder: Path, line: bytes) -> None:
    log.append(decide("one", "positive"))
    path = folder / "log.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.raises(DataError, match=r"log\.jsonl:1 is damaged"):
        LabelLog(folder).decisions()


def test_decisions_passes_over_keys_of_a_newer_bertsent(log: LabelLog, folder: Path) -> None:
    folder.mkdir()
    row = asdict(decide("one", "positive")) | {"mood": "good"}
    (folder / "log.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert stands(folder) == {"one": 1}


def test_two_logs_see_what_the_other_appended(log: LabelLog, folder: Path) -> None:
    other = LabelLog(folder)
    log.append(decide("one", "positive"))
    other.append(decide("two", "negative"))
    log.append(decide("one", "negative"))
    assert [(row.text, row.label) for row in other.labelled()] == [("two", 0), ("one", 0)]
    assert log.decisions() == other.decisions()


def test_decisions_reads_a_log_anew_that_was_replaced(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    log.append(decide("two", "positive"))
    path = folder / "log.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    assert [row.text for row in log.labelled()] == ["two"]
    log.append(decide("three", "negative"))
    assert sorted(tree(folder).values()) == ["three\n", "two\n"]


def test_append_gives_up_on_a_log_that_another_process_holds(log: LabelLog, folder: Path) -> None:
    import fcntl

    log.append(decide("one", "positive"))
    with (folder / "log.jsonl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            LabelLog(folder, LabelSettings(patience=0.05)).append(decide("two", "positive"))
    assert stands(folder) == {"one": 1}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null"), os.mkdir])
def test_append_refuses_a_log_that_is_no_regular_file(log: LabelLog, folder: Path, make: Any) -> None:
    folder.mkdir()
    make(folder / "log.jsonl")
    with pytest.raises(StorageError):
        log.append(decide("one", "positive"))


def test_append_that_the_disk_refuses_leaves_the_log_as_it_was(log: LabelLog, folder: Path) -> None:
    log.append(decide("one", "positive"))
    before = (folder / "log.jsonl").read_bytes()
    code = (
        "import resource, signal; from pathlib import Path\n"
        "from bertsent.labelling.decisions import decide; from bertsent.labelling.log import LabelLog\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 40},) * 2)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"LabelLog(Path({str(folder)!r})).append(decide('two', 'positive'))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StorageError: No space left" in ended.stderr
    assert (folder / "log.jsonl").read_bytes() == before


@pytest.mark.slow
def test_append_killed_anywhere_loses_the_decision_in_hand_at_most(tmp_path: Path) -> None:
    command = [sys.executable, str(TESTS / "support" / "label_faults.py"), str(tmp_path / "faults")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    steps = ["positive", "negative", "undo", "positive"]
    assert lines[-1]["status"] == 0
    assert {line["status"] for line in lines[:-1]} == {-9}
    assert {len(line["found"]) for line in lines} == {2, 3, 4}
    for line in lines:
        assert line["found"] == steps[: len(line["found"])]
        assert line["after"] == [*line["found"], "negative"]
        assert line["healed"]


WRITER = """
import sys
from pathlib import Path
from bertsent.labelling.decisions import decide; from bertsent.labelling.log import LabelLog
log = LabelLog(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    decision = decide(f"{sys.argv[2]} {number}", "positive")
    log.append(decision)
    print(decision.id, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_append_of_several_processes_at_once_loses_nothing(folder: Path) -> None:
    writers = [writer(folder, name, 20) for name in "abc"]
    said = {line for each in writers for line in each.communicate(timeout=120)[0].split()}
    assert {decision.id for decision in LabelLog(folder).decisions()} == said
    assert len(said) == len(tree(folder)) == 60


def test_append_that_returned_is_there_after_a_kill(folder: Path) -> None:
    with writer(folder, "a", 100_000) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)
        process.kill()
        said = process.stdout.read().split()
    found: list[Decision] = LabelLog(folder).decisions()
    assert [each.id for each in found][1 : len(said) + 1] == said
    assert len(found) - 1 - len(said) in {0, 1}


# agreement with oneself


def answers(*pairs: tuple[str, str]) -> list[Decision]:
    made = [decide(f"text {n}", first) for n, (first, _) in enumerate(pairs)]  # type: ignore[arg-type]
    made += [
        decide(f"text {n}", second, again=True)  # type: ignore[arg-type]
        for n, (_, second) in enumerate(pairs)
    ]
    return made


def test_agreement_is_cohens_kappa() -> None:
    yes, no = "positive", "negative"
    # Cohen 1960: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5, kappa 0.4
    same = agreement(answers(*[(yes, yes)] * 20, *[(yes, no)] * 5, *[(no, yes)] * 10, *[(no, no)] * 15))
    assert (same.n, same.same) == (50, 35)
    assert same.kappa == pytest.approx(0.4)


def test_agreement_without_two_labels_cannot_be_told() -> None:
    assert agreement([]).n == 0
    assert math.isnan(agreement([]).kappa)
    one_sided = agreement(answers(*[("positive", "positive")] * 5))
    assert (one_sided.n, one_sided.same) == (5, 5)
    assert math.isnan(one_sided.kappa)


def test_agreement_leaves_out_skips_and_what_was_undone() -> None:
    made = answers(("positive", "positive"), ("negative", "skip"), ("negative", "positive"))
    assert agreement(made).n == 2
    assert agreement([*made, undo(made[-1])]).n == 1
    assert agreement([*made, undo(made[0])]).n == 1
