"""One run of `bertsent drift --texts`: judges texts without labels. It never retrains.

False alarms are limited as with labels. Each check of a version is in the drift history, and later checks ask
for more certainty. A text that a check of the version settled is not judged again, and texts that could not
be told are judged again when there are clearly more. Checks of labels and of texts are counted apart, so that
neither takes certainty from the other. The same texts given again get the answer of their check.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bertsent.base.digests import sha256_text
from bertsent.base.display import counted, visible
from bertsent.base.errors import DataError
from bertsent.base.files import lock
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.reading import LabelCounts, Survey
from bertsent.base.settings.drift import DriftSettings, MonitorSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.notes import survey_notes
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews
from bertsent.data.source import PIPE, Source, path_word
from bertsent.drift.history import LOCK, ROW, DriftHistory, TextsCheck, batch_digest
from bertsent.drift.monitored import MonitoredTexts, OpenDrift, TextsAction
from bertsent.retraining.open_drift import list_open
from bertsent.versions import store
from bertsent.versions.manifest import REFERENCE, Version

if TYPE_CHECKING:
    pass

_MONITOR = MonitorSettings()


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of the source."""

    batch: str  # `batch_digest` of all of them
    rows: frozenset[str]  # digests of all of them, cut to `ROW` characters
    fresh: int  # how many no check of the version has settled
    drawn: dict[str, str]  # digest -> text of those to judge: all fresh ones, or a random part of many
    foreign: dict[str, str]  # digest -> text of those that an earlier check called most foreign


@dataclass(frozen=True, kw_only=True)
class TextsRun:
    """Judges texts without labels against a version, and records the check if the version is current."""

    workspace: Workspace
    settings: DriftSettings  # the threshold and what a verdict requires
    source: Source  # the texts; labels that they may have are not used
    model: str | None = None  # as `store.find` takes it
    progress: Progress = silent

    @cached_property
    def version(self) -> Version:
        """The version under test."""
        return store.find(self.model, folder=self.workspace.model)

    @cached_property
    def history(self) -> DriftHistory:
        return DriftHistory(self.workspace)

    @cached_property
    def checks(self) -> list[TextsCheck]:
        """The earlier checks of texts of the version, oldest first."""
        return self.history.texts_checks(self.version.classifier_digest)

    def go(self) -> MonitoredTexts:
        """Judges the texts that no check of the version has settled, if there are enough.

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
            texts = self._read()
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
            return self._check(texts)

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

    def _read(self) -> _Texts:
        settled = {row for check in self.checks if check.verdict != "cannot_tell" for row in check.rows}
        wanted = {digest for check in self.checks for digest in check.report["foreign"]}
        reviews = open_reviews(self.source)
        survey = reviews.survey(self.progress)
        self._note(survey)
        left_out = Counter[str]()
        rows: set[str] = set()
        foreign: dict[str, str] = {}
        fresh = 0

        def unsettled() -> Iterator[tuple[str, str]]:
            nonlocal fresh
            for digest, text in _distinct(reviews, rows, left_out):
                if digest in wanted:
                    foreign[digest] = text
                if digest[:ROW] not in settled:
                    fresh += 1
                    yield digest, text

        # The smallest digests are a random sample, and the same one whatever the order of the texts.
        drawn = dict(heapq.nsmallest(self.settings.most_texts, unsettled()))
        if not rows:
            raise DataError(
                f"{visible(str(self.source))} holds no text.", received=counted(survey.rows, "row")
            )
        self._note_left_out(left_out, fresh)
        return _Texts(batch_digest(rows), frozenset(rows), fresh, drawn, foreign)

    def _note(self, survey: Survey) -> None:
        for line in survey_notes(replace(survey, labels=LabelCounts())):
            self.progress.note(line)
        if survey.labels.positive or survey.labels.negative:
            command = ["bertsent drift --labels", path_word(self.source.paths[0]), *self.source.words()]
            self.progress.note(
                f"The labels of {visible(str(self.source))} are not used: {' '.join(command)} "
                "judges with them."
            )

    def _note_left_out(self, left_out: Counter[str], fresh: int) -> None:
        if said := ", ".join(f"{count} {reason}" for reason, count in left_out.items()):
            self.progress.note(f"Left out: {said}.")
        most = self.settings.most_texts
        if fresh > most:
            self.progress.note(f"Of {fresh:,} texts {most:,} are judged, drawn at random.")

    def _check(self, texts: _Texts) -> MonitoredTexts:
        """Judges the drawn texts, and records the check."""
        from bertsent.drift import reference
        from bertsent.drift.judge import judge
        from bertsent.drift.new_rows import score_rows
        from bertsent.scoring.scorer import Scorer

        trained_on = reference.read(self.version.file(REFERENCE))
        scorer = Scorer(self.version)
        rows = score_rows(scorer, texts.drawn, unit="texts", progress=self.progress)
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
        )
        if self._is_current:
            self.history.append(check)
        scores = {row.digest: row.score for row in rows}
        foreign = {digest: texts.drawn[digest] for digest in report.foreign}
        return self._act(check, foreign, scores=scores)

    @property
    def _is_current(self) -> bool:
        return not self.model or store.is_current(self.version, folder=self.workspace.model)

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
        reason, needed = "Nothing to do", 0
        if check.verdict == "cannot_tell":
            needed = math.ceil(_MONITOR.growth * len(check.rows))
            action, reason = "collect", f"Next check at {needed} new texts"
        elif check.verdict == "drift":
            action, reason = "reported", self._advice(check)
        shown = {digest: (text, (scores or {}).get(digest, math.nan)) for digest, text in foreign.items()}
        return self._monitored(action, reason, check=check, needed=needed, texts=shown, continued=continued)

    def _advice(self, check: TextsCheck) -> str:
        """How many texts look foreign, and what to label next."""
        report, foreign = check.report, check.report["foreign_rows"]
        if "text" in report["fired"]:
            found = f"About {foreign:,} of {report['new_rows']:,} texts look foreign"
            command = self._label_command
            return f"{found}; label the most foreign ones next: {command or _TO_A_FILE}"
        return "The words are not what fired; label some texts to see whether the model is wrong: " + (
            self._label_command.removesuffix(_FOREIGN) or _TO_A_FILE
        )

    @property
    def _open(self) -> OpenDrift | None:
        """The newest drift of labels that is open: calm texts do not close it."""
        return next(iter(list_open(self.workspace, self.history)), None)

    @property
    def _label_command(self) -> str:
        path = self.source.paths[0]
        if str(path) == PIPE:
            return ""
        model = ["--model", path_word(self.model)] if self.model else []
        return " ".join(["bertsent label", path_word(path), *self.source.words(), *model]) + _FOREIGN

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
            open=self._open,
            history=self.history,
            label_command=self._label_command,
            **more,
        )


_FOREIGN = " --order foreign"
_TO_A_FILE = f"write them to a file, then bertsent label FILE{_FOREIGN}"  # texts that came by a pipe


def _distinct(reviews: Reviews, rows: set[str], left_out: Counter[str]) -> Iterator[tuple[str, str]]:
    """Digest and clean text of each review, each text once.

    Args:
        rows: Receives the digests, cut to `ROW` characters.
        left_out: Receives the numbers of those without text and of repeated ones.
    """
    for review in reviews:
        text = clean(review.text)
        digest = sha256_text(text)
        if not text:
            left_out["without text"] += 1
        elif digest[:ROW] in rows:
            left_out["repeated"] += 1
        else:
            rows.add(digest[:ROW])
            yield digest, text
