"""One run of `bertsent drift`: judge the labels since the last look, and retrain where they drifted.

Each step is on the disk before the next begins: the look before the retraining, the outcome after it. So a
run that was killed anywhere is gone on with by the next one, and what it had begun ends in one outcome.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsent.base.errors import ArtefactError, DataError, MissingExtraError, TrainingError, UsageError
from bertsent.base.files import lock
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.settings.drift import DriftSettings, MonitorSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Ending, Look, Outcome, batch_digest
from bertsent.drift.monitored import Action, Monitored
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.log import LabelLog
from bertsent.versions import store
from bertsent.versions.manifest import REFERENCE, Manifest, Version, read_version, version_numbers

Stopping = Callable[[], AbstractContextManager[Callable[[], bool]]]
LOCK = "drift.lock"
_MONITOR = MonitorSettings()


def _never() -> AbstractContextManager[Callable[[], bool]]:
    return contextlib.nullcontext(lambda: False)


def run(
    workspace: Workspace,
    *,
    settings: DriftSettings,
    model: str | None = None,
    labels: Path | None = None,
    data: Path | None = None,
    retrain: bool = True,
    progress: Progress = silent,
    stopping: Stopping = _never,
) -> Monitored:
    """Judges the new labels of a workspace; where they drifted, trains a challenger and lets the gate decide.

    Args:
        workspace: Where versions, labels and the trail are.
        settings: Threshold and what a verdict asks for.
        model: The version to look at, as `store.find` takes it. Any but the current one is reported on only,
            and the look does not count.
        labels: The folder of the label log; the workspace's by default.
        data: The data set to retrain with; `reviews.find_data_set` by default.
        retrain: Whether drift starts a retraining.
        progress: Told of scoring and training.
        stopping: Makes the question that training asks after every batch: shall it stop?

    Raises:
        BusyError: if another run holds the workspace.
        DataError: if the label log is damaged.
        ArtefactError: if the version cannot be used.
        StorageError: if the disk does not take the trail.
        Interrupted: after a stop; the next run goes on with what was begun.
        NetworkError: if retraining needs an encoder that cannot be fetched.
    """
    with lock(workspace.state / LOCK, "drift"):
        version = store.find(model, folder=workspace.model)
        current = version if model is None else store.find(None, folder=workspace.model)
        return _Run(
            workspace=workspace,
            settings=settings,
            version=version,
            is_current=version.path.resolve() == current.path.resolve(),
            labels=tuple(LabelLog(labels or workspace.labels).labelled()),
            data=data,
            retrain=retrain,
            progress=progress,
            stopping=stopping,
            trail=DriftHistory(workspace),
        ).go()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run under the lock, everything read."""

    workspace: Workspace
    settings: DriftSettings
    version: Version
    is_current: bool
    labels: tuple[Labelled, ...]
    data: Path | None
    retrain: bool
    progress: Progress
    stopping: Stopping
    trail: DriftHistory

    def go(self) -> Monitored:
        if self.trail.problem:
            self.progress.note(self.trail.problem)
        begun = self.trail.unfinished()
        published = self._published_of(begun) if begun is not None else None
        if begun is not None and published is not None:
            from bertsent.retraining.run import finish_killed_run

            finish_killed_run(self.workspace)
            reason = str(published.lineage.get("gate", {}).get("reason", "before that run was killed"))
            return self._end(begun, "published", published.version, reason, continued=True)
        begun = self.trail.unfinished(self.version.classifier_digest)
        if begun is not None and self._may_retrain:
            return self._handle(begun, continued=True)
        return self._look(begun)

    def _look(self, begun: Look | None) -> Monitored:
        fresh = self._fresh()
        known = self._looked_at(fresh)
        needed = max(self.settings.least_rows, math.ceil(_MONITOR.growth * len(known)))
        if len(fresh) == len(known):
            return self._idle(begun, fresh, needed if known else 0)
        if len(fresh) < needed:
            return self._monitored("collect", f"Judged from {needed} on", new_rows=len(fresh), needed=needed)
        look = self._judge(fresh)
        if self.is_current:
            self.trail.append(look)
        return self._answer(look, fresh)

    def _idle(self, begun: Look | None, fresh: Sequence[Labelled], needed: int) -> Monitored:
        """Nothing came since the last look."""
        if (self.trail.problem or self.trail.uneven) and not self.trail.lost:
            self.trail.write()  # nothing is missing in the union: the next run may retrain
        reason = (
            "The drift found before is not handled yet: bertsent drift retrains" if begun else "Nothing to do"
        )
        return self._monitored("none", reason, needed=needed)

    def _answer(self, look: Look, fresh: Sequence[Labelled]) -> Monitored:
        if self.trail.lost and self.is_current:
            # Some of these rows may have been judged before, and what looks unfinished may be done.
            return self._end(look, "report_only", None, "Earlier looks are lost, so it is only reported")
        if look.verdict == "stable":
            return self._monitored("none", "Nothing to do", look=look)
        if look.verdict == "cannot_tell":
            needed = math.ceil(_MONITOR.growth * len(fresh))
            return self._monitored(
                "collect", f"Judged again from {needed} on", look=look, new_rows=len(fresh), needed=needed
            )
        if self._may_retrain:
            return self._handle(look)
        return self._monitored("reported", self._why_not(), look=look)

    def _why_not(self) -> str:
        if not self.retrain:
            return "Only reported: bertsent drift without --no-retrain retrains"
        if not self.is_current:
            return f"Only reported, as version {self.version.name} is not the current one"
        return "Only reported in this run, as the trail of looks was missing or damaged"

    @property
    def _may_retrain(self) -> bool:
        return self.retrain and self.is_current and not self.trail.problem

    def _used(self) -> set[str]:
        """Digests of the labels that the version was trained on or that its gate used."""
        manifest = self.version.manifest
        stated = manifest.data.get("labels", {}), manifest.lineage.get("reserved", {})
        return {digest for each in stated for digest in each.get("digests", ())}

    def _fresh(self) -> list[Labelled]:
        """The labels that no look has settled and the version was not made with."""
        settled = self.trail.judged | self._used()
        return [row for row in self.labels if row.digest not in settled]

    def _looked_at(self, fresh: Sequence[Labelled]) -> list[Labelled]:
        """Those of the fresh labels that the last look at this version saw, and could not tell."""
        looks = self.trail.looks(self.version.classifier_digest)
        seen = set(looks[-1].rows) if looks else set()
        return [row for row in fresh if row.digest in seen]

    def _judge(self, fresh: Sequence[Labelled]) -> Look:
        from bertsent.drift import reference
        from bertsent.drift.judge import judge
        from bertsent.scoring.scorer import Scorer

        known = reference.read(self.version.file(REFERENCE))
        scorer = Scorer(self.version)
        number = len(self.trail.looks(self.version.classifier_digest)) + 1
        rows = _score(scorer, fresh, self.progress)
        vocabulary = scorer.tokenizer.pieces(range(scorer.tokenizer.vocabulary_size))
        report = judge(known, rows, settings=self.settings, look=number, vocabulary=vocabulary).as_json()
        digests = tuple(row.digest for row in fresh)
        return Look(
            look=number,
            version=self.version.name,
            version_digest=self.version.classifier_digest,
            batch=batch_digest(digests),
            rows=digests,
            report=report,
        )

    def _handle(self, look: Look, *, continued: bool = False) -> Monitored:
        """Retrains because of a look, to one outcome."""
        try:
            retrained = self._retrain(look, resume=continued)
        except (MissingExtraError, DataError, UsageError) as error:  # for the user to put right
            return self._monitored("open", str(error), look=look, continued=continued)
        except TrainingError as error:  # would end the same way tomorrow
            return self._end(look, "failed", None, str(error), continued=continued)
        return self._end(look, retrained.outcome, retrained.version, retrained.reason, continued=continued)

    def _retrain(self, look: Look, *, resume: bool) -> Any:
        from bertsent.data.splits import find_data_set
        from bertsent.retraining.records import Trigger
        from bertsent.retraining.run import retrain

        data = self.data or find_data_set(self.workspace.data)
        known = self.trail.seen | self._used()  # what no look has seen stays new for the next version
        with self.stopping() as stop:
            return retrain(
                self.workspace,
                data=data,
                champion=self.version,
                rows=[row for row in self.labels if row.digest in known],
                because=Trigger(kind="drift", batch=look.batch, report=look.report, rows=look.rows),
                resume=resume,
                progress=self.progress,
                stop=stop,
            )

    def _published_of(self, look: Look) -> Manifest | None:
        """The version that a retraining published before it was killed."""
        for number in version_numbers(self.workspace.model):
            with contextlib.suppress(ArtefactError):
                manifest = read_version(self.workspace.model / str(number)).manifest
                if manifest.lineage.get("because", {}).get("batch") == look.batch:
                    return manifest
        return None

    def _end(
        self, look: Look, ending: Ending, version: int | None, reason: str, *, continued: bool = False
    ) -> Monitored:
        self.trail.append(Outcome(batch=look.batch, outcome=ending, version=version, reason=reason))
        action: Action = "reported" if ending == "report_only" else ending
        return self._monitored(action, reason, look=look, published=version, continued=continued)

    def _monitored(self, action: Action, reason: str, **more: Any) -> Monitored:
        look = more.pop("look", None)
        return Monitored(
            version=look.version if look else self.version.name,
            threshold=look.report["threshold"] if look else self.settings.threshold,
            action=action,
            reason=reason,
            look=look,
            looks=look.look if look else len(self.trail.looks(self.version.classifier_digest)),
            trail=self.trail,
            labels=self.labels,
            **{"new_rows": len(look.rows) if look else 0, "needed": 0} | more,
        )


def _score(scorer: Any, fresh: Sequence[Labelled], progress: Progress) -> list[Any]:
    """The rows as `judge` takes them, scored by the version under test."""
    from bertsent.drift.records import NewRow

    progress.start("Scoring", len(fresh), "reviews")
    rows = []
    scored = scorer.predict_with_token_ids(Review(row.text, row.label) for row in fresh)
    for row, (prediction, token_ids) in zip(fresh, scored, strict=True):
        rows.append(
            NewRow(
                digest=row.digest,
                pieces=token_ids,
                label=row.label,
                score=prediction.score,
                tokens=prediction.tokens,
                truncated=prediction.truncated,
                picked_by=row.picked_by,
            )
        )
        progress.advance(len(rows))
    progress.finish()
    return rows
