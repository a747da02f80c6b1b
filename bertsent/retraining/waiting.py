"""What became of the candidate so far: whether it still waits for a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bertsent.base.settings.workspace import Workspace
from bertsent.retraining.ledger import Ledger
from bertsent.versions.candidate import Candidate, find_candidate
from bertsent.versions.manifest import Version

# waiting: for a person's word; rejected: by the gate; outdated: another version became current since it was
# compared; damaged: its manifest cannot be read.
CandidateState = Literal["waiting", "rejected", "outdated", "damaged"]


def state_of(candidate: Candidate, current: Version | None) -> CandidateState:
    """The state of a candidate.

    Args:
        current: The current version; None if it is damaged.
    """
    if candidate.version is None:
        return "damaged"
    if current is None or not candidate.is_compared_with(current):
        return "outdated"
    return "waiting" if candidate.passed else "rejected"


def find_waiting(
    workspace: Workspace, current: Version, lines: Sequence[Mapping[str, Any]] | None = None
) -> Candidate | None:
    """The candidate that waits for a person's word; None if there is none, or if it is damaged or outdated.

    Args:
        lines: Of the ledger, if the caller has read them already.

    Raises:
        StorageError, ArtefactError: if candidate or ledger cannot be read.
    """
    candidate = find_candidate(workspace)
    if candidate is None or state_of(candidate, current) != "waiting":
        return None
    line = last_line(candidate, Ledger(workspace.reports).events() if lines is None else lines)
    # A kill may have come before the first line; or after a person's word, which the next run carries out.
    return candidate if line is None or line["event"] == "waiting" else None


def last_line(candidate: Candidate, lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The newest line of the ledger that tells of a candidate; None if there is none."""

    def tells(line: Mapping[str, Any]) -> bool:
        if candidate.version is None:  # only its number is known
            return line["event"] == "waiting" and line.get("candidate") == candidate.number
        return bool(line.get("challenger")) and line["challenger"] == candidate.lineage["challenger"]

    return next((line for line in reversed(lines) if tells(line)), None)
