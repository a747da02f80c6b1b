"""`bertsent label`: a person labels reviews."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base import resources
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.settings.labelling import LabelSettings, Order
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _label_files as files
from bertsent.cli import _options as options
from bertsent.cli._label_disputed import ask_disputed, disputed_line
from bertsent.cli._labels import label_folder
from bertsent.cli._render import duration, note, print_json, progress
from bertsent.cli._scorer import open_scorer
from bertsent.cli._source import open_source, reads_reviews
from bertsent.cli._versions import find_version, note_strays
from bertsent.data.source import PIPE, Source
from bertsent.labelling.decisions import Check, PickedBy

if TYPE_CHECKING:
    from threading import Event

    from bertsent.cli.terminal.session import Recorder
    from bertsent.labelling.background import Rank
    from bertsent.labelling.log import LabelLog
    from bertsent.labelling.pool import Pool
    from bertsent.labelling.shared_scorer import SharedScorer
    from bertsent.scoring.scorer import Scorer

DEFAULTS = LabelSettings()
_READ = ReadSettings()


@reads_reviews(without=["labels"])
def label(
    ctx: typer.Context,
    pool: Annotated[
        Path | None,
        typer.Argument(
            metavar="POOL",
            help="Reviews to label: a folder or a table. Without it you type or paste them; a pipe gives "
            "labelled ones: lines label<TAB>text, CSV or JSON lines.",
        ),
    ] = None,
    order: Annotated[
        Order,
        typer.Option(
            "--order",
            help="How to pick the next review of a pool. mixed: 60 % uncertain, 20 % unlike earlier ones, "
            f"20 % random. foreign: first the {DEFAULTS.foreign} that are least like what the version was "
            "trained on, then as mixed. All are random until there are scores.",
        ),
    ] = DEFAULTS.order,
    show_score: Annotated[
        bool | None,
        typer.Option(
            "--show-score/--blind",
            help="Show the model's prediction before you label. [default: blind with a pool, so that the "
            "model does not influence you]",
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
            "--again",
            metavar="N",
            help="Ask about an earlier review again every N questions or so, unannounced, to measure your "
            "consistency; 0: never.",
        ),
    ] = DEFAULTS.again,
    skipped: Annotated[
        bool,
        typer.Option("--skipped", help="Ask about skipped reviews again; with --export, write them too."),
    ] = False,
    picked_by: Annotated[
        PickedBy | None,
        typer.Option(
            "--picked-by",
            help="How the rows of a pipe or --import were picked. Drift counts only typed and random ones. "
            "[default: as the imported file says, else typed]",
        ),
    ] = None,
    disputed: Annotated[
        bool,
        typer.Option(
            "--disputed",
            help="Ask again for the labels that the model contradicts, the farthest first. A new answer "
            "replaces the label, a skip keeps it.",
        ),
    ] = False,
    import_files: files.Import = None,
    import_format: files.ImportFormat = None,
    replace_labels: files.Replace = False,
    export_file: files.Export = None,
    export_format: files.Format = "table",
    force: options.Force = False,
    yes: files.Yes = False,
    labelled: options.Labels = None,
    data: options.Data = None,
    reading: ReadSettings = _READ,
    model: options.Model = None,
    seed: options.Seed = DEFAULTS.seed,
    json: options.Json = False,
) -> None:
    """Label reviews, one key each; every label is saved at once.

    Writes labels/log.jsonl, and from it the folders labels/pos and labels/neg. Leaves out copies of
    labelled reviews, of other reviews of the pool, and of the data set.
    """
    from bertsent.labelling.log import LabelLog

    resources.save_addresses()  # before a thread imports NumPy
    settings = replace(DEFAULTS, order=order, again=again, seed=seed)
    folder, reading = label_folder(labelled, ctx, reading)
    log = LabelLog(folder, settings)
    began, asked = time.monotonic(), None
    if export_file is not None:
        files.refuse_together(pool, import_files, "--export")
        files.export_to(log, export_file, format=export_format, skipped=skipped, force=force, json=json)
        return
    if disputed:
        files.refuse_together(pool, import_files, "--disputed")
    if import_files:
        files.refuse_together(pool, None, "--import")
        with open_source(import_files, reading, labelled=True) as source:
            summary = files.import_from(
                log,
                source,
                tool=import_format,
                replace_labels=replace_labels,
                picked_by=picked_by,
                check=files.check_by(model, yes=yes),
                json=json,
            )
    elif not sys.stdin.isatty() and pool is None and not disputed:
        summary = _feed(log, picked_by or "typed", reading, files.check_by(model, yes=yes))
    else:
        from bertsent.cli.terminal.keys import parse_keys
        from bertsent.cli.terminal.session import KEYS, Recorder
        from bertsent.labelling.shared_scorer import SharedScorer

        bound, recorder = parse_keys(keys, KEYS), Recorder(log)
        note_strays(alone=True)  # before a screen is drawn, which another thread's lines would disturb
        scorer = SharedScorer(lambda: open_scorer(model, ScoreSettings(), tell=False), settings)
        if disputed:
            answers = ask_disputed(bound, recorder, scorer, settings, show_score=bool(show_score), json=json)
            summary = _counted(recorder.counts) | {"disputed": answers}
        elif pool is None:
            _type(bound, recorder, scorer, show_score=show_score is not False, json=json)
            summary = _counted(recorder.counts)
        else:
            asked = _read(Source((pool,), reading), log, settings, skipped=skipped)
            stock = _walk(
                asked,
                bound,
                recorder,
                scorer,
                settings,
                title=visible(str(pool)),
                rank=_rank_by(model) if order == "foreign" else None,
                show_score=bool(show_score),
                data=_data(data, reading),
                json=json,
            )
            summary = _counted(recorder.counts) | {"pool": stock}
    log.rebuild()
    _show(summary | _totals(log) | {"seconds": round(time.monotonic() - began, 1)}, json=json)
    if asked is not None and asked.error is not None:
        raise asked.error


def _feed(log: LabelLog, picked_by: PickedBy, reading: ReadSettings, check: Check) -> dict[str, Any]:
    """Records the labels that come through a pipe."""
    from bertsent.labelling.feed import feed

    counts: Counter[str] = Counter()
    with open_source([Path(PIPE)], reading, labelled=True) as source, progress(quiet=True) as bar:
        feed(log, source, picked_by=picked_by, counts=counts, check=check, progress=bar)
    return _counted(counts) | {name: counts[name] for name in ("unchanged", "empty", "unlabelled")}


def _type(
    keys: dict[str, str], recorder: Recorder, model: SharedScorer, *, show_score: bool, json: bool
) -> None:
    """Asks for reviews and their labels."""
    from bertsent.cli.terminal.beside import terminal_beside
    from bertsent.cli.terminal.typing import Dialogue

    # The model loads while the first review is typed.
    with terminal_beside(lambda stop: model.warm(), to_stderr=json, whole_screen=False) as terminal:
        Dialogue(terminal, keys, recorder, model, show_score).run()


def _read(source: Source, log: LabelLog, settings: LabelSettings, *, skipped: bool) -> Pool:
    from bertsent.labelling.pool import read_pool

    answered = {
        row.digest for row in log.valid_decisions() if not (row.again or (skipped and row.label == "skip"))
    }
    return read_pool(source, answered=answered, settings=settings)


def _data(named: list[Path] | None, reading: ReadSettings) -> Source | None:
    """The data set whose rows are not to be labelled again; None if there is none."""
    from bertsent.data.splits import find_data_set

    if named:
        return Source(tuple(named), reading)
    try:
        return Source.of(find_data_set(Workspace.current().data))
    except DataError:
        return None


def _rank_by(model: str | None) -> Rank:
    """Ranks texts by how foreign they are to the version in `--model`."""

    def rank(scorer: Scorer, texts: Mapping[str, str], scores: Mapping[str, float]) -> Sequence[str]:
        from bertsent.drift.foreign import rank_foreign

        return rank_foreign(find_version(model, tell=False), scorer, texts, scores)

    return rank


def _walk(
    pool: Pool,
    keys: dict[str, str],
    recorder: Recorder,
    model: SharedScorer,
    settings: LabelSettings,
    *,
    title: str,
    rank: Rank | None,
    show_score: bool,
    data: Source | None,
    json: bool,
) -> dict[str, Any]:
    """Asks about a pool while a thread prepares the next questions; returns the summary's `pool`."""
    from bertsent.cli.terminal.beside import terminal_beside
    from bertsent.cli.terminal.walk import Walk

    left = len(pool)
    for line in pool.notes:  # above the screen of the questions
        note(line)
    if left:
        labelled = recorder.log.labelled()

        def prepares(stop: Event) -> None:
            from bertsent.labelling.background import prepare

            prepare(pool, model, labelled=labelled, data=data, settings=settings, stop=stop, rank=rank)

        with terminal_beside(prepares, to_stderr=json, whole_screen=True) as terminal:
            walk = Walk(terminal, keys, recorder, model, show_score, pool, settings, title)
            walk.run()
        left = walk.left
    for problem in pool.problems:
        note(problem)
    return {"rows": pool.rows, "whole": pool.whole, "left": left, "left_out": dict(pool.left_out)}


def _counted(counts: Counter[str]) -> dict[str, Any]:
    """The labels of this run, by their documented names."""
    return {
        "positive": counts["positive"],
        "negative": counts["negative"],
        "skipped": counts["skip"],
        "again": counts["again"],
        "undone": counts["undone"],
    }


def _totals(log: LabelLog) -> dict[str, Any]:
    """Counts of all labels in the log, and how consistent they are."""
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
    counts = ", ".join(
        f"{summary[name]} {words}"
        for name, words in (
            ("positive", "positive"),
            ("negative", "negative"),
            ("skipped", "skipped"),
            ("undone", "taken back"),
            ("unchanged", "recorded before"),
            ("empty", "without any text"),
            ("unlabelled", "without a label"),
        )
        if summary.get(name) or name in {"positive", "negative"}
    )
    typer.echo(f"This session: {counts}, in {duration(summary['seconds'])}")
    if "disputed" in summary:
        typer.echo(disputed_line(summary["disputed"]))
    if "pool" in summary:
        _show_pool(summary["pool"])
    labels, same = summary["labels"], summary["self_agreement"]
    typer.echo(f"Labels in all: {labels['n']} ({labels['positive']} positive, {labels['negative']} negative)")
    if same["n"]:
        kappa = "" if math.isnan(same["kappa"]) else f", kappa {same['kappa']:.2f}"
        typer.echo(f"Asked again unannounced: {same['same']} of {same['n']} got the same label{kappa}")


def _show_pool(pool: dict[str, Any]) -> None:
    from bertsent.labelling.pool import LEFT_OUT

    rows = f"{pool['rows']} rows{'' if pool['whole'] else ', not all of them read'}"
    typer.echo(f"Pool: {rows}, {pool['left']} left to ask")
    for why, words in LEFT_OUT.items():
        if pool["left_out"].get(why):
            typer.echo(f"  {pool['left_out'][why]:>6} left out: {words}")
