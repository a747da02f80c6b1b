"""The ledger: lines that are added, killed half-way, and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.listener import Listener

from bertsent.base.errors import StorageError
from bertsent.retraining.ledger import NAME, Ledger


def test_append_makes_what_events_read(workspace: Path) -> None:
    events = [
        {"event": "rejected", "reason": "naïve\u2028\n", "n": 1.5},
        {"event": "published", "version": 2},
    ]
    for event in events:
        Ledger(workspace / "reports").append(event)
    assert Ledger(workspace / "reports").events() == events
    assert (workspace / "reports" / NAME).read_bytes().count(b"\n") == 2


def test_events_of_no_ledger_are_none_and_make_no_folder(workspace: Path) -> None:
    assert Ledger(workspace / "reports").events() == []
    assert not (workspace / "reports").exists()


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_append_goes_on_behind_a_line_that_was_cut(workspace: Path, kept: int) -> None:
    ledger, path, heard = Ledger(workspace), workspace / NAME, Listener()
    ledger.append({"event": 1})
    whole = path.read_bytes()
    ledger.append({"event": 2})
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:kept])
    left = [1, 2] if kept == -1 else [1]  # only the newline missing: the line is whole
    assert [event["event"] for event in ledger.events(heard)] == left
    ledger.append({"event": 3})
    assert [event["event"] for event in ledger.events(heard)] == [*left, 3]
    assert path.read_bytes().count(b"\n") == len(left) + 1
    assert not heard.heard("damaged")


@pytest.mark.parametrize("place", [3, 12, 40])
def test_events_pass_over_a_line_that_was_changed_and_say_so(workspace: Path, place: int) -> None:
    ledger, path, heard = Ledger(workspace), workspace / NAME, Listener()
    for number in range(3):
        ledger.append({"event": "rejected", "number": number})
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    assert [event["number"] for event in ledger.events(heard)] == [1, 2]
    assert heard.heard("1 damaged")


def test_append_does_not_follow_a_link(workspace: Path) -> None:
    (workspace / "victim").write_text("mine", encoding="utf-8")
    (workspace / NAME).symlink_to("victim")
    with pytest.raises(StorageError):
        Ledger(workspace).append({"event": 1})
    assert (workspace / "victim").read_text(encoding="utf-8") == "mine"
