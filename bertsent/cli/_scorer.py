"""How `predict`, `batch`, `evaluate` and `label` open their scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base import resources
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer


def open_scorer(model: str | None, settings: ScoreSettings) -> Scorer:
    """Opens the scorer of the version in `--model`, with the engine of the settings."""
    resources.save_addresses()  # before anything imports NumPy
    folder = Workspace.current().model
    if settings.engine == "tensorflow":
        from bertsent.tf import hub_tokenizer

        return hub_tokenizer.open_scorer(model, folder=folder, settings=settings)
    from bertsent.versions import store

    resources.share_one_heap()
    version = store.find(model, folder=folder)
    version.begin()  # 15 ms of work, while NumPy and LiteRT are imported
    from bertsent.scoring.scorer import Scorer

    return Scorer(version, settings)
