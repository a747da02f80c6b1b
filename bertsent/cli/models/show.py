"""`bertsent models show` and `why`: what a version is, and what led to it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from bertsent.base.display import size, visible
from bertsent.base.errors import ArtefactError, UsageError
from bertsent.base.records.core import to_json
from bertsent.base.records.gain import Gain
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import capital, spoken, spoken_champion
from bertsent.cli import _options as options
from bertsent.cli._open_drift import note_open
from bertsent.cli._render import pick, print_json
from bertsent.cli._tables import gate_lines, metric, or_dash
from bertsent.cli._versions import find_version
from bertsent.cli.models._candidate import (
    CANDIDATE,
    CANDIDATE_STATES,
    find_candidate_with_state,
    said_by_person,
)

NumberArgument = Annotated[
    str, typer.Argument(metavar="N", help="The number of a version, packaged, or the folder of one.")
]


def show(number: NumberArgument, json: options.Json = False) -> None:
    """Show what a version is, and check all its files."""
    version = find_version(number, option="N")
    version.verify()
    manifest = version.manifest
    if json:
        print_json(to_json(manifest) | {"version": version.id, "path": version.path})
        return
    typer.echo(f"{capital(version.name)} in {visible(str(version.path))}, intact")
    made = f"{manifest.created} by {manifest.reason}"
    typer.echo(f"  made     {visible(made)}, parent {or_dash(manifest.parent)}")
    typer.echo(f"  encoder  {visible(str(manifest.encoder.get('name')))}")
    typer.echo(f"  input    {manifest.seq_length} word pieces, window {visible(manifest.window)}")
    for name, metrics in manifest.metrics.items():
        typer.echo(
            f"  {visible(name):<10} accuracy {metric(metrics.get('accuracy'))}, "
            f"F1 {metric(metrics.get('f1'))}, ROC AUC {metric(metrics.get('roc_auc'))} "
            f"({metrics.get('n')} reviews)"
        )
    for name, rows in manifest.data.items():
        count, positive = or_dash(rows.get("n")), or_dash(rows.get("positive"))
        typer.echo(f"  data     {visible(name)}: {count} reviews, {positive} positive")
    for name, file in manifest.files.items():
        typer.echo(f"  file     {visible(name):<20} {size(file['size']):>9}")


def why(
    number: Annotated[
        str,
        typer.Argument(
            metavar="N", help="The number of a version, packaged, the folder of one, or candidate."
        ),
    ] = CANDIDATE,
    json: options.Json = False,
) -> None:
    """Say what led to a version, or to the candidate.

    Prints its labels, the drift verdict, and the comparison with the version it replaced. Of a version that
    was removed, it prints what the ledger says. Without a number it tells of the candidate that waits for
    your word, or that the gate rejected. If a drift is open, a line on stderr says so.
    """
    if number == CANDIDATE:
        _why_candidate(json=json)
    else:
        _why(number, json=json)
    note_open()


def _why(number: str, *, json: bool) -> None:
    """Prints what led to a version."""
    try:
        version = find_version(number, option="N")
    except UsageError:
        candidate, state = find_candidate_with_state()
        if candidate and state != "rejected" and number == str(candidate.number):
            _why_candidate(json=json)
            return
        if (line := _in_ledger(number)) is None:
            raise
        _print_removed(line, json=json)
        return
    manifest = version.manifest
    if json:
        causes = pick(manifest, "version", "created", "reason", "parent")
        print_json(
            causes
            | {"version": version.id, "labels": manifest.data.get("labels"), "lineage": manifest.lineage}
        )
        return
    typer.echo(f"{capital(version.name)}, {visible(manifest.created)}, by {visible(manifest.reason)}")
    lineage = manifest.lineage
    if "republished_from" in lineage:
        typer.echo(
            f"  It has the files of {spoken(or_dash(lineage['republished_from']))} and replaced "
            f"{visible(spoken(or_dash(lineage.get('undone'))))}."
        )
    if "gate" not in lineage:
        rows = manifest.data.get("train", {})
        typer.echo(f"  Trained on {or_dash(rows.get('n'))} reviews of a data set; no labels, no comparison.")
        return
    _print_lineage(lineage)


def _why_candidate(*, json: bool) -> None:
    """Says what led to the candidate, and what can be done with it.

    Raises:
        UsageError: if there is none.
        ArtefactError: if its manifest is damaged.
    """
    from bertsent.drift.monitored import AGAINST_GATE, WAITS

    candidate, state = find_candidate_with_state()
    if candidate is None:
        raise UsageError(
            "No candidate waits for a word, and none was rejected since the last retrain.",
            hint="bertsent models why 1 tells of version 1; bertsent models lists all",
        )
    if candidate.version is None:
        raise ArtefactError(
            f"The manifest of candidate {candidate.number} is damaged.",
            hint="bertsent retrain --force trains another one; bertsent models reject ends this one",
        )
    manifest = candidate.version.manifest
    if json:
        print_json(
            {"version": CANDIDATE, "candidate": candidate.number, "state": state, "path": candidate.path}
            | {"bytes": candidate.bytes, **pick(manifest, "created", "reason", "parent")}
            | {"labels": manifest.data.get("labels"), "lineage": manifest.lineage}
        )
        return
    made = f"{manifest.created}, by {manifest.reason}: {CANDIDATE_STATES[state or 'damaged']}"
    typer.echo(f"Candidate {candidate.number}, {visible(made)}")
    _print_lineage(manifest.lineage)
    typer.echo(f"  Try it: --model {visible(shlex.quote(str(candidate.path)))} ({size(candidate.bytes)})")
    if state == "waiting":
        typer.echo(f"  {WAITS.format(candidate.number)}")
    elif state == "rejected":
        typer.echo(f"  The gate rejected it. To publish it all the same: {AGAINST_GATE}")
    else:
        typer.echo("  It cannot be approved: bertsent retrain compares a new one with the current version")


def _in_ledger(number: str) -> dict[str, Any] | None:
    """The line of a version that a retrain published and somebody removed since, or of a candidate with this
    number that never became a version; None if there is none."""
    from bertsent.retraining.ledger import Ledger

    lines = Ledger(Workspace.current().reports).events() if number.isdecimal() else []
    published = [line for line in lines if line["version"] == int(number)]
    waited = [line for line in lines if line.get("candidate") == int(number)]
    return next(reversed(published or waited), None)


def _print_removed(line: Mapping[str, Any], *, json: bool) -> None:
    parent = line["champion"]["version"]
    if json:
        print_json(
            {"version": line["version"], "created": line["time"], "reason": line["kind"], "parent": parent}
            | {"labels": {"n": line["labels"]}, "lineage": line, "removed": True}
        )
        return
    if line["version"] is None:
        typer.echo(f"Candidate {line['candidate']}, {visible(line['time'])}, by {visible(line['kind'])}")
        typer.echo(f"  It never became a version ({visible(line['event'])}); this is from the ledger.")
    else:
        typer.echo(f"Version {line['version']}, {visible(line['time'])}, by {visible(line['kind'])}")
        typer.echo("  Its files were removed; this is from the ledger.")
    typer.echo(f"  Labels: {or_dash(line['labels'])} to train on")
    typer.echo(f"  Training began with the {visible(line['start'])}.")
    _print_gate(line)


def _print_lineage(lineage: Mapping[str, Any]) -> None:
    """What led to a version that a retrain made."""
    _print_labels(lineage)
    _print_drift(lineage["because"])
    _print_gate(lineage)


def _print_labels(lineage: Mapping[str, Any]) -> None:
    labels, reserved = lineage["labels"], lineage["reserved"]
    picked = ", ".join(f"{count} {name}" for name, count in labels["picked_by"].items())
    typer.echo(
        f"  Labels: {labels['n']} to train on ({labels['positive']} positive, {labels['negative']} negative; "
        f"{visible(picked)}), {reserved['n']} were reserved"
    )
    typer.echo(f"  Labelled from {visible(labels['first'] or '-')} to {visible(labels['last'] or '-')}")
    typer.echo(f"  Training began with the {visible(lineage['start'])}.")
    if lineage.get("old_data") == "reference":
        champion = visible(spoken_champion(lineage["champion"]))
        typer.echo(f"  The reference of {champion} stood for the data set, which was not there.")


def _print_drift(because: Mapping[str, Any]) -> None:
    report = because.get("report")
    if because["kind"] != "drift" or not report:
        typer.echo("  It was retrained on request.")
        return
    fired = [
        f"{name} {values['value']:.3f} ({values['low']:.3f} to {values['high']:.3f})"
        for name, values in report.get("measures", {}).items()
        if values.get("value") is not None and values.get("low") is not None
    ]
    verdict = f"Drift: {report.get('verdict')}, {', '.join(fired)}, threshold {report.get('threshold')}"
    typer.echo(f"  {visible(verdict)}")
    if report.get("reason"):
        typer.echo(f"  {visible(str(report['reason']))}")


def _print_gate(lineage: Mapping[str, Any]) -> None:
    from bertsent.retraining.gate import GateResult

    typer.echo(f"  {Gain.from_gate(lineage['gate']).sentence}.")
    gate = GateResult.from_json(lineage["gate"])
    typer.echo(f"  Against {visible(spoken_champion(lineage['champion']))}: {visible(gate.reason)}")
    for line in gate_lines(gate):
        typer.echo(line)
    typer.echo(f"  digests of the rows: test {gate.test.digest[:16]}, reserved {gate.reserved.digest[:16]}")
    if by_person := lineage.get("by_person"):
        typer.echo(f"  {visible(said_by_person(by_person))}.")
