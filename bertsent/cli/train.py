"""`bertsent train`: fine-tune an encoder and publish a version."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, cast

import typer

from bertsent.cli._app import app
from bertsent.cli._options import (
    DataOption,
    EncoderOption,
    JsonOption,
    PreprocessorOption,
    QuietOption,
    SeedOption,
    SeqLengthOption,
    WindowOption,
)
from bertsent.cli._render import duration, note, print_json, progress
from bertsent.errors import Interrupted, UsageError
from bertsent.files import visible
from bertsent.records import Trained
from bertsent.settings import DownloadSettings, Optimizer, TrainSettings, Window, Workspace

DEFAULTS = TrainSettings()


@app.command()
def train(
    data: DataOption = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL|FILE", help="Download this archive first and train on it.")
    ] = "",
    encoder: EncoderOption = DEFAULTS.encoder,
    preprocessor: PreprocessorOption = DEFAULTS.preprocessor,
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the training data.")] = DEFAULTS.epochs,
    init_lr: Annotated[
        float, typer.Option("--init-lr", help="Learning rate that falls linearly to 0, after the warm-up.")
    ] = DEFAULTS.init_lr,
    warmup: Annotated[
        float, typer.Option("--warmup", help="Share of the steps in which the learning rate rises.")
    ] = DEFAULTS.warmup,
    optimizer: Annotated[
        str, typer.Option("--optimizer", metavar="adamw|adam|lamb|sgd", help="With linear warm-up and decay.")
    ] = DEFAULTS.optimizer,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Reviews a training step.")
    ] = DEFAULTS.batch_size,
    seq_length: SeqLengthOption = DEFAULTS.seq_length,
    window: WindowOption = DEFAULTS.window,
    dropout: Annotated[
        float, typer.Option("--dropout", help="Share of the pooled output zeroed in training.")
    ] = DEFAULTS.dropout,
    validation_share: Annotated[
        float, typer.Option("--validation-share", help="Share of the training data kept for validation.")
    ] = DEFAULTS.validation_share,
    seed: SeedOption = DEFAULTS.seed,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Where versions are published. [default: model/]",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights/--no-weights",
            help="Keep fp16 weights in the version, for warm start and export; scoring needs none.",
        ),
    ] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last complete epoch of a run that was stopped.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a classifier and publish it as a new version.

    Needs TensorFlow: pip install 'bertsent[train]'.
    """
    settings = TrainSettings(
        encoder=encoder,
        preprocessor=preprocessor,
        epochs=epochs,
        init_lr=init_lr,
        warmup=warmup,
        optimizer=cast(Optimizer, optimizer),
        batch_size=batch_size,
        seq_length=seq_length,
        window=cast(Window, window),
        dropout=dropout,
        validation_share=validation_share,
        seed=seed,
    )
    if data and url:
        raise UsageError("--data and --url exclude each other: --url brings a data set of its own.")
    workspace = Workspace.current()
    from bertsent.reviews import find_data_set

    with progress(quiet=quiet) as shown:
        if url:
            from bertsent.archive import download

            data = download(DownloadSettings(url=url), data=workspace.data, progress=shown).path
        folder = data or find_data_set(workspace.data)
        from bertsent.tf import training

        with _stop_on_signal() as stop:
            trained = training.train(
                settings,
                data=folder,
                workspace=workspace,
                output=output,
                keep_weights=weights,
                resume=resume,
                progress=shown,
                stop=stop,
            )
    if json:
        print_json(_as_json(trained))
    else:
        _print(trained)


@contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yields a question: has SIGINT or SIGTERM asked to stop? A second signal stops at once.

    Raises:
        Interrupted: with the exit code of SIGTERM where that was the signal.
    """
    received: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        note("Stopping after this batch; once more stops at once.")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    except Interrupted as stopped:
        raise Interrupted(
            stopped.message, terminated=received == [signal.SIGTERM], hint=stopped.hint
        ) from stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_json(trained: Trained) -> dict[str, object]:
    return {
        "version": trained.version,
        "path": str(trained.path),
        "best_epoch": trained.best_epoch,
        "metrics": {name: values.as_json() for name, values in trained.metrics.items()},
        "litert_agreement": trained.quantised.agreement,
        "classifier_accuracy": trained.quantised.classifier_accuracy,
        "seconds": trained.seconds,
    }


def _print(trained: Trained) -> None:
    typer.echo(f"Published version {trained.version} in {visible(str(trained.path))}")
    for name, values in trained.metrics.items():
        typer.echo(
            f"{name:>10}: accuracy {values.confusion.accuracy:.4f}, F1 {values.confusion.f1:.4f}, "
            f"ROC AUC {values.roc_auc:.4f}, log loss {values.log_loss:.4f} ({values.confusion.n} reviews)"
        )
    alike = 100 * trained.quantised.agreement
    typer.echo(
        f"Best epoch {trained.best_epoch} of {len(trained.epochs)}; LiteRT answers as the trained classifier "
        f"on {alike:.2f} % of the test reviews; {duration(trained.seconds)} in all"
    )
