"""`label --disputed`: asks again for the labels that the model contradicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bertsent.base.display import counted
from bertsent.base.settings.labelling import LabelSettings
from bertsent.cli._render import note, progress

if TYPE_CHECKING:
    from bertsent.cli.terminal.session import Recorder
    from bertsent.labelling.disputed import Disputes
    from bertsent.labelling.shared_scorer import SharedScorer


def ask_disputed(
    keys: dict[str, str],
    recorder: Recorder,
    model: SharedScorer,
    settings: LabelSettings,
    *,
    show_score: bool,
    json: bool,
) -> dict[str, Any]:
    """Asks for the disputed labels, and returns the summary's `disputed`.

    Raises:
        UsageError: if there is something to ask, and no terminal to ask on.
        BertsentError: as opening the scorer and scoring.
    """
    from bertsent.labelling.disputed import find_disputes

    with progress(quiet=json) as bar:
        bar.start("Scoring the labelled reviews", None)
        found = find_disputes(recorder.log.valid_decisions(), model.predict)
        bar.finish()
    if found.contradiction is not None:
        note(found.contradiction.question)
    left = (
        _walk(found, keys, recorder, model, settings, show_score=show_score, json=json) if found.open else 0
    )
    labels = {row.digest: row.label for row in recorder.log.labelled()}
    asked = len(found.open) - left
    changed = sum(labels.get(dispute.row.digest) != dispute.row.label for dispute in found.open)
    return {
        "labels": found.labels,
        "contradicted": len(found.open) + found.confirmed,
        "confirmed": found.confirmed,
        "asked": asked,
        "changed": changed,
    }


def _walk(
    found: Disputes,
    keys: dict[str, str],
    recorder: Recorder,
    model: SharedScorer,
    settings: LabelSettings,
    *,
    show_score: bool,
    json: bool,
) -> int:
    """Asks until the person quits; returns how many questions are left."""
    from bertsent.cli.terminal.keys import open_terminal
    from bertsent.cli.terminal.walk import Walk
    from bertsent.labelling.disputed import DisputedQuestions

    questions = DisputedQuestions(found.open)
    title = f"{counted(len(found.open), 'label')} that the model contradicts"
    with open_terminal(to_stderr=json, whole_screen=True) as terminal:
        # Nothing comes a second time: all of it does.
        walk = Walk(terminal, keys, recorder, model, show_score, questions, replace(settings, again=0), title)
        walk.run()
    for problem in questions.problems:
        note(problem)
    return walk.left


def disputed_line(summary: dict[str, Any]) -> str:
    """What became of the disputed labels, in one line."""
    labels, contradicted = counted(summary["labels"], "label"), summary["contradicted"]
    if not contradicted:
        return f"The model contradicts none of {labels}"
    confirmed = f", {summary['confirmed']} of them given twice" if summary["confirmed"] else ""
    asked = f"; asked again: {summary['asked']}, changed: {summary['changed']}"
    return f"The model contradicts {contradicted} of {labels}{confirmed}{asked}"
