"""How `predict` and `batch` come to their scorer."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer

# Read by NumPy when it is imported. Scoring multiplies nothing with it, and each of its threads takes 30 MB
# of addresses.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


# glibc's mallopt(3): how many heaps there may be. A second thread would begin one of its own, and each takes
# 64 MB of addresses, whatever is in it; scoring seldom allocates, so that no thread waits for another.
_M_ARENA_MAX = -8


def _spare_addresses() -> None:
    """Lets a limit on addresses (`ulimit -v`) be near the memory that is used."""
    import ctypes  # NumPy imports it in any case

    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def open_scorer(model: str | None, settings: ScoreSettings) -> Scorer:
    """The scorer of the version that `--model` names, by the engine that the settings name."""
    folder = Workspace.current().model
    if settings.engine == "tensorflow":
        from bertsent.tf import hub_tokenizer

        return hub_tokenizer.open_scorer(model, folder=folder, settings=settings)
    from bertsent.versions import store

    _spare_addresses()
    version = store.find(model, folder=folder)
    version.begin()  # 15 ms of work, while NumPy and LiteRT are imported
    from bertsent.scoring.scorer import Scorer

    return Scorer(version, settings)
