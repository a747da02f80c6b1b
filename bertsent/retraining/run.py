"""One retrain, from the labels to its outcome."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from bertsent.base.digests import sha256_lines
from bertsent.base.errors import ArtefactError, DataError, ExitCode, Interrupted
from bertsent.base.files import lock
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.recipes import DEFAULT, find_recipe
from bertsent.base.settings.retraining import GateSettings, RetrainSettings
from bertsent.base.settings.toml_file import Config
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.splits import load_splits
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.selection import Selection
from bertsent.retraining.gate import Answers, GateResult, judge, least_rows
from bertsent.retraining.outcomes import earlier, event, lineage_of, repair_ledger
from bertsent.retraining.records import Retrained, Run, Trigger
from bertsent.scoring.scorer import Scorer
from bertsent.versions import registry
from bertsent.versions.manifest import WEIGHTS, Version, read_version, version_numbers

_GATE, _RETRAIN = GateSettings(), RetrainSettings()
_WARM = "retrain"  # the recipe of a warm start
# What a recipe says of a retrain; all else, the encoder and the window above all, is the champion's.
_PACE = ("epochs", "init_lr", "warmup", "batch_size", "crops", "dropout", "optimizer", "momentum")


def retrain(
    workspace: Workspace,
    *,
    data: Path,
    champion: Version,
    rows: Sequence[Labelled],
    because: Trigger,
    settings: TrainSettings | None = None,
    gate: GateSettings = _GATE,
    warm_start: bool | None = None,
    resume: bool = True,
    force: bool = False,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Retrained:
    """Trains a challenger on old and new data and publishes it if it passes the gate.

    Args:
        workspace: Where versions, ledger and checkpoints are.
        data: The data set; its test rows are those of the gate.
        champion: The current version.
        rows: All labelled rows that stand, oldest first.
        because: Why; a batch that has an outcome already is not retrained again.
        settings: The training; by default what `settings_for` gives.
        gate: What the challenger must show.
        warm_start: Begin with the champion's weights; None: if it carries any.
        resume: Go on with what a run of the same rows left behind.
        force: Train although the same labels, or nearly the same, had an outcome before.
        progress: Told of every step.
        stop: Asked after every batch; when it says True the run ends with what is complete kept.

    Raises:
        DataError: if there are too few labelled rows, or too few test rows to ever pass the gate.
        Interrupted: after `stop`; the same command goes on.
        BusyError: if another run retrains, or another version became current meanwhile.
        TrainingError, StorageError, ArtefactError, UsageError: as `training.train`.
    """
    begun = time.monotonic()
    warm = can_warm_start(champion) if warm_start is None else warm_start
    run = Run(workspace, champion, rows, because, warm)
    with lock(workspace.state / "retrain.lock", "retrain"):
        found = None if force else earlier(run, progress)
        if found is not None:
            shutil.rmtree(_challengers(workspace), ignore_errors=True)
            return replace(found, seconds=time.monotonic() - begun)
        champion.verify()
        scorer = Scorer(champion)  # a version it cannot score with is refused before the work
        settings = settings or settings_for(champion, warm_start=warm, labels=len(rows))
        splits = load_splits(data, settings, progress=progress)
        picked = selection.select(rows, splits)
        _require_enough(picked, splits, gate)
        _note(run, picked, splits, progress)
        challenger = _challenger(run, picked, splits, settings, data, resume, progress, stop)
        result = _judge(run, scorer, Scorer(challenger), picked, splits, gate, progress)
        done = _conclude(run, challenger, picked, result)
        shutil.rmtree(_challengers(workspace), ignore_errors=True)
    return replace(done, seconds=time.monotonic() - begun)


def finish_killed_run(workspace: Workspace) -> None:
    """Puts right what a retrain lacks that was killed after it published: its line in the ledger, and the
    challenger's folder, which nobody needs any more.

    Raises:
        BusyError: if another run retrains.
        StorageError, ArtefactError: if the ledger cannot be written or read.
    """
    with lock(workspace.state / "retrain.lock", "retrain"):
        repair_ledger(workspace)
        shutil.rmtree(_challengers(workspace), ignore_errors=True)


def can_warm_start(champion: Version) -> bool:
    """Whether a retrain begins with the champion's weights where nothing else is asked for."""
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

    The pace is the recipe's that is named; else "retrain" for a warm start, the champion's own where it
    was trained from the encoder, else the default one's. What a configuration file sets overrules all.

    Args:
        champion: The version that is retrained.
        warm_start: Whether it begins with its weights.
        labels: How many there are; few are read more often, unless a recipe is named.
        recipe: The name of one.
        config: A configuration file.

    Raises:
        UsageError: if there is no such recipe, or a value cannot be used.
    """
    config = config or Config()
    known = {each.name for each in fields(TrainSettings)}
    stated = {name: value for name, value in champion.manifest.settings.items() if name in known}
    own = replace(TrainSettings(), **stated)
    named = recipe or config.recipe or (_WARM if warm_start else None)
    from_encoder = "warm_start" not in champion.manifest.encoder and not champion.manifest.lineage
    pace = own if named is None and from_encoder else find_recipe(named or DEFAULT).settings
    chosen = {name: getattr(pace, name) for name in _PACE}
    if labels and warm_start and not (recipe or config.recipe):
        rows = labels * (1 + _RETRAIN.old_per_new) * (1 + pace.crops)
        chosen["epochs"] = max(pace.epochs, math.ceil(_RETRAIN.least_steps * pace.batch_size / rows))
    return replace(own, **chosen | dict(config.values))


def _require_enough(picked: Selection, splits: Splits, gate: GateSettings) -> None:
    usable = len(picked.training) + len(picked.reserved)
    labels = {row.label for row in picked.training}
    if usable < _RETRAIN.least_rows or len(labels) < 2:
        raise DataError(
            f"A retrain needs at least {_RETRAIN.least_rows} labelled reviews, of both labels.",
            received=f"{usable} usable"
            + "".join(f", {count} {why}" for why, count in picked.left_out.items()),
            hint="bertsent label",
        )
    least = least_rows(gate)
    if len(splits.test) < least:
        raise DataError(
            f"To show that a challenger loses less than {100 * gate.margin:g} points takes at least {least} "
            "test rows.",
            received=f"{len(splits.test)} test rows",
            hint="name a larger data set with --data, or allow more with --margin",
        )


def _note(run: Run, picked: Selection, splits: Splits, progress: Progress) -> None:
    left_out = "".join(f", {count} left out ({why})" for why, count in picked.left_out.items())
    counts = f"{len(picked.training)} train, {len(picked.reserved)} are reserved for the gate"
    progress.tell(f"Labels: {counts}{left_out}")
    stated = run.champion.manifest.data.get("test", {})
    if stated.get("digest") != splits.digests["test"]:
        progress.tell(f"The test rows are others than those version {run.champion.name} was measured on")


# The challenger


def _challengers(workspace: Workspace) -> Path:
    return workspace.state / "challenger"


def _challenger(
    run: Run,
    picked: Selection,
    splits: Splits,
    settings: TrainSettings,
    data: Path,
    resume: bool,
    progress: Progress,
    stop: Callable[[], bool],
) -> Version:
    """The version to judge, trained unless a run before this one did."""
    mix = selection.mix(picked, splits, all_old=not run.warm_start, newest=run.newest)
    parts = [
        run.champion.classifier_digest,
        run.because.batch,
        *run.keys,
        mix.digest,
        *splits.digests.values(),
    ]
    folder = _challengers(run.workspace) / sha256_lines([*parts, repr(settings), str(run.warm_start)])[:32]
    for other in _challengers(run.workspace).glob("*"):
        if other != folder or not resume:  # of other rows or another champion
            shutil.rmtree(other, ignore_errors=True)
    challenger = _finished(folder)
    if challenger is not None:
        progress.tell("The challenger of an earlier run is complete; going on with the gate")
        return challenger
    from bertsent.tf import training

    begun = folder / "training"
    try:
        trained = training.train(
            settings,
            data=data,
            workspace=run.workspace,
            output=folder,
            resume=any(begun.glob("epoch-*")),
            warm_start=run.champion if run.warm_start else None,
            mix=mix,
            checkpoints=begun,
            progress=progress,
            stop=stop,
        )
    except Interrupted as stopped:
        terminated = stopped.exit_code == ExitCode.TERMINATED
        hint = "the same command goes on"
        raise Interrupted(stopped.message, terminated=terminated, hint=hint) from stopped
    return read_version(trained.path)


def _finished(folder: Path) -> Version | None:
    """The challenger that an earlier run left whole, if any."""
    with contextlib.suppress(ArtefactError):
        for number in version_numbers(folder):
            challenger = read_version(folder / str(number))
            challenger.verify()
            return challenger
    return None


# The gate


def _judge(
    run: Run,
    champion: Scorer,
    challenger: Scorer,
    picked: Selection,
    splits: Splits,
    gate: GateSettings,
    progress: Progress,
) -> GateResult:
    test = splits.test[: gate.test_rows]  # sorted by digest: a random draw, the same every time
    reserved = [Review(row.text, row.label) for row in picked.reserved]
    both = [*test, *reserved]
    texts = [review.text for review in both]
    scores = {
        name: scorer.scores(texts, what=f"Scoring by the {name}", progress=progress)
        for name, scorer in (("champion", champion), ("challenger", challenger))
    }
    gold = np.array([review.label for review in both])
    parts = (slice(len(test)), slice(len(test), None))
    answers = [
        Answers(
            digest=selection.review_digest(both[part]),
            gold=gold[part],
            champion=scores["champion"][part],
            challenger=scores["challenger"][part],
        )
        for part in parts
    ]
    return judge(*answers, drift=run.because.kind == "drift", settings=gate)


# The outcome


def _conclude(run: Run, challenger: Version, picked: Selection, result: GateResult) -> Retrained:
    led_to = lineage_of(run, picked, result)
    if not result.passed:
        run.ledger.append(event("rejected", led_to, None))
        return Retrained("rejected", None, result, result.reason, 0.0)
    version = registry.promote(
        challenger,
        workspace=run.workspace,
        champion=run.champion,
        reason="drift" if run.because.kind == "drift" else "retrain",
        lineage=led_to,
    )
    run.ledger.append(event("published", led_to, version.manifest.version))
    return Retrained("published", version.manifest.version, result, result.reason, 0.0)
