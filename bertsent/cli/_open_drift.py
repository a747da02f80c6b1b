"""What commands other than `drift` say of a drift that is open: nobody should read that all is well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bertsent.base.errors import BertsentError
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._render import note

if TYPE_CHECKING:
    from bertsent.data.given import GivenOptions
    from bertsent.drift.monitored import OpenDrift


def note_open(given: GivenOptions | None = None) -> list[OpenDrift] | None:
    """Says on stderr that a drift of the workspace is open, or that the records do not tell.

    Args:
        given: The options of the command that its remedy repeats, with the folder of the labels; none by
            default.

    Returns:
        All open drifts; None if the records cannot be read.
    """
    workspace = Workspace.current()
    label_folder = given.label_folder if given else None
    folders = (label_folder or workspace.labels, workspace.state, workspace.reports)  # as 0.4.0 had it
    if not any(os.path.lexists(folder / "drift.jsonl") for folder in folders):
        return []  # the usual case takes no time: nothing of drift is imported
    from bertsent.data.given import NOTHING_GIVEN
    from bertsent.drift.history import DriftHistory
    from bertsent.retraining.open_drift import list_open

    try:
        drifts = list_open(workspace, DriftHistory(workspace, label_folder), given or NOTHING_GIVEN)
    except BertsentError as error:
        note(f"Whether a drift is open is not known: {error}")
        return None
    if drifts:
        note(f"{drifts[0].sentence}.")
    return drifts


def open_key(drifts: list[OpenDrift] | None) -> dict[str, Any]:
    """The key `open_drift` of a command's JSON; no key if no drift is open, or if that is not known."""
    from bertsent.cli._drift_output import open_as_json

    return {"open_drift": open_as_json(drifts[0])} if drifts else {}
