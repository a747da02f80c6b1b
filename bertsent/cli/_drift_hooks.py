"""`drift --on-drift` and `--on-published`: commands that are told what a run found and did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.hooks import run_hook
from bertsent.base.settings.hooks import HookSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._render import note

if TYPE_CHECKING:
    from bertsent.drift.monitored import Monitored

_SETTINGS = HookSettings()
OnDrift = Annotated[
    str | None,
    typer.Option(
        "--on-drift",
        metavar="COMMAND",
        help="Run this by the shell once for each drift that is found, before any training, with the JSON of "
        f"--json on its stdin. It may take {_SETTINGS.seconds:g} s; if it fails, a note says so.",
    ),
]
OnPublished = Annotated[
    str | None,
    typer.Option(
        "--on-published", metavar="COMMAND", help="Likewise, when a new version was published for a drift."
    ),
]


class Hooks:
    """The hooks of one run.

    Args:
        on_drift, on_published: Command lines, or None.
    """

    def __init__(self, on_drift: str | None, on_published: str | None) -> None:
        self._on_drift, self._on_published = on_drift, on_published
        self._told = False  # of the drift

    def tell_drift(self, found: Monitored, result: Mapping[str, Any]) -> None:
        """Runs --on-drift if this run found a drift: once, though the verdict comes before the training and
        after it. A drift that an earlier run found was told by that run."""
        is_new = found.look is not None and found.look.verdict == "drift" and not found.continued
        if self._on_drift and is_new and not self._told:
            self._told = True
            self._run("--on-drift", self._on_drift, "drift", result)

    def tell_end(self, outcome: Monitored, result: Mapping[str, Any]) -> None:
        """Runs the hooks that are due at the end of a run."""
        self.tell_drift(outcome, result)
        if outcome.action == "published":
            self.tell_published(result)

    def tell_published(self, result: Mapping[str, Any]) -> None:
        """Runs --on-published."""
        if self._on_published:
            self._run("--on-published", self._on_published, "published", result)

    def _run(self, option: str, command: str, event: str, result: Mapping[str, Any]) -> None:
        told = {"event": event, "workspace": Workspace.current().root, **result}
        run_hook(command, told, option=option, note=note)
