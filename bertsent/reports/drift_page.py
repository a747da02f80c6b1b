"""The output of a run of `drift` with labels: one line for a log, and a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.files import is_file, now, write_text
from bertsent.base.settings.drift import MonitorSettings
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.version_names import spoken
from bertsent.drift.history import Look
from bertsent.drift.monitored import AGAINST_GATE, WAITS, Monitored, OpenDrift, OpenState, found_earlier
from bertsent.labelling.swapped import contradicts
from bertsent.reports import drift_plots, page
from bertsent.reports.page import moment, number

MEASURES = (  # key, name for people, meaning
    ("text", "text", "how well new reviews can be told from old ones of the same label"),
    ("error", "error", "accuracy lost against the rows held out when the version was made"),
    ("label_share", "label share", "how far the share of positive reviews moved"),
    (
        "scores",
        "scores",
        "how far the scores moved from those of the rows held out when the version was made",
    ),
    (
        "estimated_error",
        "estimated error",
        "accuracy lost against those rows, as calibrated scores estimate it",
    ),
)
_TITLES = {name: title for name, title, _ in MEASURES}
VERDICTS = {  # verdict -> its words in the log and on the page
    "drift": ("DRIFT", "Drift: the new reviews differ from those that {version} was made with"),
    "stable": ("STABLE", "Stable: no sign that the new reviews differ from those of {version}"),
    "cannot_tell": ("CANNOT TELL", "Cannot tell yet whether the new reviews differ"),
}
_ACTIONS = {  # action -> what precedes the reason
    "published": "Version {published} published: ",
    "rejected": "Not handled, the new version was rejected: ",
    "failed": "Not handled, the retraining failed: ",
    "open": "Not handled yet: ",
}
_GAINED = {"published", "waiting"}  # the actions after which the line says what the new version gains
_READ = "Read the reviews below. If the model should know such reviews, train with them."
_STEPS = {  # action -> what to do, and the command that does it
    "none": [("Label new reviews as they come in; the next check needs new labels.", "bertsent label")],
    "collect": [("Label {more} more; then the next run can judge.", "bertsent label")],
    "reported": [(_READ, "bertsent retrain")],
    "training": [("This page is written again when the candidate was compared. If the run is stopped, the "
                  "next one goes on.", "bertsent drift")],
    "open": [("Fix the problem above; the next run resumes the retraining.", "bertsent drift")],
    "waiting": [
        ("A candidate passed the gate, and waits for your word. See what led to it and what it gained:",
         "bertsent models why"),
        ("If it is to score from now on:", "bertsent models approve"),
        ("If it is not, with the reason if you like:", 'bertsent models reject "REASON"'),
    ],
    "published": [
        ("The new version scores from now on. See what led to it:", "bertsent models why {published}"),
        ("If it disappoints, go back to the version before:", "bertsent models rollback"),
    ],
    "rejected": [
        ("The current version stays. Wrong labels teach wrong predictions, so check the labels of the "
         "reviews below. They are not trained on again until there are clearly more.", "bertsent label"),
        ("If you know better than the gate, publish it all the same, and say why.", AGAINST_GATE),
    ],
    "failed": [("The current version stays. Look at the error, then train by hand.", "bertsent retrain")],
}  # fmt: skip
_OPEN_STEPS: dict[OpenState, str] = {  # state of a drift that is open -> what its remedy does
    "reported only": _READ,
    "interrupted": "The next run goes on with the retraining.",
    "waiting": "A candidate passed the gate, and waits for your word.",
    "rejected": "The new version was not better. Wrong labels teach wrong predictions, so check the labels, "
    "and add more: they are trained on again when there are clearly more.",
    "failed": "Look at the error of the retraining, then train by hand.",
    "rolled back": "No current version answers the drift since the rollback. Answer it again:",
}
_ACCEPT = "If the reviews may differ, say why. That closes the drift."
_GENERATOR = '<meta name="generator" content="bertsent drift">'  # in every page of `drift`
_SETTINGS = MonitorSettings()


def log_line(run: Monitored) -> str:
    """Verdict, headline, threshold, what fired or could have fired, number of labels, and action."""
    action, found = _lower(_action(run)), found_earlier(run)
    lead = f"{found.sentence}. " if found else ""
    if run.look is None:
        judged = _unjudged(run, "CANNOT TELL", "NOTHING NEW: no label")
        said = judged if found and run.reason == found.advice else f"{judged}; {action}"
        return _with_candidate(visible(lead + said), run)
    report = run.look.report
    measured, effects = measured_words(report)
    time = f" of {moment(run.look.time)}" if run.continued else ""
    judged = f"{report['new_rows']} new labels, check {run.look.look} of {spoken(run.look.version)}{time}"
    end = f". {_action(run)}" if run.gain and run.action in _GAINED else f"; {action}"  # sentences, or one
    line = f"{lead}{VERDICTS[run.look.verdict][0]}: {measured}{effects}; {judged}{end}"
    return _with_candidate(visible(line), run)


def _with_candidate(line: str, run: Monitored) -> str:
    """The line, and that a candidate waits, unless it says so."""
    waits = "" if run.candidate is None else WAITS.format(run.candidate)
    return line if waits.lower() in line.lower() else f"{line}. {waits}"


def measured_words(report: Mapping[str, Any]) -> tuple[str, str]:
    """What a report measured, for the line: the headline, or why there is none; then what fired, or what
    could have been detected."""
    if report["headline"] is None:  # the reader of the mail should know why
        measured = _lower(report["reason"]).rstrip(".")
    else:
        largest = [name for name, row in report["measures"].items() if row["value"] == report["headline"]]
        named = f" ({_TITLES[largest[0]]})" if largest else ""
        measured = f"headline {number(report['headline'], 3)}{named}, threshold {report['threshold']:g}"
    if report["fired"]:
        effects = _named("fired:", {name: report["measures"][name]["value"] for name in report["fired"]})
    else:
        effects = _named("minimum detectable effect", minimum_detectable_effect(report))
    return measured, effects


def training_line(run: Monitored) -> str:
    """What a run says of a drift before it trains: what fired, and how long the training takes if that is
    known."""
    report = run.look.report if run.look else {"fired": [], "measures": {}}
    fired = ", ".join(
        f"{_TITLES[name]} {number(report['measures'][name]['value'], 2)}" for name in report["fired"]
    )
    takes = "" if run.seconds is None else f" takes about {_about(run.seconds)}"
    return visible(
        f"DRIFT: {fired} (threshold {run.threshold:g}). Training a candidate{takes}; Ctrl-C stops it, the "
        "next run goes on"
    )


def _about(seconds: float) -> str:
    """Some seconds as 8 min, or 2 h."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 100 else f"{round(minutes / 60)} h"


def verdict_sentence(run: Monitored) -> str:
    """The verdict in words."""
    if run.look is None:
        return _unjudged(run, "Cannot tell yet", "No new label")
    return VERDICTS[run.look.verdict][1].format(version=spoken(run.look.version))


def minimum_detectable_effect(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Measure -> effect, from a JSON report; reports of bertsent 0.4.0 have only the older key."""
    return dict(report.get("minimum_detectable_effect", report["smallest_visible"]))


def check_target(path: Path) -> None:
    """Refuses a path to which no page can be written, before any work begins. An older page of `drift` may
    be replaced.

    Raises:
        UsageError: if `path` does not end in .html or .htm, or exists and is not a page of `drift`.
        StorageError: if its folder cannot be written or is full.
    """
    page.check_target(path, force=_is_ours(path))


def write(run: Monitored, path: Path, *, command: str) -> None:
    """Writes the page of a run. The file appears only when it is complete.

    Args:
        path: The HTML file, replaced if it exists.
        command: The command line of the run.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, render(run, command=command, made=now()))


def render(run: Monitored, *, command: str, made: str) -> str:
    """The HTML page of a run: of its look, or of the newest one if it took none."""
    looks = run.history.looks()
    look = run.look or (looks[-1] if looks else None)
    pictures = {"history": drift_plots.history(looks)}
    if run.gain:
        pictures["gain"] = drift_plots.gain(run.gain)
    values: dict[str, Any] = {}
    if look is not None:
        drawn, values = report_parts(look.report)
        pictures |= drawn
        values |= {"foreign": _foreign(run, look), "contradicted": _contradicted(run, look)}
    return page.render(
        "drift.html",
        pictures,
        command=command,
        made=made,
        run=run,
        look=look,
        verdict=verdict_sentence(run),
        found=found_earlier(run),
        disputed=run.given.command("bertsent label --disputed"),
        action=_action(run),
        next_steps=_next_steps(run),
        history=[(past, _outcome(run, past)) for past in reversed(looks)],
        verdicts={name: log.lower() for name, (log, _) in VERDICTS.items()},
        judged="labels",
        **values,
    )


def report_parts(report: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The pictures of a report, and the values that its parts of a template need."""
    diagnostics, measures = report["diagnostics"], _measures(report)
    pictures = {
        "measures": drift_plots.measures(measures, threshold=report["threshold"]),
        "scores": drift_plots.histograms(diagnostics["scores"], name="scores", label="score, P(positive)"),
        "length": drift_plots.histograms(diagnostics["length"], name="length", label="word pieces", log=True),
    }
    return pictures, {"measures": measures, "words": _words(report)}


def _named(title: str, values: Mapping[str, float | None]) -> str:
    """A part of the line: the measures that have a value, with their values; "" if none has."""
    named = [f"{_TITLES[name]} {number(value, 3)}" for name, value in values.items() if value is not None]
    return f", {title} {', '.join(named)}" if named else ""


def _unjudged(run: Monitored, few: str, none: str) -> str:
    """Why nothing was judged."""
    if run.action == "collect":
        return f"{few}: {run.new_rows} new label{'' if run.new_rows == 1 else 's'}"
    looks = run.history.looks()
    return f"{none} since the check of {moment(looks[-1].time)}" if looks else f"{none} to judge"


def _action(run: Monitored) -> str:
    if run.published and run.gain:
        return f"Version {run.published} is current. {run.gain.sentence}"
    if run.action == "waiting" and run.gain:
        return f"{run.reason}. {run.gain.sentence}"
    return _ACTIONS.get(run.action, "").format(published=run.published) + run.reason


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _next_steps(run: Monitored) -> list[tuple[str, str]]:
    """What to do next: sentences, each with the command for it."""
    if run.unrecorded:
        return [("To train with these labels, record them.", run.record_command)]
    more = max(run.needed - run.new_rows, 1)
    steps = [
        (sentence.format(more=more), run.given.command(command.format(published=run.published)))
        for sentence, command in _STEPS[run.action]
    ]
    if run.candidate is not None:
        steps = [*_STEPS["waiting"], *(steps if run.action == "collect" else [])]
    if run.open is None:
        return steps
    found, accept = open_steps(run.open)
    if run.candidate is None and found_earlier(run):
        steps = [found, *(steps if run.action == "collect" else [])]
    elif run.candidate is None and run.action == "reported":
        steps = [found]
    return [*steps, accept]


def open_steps(drift: OpenDrift) -> list[tuple[str, str]]:
    """What to do about a drift that is open, and how to leave it: sentences, each with its command."""
    done = f"{drift.purpose}:" if drift.purpose else _OPEN_STEPS[drift.state]
    return [(done, drift.remedy), (_ACCEPT, drift.accept)]


def _measures(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows, effects = report["measures"], minimum_detectable_effect(report)
    return [
        {"name": name, "title": title, "meaning": meaning, "effect": effects.get(name), **rows[name],
         "why": visible(rows[name].get("why", ""))}
        for name, title, meaning in MEASURES
        if name in rows
    ]  # fmt: skip


def _words(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The words that moved, by direction, each with its strength as a share of the strongest."""
    words = report["diagnostics"]["words"]
    strongest = max((word["strength"] for word in words), default=1.0) or 1.0
    return {
        direction: [
            {"text": visible(str(word.get("text", word["piece"]))), "share": word["strength"] / strongest}
            for word in words
            if word["direction"] == direction
        ]
        for direction in ("more", "less")
    }


def _foreign(run: Monitored, look: Look) -> list[dict[str, Any]]:
    """The most foreign reviews whose text the label log still has."""
    labelled = {row.digest: row for row in run.labels}
    rows = [labelled[digest] for digest in look.report["foreign"] if digest in labelled]
    return [{"label": LABEL_NAMES[row.label], **page.folded(row.text)} for row in rows[: _SETTINGS.foreign]]


def _contradicted(run: Monitored, look: Look) -> list[dict[str, Any]]:
    """The labels that the version contradicts most, unless they were changed or taken back since."""
    labelled = {row.digest: row for row in run.labels}
    rows = [
        (labelled[row["digest"]], row["score"])
        for row in look.report.get("contradicted", {}).get("rows", ())
        if row["digest"] in labelled
    ]
    return [
        {"label": LABEL_NAMES[row.label], "score": score, **page.folded(row.text)}
        for row, score in rows
        if contradicts(score, row.label)
    ]


def _outcome(run: Monitored, look: Look) -> str:
    """What came of a look, in words."""
    if run.open and run.open.look == look:
        return "in training" if run.action == "training" else f"open: {run.open.state}"
    accepted = run.history.acceptance_of(look)
    if accepted:
        return visible(f"accepted: {accepted.reason}")
    outcome = run.history.outcome_of(look)
    if outcome is None:
        return ""
    if outcome.version is not None:
        return f"published: version {outcome.version}"
    return outcome.outcome.replace("_", " ")


def _is_ours(path: Path) -> bool:
    if not is_file(path):  # opening a FIFO would wait for its writer
        return False
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(4096)
    except OSError:
        return False
