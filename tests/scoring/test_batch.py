"""The core of `batch`: what it holds, and what it tells on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from bertsent.base.errors import DataError
from bertsent.base.records.core import Prediction, Review
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.data.writers.output import Output
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


def test_run_refuses_a_bad_row_before_it_scores_any(scorer: Scorer, workspace: Path) -> None:
    rows = [*({"text": f"film {number}"} for number in range(100)), ["no review"]]
    seen: list[Prediction | None] = []
    with pytest.raises(DataError, match=r"table\.jsonl:101"):
        batch.run(
            write(workspace / "table.jsonl", rows),
            scorer=scorer,
            seed=1,
            each=lambda review, prediction: seen.append(prediction),
        )
    assert seen == []


def test_run_fills_a_chunk_past_empty_reviews(scorer: Scorer, workspace: Path) -> None:
    rows = [{"text": "" if number % 2 else "film"} for number in range(64)]
    summary = batch.run(write(workspace / "table.jsonl", rows), scorer=scorer, seed=1)
    assert (summary.reviews, summary.empty) == (32, 32)


def test_run_of_empty_reviews_only_is_refused(scorer: Scorer, workspace: Path) -> None:
    path = write(workspace / "table.jsonl", [{"text": ""}] * 3)
    with pytest.raises(DataError, match="3 empty"):
        batch.run(path, scorer=scorer, seed=1, output=Output.to(workspace / "out.csv"))
    assert not (workspace / "out.csv").exists()


def test_run_tells_how_far_it_is(scorer: Scorer, sample: Path, workspace: Path) -> None:
    folder, table = Recorder(), Recorder()
    batch.run(sample / "train", scorer=scorer, seed=1, num_files=50, progress=folder)
    batch.run(
        write(workspace / "table.jsonl", [{"text": "film"}] * 70), scorer=scorer, seed=1, progress=table
    )
    assert folder.told == [100, "finished", 100, 64, "finished"]
    assert table.told == [None, "finished", 70, 64, "finished"], "the first pass has counted the rows"


def test_run_leaves_its_input_untouched(scorer: Scorer, workspace: Path) -> None:
    path = write(workspace / "table.jsonl", [{"text": "film"}] * 3)
    before = path.read_bytes(), path.stat().st_mtime_ns
    batch.run(path, scorer=scorer, seed=1, output=Output.to(workspace / "out.jsonl"))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_run_hands_every_row_on_in_order(scorer: Scorer, workspace: Path) -> None:
    rows = [{"id": number, "text": "film" if number % 3 else ""} for number in range(70)]
    seen: list[tuple[int, bool]] = []
    columns: list[str] = []

    def each(review: Review, prediction: Prediction | None) -> None:
        assert review.cells is not None
        seen.append((review.cells[0], prediction is not None))

    summary = batch.run(
        write(workspace / "table.jsonl", rows),
        scorer=scorer,
        seed=1,
        cells=True,
        surveyed=lambda survey: columns.extend(column.name for column in survey.columns),
        each=each,
    )
    assert columns == ["id", "text"]
    assert seen == [(number, number % 3 > 0) for number in range(70)]
    assert (summary.rows, summary.reviews, summary.empty) == (70, 46, 24)
