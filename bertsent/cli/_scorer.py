"""How `predict`, `batch`, `evaluate` and `label` open their scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base import resources
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.settings.workspace_file import NAME, SavedThreshold
from bertsent.base.version_names import spoken
from bertsent.cli._render import note
from bertsent.cli._versions import find_version, note_strays

if TYPE_CHECKING:
    import typer

    from bertsent.scoring.scorer import Scorer


def open_scorer(
    model: str | None, settings: ScoreSettings, *, ctx: typer.Context | None = None, tell: bool = True
) -> Scorer:
    """Opens the scorer of the version in `--model`, with the engine of the settings.

    Args:
        ctx: Of a command with `--threshold`: a line on stderr says if the workspace gives the threshold.
        tell: Say on stderr what in `model/` looks like a version and is none.
    """
    scorer = _open(model, settings, tell=tell)
    if ctx is not None and ctx.obj is not None:
        source = ctx.get_parameter_source("threshold")
        if source is not None and source.name == "DEFAULT_MAP":
            for line in _threshold_lines(ctx.obj, scorer):
                note(line)
    return scorer


def _threshold_lines(saved: SavedThreshold, scorer: Scorer) -> list[str]:
    if saved.classifier:  # which a rollback gives another number
        same = saved.classifier == scorer.classifier_digest
    else:
        same = saved.version in {"", scorer.version}
    if same:
        goal = f", chosen for {saved.goal}" if saved.goal else ""
        return [f"Threshold {saved.threshold} of {NAME}{goal}."]
    return [
        f"Threshold {saved.threshold} of {NAME} was chosen for {spoken(saved.version)}; "
        f"{spoken(scorer.version)} scores.",
        f"Hint: bertsent evaluate PATH --choose-threshold {saved.goal or 'f1'} --save",
    ]


def _open(model: str | None, settings: ScoreSettings, *, tell: bool) -> Scorer:
    resources.save_addresses()  # before anything imports NumPy
    if settings.engine == "tensorflow":
        from bertsent.tf import hub_tokenizer

        if tell:
            note_strays()
        return hub_tokenizer.open_scorer(model, folder=Workspace.current().model, settings=settings)
    resources.share_one_heap()
    version = find_version(model, tell=tell)
    version.begin()  # 15 ms of work, while NumPy and LiteRT are imported
    from bertsent.scoring.scorer import Scorer

    return Scorer(version, settings)
