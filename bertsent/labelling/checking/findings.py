"""Findings about rows and labels, in words, each with the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator

from bertsent.base.display import counted
from bertsent.base.records.checking import Example, Finding, Severity, WrongLabels
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.version_names import spoken
from bertsent.data.notes import value_list
from bertsent.labelling.checking.facts import Facts, label_name, percent

_LEAST = ReadSettings().minimum_per_class
_LABEL_MORE = "label more"


def row_findings(facts: Facts) -> Iterator[Finding]:
    """Whether there are rows, which of them cannot be read, and which are empty."""
    yield _rows(facts)
    bad = sum(survey.bad_rows for survey in facts.surveys.values())
    if bad:
        first = [row for survey in facts.surveys.values() for row in survey.first_bad_rows]
        yield Finding(
            "bad_rows",
            "rows",
            "warning" if facts.refusal else "note",
            f"{counted(bad, 'row')} that cannot be read"
            + ("; other commands refuse the file" if facts.refusal else " and left out"),
            bad,
            tuple(Example("", row) for row in first[: facts.settings.examples]),
            facts.refusal,
        )
    empty = facts.rows.empty
    if facts.with_text:
        yield Finding(
            "empty",
            "rows",
            facts.severity(empty, of=facts.rows.count),
            f"{counted(empty, 'row')} without text; batch gives them no score, and no other command uses them"
            if empty
            else "every row has text",
            empty,
            tuple(facts.rows.examples.get("empty", ())),
        )


def _rows(facts: Facts) -> Finding:
    """How many rows there are, in which parts; fatal if none can be used."""
    count = facts.rows.count
    if facts.with_text:
        listed = "; ".join(f"{name} {number:,}" for name, number in facts.rows.parts.items() if name)
        return Finding("rows", "rows", "ok", counted(count, "row") + (f": {listed}" if listed else ""), count)
    if not count:
        bad = any(survey.bad_rows for survey in facts.surveys.values())
        return Finding("rows", "rows", "fatal", "no row can be read" if bad else "there is no row", 0)
    columns = ", ".join(
        dict.fromkeys(column.name for survey in facts.surveys.values() for column in survey.columns)
    )
    remedy = f"name the column of the text, one of: {columns}"
    fact = f"none of {counted(count, 'row')} has text"
    command = facts.check(text="COLUMN")
    return Finding("rows", "rows", "fatal", fact, count, remedy=remedy, command=command)


def label_findings(facts: Facts) -> Iterator[Finding]:
    """How many rows have each label, whether that is enough, and which values are no label."""
    labels, purpose = facts.labels, facts.settings.purpose
    if not facts.with_text:
        return
    if not facts.labelled:
        yield _no_labels(facts)
    else:
        each = ", ".join(
            f"{name} {count:,} ({percent(count / facts.labelled)})"
            for name, count in labels.items()
            if name != "none"
        )
        without = f"; without a label {labels['none']:,}" if labels["none"] else ""
        yield Finding("labels", "labels", "ok", each + without, facts.labelled)
        yield from _too_few(facts)
    if unknown := facts.unknown:
        neither = all(not survey.labels.unknown for survey in facts.surveys.values())
        proposal = next((s.labels.proposal for s in facts.surveys.values() if s.labels.proposal), "")
        label_map = f"'{proposal or 'positive=... negative=...'}'"
        yield Finding(
            "unknown_labels",
            "labels",
            "fatal" if purpose != "any" and not facts.labelled else "note" if neither else "warning",
            f"{counted(unknown.total(), 'row')} with a value that is no label: {value_list(unknown)}",
            unknown.total(),
            remedy="" if neither and facts.labelled else "say what the values mean",
            command="" if neither and facts.labelled else facts.check(labels=label_map),
        )


def _no_labels(facts: Facts) -> Finding:
    hints = [survey.label_hint for survey in facts.surveys.values() if survey.label_hint]
    fatal = facts.settings.purpose != "any"
    if any(survey.labels.proposal for survey in facts.surveys.values()):
        remedy = command = ""  # the finding about their values has it
    elif hints:
        remedy, command = hints[0], ""
    else:
        remedy, command = "label some", facts.label()
    return Finding(
        "labels",
        "labels",
        "fatal" if fatal else "note",
        "no row has a label" + ("" if fatal else "; scoring and labelling need none"),
        0,
        remedy=remedy,
        command=command,
    )


def _too_few(facts: Facts) -> Iterator[Finding]:
    """One class only, few rows of a class, or far fewer than of the other one."""
    counts = {name: count for name, count in facts.labels.items() if name != "none"}
    name, count = min(counts.items(), key=lambda item: item[1])
    train = facts.settings.purpose == "train"
    if count < _LEAST:
        fact = f"only one label: no row is {name}" if not count else f"only {counted(count, 'row')} {name}"
        fact += f"; training needs at least {_LEAST} of each label"
        severity: Severity = "fatal" if train else "warning"
        yield Finding("balance", "labels", severity, fact, count, (), _LABEL_MORE, facts.label())
    elif count < facts.settings.few:
        fact = (
            f"only {counted(count, 'row')} {name}: with fewer than {facts.settings.few} training is a lottery"
        )
        yield Finding("balance", "labels", "warning", fact, count, (), _LABEL_MORE, facts.label())
    elif count < facts.settings.rare * facts.labelled:
        fact = f"{percent(count / facts.labelled)} {name}: a version would learn mostly the other label"
        yield Finding(
            "balance",
            "labels",
            "warning",
            fact,
            count,
            remedy="give both labels the same weight",
            command=facts.train("--balance weights"),
        )
    else:
        yield Finding("balance", "labels", "ok", "enough rows of both labels", count)


def wrong_label_findings(facts: Facts) -> Iterator[Finding]:
    """The rows whose label the scores contradict most confidently."""
    judged = facts.wrong_labels
    if judged is None:
        if facts.labelled and facts.version:
            least = facts.settings.least_labelled
            fact = f"too few rows to judge labels by scores: it takes {least}, of both labels"
            if facts.labelled >= least:
                fact += ", that the version was not trained on"
            yield Finding("likely_wrong", "wrong labels", "note", fact)
        return
    settings = facts.settings
    by = f"{spoken(facts.version)}" if judged.judge == "version" else "bigrams, out of fold"
    agree = f"{percent(judged.agreement)} of {counted(judged.judged, 'label')} agree with the scores ({by})"
    if judged.agreement <= settings.reversed:
        yield Finding(
            "likely_wrong",
            "wrong labels",
            "warning",
            f"only {agree}: positive and negative look exchanged",
            judged.judged,
            judged.examples,
            "read the rows; if so, exchange the values",
            facts.check(labels="'positive=... negative=...'"),
        )
    elif judged.agreement < settings.agreement:
        fact = f"only {agree}: the model knows too little of such texts to judge their labels"
        yield Finding("likely_wrong", "wrong labels", "note", fact, judged.likely, judged.examples)
    else:
        whole = facts.labelled if judged.judged < facts.labelled else 0
        about = f", about {round(judged.share * whole):,} of all {whole:,}" if whole else ""
        yield Finding(
            "likely_wrong",
            "wrong labels",
            facts.severity(judged.likely, of=judged.judged),
            f"{counted(judged.likely, 'label')} of {judged.judged:,} likely wrong "
            f"({percent(judged.share)} by estimate{about}); {percent(judged.agreement)} agree with the scores"
            if judged.likely
            else f"no label of {judged.judged:,} is clearly contradicted by the scores",
            judged.likely,
            judged.examples,
            "read them, and correct the labels that are wrong; the clearest come first"
            if judged.likely
            else "",
        )
    yield Finding("label_judge", "wrong labels", "ok", _judge(facts, judged))


def _judge(facts: Facts, judged: WrongLabels) -> str:
    """Which scores were used, and why."""
    if judged.judge == "out of fold":
        return (
            f"{spoken(facts.version)} was trained on these rows, so {counted(judged.judged, 'row')} were "
            "judged by bigrams, fitted without the row"
        )
    left_out = (
        f"; {counted(judged.left_out, 'row')} left out that it was trained on" if judged.left_out else ""
    )
    return f"judged by {spoken(facts.version)}, which was not trained on these rows{left_out}"


def example_label(example: Example) -> str:
    """What an example's label says of it: its label, and its score if it has one."""
    if example.score is None:
        return example.detail
    return f"{label_name(example.label)}, but scores {example.score:.3f}"
