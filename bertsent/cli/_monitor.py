"""`bertsent batch --monitor`: judges the scored reviews as `drift --texts` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, BusyError, ExitCode, Interrupted, UsageError
from bertsent.base.records.core import Prediction, Progress, Review
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.scoring import Engine
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._drift_texts import texts_as_json
from bertsent.cli._render import note
from bertsent.data.source import path_word

if TYPE_CHECKING:
    from bertsent.data.source import Source
    from bertsent.drift.monitored import MonitoredTexts
    from bertsent.scoring.scorer import Scorer

Each = Callable[[Review, Prediction | None], None]


def check_monitor(paths: Sequence[Path], engine: Engine, watch: str | None) -> None:
    """Refuses what --monitor cannot judge, before the model is opened.

    Raises:
        UsageError: with --watch, or an engine whose word pieces are not those of the reference.
    """
    if watch is not None:
        raise UsageError(
            "--monitor judges the reviews of one run, and --watch scores files as they come.",
            hint=f"bertsent drift --texts {path_word(paths[0])} --watch {visible(watch)} judges what comes",
        )
    if engine == "tensorflow":
        raise UsageError(
            "--monitor needs a version with a WordPiece vocabulary.", received="--engine tensorflow"
        )


class BatchMonitor:
    """Takes the reviews of a batch as they are scored, and judges them at its end.

    Args:
        scorer: That scores them.
        source: The reviews.
        model: The option --model.
        progress: Receives notes.

    Raises:
        BusyError: if another version became current since the scorer was opened.
        ArtefactError: if the version has no reference to compare with.
        StorageError: if the drift history cannot be read.
    """

    def __init__(self, scorer: Scorer, source: Source, model: str | None, progress: Progress) -> None:
        from bertsent.retraining.texts_monitor import TextsRun
        from bertsent.versions.manifest import REFERENCE

        self._scorer = scorer
        self._run = TextsRun(
            workspace=Workspace.current(),
            settings=DriftSettings(),
            source=source,
            model=model,
            progress=progress,
        )
        if self._run.version.classifier_digest != scorer.classifier_digest:
            raise BusyError("Another version became current.", hint="run the same command again")
        self._run.version.file(REFERENCE)  # a run of hours must not end with this error
        self._sample = self._run.new_sample()
        self._outcome: MonitoredTexts | None = None
        self._error: BertsentError | None = None

    def beside(self, each: Each) -> Each:
        """Takes every scored review, and hands it on."""

        def take(review: Review, prediction: Prediction | None) -> None:
            if prediction is not None:
                self._sample.add(review.text, prediction)
            each(review, prediction)

        return take

    def judge(self) -> dict[str, Any]:
        """Judges the reviews, which are not scored again.

        Returns:
            The key `monitor` of the summary: null if they could not be judged.
        """
        try:
            self._outcome = self._run.go(self._sample, self._scorer)
        except Interrupted:
            raise
        except BertsentError as error:
            self._error = error
        return {"monitor": texts_as_json(self._outcome) if self._outcome else None}

    def end(self, *, silent: bool) -> None:
        """Says the verdict, after the summary of the batch.

        Args:
            silent: The summary, with the verdict in it, is on stderr already.

        Raises:
            typer.Exit: with 3 while a drift is open, or was found by a version that is not the current one.
            BertsentError: if the reviews could not be judged.
        """
        from bertsent.reports.drift_texts_page import log_line

        if self._error is not None:
            self._error.message = f"The reviews are scored, and not judged: {self._error.message}"
            raise self._error
        outcome = self._outcome
        if outcome is None:
            return
        if not silent:
            note(log_line(outcome))
        if outcome.open or outcome.action == "reported":
            raise typer.Exit(ExitCode.DRIFT)
