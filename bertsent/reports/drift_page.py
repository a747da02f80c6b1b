"""What a run of `drift` says: one line for a log, and a self-contained page."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.files import now, write_text
from bertsent.base.settings.drift import MonitorSettings
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.drift.history import Look
from bertsent.drift.monitored import Monitored
from bertsent.reports import drift_plots
from bertsent.reports import page as page_file
from bertsent.reports.page import environment, folded

MEASURES = (  # key, name for people, what it means
    ("text", "text", "how well new reviews can be told from old ones of the same label"),
    ("error", "error", "accuracy lost against the rows held out when the version was made"),
    ("label_share", "label share", "how far the share of positive reviews moved"),
)
_TITLES = {name: title for name, title, _ in MEASURES}
_CALLED = {"drift": "DRIFT", "stable": "STABLE", "cannot_tell": "CANNOT TELL"}
_READ = "Read the reviews below. Should the model know such reviews, train with them."
_STEPS = {  # after which action: what to do, and the command that does it
    "none": [("Label what comes in; the next look is taken when there are new labels.", "bertsent label")],
    "collect": [("Label {more} more, then it is judged.", "bertsent label")],
    "waits": [(_READ, "bertsent drift")],
    "reported": [(_READ, "bertsent retrain")],
    "open": [("Put right what is said above; the next run goes on with the retraining.", "bertsent drift")],
    "published": [
        ("The new version answers from now on. This says what led to it:", "bertsent models why {published}"),
        ("Should it disappoint, this brings back the one before:", "bertsent models rollback"),
    ],
    "rejected": [
        ("The version before stays. Wrong labels teach wrong answers, so check those of the reviews below. "
         "The same labels are not tried again until there are clearly more.", "bertsent label"),
    ],
    "failed": [("The version before stays. Look at the error, then train by hand.", "bertsent retrain")],
}  # fmt: skip
_GENERATOR = '<meta name="generator" content="bertsent drift">'  # stands in every such page
_SETTINGS = MonitorSettings()


def line(found: Monitored) -> str:
    """Verdict, headline, threshold, what fired or could have, how many labels, and what was done."""
    if found.look is None:
        return f"{_unjudged(found)}; {_lower(_action(found))}"
    report = found.look.report
    fired = {name: report["measures"][name]["value"] for name in report["fired"]}
    said, figures = ("fired:", fired) if fired else ("visible from", report["smallest_visible"])
    named = _named(figures)
    measured = f"headline {_headline(report)}, threshold {report['threshold']:g}"
    if report["headline"] is None:  # whoever reads the mail should know why
        measured = _lower(report["reason"]).rstrip(".")
    parts = [
        f"{_CALLED[found.look.verdict]}: {measured}" + (f", {said} {named}" if named else ""),
        f"{report['new_rows']} new labels, look {found.look.look} at version {found.look.version}"
        + (f" of {moment(found.look.time)}" if found.continued else ""),
        _lower(_action(found)),
    ]
    return visible("; ".join(parts))


def verdict(found: Monitored) -> str:
    """The verdict in words."""
    look = found.look
    if look is None:
        unjudged = _unjudged(found)
        return {"collect": unjudged.replace("CANNOT TELL", "Cannot tell yet")}.get(
            found.action, unjudged.replace("NOTHING NEW: no", "No new")
        )
    return {
        "drift": f"Drift: the new reviews differ from those that version {look.version} was made with",
        "stable": f"Stable: no sign that the new reviews differ from those of version {look.version}",
        "cannot_tell": "Cannot tell yet whether the new reviews differ",
    }[look.verdict]


def check_target(path: Path) -> None:
    """Refuses a place where no page can go, before the work for it begins; an older page may be replaced.

    Raises:
        UsageError: if the name is not that of an HTML file, or the file there is no page of `drift`.
        StorageError: if its folder cannot be written or is full.
    """
    page_file.check_target(path, force=_is_ours(path))


def write(found: Monitored, path: Path, *, command: str) -> None:
    """Writes the page of a run, whole or not at all.

    Args:
        path: The HTML file, replaced if it exists.
        command: The command line that led here.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, page(found, command=command, made=now()))


def page(found: Monitored, *, command: str, made: str) -> str:
    """The HTML page of a run: of its look, or of the newest one where it took none."""
    looks = found.history.looks()
    look = found.look or (looks[-1] if looks else None)
    return str(
        environment()
        .get_template("drift.html")
        .render(
            found=found,
            look=look,
            verdict=verdict(found),
            action=_action(found),
            next_steps=_next_steps(found),
            measures=_measures(look) if look else [],
            figure=figure,
            chance=chance,
            moment=moment,
            words=_words(look) if look else {},
            foreign=_foreign(found, look) if look else [],
            history=_history(found, looks),
            pictures=_pictures(found, look, looks),
            called=_CALLED,
            command=visible(command),
            made=made,
            bertsent=__version__,
        )
    )


def figure(value: float | None) -> str:
    """A measure as people read it; "-" where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def chance(p_value: float | None) -> str:
    """A p-value as people read it."""
    return "< 0.001" if p_value is not None and p_value < 0.001 else figure(p_value)


def moment(time: str, zone: str = " UTC") -> str:
    """A time of the drift history as people read it, to the minute."""
    return visible(time[:16].replace("T", " ")) + zone


def _named(values: Mapping[str, float | None]) -> str:
    """Those of the measures that have a value, each with it."""
    return ", ".join(
        f"{_TITLES[name]} {figure(value)}" for name, value in values.items() if value is not None
    )


def _headline(report: Mapping[str, Any]) -> str:
    names = [name for name, row in report["measures"].items() if row["value"] == report["headline"]]
    named = f" ({_TITLES[names[0]]})" if names and report["headline"] is not None else ""
    return figure(report["headline"]) + named


def _unjudged(found: Monitored) -> str:
    """Why nothing was judged."""
    if found.action == "collect":
        return f"CANNOT TELL: {found.new_rows} new label{'' if found.new_rows == 1 else 's'}"
    since = found.history.looks()
    return "NOTHING NEW: no label" + (
        f" since the look of {moment(since[-1].time)}" if since else " to judge"
    )


def _action(found: Monitored) -> str:
    if found.action == "published":
        return f"Version {found.published} published: {found.reason}"
    if found.action == "rejected":
        return f"Not handled, the challenger was rejected: {found.reason}"
    if found.action == "failed":
        return f"Not handled, the retraining failed: {found.reason}"
    if found.action == "open":
        return f"Not handled yet: {found.reason}"
    return found.reason


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _next_steps(found: Monitored) -> list[tuple[str, str]]:
    """What to do: sentences, each with the command that does it."""
    more = max(found.needed - found.new_rows, 1)
    waits = found.action in {"none", "reported"} and found.history.unfinished() is not None
    return [
        (sentence.format(more=more), command.format(published=found.published))
        for sentence, command in _STEPS["waits" if waits else found.action]
    ]


def _measures(look: Look) -> list[dict[str, Any]]:
    rows = look.report["measures"]
    visible_from = look.report["smallest_visible"]
    return [
        {"name": name, "title": title, "meaning": meaning, "smallest": visible_from.get(name), **rows[name],
         "why": visible(rows[name].get("why", ""))}
        for name, title, meaning in MEASURES
        if name in rows
    ]  # fmt: skip


def _words(look: Look) -> dict[str, list[dict[str, Any]]]:
    """The word pieces that moved, by direction, each with its strength as a share of the strongest."""
    words = look.report["diagnostics"]["words"]
    strongest = max((word["strength"] for word in words), default=1.0) or 1.0
    return {
        direction: [
            {"text": visible(str(word.get("text", word["piece"]))), "share": word["strength"] / strongest}
            for word in words
            if word["direction"] == direction
        ]
        for direction in ("more", "less")
    }


def _foreign(found: Monitored, look: Look) -> list[dict[str, Any]]:
    """The most foreign reviews whose text the label log still has."""
    known = {row.digest: row for row in found.labels}
    rows = [known[digest] for digest in look.report["foreign"] if digest in known][: _SETTINGS.foreign]
    return [{"label": LABEL_NAMES[row.label], "time": row.time, **folded(row.text)} for row in rows]


def _history(found: Monitored, looks: list[Look]) -> list[dict[str, Any]]:
    """All looks, newest first, each with what came of it."""
    return [{"look": look, "came": _came_of(found, look)} for look in reversed(looks)]


def _came_of(found: Monitored, look: Look) -> str:
    outcome = found.history.outcome_of(look)
    if outcome is None:
        return "open" if look == found.history.unfinished() else ""
    if outcome.version is not None:
        return f"published: version {outcome.version}"
    return outcome.outcome.replace("_", " ")


def _pictures(found: Monitored, look: Look | None, looks: list[Look]) -> dict[str, Any]:
    from markupsafe import Markup  # comes with Jinja2

    drawn = {"history": drift_plots.history([_point(each) for each in looks])}
    if look is not None:
        shown = look.report["diagnostics"]
        rows = [(row["title"], row) for row in _measures(look)]
        drawn |= {
            "measures": drift_plots.measures(rows, threshold=look.report["threshold"]),
            "scores": drift_plots.spread(shown["scores"], name="scores", label="score, P(positive)"),
            "length": drift_plots.spread(shown["length"], name="length", label="word pieces", log=True),
        }
    return {name: Markup(svg) for name, svg in drawn.items()}


def _point(look: Look) -> drift_plots.Point:
    headline = look.report["headline"]
    return drift_plots.Point(
        headline=math.nan if headline is None else headline,
        threshold=look.report["threshold"],
        verdict=look.verdict,
        version=look.version,
        day=look.time[:10],
    )


def _is_ours(path: Path) -> bool:
    if not os.path.isfile(path):  # noqa: PTH113 - as in `report`; to open a FIFO would wait for its writer
        return False
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(4096)
    except OSError:
        return False
