"""When a drift that was found in texts without labels is open, and what to do about it.

It is said, and keeps the exit code, as long as nothing has closed it. These close it:

- a later check of texts from the same source that says "stable", by the same version or the current one: of
  newer texts, or of the same ones by a new version. Calm texts from elsewhere say nothing of this source;
- a later check of labels that came after it and were enough to judge: "stable" says that nothing drifted, and
  "drift" is open by itself;
- a person, with `drift --accept`.

A new version alone does not close it: whether it knows the texts is what a check of them says.
"""

from __future__ import annotations

from collections.abc import Mapping

from bertsent.base.version_names import spoken
from bertsent.data.given import GivenOptions
from bertsent.drift.history import Check, DriftHistory, TextsCheck
from bertsent.drift.monitored import ACCEPT, OpenDrift
from bertsent.versions.manifest import Version

FOREIGN = " --order foreign"
_SETTLES = {"stable", "drift"}


def is_closed(check: TextsCheck, history: DriftHistory, current: Version, times: Mapping[str, str]) -> bool:
    """Whether a later check closes a drift, with a version as the current one.

    Args:
        check: That found the drift.
        history: The drift history that holds it.
        current: The version.
        times: Digest of a labelled text -> when it was labelled.
    """
    judges = {check.version_digest, current.classifier_digest}
    later = (event for event in history.after(check) if isinstance(event, Check))
    return any(
        event.verdict == "stable" and event.source == check.source
        if isinstance(event, TextsCheck)
        else event.verdict in _SETTLES
        and all((times.get(row) or event.time) >= check.time for row in event.rows)
        for event in later
        if event.version_digest in judges
    )


def opened_texts(check: TextsCheck, current: Version, given: GivenOptions) -> OpenDrift:
    """The record of a drift of texts that is open."""
    source = check.source or "FILE"
    if check.version_digest == current.classifier_digest:
        purpose = "To see whether the model is wrong"
        remedy = f"bertsent label {source}" + (FOREIGN if "text" in check.report["fired"] else "")
    else:
        purpose = f"To judge the texts by {spoken(current.name)}"
        remedy = f"bertsent drift --texts {source}"
    return OpenDrift(
        look=check,
        state="reported only",
        remedy=given.command(remedy),
        purpose=purpose,
        accept=given.command(ACCEPT),
    )
