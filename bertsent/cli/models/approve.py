"""`bertsent models approve` and `reject`: a person's word on the candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.cli import _drift_hooks as hooks
from bertsent.cli import _options as options
from bertsent.cli._render import ask, can_ask, note, print_json

if TYPE_CHECKING:
    from bertsent.drift.history import Look
    from bertsent.retraining.approval import Word
    from bertsent.versions.candidate import Candidate

Reason = Annotated[
    str, typer.Argument(metavar="REASON", help="Why, in your words; for the ledger.", show_default=False)
]


def approve(
    reason: Reason = "",
    rejected: Annotated[
        bool,
        typer.Option(
            "--rejected",
            help="Publish the candidate that the gate rejected. Needs a reason; on a terminal it asks.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Publish a rejected candidate without asking.")
    ] = False,
    on_published: hooks.OnPublished = None,
    json: options.Json = False,
) -> None:
    """Publish the candidate that waits for your word.

    It becomes the current version, if the version that it was compared with still is. The drift that it was
    trained for is closed. `bertsent models why` says what led to it and what it gains.
    """
    from bertsent.retraining import approval

    workspace, agreed = Workspace.current(), None
    if rejected and reason.strip() and not yes:
        candidate = approval.find_to_approve(workspace, rejected=True)
        if json or not can_ask():
            raise UsageError(
                "Publishing what the gate rejected needs a yes, and nobody can be asked here.",
                received=candidate.lineage["gate"]["reason"],
                hint="--yes publishes it all the same",
            )
        if not ask(_question(candidate)):
            note("Nothing was published.")
            return
        agreed = candidate.version.classifier_digest if candidate.version else None
    word = approval.approve(workspace, reason, rejected=rejected, agreed=agreed)
    answer = _as_json(word)
    if json:
        print_json(answer)
    else:
        _print(word)
    hooks.Hooks(None, on_published).tell_published(answer)


def reject(reason: Reason = "", json: options.Json = False) -> None:
    """End the candidate that waits for your word.

    It is removed. A drift that it was trained for stays open, and is not tried again until there are 20 %
    more labels.
    """
    from bertsent.retraining import approval

    word = approval.reject(Workspace.current(), reason)
    if json:
        print_json(_as_json(word))
        return
    said = f". Reason: {word.by_person['reason']}" if word.by_person["reason"] else ""
    still = "" if word.current is None else f"; {spoken(word.current)} stays current"
    typer.echo(visible(f"Rejected candidate {word.candidate}{still}{said}"))
    _note_open(word)


def _question(candidate: Candidate) -> str:
    """The question to a person who wants to overrule the gate: what the gate counted, and why it said no."""
    from bertsent.base.records.gain import Gain

    gate = candidate.lineage["gate"]
    return visible(
        f"{Gain.from_gate(gate).sentence}. The gate rejected it: {gate['reason']}. Publish it all the same?"
    )


def _print(word: Word) -> None:
    if word.version is None or word.gain is None or word.gate is None:
        return
    by = "by your word against the gate" if word.by_person["against_gate"] else "by your word"
    now = word.version.id
    typer.echo(f"Published version {now} {by}; it replaces {spoken(word.current)}")
    typer.echo(f"{word.gain.sentence}.")
    typer.echo(f"The gate: {visible(word.gate['reason'])}")
    if day := _day(word):
        typer.echo(f"The drift of {day} is answered")
    typer.echo("If it disappoints: bertsent models rollback")
    _note_open(word)


def _day(word: Word) -> str:
    """The day on which the drift was found that the candidate was trained for; "" if it was none."""
    look = _look(word)
    return visible(look.time[:10]) if look else ""


def _look(word: Word) -> Look | None:
    """The check that found the drift, if it is in the history of the workspace."""
    from bertsent.drift.history import DriftHistory

    batch = word.because.get("batch")
    looks = DriftHistory(Workspace.current()).looks() if batch else []
    return next((look for look in reversed(looks) if look.batch == batch), None)


def _note_open(word: Word) -> None:
    if word.open:
        note(f"The drift of {word.open.day} is open ({word.open.state}). {word.open.advice}")


def _as_json(word: Word) -> dict[str, Any]:
    """The keys of `drift --json`, so that one hook reads both, and the word itself."""
    from bertsent.cli._drift_output import open_as_json

    published = word.version.id if word.version else None
    return {
        **(word.because.get("report") or {"verdict": None, "measures": {}, "fired": []}),
        "why": (word.gate or {}).get("reason"),
        "action": "published" if published else "rejected",
        "version": str(word.current),
        "published": published,
        "gain": word.gain,
        "candidate": word.candidate,
        "by_person": word.by_person,
        "open": open_as_json(word.open) if word.open else None,
    }
