"""One run of `bertsent drift`: judges the labels since the last look, and retrains if they drifted.

Each step is on the disk before the next begins: the look before the retraining, the outcome after it. The
next run resumes a killed one; each look ends in exactly one outcome.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bertsent.base.errors import DataError, MissingExtraError, TrainingError, UsageError
from bertsent.base.files import lock
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.gain import Gain
from bertsent.base.settings.drift import DriftSettings, MonitorSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.data.given import NOTHING_GIVEN, GivenOptions
from bertsent.data.source import Source
from bertsent.drift.history import LOCK, DriftHistory, Ending, Look, Outcome
from bertsent.drift.monitored import WAITS, Action, Monitored, OpenDrift
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.log import LabelLog
from bertsent.labelling.swapped import Asks
from bertsent.retraining.contradicted import probably_swapped
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.look import take_look
from bertsent.retraining.open_drift import list_open
from bertsent.retraining.waiting import find_waiting
from bertsent.versions import store
from bertsent.versions.candidate import Candidate, find_candidate
from bertsent.versions.manifest import Version

Stopping = Callable[[], AbstractContextManager[Callable[[], bool]]]
_MONITOR = MonitorSettings()
_SWAPPED = "{} Nothing was trained; {} asks for them again, {} trains with them as they are"
_GATE = GateSettings()
_READ = ReadSettings()


@dataclass(frozen=True, kw_only=True)
class DriftRun:
    """Judges the new labels of a workspace; on drift it trains a challenger and lets the gate decide."""

    workspace: Workspace
    settings: DriftSettings  # the threshold and what a verdict requires
    model: str | None = None  # as `store.find` takes it; a version that is not current is only reported on
    label_folder: Path | None = None  # of the label log and the drift history; the workspace's by default
    unrecorded: Source | None = None  # judge these labelled reviews once instead, and only report
    data: Path | Source | None = None  # the data set to retrain with; `rehearsal.find_old_data` by default
    reading: ReadSettings = _READ  # how to read that one
    retrain: bool = True  # whether drift starts a retraining
    ask: bool = False  # a challenger that passes the gate waits for a person's word
    gate: GateSettings = _GATE  # what a challenger must show
    given: GivenOptions = NOTHING_GIVEN  # the options of the command that the ones it names repeat
    progress: Progress = silent
    # Told of a drift before a challenger is trained because of it: that takes minutes.
    judged: Callable[[Monitored], None] = lambda found: None
    # Asked whether to train although most labels contradict the version; without an answer it does not.
    asks: Asks = lambda _: False
    # Opens a context that gives a function: training asks it after every batch, and stops if it says True.
    stopping: Stopping = lambda: contextlib.nullcontext(lambda: False)

    _scores: dict[str, float] = field(default_factory=dict, init=False)  # by the version, of texts

    @cached_property
    def version(self) -> Version:
        """The version under test."""
        return store.find(self.model, folder=self.workspace.model)

    @cached_property
    def is_current(self) -> bool:
        return not self.model or store.is_current(self.version, folder=self.workspace.model)

    @cached_property
    def labels(self) -> tuple[Labelled, ...]:
        if self.unrecorded is not None:
            from bertsent.labelling.unrecorded import read_unrecorded

            return read_unrecorded(self.unrecorded, progress=self.progress)
        return tuple(LabelLog(self.label_folder or self.workspace.labels).labelled())

    @cached_property
    def history(self) -> DriftHistory:
        if self.unrecorded is not None:
            return DriftHistory.empty()
        return DriftHistory(self.workspace, self.label_folder)

    def go(self) -> Monitored:
        """Judges the labels, and retrains if the verdict asks for it.

        Raises:
            BusyError: if another run holds the workspace.
            DataError: if the label log is damaged, or the unrecorded reviews cannot be used.
            ArtefactError: if the version cannot be used.
            StorageError: if the drift history cannot be read or written.
            Interrupted: after a stop; the next run resumes.
            NetworkError: if retraining needs an encoder that cannot be fetched.
        """
        if self.unrecorded is not None:
            return self._report_unrecorded()
        with lock(self.workspace.state / LOCK, "drift"):
            version, rows = self.version, self.labels
            if rows:  # without rows, the folder of the labels may not exist
                self.history.migrate()
            if self.history.problem:
                self.progress.note(self.history.problem)
            if find_candidate(self.workspace):
                from bertsent.retraining.approval import finish_killed_word

                finish_killed_word(self.workspace, self.history)
            unfinished = self.history.unfinished()
            if unfinished is not None and (published := self._published(unfinished)) and not published.open:
                return published
            open_looks = [drift.look for drift in self._open_before]
            unfinished = self.history.unfinished(version.classifier_digest)
            if unfinished in open_looks and unfinished is not None and self._may_retrain:
                candidate = self._find_waiting()
                outcome = self.history.outcome_of(unfinished)
                if candidate is None or (candidate.is_for(unfinished.batch) and outcome is None):
                    return self._retrain(unfinished, continued=True)
            return self._look(unfinished)

    def _find_waiting(self) -> Candidate | None:
        """The candidate that waits for a person's word; None where the run is about another version."""
        if self.unrecorded is not None or not self.is_current:
            return None
        return find_waiting(self.workspace, self.version)

    def _nothing(self) -> str:
        """The reason of a run that has nothing to do."""
        candidate = self._find_waiting()
        return WAITS.format(candidate.number) if candidate else "Nothing to do"

    @cached_property
    def _open_before(self) -> list[OpenDrift]:
        """The drifts that are open before this run judges anything."""
        return self._list_open()

    def _list_open(self) -> list[OpenDrift]:
        """The open drifts, newest first; none where the run is about another version or other labels."""
        if not self.is_current:
            return []
        if self.unrecorded is not None:  # what they say closes nothing
            return list_open(self.workspace, DriftHistory(self.workspace), self.given)
        return list_open(self.workspace, self.history, self.given, self.labels)

    def _report_unrecorded(self) -> Monitored:
        """Judges reviews that are not in the label log by themselves; records nothing and never retrains."""
        used, least = self.version.manifest.used_labels, self.settings.least_rows
        fresh = [row for row in self.labels if row.digest not in used]
        if len(fresh) < least:
            reason = f"A check needs {least} reviews with a label that the version was not trained on"
            return self._monitored("collect", reason, new_rows=len(fresh), needed=least)
        look = self._judge(fresh, number=1)
        if look.verdict == "stable":
            return self._monitored("none", "Nothing to do", look=look)
        if look.verdict == "cannot_tell":
            return self._monitored("collect", "A check needs more reviews", look=look)
        return self._monitored("reported", "Only reported, because these labels are not recorded", look=look)

    def _published(self, look: Look) -> Monitored | None:
        """Closes a look whose run was killed after it published a version, or for which a person retrained.
        None: no version was published for it."""
        from bertsent.retraining import outcomes

        versions = outcomes.versions_of(look.batch, outcomes.retrained_versions(self.workspace))
        if not versions:
            return None
        from bertsent.retraining.run import finish_killed_run

        finish_killed_run(self.workspace)
        published = versions[0].manifest
        gate = published.lineage["gate"]
        return self._end(
            look,
            "published",
            published.version,
            str(gate["reason"]),
            gain=Gain.from_gate(gate),
            continued=True,
        )

    def _look(self, unfinished: Look | None) -> Monitored:
        """Judges the labels that no look has settled and the version has not used, if there are enough."""
        settled = self.history.judged | self.version.manifest.used_labels
        fresh = [row for row in self.labels if row.digest not in settled]
        looks = self.history.looks(self.version.classifier_digest)
        seen = set(looks[-1].rows) if looks else set()  # fresh rows among them: that look could not tell
        waiting = sum(row.digest in seen for row in fresh)
        needed = max(self.settings.least_rows, math.ceil(_MONITOR.growth * waiting))
        if len(fresh) == waiting:
            return self._idle(unfinished, needed if waiting else 0)
        if len(fresh) < needed:
            reason = f"Next check at {needed} new labels"
            return self._monitored("collect", reason, new_rows=len(fresh), needed=needed)
        look = self._judge(fresh, number=len(looks) + 1)
        if self.is_current:
            self.history.append(look)
        return self._act(look)

    def _idle(self, unfinished: Look | None, needed: int) -> Monitored:
        """The result when there are no new labels since the last look."""
        reason = self._open_before[0].advice if self._open_before else self._nothing()
        if self.history.damaged and self.is_current:
            lost = "The drift history was damaged"
            self.history.append(Outcome(batch="", outcome="report_only", version=None, reason=lost))
            if unfinished:  # the damaged line may have said what came of it
                reason = f"{lost}: whether the drift found earlier was dealt with is not known"
        return self._monitored("none", reason, needed=needed)

    def _act(self, look: Look) -> Monitored:
        """Does what the verdict asks for."""
        if self.history.damaged and self.is_current:
            return self._end(look, "report_only", None, "Earlier checks are lost, so it is only reported")
        if look.verdict == "stable":
            closed = self._open_before and not self._list_open()
            reason = f"The drift {self._open_before[0].name} is gone" if closed else self._nothing()
            return self._monitored("none", reason, look=look)
        if look.verdict == "cannot_tell":
            needed = math.ceil(_MONITOR.growth * len(look.rows))
            return self._monitored("collect", f"Next check at {needed} new labels", look=look, needed=needed)
        if self._may_retrain:
            return self._retrain(look)
        if not self.retrain:
            command = self.given.command("bertsent drift")
            reason = f"Only reported: to retrain, run {command} without --no-retrain"
        elif not self.is_current:
            reason = f"Only reported, because {spoken(self.version.name)} is not the current one"
        else:
            reason = "Only reported, because a newer bertsent wrote the drift history"
        return self._monitored("reported", reason, look=look)

    @property
    def _may_retrain(self) -> bool:
        return self.retrain and self.is_current and not self.history.problem

    def _judge(self, fresh: Sequence[Labelled], *, number: int) -> Look:
        look, scores = take_look(
            self.version, fresh, number=number, settings=self.settings, progress=self.progress
        )
        self._scores.update(scores)
        return look

    def _retrain(self, look: Look, *, continued: bool = False) -> Monitored:
        """Retrains because of a look and closes it, unless the user has something to put right first, or a
        candidate waits."""
        from bertsent.retraining.records import RetrainRun, Trigger
        from bertsent.retraining.rehearsal import find_old_data
        from bertsent.retraining.run import can_warm_start, retrain, settings_for

        candidate = self._find_waiting()
        if candidate is not None:
            return self._wait(candidate, look, continued=continued)
        swapped = probably_swapped(look.report)
        if swapped is not None and not self.asks(swapped):
            words = (self.given.command(f"bertsent {one}") for one in ("label --disputed", "drift --yes"))
            reason = _SWAPPED.format(swapped.question, *words)
            return self._monitored("open", reason, look=look, continued=continued)
        # Other labels stay new for the next version's first look.
        seen = self.history.seen | self.version.manifest.used_labels
        rows = [row for row in self.labels if row.digest in seen]
        seconds = Ledger(self.workspace.reports).expected_seconds(len(rows))

        def begin() -> None:
            reason = "A candidate is being trained"
            self.judged(self._monitored("training", reason, look=look, continued=continued, seconds=seconds))

        try:
            warm = can_warm_start(self.version)
            old = None if self.data else find_old_data(self.workspace.data, warm_start=warm)
            with self.stopping() as stop:
                retrained = retrain(
                    RetrainRun(
                        workspace=self.workspace,
                        data=self.data or (old and Source((old,), self.reading)),
                        champion=self.version,
                        rows=rows,
                        trigger=Trigger(kind="drift", batch=look.batch, report=look.report, rows=look.rows),
                        warm_start=warm,
                        settings=settings_for(self.version, warm_start=warm, labels=len(rows)),
                        gate=self.gate,
                        champion_scores=self._scores,
                        ask=self.ask,
                        resume=continued,
                        given=self.given,
                        begin=begin,
                        progress=self.progress,
                        stop=stop,
                    )
                )
        except (MissingExtraError, DataError, UsageError) as error:  # for the user to put right
            return self._monitored("open", str(error), look=look, continued=continued)
        except TrainingError as error:  # another run would end the same way
            return self._end(look, "failed", None, str(error), continued=continued)
        waits = retrained.outcome == "waiting"
        reason = WAITS.format(retrained.candidate) if waits else retrained.reason
        return self._end(
            look, retrained.outcome, retrained.version, reason, gain=retrained.gain, continued=continued
        )

    def _wait(self, candidate: Candidate, look: Look, *, continued: bool) -> Monitored:
        """The result of a drift while a candidate waits: no other is trained over it."""
        reason = WAITS.format(candidate.number)
        if not candidate.is_for(look.batch):
            force = self.given.command("bertsent retrain --force")
            reason += f". Until then no other is trained; {force} trains one with all labels"
            return self._monitored("waiting", reason, look=look, continued=continued)
        from bertsent.retraining.run import finish_killed_run

        finish_killed_run(self.workspace)
        gain = Gain.from_gate(candidate.lineage["gate"])
        return self._end(look, "waiting", None, reason, gain=gain, continued=continued)

    def _end(self, look: Look, outcome: Ending, version: int | None, reason: str, **more: Any) -> Monitored:
        """Closes a look with an outcome."""
        self.history.append(Outcome(batch=look.batch, outcome=outcome, version=version, reason=reason))
        action: Action = "reported" if outcome == "report_only" else outcome
        return self._monitored(action, reason, look=look, published=version, **more)

    def _monitored(
        self, action: Action, reason: str, *, look: Look | None = None, new_rows: int = 0, **more: Any
    ) -> Monitored:
        candidate = self._find_waiting()
        return Monitored(
            version=look.version if look else self.version.name,
            threshold=look.report["threshold"] if look else self.settings.threshold,
            action=action,
            reason=reason,
            look=look,
            new_rows=len(look.rows) if look else new_rows,
            looks=look.look if look else len(self.history.looks(self.version.classifier_digest)),
            history=self.history,
            labels=self.labels,
            unrecorded=self.unrecorded,
            given=self.given,
            open=next(iter(self._list_open()), None),
            candidate=candidate.number if candidate else None,
            **more,
        )
