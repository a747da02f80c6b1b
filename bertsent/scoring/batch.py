"""Predicts all reviews of a folder or table, and compares the predictions with gold labels."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Prediction, Progress, silent
from bertsent.base.records.metrics import BatchSummary, Confusion
from bertsent.data.reviews import open_reviews, usable
from bertsent.data.writers import open_writer
from bertsent.scoring.scorer import REPORT_EVERY, Scorer


def run(
    path: Path,
    *,
    scorer: Scorer,
    num_files: int | None = None,
    seed: int,
    output: Path | None = None,
    raw_csv: bool = False,
    force: bool = False,
    each: Callable[[Prediction], None] = lambda prediction: None,
    progress: Progress = silent,
) -> BatchSummary:
    """Scores all reviews at `path`, or a random sample of them, in bounded memory.

    Args:
        path: A folder or table, as for `reviews.read_reviews`.
        scorer: The version to score with.
        num_files: Draw this many files from each class folder, or from a folder without classes.
        seed: Of the draw.
        output: A .csv, .jsonl or .parquet file for the predictions; it appears only when it is complete.
        raw_csv: Write texts into CSV unchanged, even those that a spreadsheet would run as a formula.
        force: Replace `output` if it exists.
        each: Called with every prediction, in order.
        progress: Receives the number of reviews done.

    Raises:
        UsageError: if `output` exists, is the input or has an unknown suffix.
        DataError: if a review cannot be used, or there is none.
        StorageError: if the output cannot be written.
    """
    if output is not None:
        _check_output(output, path, force=force)
    reviews = open_reviews(path, num_files=num_files, seed=seed)
    labels, left_out, confusion = Counter[str](), Counter[str](), [0, 0, 0, 0]
    n = truncated = 0
    with contextlib.ExitStack() as stack:
        write = stack.enter_context(open_writer(output, raw_csv=raw_csv)) if output else None
        start = time.monotonic()  # pyarrow is loaded by now
        progress.start("Scoring", reviews.total, "reviews")
        for n, prediction in enumerate(scorer.predict_reviews(usable(reviews, left_out)), start=1):
            labels[prediction.label] += 1
            truncated += prediction.truncated
            if prediction.gold is not None:
                confusion[2 * prediction.gold + (prediction.score >= scorer.threshold)] += 1
            if write is not None:
                write(prediction)
            each(prediction)
            if n % REPORT_EVERY == 0:
                progress.advance(n)
        progress.finish()
        if not n:
            raise DataError(
                f"{visible(str(path))} holds no review with text.",
                received=f"{left_out['empty']} empty",
            )
    return BatchSummary(
        version=scorer.version,
        reviews=n,
        empty=left_out["empty"],
        confusion=Confusion(*confusion),
        positive=labels["positive"],
        unsure=labels["unsure"],
        truncated=truncated,
        seconds=time.monotonic() - start,
        output=str(output or ""),
    )


def _check_output(output: Path, path: Path, *, force: bool) -> None:
    if output.exists():
        if path.exists() and output.samefile(path):
            raise UsageError("The output would replace the input.", received=visible(str(output)))
        if not force:
            raise UsageError(f"{visible(str(output))} exists.", hint="--force replaces it")
