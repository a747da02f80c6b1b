"""One retrain, from the labels to its outcome."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bertsent.base.digests import sha256_lines
from bertsent.base.errors import ArtefactError, DataError, ExitCode, Interrupted
from bertsent.base.files import lock
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.recipes import DEFAULT, find_recipe
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.base.settings.toml_file import Config
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import capital, spoken
from bertsent.data.reviews import FETCH_HINT
from bertsent.data.splits import load_splits
from bertsent.labelling import selection
from bertsent.labelling.selection import Selection
from bertsent.retraining import outcomes, rehearsal
from bertsent.retraining.gate import GateResult, Taught, judge
from bertsent.retraining.paired import PairedScores
from bertsent.retraining.records import Retrained, RetrainRun
from bertsent.scoring.scorer import Scorer
from bertsent.versions import registry
from bertsent.versions.candidate import keep_candidate
from bertsent.versions.manifest import WEIGHTS, Version, read_version, version_numbers

_RETRAIN = RetrainSettings()
_WARM = "retrain"  # the recipe of a warm start
# The settings that a retrain takes from a recipe; all others, such as encoder and window, are the champion's.
_PACE = ("epochs", "init_lr", "warmup", "batch_size", "crops", "dropout", "optimizer", "momentum")


def retrain(run: RetrainRun) -> Retrained:
    """Trains a challenger on old and new data and publishes it if it passes the gate.

    With `run.ask` it is not published, but waits for a person's word (`approval`). One that the gate rejects
    is kept until the next retrain, in case a person knows better.

    Raises:
        DataError: if there are too few labelled rows, or too few test rows to pass the gate at all; or no
            data set and no warm start.
        Interrupted: after `stop`; the same command resumes.
        BusyError: if another run retrains, or another version became current meanwhile.
        TrainingError, StorageError, ArtefactError, UsageError: as `training.train`.
    """
    started = time.monotonic()
    with lock(run.workspace.state / "retrain.lock", "retrain"):
        retrained = None if run.force else outcomes.earlier_outcome(run)
        if retrained is None:
            run.begin()
            run.champion.verify()
            scorer = Scorer(run.champion)  # a version that cannot score is refused before the work
            splits, in_data = _old_reviews(run, scorer)
            picked = selection.select(run.rows, splits, in_data=in_data)
            _require_enough(picked, splits, run)
            _note(run, picked, splits)
            challenger = _challenger(run, picked, splits)
            result = _judge(run, scorer, challenger, picked, splits)
            seconds = time.monotonic() - started if challenger.whole else None
            retrained = _conclude(run, challenger.version, picked, result, seconds)
        shutil.rmtree(run.workspace.challengers, ignore_errors=True)
    return replace(retrained, seconds=time.monotonic() - started)


def finish_killed_run(workspace: Workspace) -> None:
    """Finishes a retrain that was killed after it published: adds its line to the ledger and removes the
    challenger's folder.

    Raises:
        BusyError: if another run retrains.
        StorageError, ArtefactError: if the ledger cannot be written or read.
    """
    with lock(workspace.state / "retrain.lock", "retrain"):
        outcomes.repair_ledger(workspace, outcomes.retrained_versions(workspace))
        shutil.rmtree(workspace.challengers, ignore_errors=True)


def can_warm_start(champion: Version) -> bool:
    """Whether a retrain begins with the champion's weights by default."""
    return _RETRAIN.warm_start and WEIGHTS in champion.manifest.files


def settings_for(
    champion: Version,
    *,
    warm_start: bool,
    labels: int = 0,
    recipe: str | None = None,
    config: Config | None = None,
) -> TrainSettings:
    """The training of a challenger: the champion's own settings at the pace of a recipe.

    The pace is the named recipe's. Without one it is that of the recipe "retrain" for a warm start, else the
    champion's own if it was trained from the encoder, else the default recipe's. A configuration file wins.

    Args:
        champion: The version to retrain.
        warm_start: Whether training begins with the champion's weights.
        labels: How many labels there are; few get more epochs, unless a recipe is named.
        recipe: The name of a recipe.
        config: A configuration file.

    Raises:
        UsageError: if there is no such recipe, or a value is invalid.
    """
    config = config or Config()
    names = {field.name for field in fields(TrainSettings)}
    own = TrainSettings(**{k: value for k, value in champion.manifest.settings.items() if k in names})
    named = recipe or config.recipe or (_WARM if warm_start else None)
    from_encoder = "warm_start" not in champion.manifest.encoder and not champion.manifest.lineage
    pace = own if named is None and from_encoder else find_recipe(named or DEFAULT).settings
    chosen = {name: getattr(pace, name) for name in _PACE}
    if labels and warm_start and not (recipe or config.recipe):
        rows = labels * (1 + _RETRAIN.old_per_new) * (1 + pace.crops)
        chosen["epochs"] = max(pace.epochs, math.ceil(_RETRAIN.least_steps * pace.batch_size / rows))
    chosen["folds"] = 0  # of a champion with few rows: the gate judges a challenger, not folds
    return replace(own, **chosen | dict(config.values))


def _old_reviews(run: RetrainRun, champion: Scorer) -> tuple[Splits, set[str]]:
    """The data set or what stands for it, and the digests of labels in it that the splits do not show."""
    if run.data is not None:
        return load_splits(run.data, run.settings, progress=run.progress), set()
    if not run.warm_start:
        raise DataError(
            "A start from the encoder needs the old reviews themselves, and there is no data set.",
            hint=f"{FETCH_HINT}, or name it with --data",
        )
    return rehearsal.stand_in(run.champion, champion, run.rows), rehearsal.in_data(run.champion, run.rows)


def _require_enough(picked: Selection, splits: Splits, run: RetrainRun) -> None:
    usable = len(picked.training) + len(picked.reserved)
    labels = {row.label for row in picked.training}
    if usable < _RETRAIN.least_rows or len(labels) < 2:
        raise DataError(
            f"A retrain needs at least {_RETRAIN.least_rows} labelled reviews, with both labels among them.",
            received=f"{usable} usable"
            + "".join(f", {count} {why}" for why, count in picked.left_out.items()),
            hint=run.given.command("bertsent label"),
        )
    kind, rows = "stand-in" if run.data is None else "test and validation", _test_rows(run, splits)
    if len(rows) < run.gate.least_rows:
        raise DataError(
            f"It takes at least {run.gate.least_rows} {kind} rows to tell whether a challenger is worse.",
            received=f"{len(rows)} {kind} rows",
            hint=(f"{FETCH_HINT}; " if run.data is None else "") + "name a larger data set with --data",
        )


def _note(run: RetrainRun, picked: Selection, splits: Splits) -> None:
    left_out = "".join(f", {count} left out ({why})" for why, count in picked.left_out.items())
    counts = f"{len(picked.training)} for training, {len(picked.reserved)} reserved for the gate"
    run.progress.tell(f"Labels: {counts}{left_out}")
    if run.data is None:
        run.progress.note(
            f"No data set: word counts of {len(splits.train) + len(splits.test)} old reviews, in "
            f"{spoken(run.champion.name)}, stand in. What whole old reviews lose is not measured"
        )
    elif run.champion.manifest.data.get("test", {}).get("digest") != splits.digests["test"]:
        run.progress.tell(f"{capital(run.champion.name)} was measured on other test rows than these")


# The challenger


class _Challenger(NamedTuple):
    """The version to judge."""

    version: Version
    scores: Mapping[str, float] = {}  # its P(positive) by text, of what was scored when this run made it
    whole: bool = False  # this run trained it from its first step


def _challenger(run: RetrainRun, picked: Selection, splits: Splits) -> _Challenger:
    """The challenger; it is trained unless an earlier run completed it."""
    stand_in = run.data is None
    if stand_in:
        splits = replace(splits, test=())  # bags for the gate; no accuracy of a version is told by them
    mix = selection.mix(picked, splits, all_old=not run.warm_start, newest=run.newest, stand_in=stand_in)
    parts = [run.champion.classifier_digest, run.trigger.batch, *run.keys, mix.digest]
    parts += [*splits.digests.values(), repr(run.settings), str(run.warm_start)]
    folder = run.workspace.challengers / sha256_lines(parts)[:32]
    for other in folder.parent.glob("*"):
        if other != folder or not run.resume:  # made from other rows or another champion
            shutil.rmtree(other, ignore_errors=True)
    challenger = _completed(folder)
    if challenger is not None:
        run.progress.tell("An earlier run completed the challenger; the gate judges it now")
        return _Challenger(challenger)
    from bertsent.tf import training

    checkpoints = folder / "training"
    whole = not checkpoints.exists()
    try:
        trained = training.train(
            run.settings,
            data=run.data or run.workspace.data,  # not read: the mix has the rows
            workspace=run.workspace,
            output=folder,
            resume=any(checkpoints.glob("epoch-*")),
            warm_start=run.champion if run.warm_start else None,
            mix=mix,
            checkpoints=checkpoints,
            progress=run.progress,
            stop=run.stop,
        )
    except Interrupted as stopped:
        terminated = stopped.exit_code == ExitCode.TERMINATED
        hint = "the same command resumes it"
        raise Interrupted(stopped.message, terminated=terminated, hint=hint) from stopped
    return _Challenger(read_version(trained.path), trained.scores, whole)


def _completed(folder: Path) -> Version | None:
    """The challenger that an earlier run completed, if any."""
    with contextlib.suppress(ArtefactError):
        for number in version_numbers(folder):
            challenger = read_version(folder / str(number))
            challenger.verify()
            return challenger
    return None


# The gate


def _judge(
    run: RetrainRun, champion: Scorer, challenger: _Challenger, picked: Selection, splits: Splits
) -> GateResult:
    """Compares both on the test rows and the reserved ones. What this run has scored is not scored again."""
    test = _test_rows(run, splits)
    reserved = [Review(row.text, row.label) for row in picked.reserved]
    # The champion has seen the labels of an earlier retrain.
    used = run.champion.manifest.used_labels
    taught = [Review(row.text, row.label) for row in picked.training if row.digest not in used]
    texts = [review.text for review in (*test, *reserved)]
    scorers = (
        ("champion", champion, run.champion_scores),
        ("challenger", Scorer(challenger.version), challenger.scores),
    )
    old, new = (
        scorer.scores_of(texts, known=known, what=f"Scoring by the {name}", progress=run.progress)
        for name, scorer, known in scorers
    )

    def paired(rows: Sequence[Review], part: slice) -> PairedScores:
        gold = np.array([review.label for review in rows])
        return PairedScores(selection.review_digest(rows), gold, champion=old[part], challenger=new[part])

    scores = champion.scores_of(
        [review.text for review in taught],
        known=run.champion_scores,
        what="Scoring new labels by the champion",
        progress=run.progress,
    )
    return judge(
        paired(test, slice(len(test))),
        paired(reserved, slice(len(test), None)),
        Taught(np.array([review.label for review in taught]), scores),
        stand_in=run.data is None,
        validation=max(0, len(test) - len(splits.test)),
        settings=run.gate,
    )


def _test_rows(run: RetrainRun, splits: Splits) -> tuple[Review, ...]:
    """The old rows to compare both versions on: test rows and, beside few of them, validation rows.

    Both versions chose their epoch and their temperature by the validation rows, so that these favour
    neither. Bags of words that stand in are not filled up: their validation rows are test rows too.
    """
    test = splits.test[: run.gate.test_rows]  # sorted by digest: a random draw that is the same every time
    few = 0 if run.data is None else max(0, run.gate.many_rows - len(test))
    return (*test, *splits.validation[:few])


# The outcome


def _conclude(
    run: RetrainRun, challenger: Version, picked: Selection, result: GateResult, seconds: float | None
) -> Retrained:
    lineage = outcomes.lineage_of(run, picked, result, challenger)
    reason = "drift" if run.trigger.kind == "drift" else "retrain"
    if result.passed and not run.ask:
        number = registry.promote(
            challenger, workspace=run.workspace, champion=run.champion, reason=reason, lineage=lineage
        ).manifest.version
        run.ledger.append(outcomes.ledger_line("published", lineage, number, seconds=seconds))
        outcomes.drop_waiting(run.workspace, f"version {number} was published")
        return Retrained("published", number, result, result.reason, 0.0)
    outcomes.drop_waiting(run.workspace, "a new candidate took its place")
    kept = keep_candidate(
        challenger, workspace=run.workspace, champion=run.champion, reason=reason, lineage=lineage
    )
    run.ledger.append(outcomes.kept_line(kept, seconds=seconds))
    if not kept.passed:
        return Retrained("rejected", None, result, result.reason, 0.0)
    return Retrained("waiting", None, result, result.reason, 0.0, candidate=kept.number)
