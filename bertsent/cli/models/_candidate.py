"""How the commands of `models` find the candidate, and what they say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bertsent.base.errors import BertsentError
from bertsent.base.settings.workspace import Workspace

if TYPE_CHECKING:
    from bertsent.retraining.waiting import CandidateState
    from bertsent.versions.candidate import Candidate

CANDIDATE = "candidate"  # what commands call it, where a version has a number
CANDIDATE_STATES: dict[CandidateState, str] = {
    "waiting": "waits for your word",
    "rejected": "rejected by the gate",
    "outdated": "compared with a version that is no longer current",
    "damaged": "damaged",
}


def find_candidate_with_state() -> tuple[Candidate | None, CandidateState | None]:
    """The candidate of the workspace and its state; (None, None) if there is none.

    Raises:
        ArtefactError: if its folder cannot be read.
    """
    workspace = Workspace.current()
    if not workspace.candidate.exists():  # nearly always: then nothing is imported
        return None, None
    from bertsent.retraining.waiting import state_of
    from bertsent.versions import store
    from bertsent.versions.candidate import find_candidate

    candidate, current = find_candidate(workspace), None
    with contextlib.suppress(BertsentError):
        current = store.find(None, folder=workspace.model)
    return candidate, state_of(candidate, current) if candidate else None


def said_by_person(by_person: Mapping[str, Any]) -> str:
    """What a person said of a candidate, as a sentence without its full stop."""
    said = str(by_person.get("said", "")).capitalize()
    gate = ", against the gate" if by_person.get("against_gate") else ""
    reason = str(by_person.get("reason", "")).rstrip(".")
    return f"{said} by a person{gate}" + (f": {reason}" if reason else "")
