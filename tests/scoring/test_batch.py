"""The core of `batch`: what it holds, and what it tells on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from bertsent.base.errors import DataError
from bertsent.base.records.core import Prediction
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring import batch
from bertsent.scoring.scorer import Scorer
from bertsent.versions import store


class Recorder:
    """A Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        self.told.append(total)

    def advance(self, done: int, **figures: float) -> None:
        self.told.append(done)

    def finish(self) -> None:
        self.told.append("finished")

    def note(self, message: str) -> None:
        self.told.append(message)


def write(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def scorer(trained: Path) -> Scorer:
    return Scorer(store.find(None, folder=trained), ScoreSettings(chunk=16))


def test_run_hands_predictions_on_before_it_has_read_the_end(scorer: Scorer, workspace: Path) -> None:
    rows = [*({"text": f"film {number}"} for number in range(100)), "no review"]
    seen: list[Prediction] = []
    with pytest.raises(DataError):
        batch.run(write(workspace / "table.jsonl", rows), scorer=scorer, seed=1, each=seen.append)
    assert [prediction.text for prediction in seen] == [f"film {number}" for number in range(96)]


def test_run_fills_a_chunk_past_empty_reviews(scorer: Scorer, workspace: Path) -> None:
    rows = [{"text": "" if number % 2 else "film"} for number in range(64)]
    summary = batch.run(write(workspace / "table.jsonl", rows), scorer=scorer, seed=1)
    assert (summary.reviews, summary.empty) == (32, 32)


def test_run_of_empty_reviews_only_is_refused(scorer: Scorer, workspace: Path) -> None:
    path = write(workspace / "table.jsonl", [{"text": ""}] * 3)
    with pytest.raises(DataError, match="3 empty"):
        batch.run(path, scorer=scorer, seed=1, output=workspace / "out.csv")
    assert not (workspace / "out.csv").exists()


def test_run_tells_how_far_it_is(scorer: Scorer, sample: Path, workspace: Path) -> None:
    folder, table = Recorder(), Recorder()
    batch.run(sample / "train", scorer=scorer, seed=1, num_files=50, progress=folder)
    batch.run(
        write(workspace / "table.jsonl", [{"text": "film"}] * 70), scorer=scorer, seed=1, progress=table
    )
    assert folder.told == [100, 64, "finished"]
    assert table.told == [None, 64, "finished"]


def test_run_leaves_its_input_untouched(scorer: Scorer, workspace: Path) -> None:
    path = write(workspace / "table.jsonl", [{"text": "film"}] * 3)
    before = path.read_bytes(), path.stat().st_mtime_ns
    batch.run(path, scorer=scorer, seed=1, output=workspace / "out.jsonl")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
