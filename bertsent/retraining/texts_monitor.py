"""One run of `bertsent drift --texts` or `batch --monitor`: judges texts without labels. It never retrains.

False alarms are limited as with labels. Each check of a version is in the drift history, and later checks ask
for more certainty. A text that a check of the version settled is not judged again, and texts that could not
be told are judged again when there are clearly more. Checks of labels and of texts are counted apart, so that
neither takes certainty from the other. The same texts given again get the answer of their check.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertsent.base.display import counted, visible
from bertsent.base.errors import DataError
from bertsent.base.files import lock
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.reading import LabelCounts, Survey
from bertsent.base.settings.drift import DriftSettings, MonitorSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.given import GivenOptions
from bertsent.data.notes import survey_notes
from bertsent.data.reviews import open_reviews
from bertsent.data.source import PIPE, Source, path_word
from bertsent.drift.history import LOCK, ROW, DriftHistory, TextsCheck, batch_digest
from bertsent.drift.monitored import MonitoredTexts, OpenDrift, TextsAction
from bertsent.drift.texts_sample import SampledText, TextsSample
from bertsent.retraining.open_drift import list_open
from bertsent.retraining.open_texts import FOREIGN
from bertsent.versions import store
from bertsent.versions.manifest import REFERENCE, Version

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer

_MONITOR = MonitorSettings()


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of the source."""

    batch: str  # `batch_digest` of `rows`
    rows: frozenset[str]  # digests of all of them, or of a sample of many, cut to `ROW` characters
    fresh: int  # how many no check of the version has settled
    drawn: dict[str, SampledText]  # digest -> text of those to judge: all fresh ones, or a sample of many
    foreign: dict[str, str]  # digest -> text of those that an earlier check called most foreign


@dataclass(frozen=True, kw_only=True)
class TextsRun:
    """Judges texts without labels against a version, and records the check if the version is current."""

    workspace: Workspace
    settings: DriftSettings  # the threshold and what a verdict requires
    source: Source  # the texts; labels that they may have are not used
    model: str | None = None  # as `store.find` takes it
    label_folder: Path | None = None  # that holds the drift history; the workspace's by default
    progress: Progress = silent

    @cached_property
    def version(self) -> Version:
        """The version under test: that which was found first, even if another became current since."""
        return store.find(self.model, folder=self.workspace.model)

    @cached_property
    def history(self) -> DriftHistory:
        return DriftHistory(self.workspace, self.label_folder)

    @cached_property
    def checks(self) -> list[TextsCheck]:
        """The earlier checks of texts of the version, oldest first."""
        return self.history.texts_checks(self.version.classifier_digest)

    def new_sample(self) -> TextsSample:
        """An empty sample for the texts of the source, which leaves out those that are settled by now."""
        checks = DriftHistory(self.workspace, self.label_folder).texts_checks(self.version.classifier_digest)
        return TextsSample(
            most=self.settings.most_texts,
            settled=_settled(checks),
            wanted={digest for check in checks for digest in check.report["foreign"]},
        )

    def go(self, sample: TextsSample | None = None, scorer: Scorer | None = None) -> MonitoredTexts:
        """Judges the texts that no check of the version has settled, if there are enough.

        Args:
            sample: Of the texts of the source with their predictions, if they were read and scored already;
                from `new_sample`.
            scorer: That scored them.

        Raises:
            BusyError: if another run holds the workspace.
            DataError, UsageError: if the texts cannot be read, or there are none.
            ArtefactError: if the version cannot be used.
            StorageError: if the drift history cannot be read or written.
        """
        with lock(self.workspace.state / LOCK, "drift"):
            _ = self.version  # a wrong --model ends the run before the texts are read
            if self.history.problem:
                self.progress.note(self.history.problem)
            _ = self._open_before
            texts = self._texts(self._read() if sample is None else sample)
            unsettled = {row for check in self.checks if check.verdict == "cannot_tell" for row in check.rows}
            waiting = sum(digest[:ROW] in unsettled for digest in texts.drawn)
            earlier = self._earlier(texts)
            if earlier is not None and (earlier.batch == texts.batch or len(texts.drawn) == waiting):
                return self._again(earlier, texts)
            needed = max(self.settings.least_rows, math.ceil(_MONITOR.growth * waiting))
            if texts.fresh < needed:
                return self._monitored(
                    "collect", f"Next check at {needed} new texts", new_rows=texts.fresh, needed=needed
                )
            return self._check(texts, scorer)

    @cached_property
    def _open_before(self) -> list[OpenDrift]:
        """The drifts that are open before this run judges anything."""
        return self._list_open()

    def _list_open(self) -> list[OpenDrift]:
        """The open drifts; none where the run is about another version."""
        return list_open(self.workspace, self.history, self._given) if self._is_current else []

    @property
    def _given(self) -> GivenOptions:
        return GivenOptions(label_folder=self.label_folder)

    def _earlier(self, texts: _Texts) -> TextsCheck | None:
        """The newest check of the version that judged these texts, else that which judged some of them."""
        newest = self.checks[::-1]
        some = (check for check in newest if not texts.rows.isdisjoint(check.rows))
        return next((check for check in newest if check.batch == texts.batch), next(some, None))

    def _again(self, earlier: TextsCheck, texts: _Texts) -> MonitoredTexts:
        """The answer that an earlier check gave."""
        threshold = earlier.report["threshold"]
        if threshold != self.settings.threshold:
            self.progress.note(
                f"These texts were judged with the threshold {threshold:g}, and are not judged again."
            )
        return self._act(earlier, texts.foreign, continued=True)

    def _read(self) -> TextsSample:
        """A sample of the source."""
        reviews = open_reviews(self.source)
        survey = reviews.survey(self.progress)
        self._note(survey)
        sample = self.new_sample()
        for review in reviews:
            sample.add(review.text)
        if not sample.texts:
            raise DataError(
                f"{visible(str(self.source))} holds no text.", received=counted(survey.rows, "row")
            )
        return sample

    def _texts(self, sample: TextsSample) -> _Texts:
        """What a sample holds; another run may have settled some of it since it was begun."""
        settled = _settled(self.checks)
        drawn = {digest: text for digest, text in sample.drawn.items() if digest[:ROW] not in settled}
        fresh = sample.fresh if sample.is_part else len(drawn)
        self._note_left_out(sample)
        return _Texts(batch_digest(sample.rows), sample.rows, fresh, drawn, sample.wanted)

    def _note(self, survey: Survey) -> None:
        for line in survey_notes(replace(survey, labels=LabelCounts())):
            self.progress.note(line)
        if survey.labels.positive or survey.labels.negative:
            command = ["bertsent drift --labels", path_word(self.source.paths[0]), *self.source.words()]
            self.progress.note(
                f"The labels of {visible(str(self.source))} are not used: {' '.join(command)} "
                "judges with them."
            )

    def _note_left_out(self, sample: TextsSample) -> None:
        left_out = dict(sample.left_out)
        if not sample.counts_repeated:
            left_out.pop("repeated", None)
        if said := ", ".join(f"{count} {reason}" for reason, count in left_out.items()):
            self.progress.note(f"Left out: {said}.")
        if sample.is_part:
            most = self.settings.most_texts
            self.progress.note(f"Of {sample.texts:,} texts {most:,} are judged, drawn at random.")

    def _check(self, texts: _Texts, scorer: Scorer | None) -> MonitoredTexts:
        """Judges the drawn texts, and records the check."""
        from bertsent.drift import reference
        from bertsent.drift.judge import judge
        from bertsent.drift.new_rows import sampled_rows
        from bertsent.scoring.scorer import Scorer

        trained_on = reference.read(self.version.file(REFERENCE))
        scorer = scorer or Scorer(self.version)
        rows = sampled_rows(scorer, texts.drawn, progress=self.progress)
        report = judge(
            trained_on,
            rows,
            settings=self.settings,
            look=len(self.checks) + 1,
            vocabulary=scorer.tokenizer.pieces(range(scorer.tokenizer.vocabulary_size)),
            without_labels=True,
        )
        check = TextsCheck(
            look=report.look,
            version=self.version.name,
            version_digest=self.version.classifier_digest,
            batch=texts.batch,
            rows=tuple(sorted(digest[:ROW] for digest in texts.drawn)),
            report=report.as_json(),
            source=self._source_words(absolute=True),
        )
        if self._is_current:
            self.history.append(check)
        scores = {row.digest: row.score for row in rows}
        foreign = {digest: texts.drawn[digest].text for digest in report.foreign}
        return self._act(check, foreign, scores=scores)

    @cached_property
    def _is_current(self) -> bool:
        return store.is_current(self.version, folder=self.workspace.model)

    def _act(
        self,
        check: TextsCheck,
        foreign: dict[str, str],
        *,
        scores: dict[str, float] | None = None,
        continued: bool = False,
    ) -> MonitoredTexts:
        """What the verdict asks the user for."""
        action: TextsAction = "none"
        reason, needed, closed = "Nothing to do", 0, ""
        if check.verdict == "cannot_tell":
            needed = math.ceil(_MONITOR.growth * len(check.rows))
            action, reason = "collect", f"Next check at {needed} new texts"
        elif check.verdict == "drift":
            closed = self._closed(check)
            action, reason = ("none", closed) if closed else ("reported", self._advice(check))
        elif self._open_before and not self._list_open():
            reason = f"The drift {self._open_before[0].name} is gone"
        shown = {digest: (text, (scores or {}).get(digest, math.nan)) for digest, text in foreign.items()}
        return self._monitored(
            action, reason, check=check, needed=needed, texts=shown, continued=continued, closed=closed
        )

    def _closed(self, check: TextsCheck) -> str:
        """Why a drift is closed that these texts showed earlier, as a sentence; "" if it is open."""
        if not self._is_current or any(drift.look == check for drift in self._list_open()):
            return ""
        accepted = self.history.acceptance_of(check)
        return f"That drift was accepted: {accepted.reason}" if accepted else "A later check found it gone"

    def _advice(self, check: TextsCheck) -> str:
        """How many texts look foreign, and what to label next."""
        report, command = check.report, self._label_command or _TO_A_FILE
        if "text" in report["fired"]:
            found = f"About {report['foreign_rows']:,} of {report['new_rows']:,} texts look foreign"
            return f"{found}; label the most foreign ones next: {command}"
        return (
            "The words are not what fired; label some texts to see whether the model is wrong: "
            f"{command.replace(FOREIGN, '')}"
        )

    @property
    def _open(self) -> OpenDrift | None:
        """The newest drift of labels that is open: calm texts do not close it."""
        return next(iter(list_open(self.workspace, self.history)), None)

    @property
    def _label_command(self) -> str:
        """The command that asks for labels of the texts; "" if a pipe gave them, or several paths."""
        words = self._source_words()
        model = f" --model {path_word(self.model)}" if self.model else ""
        return self._given.command(f"bertsent label {words}{model}{FOREIGN}") if words else ""

    def _source_words(self, *, absolute: bool = False) -> str:
        """The path and the options that read it, as words of a command; "" for a pipe or several paths."""
        path = self.source.paths[0]
        if len(self.source.paths) > 1 or str(path) == PIPE:
            return ""
        return " ".join([path_word(path.absolute() if absolute else path), *self.source.words()])

    def _monitored(
        self,
        action: TextsAction,
        reason: str,
        *,
        check: TextsCheck | None = None,
        new_rows: int = 0,
        **more: Any,
    ) -> MonitoredTexts:
        recorded = self.history.texts_checks(self.version.classifier_digest)
        return MonitoredTexts(
            version=self.version.name,
            threshold=check.report["threshold"] if check else self.settings.threshold,
            action=action,
            reason=reason,
            check=check,
            new_rows=len(check.rows) if check else new_rows,
            looks=check.look if check else len(recorded),
            open=next(iter(self._list_open()), None),
            history=self.history,
            label_command=self._label_command,
            **more,
        )


_TO_A_FILE = f"write them to a file, then bertsent label FILE{FOREIGN}"  # texts that no single path holds


def _settled(checks: list[TextsCheck]) -> set[str]:
    """The digests of the texts that need no further check, cut to `ROW` characters."""
    return {row for check in checks if check.verdict != "cannot_tell" for row in check.rows}
