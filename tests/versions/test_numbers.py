"""Numbers are never given twice: not after a prune, nor after somebody removed versions by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import fake_versions

from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.retraining.ledger import Ledger
from bertsent.versions.numbers import recorded


@pytest.fixture
def folder(workspace: Path) -> Path:
    return workspace / "model"


def test_first_number_is_1(folder: Path) -> None:
    assert recorded(folder) == 0
    assert fake_versions.publish(folder).name == "1"


def test_number_is_above_those_of_the_ledger(workspace: Path, folder: Path) -> None:
    champion = {"version": 3, "digest": "0" * 64, "packaged": False}
    Ledger(workspace / "reports").append({"event": "published", "version": 4, "champion": champion})
    Ledger(workspace / "reports").append({"event": "rejected", "version": None, "champion": champion})
    assert fake_versions.publish(folder).name == "5"
    shutil.rmtree(folder)
    assert fake_versions.publish(folder).name == "5"


def test_number_is_above_those_that_labels_name(workspace: Path, folder: Path) -> None:
    """0.4.0 wrote 1 for the packaged version, so no other version may become 1 there."""
    log = LabelLog(workspace / "labels")
    log.append(decide('It says "version": 9, and {"version": 8}.', "positive", score=0.9, version="1"))
    log.append(decide("A film.", "negative", score=0.1, version="packaged"))
    assert recorded(folder) == 1
    assert fake_versions.publish(folder).name == "2"


def test_number_is_above_those_of_the_drift_history(workspace: Path, folder: Path) -> None:
    (workspace / "labels").mkdir()
    lines = [{"event": "look", "version": "6"}, {"event": "outcome", "version": 7}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (workspace / "labels" / "drift.jsonl").write_text(text + "torn", encoding="utf-8")
    assert fake_versions.publish(folder).name == "8"


def test_versions_elsewhere_have_numbers_of_their_own(workspace: Path) -> None:
    Ledger(workspace / "reports").append({"event": "published", "version": 4})
    assert fake_versions.publish(workspace / "elsewhere").name == "1"


def test_records_that_cannot_be_read_name_nothing(workspace: Path, folder: Path) -> None:
    (workspace / "reports" / "ledger.jsonl").mkdir(parents=True)
    assert fake_versions.publish(folder).name == "1"
