"""`bertsent label`: a person's answers, kept as data."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.settings.labelling import LabelSettings, Order
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._app import app
from bertsent.cli._options import DataOption, JsonOption, ModelOption, SeedOption
from bertsent.cli._render import duration, note, print_json
from bertsent.cli._scorer import open_scorer
from bertsent.cli._stdin import stdin_pipe

if TYPE_CHECKING:
    from bertsent.cli.terminal.keys import Terminal
    from bertsent.labelling.log import LabelLog
    from bertsent.labelling.pool import Pool
    from bertsent.labelling.shared_scorer import Model

DEFAULTS = LabelSettings()


@app.command()
def label(
    pool: Annotated[
        Path | None,
        typer.Argument(
            metavar="POOL",
            help="Reviews to walk through: a folder, CSV, JSONL, or text lines. Without it you type or paste "
            "reviews; from a pipe, lines label<TAB>text, CSV or JSONL are recorded.",
        ),
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="|".join(get_args(Order)),
            help="How the next review of a pool is picked. mixed: 60 % uncertain, 20 % unlike those before, "
            "20 % random. While no score is known, at random.",
        ),
    ] = DEFAULTS.order,
    show_score: Annotated[
        bool | None,
        typer.Option(
            "--show-score/--blind",
            help="Show the model's answer before yours. [default: blind with a pool, so that the model does "
            "not lead you]",
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        str,
        typer.Option(
            "--keys",
            metavar="ACTION=KEY/KEY,...",
            help="Other keys, for example positive=j/right,negative=f/left. Actions: positive, negative, "
            "skip, undo, explain, more, back, quit.",
        ),
    ] = "",
    again: Annotated[
        int,
        typer.Option(
            "--again", metavar="N", help="Ask about every Nth time something old, unannounced; 0: never."
        ),
    ] = DEFAULTS.again,
    skipped: Annotated[bool, typer.Option("--skipped", help="Ask what was skipped before, too.")] = False,
    picked_by: Annotated[
        str,
        typer.Option(
            "--picked-by",
            metavar="typed|random|uncertain|diverse|first",
            help="From a pipe: how its rows were picked. Drift judges by typed and random ones.",
        ),
    ] = "typed",
    data: DataOption = None,
    model: ModelOption = None,
    seed: SeedOption = DEFAULTS.seed,
    json: JsonOption = False,
) -> None:
    """Label reviews, one key each; every answer is kept at once.

    In labels/: log.jsonl, and pos and neg made of it. Copies of what is answered, of other reviews of the
    pool, and of the data set are left out.
    """
    from bertsent.labelling.log import LabelLog

    settings = replace(DEFAULTS, order=cast(Order, order), again=again, seed=seed)
    log = LabelLog(Workspace.current().labels, settings)
    began = time.monotonic()
    asked: Pool | None = None
    if not sys.stdin.isatty() and pool is None:
        summary = _feed(log, picked_by)
    elif pool is None:
        shown = show_score is not False
        summary = _type(log, _model(model, settings), keys=keys, show_score=shown, json=json)
    else:
        asked = _read(pool, log, settings, skipped=skipped)
        summary = _walk(
            asked,
            log,
            _model(model, settings),
            settings,
            title=visible(str(pool)),
            keys=keys,
            show_score=bool(show_score),
            data=_data(data),
            json=json,
        )
    log.rebuild()
    _show(summary | _totals(log) | {"seconds": round(time.monotonic() - began, 1)}, json=json)
    if asked is not None and asked.error is not None:
        raise asked.error


def _feed(log: LabelLog, picked_by: str) -> dict[str, Any]:
    """Records what comes through a pipe."""
    from bertsent.data.tables import read_labelled_stream
    from bertsent.labelling.decisions import PickedBy
    from bertsent.labelling.feed import feed

    if picked_by not in get_args(PickedBy):
        raise UsageError(
            f"--picked-by is one of {', '.join(get_args(PickedBy))}.", received=visible(picked_by)
        )
    counts: Counter[str] = Counter()
    rows = read_labelled_stream(stdin_pipe(), name="stdin", settings=ReadSettings())
    try:
        feed(log, rows, picked_by=cast(PickedBy, picked_by), counts=counts)
    except DataError:
        note(f"Recorded before that row: {counts['positive'] + counts['negative']}.")
        raise
    return _counted(counts) | {"unchanged": counts["unchanged"], "empty": counts["empty"]}


def _model(named: str | None, settings: LabelSettings) -> Model:
    from bertsent.labelling.shared_scorer import Model

    return Model(lambda: open_scorer(named, ScoreSettings()), settings)


def _type(log: LabelLog, model: Model, *, keys: str, show_score: bool, json: bool) -> dict[str, Any]:
    """Asks for reviews and their labels."""
    from bertsent.cli.terminal.keys import parse_keys
    from bertsent.cli.terminal.typing import Dialogue
    from bertsent.cli.terminal.walk import KEYS, Recorder

    recorder = Recorder(log)
    bound = parse_keys(keys, KEYS)
    # The model loads while the first review is typed.
    with _terminal(to_stderr=json, whole_screen=False, beside=lambda stop: model.warm()) as terminal:
        Dialogue(terminal, keys=bound, recorder=recorder, model=model, show_score=show_score).run()
    return _counted(recorder.counts)


def _read(path: Path, log: LabelLog, settings: LabelSettings, *, skipped: bool) -> Pool:
    from bertsent.labelling.pool import read_pool

    answered = {
        row.digest for row in log.valid_decisions() if not (row.again or (skipped and row.label == "skip"))
    }
    return read_pool(path, answered=answered, settings=settings)


def _data(named: Path | None) -> Path | None:
    """The data set whose rows are not to be labelled again; None where there is none."""
    from bertsent.data.splits import find_data_set

    if named is not None:
        return named
    try:
        return find_data_set(Workspace.current().data)
    except DataError:
        return None


def _walk(
    pool: Pool,
    log: LabelLog,
    model: Model,
    settings: LabelSettings,
    *,
    title: str,
    keys: str,
    show_score: bool,
    data: Path | None,
    json: bool,
) -> dict[str, Any]:
    """Walks a pool, and prepares the next questions meanwhile."""
    from bertsent.cli.terminal.keys import parse_keys
    from bertsent.cli.terminal.walk import KEYS, Recorder, Walk

    recorder = Recorder(log)
    bound = parse_keys(keys, KEYS)
    left = len(pool)
    if left:
        labelled = log.labelled()

        def beside(stop: threading.Event) -> None:
            from bertsent.labelling.background import prepare

            prepare(pool, model, labelled=labelled, data=data, settings=settings, stop=stop)

        with _terminal(to_stderr=json, whole_screen=True, beside=beside) as terminal:
            walk = Walk(
                terminal,
                keys=bound,
                recorder=recorder,
                pool=pool,
                model=model,
                show_score=show_score,
                settings=settings,
                title=title,
            )
            walk.run()
        left = walk.left
    for problem in pool.problems:
        note(problem)
    found = {"rows": pool.rows, "whole": pool.whole, "left": left, "left_out": dict(pool.left_out)}
    return _counted(recorder.counts) | {"pool": found}


@contextmanager
def _terminal(
    *, to_stderr: bool, whole_screen: bool, beside: Callable[[threading.Event], None]
) -> Iterator[Terminal]:
    """The terminal for the block, with work in a thread beside it that is stopped at the end."""
    from bertsent.cli.terminal.keys import open_terminal

    stop = threading.Event()
    thread = threading.Thread(target=beside, args=(stop,), daemon=True)
    try:
        with open_terminal(to_stderr=to_stderr, whole_screen=whole_screen) as terminal:
            thread.start()
            yield terminal
    finally:  # the person has the terminal back by now
        stop.set()
        if thread.ident is not None:
            thread.join()


def _counted(counts: Counter[str]) -> dict[str, Any]:
    """The answers of this run under their documented names."""
    return {
        "positive": counts["positive"],
        "negative": counts["negative"],
        "skipped": counts["skip"],
        "again": counts["again"],
        "undone": counts["undone"],
    }


def _totals(log: LabelLog) -> dict[str, Any]:
    """What the log holds by now."""
    from bertsent.labelling.decisions import agreement

    rows, same = log.labelled(), agreement(log.decisions())
    positive = sum(row.label for row in rows)
    return {
        "labels": {"n": len(rows), "positive": positive, "negative": len(rows) - positive},
        "self_agreement": {"n": same.n, "same": same.same, "kappa": same.kappa},
    }


def _show(summary: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(summary)
        return
    given = ", ".join(
        f"{summary[name]} {said}"
        for name, said in (
            ("positive", "positive"),
            ("negative", "negative"),
            ("skipped", "skipped"),
            ("undone", "taken back"),
            ("unchanged", "known before"),
            ("empty", "without any text"),
        )
        if summary.get(name) or name in {"positive", "negative"}
    )
    typer.echo(f"This time: {given}, in {duration(summary['seconds'])}")
    if "pool" in summary:
        _show_pool(summary["pool"])
    labels, same = summary["labels"], summary["self_agreement"]
    typer.echo(f"Labels in all: {labels['n']} ({labels['positive']} positive, {labels['negative']} negative)")
    if same["n"]:
        kappa = "" if same["kappa"] != same["kappa"] else f", kappa {same['kappa']:.2f}"
        typer.echo(f"Asked again unannounced: {same['same']} of {same['n']} answered the same{kappa}")


def _show_pool(pool: dict[str, Any]) -> None:
    from bertsent.labelling.pool import LEFT_OUT

    rows = f"{pool['rows']} rows{'' if pool['whole'] else ', not read to its end'}"
    typer.echo(f"Pool: {rows}, {pool['left']} left to ask")
    for why, said in LEFT_OUT.items():
        if pool["left_out"].get(why):
            typer.echo(f"  {pool['left_out'][why]:>6} left out: {said}")
