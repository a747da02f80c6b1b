"""`bertsent train`: fine-tune an encoder and publish a version."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsent.base.display import counted, visible
from bertsent.base.errors import UsageError
from bertsent.base.records.core import Progress
from bertsent.base.records.training import CROSS_VALIDATION, Trained
from bertsent.base.settings import toml_file
from bertsent.base.settings.download import DownloadSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.recipes import DEFAULT, RECIPES
from bertsent.base.settings.training import Balance, FewShotSettings, Optimizer, TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import duration, pick, print_json, progress
from bertsent.cli._signals import stop_on_signal
from bertsent.cli._source import open_source, reads_reviews
from bertsent.cli._versions import find_version
from bertsent.data.source import Source

DEFAULTS = TrainSettings()
_READ = ReadSettings()
_FEW_SHOT = FewShotSettings()
_SPOKEN = {  # rows that are not a split -> how they are called, and how they were scored
    CROSS_VALIDATION: ("folds", ", each scored by a classifier that had not seen it"),
    "warm_start": ("before", ", the same, scored by the version that training started from"),
}
_RECIPES = ", ".join(f"{recipe.name} ({recipe.about})" for recipe in RECIPES.values())


@reads_reviews()
def train(
    ctx: typer.Context,
    data: options.Data = None,
    reading: ReadSettings = _READ,
    url: Annotated[
        str, typer.Option("--url", metavar="URL|FILE", help="Download this archive first and train on it.")
    ] = "",
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            "--unlabelled",
            metavar="FOLDER|FILE",
            help="Also train on these reviews without labels (.txt files, or a table). What they teach is in "
            "--score-column, or --teacher scores them. Several may be given.",
        ),
    ] = None,
    score_column: Annotated[
        str,
        typer.Option(
            "--score-column",
            metavar="COLUMN",
            help="Column of --unlabelled with the probability that a text is positive, by any model. "
            "[default: score, if the table has it]",
        ),
    ] = "",
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="VERSION|FOLDER",
            help="The version that scores --unlabelled where no column does. [default: the current version]",
        ),
    ] = None,
    unlabelled_rows: Annotated[
        int,
        typer.Option("--unlabelled-rows", help="Use at most this many of each --unlabelled, by hash."),
    ] = DEFAULTS.unlabelled_rows,
    warm_start: Annotated[
        str | None,
        typer.Option(
            "--warm-start",
            metavar="VERSION|FOLDER",
            help="Start from this version's weights, not from the encoder's.",
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME", help=f"Settings to start from: {_RECIPES}.")
    ] = None,
    config: options.Config = None,
    encoder: options.Encoder = DEFAULTS.encoder,
    preprocessor: options.Preprocessor = DEFAULTS.preprocessor,
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the training data.")] = DEFAULTS.epochs,
    patience: Annotated[
        int,
        typer.Option(
            "--patience",
            help="End training after this many epochs without a lower validation loss; 0: train all.",
        ),
    ] = DEFAULTS.patience,
    init_lr: Annotated[
        float, typer.Option("--init-lr", help="Learning rate after the warm-up; it falls linearly to 0.")
    ] = DEFAULTS.init_lr,
    warmup: Annotated[
        float, typer.Option("--warmup", help="Share of the steps in which the learning rate rises.")
    ] = DEFAULTS.warmup,
    optimizer: Annotated[
        Optimizer, typer.Option("--optimizer", help="Optimizer, with linear warm-up and decay.")
    ] = DEFAULTS.optimizer,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Reviews per training step.")
    ] = DEFAULTS.batch_size,
    seq_length: options.SeqLength = DEFAULTS.seq_length,
    train_length: Annotated[
        int, typer.Option("--train-length", help="Word pieces of a training example, at most --seq-length.")
    ] = DEFAULTS.train_length,
    window: options.Window = DEFAULTS.window,
    crops: Annotated[
        float,
        typer.Option("--crops", help="Also train on this many sentences cut from each review, per epoch."),
    ] = DEFAULTS.crops,
    dropout: Annotated[
        float, typer.Option("--dropout", help="Share of the pooled output set to zero in training.")
    ] = DEFAULTS.dropout,
    validation_share: Annotated[
        float, typer.Option("--validation-share", help="Share of the training data reserved for validation.")
    ] = DEFAULTS.validation_share,
    balance: Annotated[
        Balance,
        typer.Option(
            "--balance",
            help="If one label is rarer: weights counts its rows more in the loss; downsample leaves rows of "
            "the other out.",
        ),
    ] = DEFAULTS.balance,
    teacher_share: Annotated[
        float,
        typer.Option(
            "--teacher-share",
            help="Of a labelled row that --unlabelled has a score for: how much the score counts; the rest "
            "is the label.",
        ),
    ] = DEFAULTS.teacher_share,
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            help="With --warm-start: train on all rows and measure by cross-validation in this many folds; "
            "0: hold rows out.",
        ),
    ] = DEFAULTS.folds,
    seed: options.Seed = DEFAULTS.seed,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Where versions are published. [default: model/]"),
    ] = None,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights/--no-weights",
            help="Keep fp16 weights in the version for warm start and export; scoring needs none.",
        ),
    ] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a stopped run from its last checkpoint.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier and publish it as a new version.

    Needs TensorFlow: pip install 'bertsent[train]'.
    """
    if data and url:
        raise UsageError("--data and --url exclude each other: --url brings a data set of its own.")
    if teacher is not None and not unlabelled:
        raise UsageError(
            "--teacher needs --unlabelled, the reviews to give pseudo-labels to.", received=visible(teacher)
        )
    if score_column and not unlabelled:
        raise UsageError("--score-column is a column of --unlabelled.", received=visible(score_column))
    overrides = toml_file.Config() if config is None else toml_file.load(config)
    settings = toml_file.resolve(recipe, config=overrides, given=_given(ctx))
    workspace = Workspace.current()
    from bertsent.data.splits import find_data_set

    scoring = None if teacher is None else find_version(teacher, option="--teacher")
    start = None if warm_start is None else find_version(warm_start, option="--warm-start")
    with progress(quiet=quiet) as bar:
        _note_settings(settings, recipe=overrides.recipe if recipe is None else recipe, file=config, to=bar)
        if url:
            from bertsent.data.download.dataset import download

            data = [download(DownloadSettings(url=url), data=workspace.data, progress=bar).path]
        paths = data or [find_data_set(workspace.data)]
        from bertsent.tf import training

        with stop_on_signal() as stop, open_source(paths, reading) as source:
            if warm_start is not None and not unlabelled:
                settings = _for_few_rows(settings, source, recipe, overrides, _given(ctx), to=bar)
            trained = training.train(
                settings,
                data=source,
                workspace=workspace,
                output=output,
                keep_weights=weights,
                resume=resume,
                unlabelled=unlabelled or (),
                score_column=score_column,
                teacher=scoring,
                warm_start=start,
                progress=bar,
                stop=stop,
            )
    if json:
        print_json(_as_json(trained))
    else:
        _print(trained)


def _given(ctx: typer.Context) -> dict[str, Any]:
    """Name -> value of the settings that the caller gave; the others have the defaults of --help."""
    sources = {
        field.name: ctx.get_parameter_source(field.name)
        for field in fields(TrainSettings)
        if field.name in ctx.params
    }
    return {
        name: ctx.params[name]
        for name, source in sources.items()
        if source is not None and source.name in {"COMMANDLINE", "ENVIRONMENT"}
    }


def _for_few_rows(
    settings: TrainSettings,
    source: Source,
    recipe: str | None,
    config: toml_file.Config,
    given: dict[str, Any],
    *,
    to: Progress,
) -> TrainSettings:
    """The settings of the recipe for few rows, where the rows are few and nobody said how to measure."""
    from bertsent.data.splits import few_rows

    said = {*config.values, *given} & {"folds", "validation_share", "patience"}
    if recipe or config.recipe or said or not (rows := few_rows(source)):
        return settings
    chosen = toml_file.resolve(_FEW_SHOT.recipe, config=config, given=given)
    to.note(
        f"Recipe {_FEW_SHOT.recipe}, as {counted(rows, 'labelled row')} cannot be split well (--recipe "
        f"default splits them): {toml_file.describe(chosen)}"
    )
    return chosen


def _note_settings(settings: TrainSettings, *, recipe: str | None, file: Path | None, to: Progress) -> None:
    """Says which settings are in use, if a recipe or a file changes those of --help."""
    origins = [f"Recipe {recipe}"] if recipe not in {None, DEFAULT} else []
    if file is not None:
        origins.append(str(file))
    if origins:
        to.note(f"{', '.join(origins)}: {toml_file.describe(settings)}")


def _as_json(trained: Trained) -> dict[str, Any]:
    return {
        **pick(trained, "version", "path", "best_epoch", "seconds"),
        "metrics": {name: values.as_json() for name, values in trained.metrics.items()},
        "litert_agreement": trained.quantised.agreement,
        "classifier_accuracy": trained.quantised.classifier_accuracy,
    }


def _print(trained: Trained) -> None:
    typer.echo(f"Published version {trained.version} in {visible(str(trained.path))}")
    for name, values in trained.metrics.items():
        if not values.confusion.n:
            continue
        low, high = values.intervals["accuracy"]
        spoken, how = _SPOKEN.get(name, (name, ""))
        typer.echo(
            f"{spoken:>10}: accuracy {values.confusion.accuracy:.4f} ({low:.4f} to {high:.4f}), "
            f"F1 {values.confusion.f1:.4f}, ROC AUC {values.roc_auc:.4f}, log loss {values.log_loss:.4f}, "
            f"ECE {values.ece:.4f} ({values.confusion.n} reviews{how})"
        )
    alike = 100 * trained.quantised.agreement
    chosen = "Last" if CROSS_VALIDATION in trained.metrics else "Best"
    typer.echo(
        f"{chosen} epoch {trained.best_epoch} of {len(trained.epochs)}; LiteRT gives the same labels as the "
        f"trained classifier on {alike:.2f} % of {trained.quantised.rows} reviews; "
        f"{duration(trained.seconds)} in all"
    )
