"""Findings about texts, their copies and their encoding, in words, each with the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bertsent.base.display import counted
from bertsent.base.records.checking import Example, Finding, Section
from bertsent.base.records.core import Review
from bertsent.base.version_names import spoken
from bertsent.data.source import path_word
from bertsent.labelling.checking.facts import Facts, Window, label_name, percent
from bertsent.labelling.checking.rows import example

_MULTILINGUAL = "bert_multi_cased_L-12_H-768_A-12"


def text_findings(facts: Facts) -> Iterator[Finding]:
    """Texts that are short, longer than the window, or not English."""
    short = facts.rows.faults["short"]
    yield _of_texts(
        facts,
        "short",
        f"shorter than {facts.settings.shortest} words",
        f"no text is shorter than {facts.settings.shortest} words",
        "read some: a text of one word is hard to label" if facts.severity(short) == "warning" else "",
    )
    if facts.window is not None:
        yield _window(facts, facts.window)
    yield _of_texts(
        facts,
        "not_english",
        "apparently not English, which is what the bundled model reads",
        "all texts look English",
        "leave them out, or train a multilingual encoder",
        facts.train(f"--encoder {_MULTILINGUAL}"),
    )


def _of_texts(
    facts: Facts,
    check: str,
    fault: str,
    good: str,
    remedy: str = "",
    command: str = "",
    *,
    section: Section = "texts",
    harmless: bool = False,
) -> Finding:
    """The finding of a check that looks at one text at a time."""
    count = facts.rows.faults[check]
    return Finding(
        check,
        section,
        "note" if count and harmless else facts.severity(count),
        f"{counted(count, 'text')} {facts.share(count)} {fault}" if count else good,
        count,
        tuple(facts.rows.examples.get(check, ())),
        remedy if count else "",
        command if count else "",
    )


def _window(facts: Facts, window: Window) -> Finding:
    share = window.longer / max(window.texts, 1)
    drawn = "" if window.texts == facts.with_text else f" of {counted(window.texts, 'text')} drawn"
    wide = share >= facts.settings.truncated and window.size < 512
    return Finding(
        "longer_than_window",
        "texts",
        "warning" if wide else "note" if window.longer else "ok",
        f"{counted(window.longer, 'text')}{drawn} ({percent(share)}) longer than the {window.size} tokens "
        f"that {spoken(facts.version)} reads"
        if window.longer
        else f"every text{drawn} fits into the {window.size} tokens that {spoken(facts.version)} reads",
        window.longer,
        window.examples,
        "read more of them, which takes longer" if wide else "",
        facts.train("--seq-length 512") if wide else "",
    )


def copy_findings(facts: Facts) -> Iterator[Finding]:
    """Copies inside the data, between its parts, with labels that were given, and with training texts."""
    copies = facts.copies
    count = copies.repeated.count
    yield Finding(
        "copies",
        "copies",
        "note" if count else "ok",
        f"{counted(count, 'row')} {facts.share(count)} with the words of an earlier row; train and label use "
        "each text once"
        if count
        else "no row repeats the words of another",
        count,
        facts.pair_examples(copies.repeated.examples, _like),
    )
    yield _near(facts)
    yield _contradicted(facts)
    if "train" in facts.rows.parts and len(facts.rows.parts) > 1:
        yield _leaked(facts)
    if copies.labelled.count:
        yield _labelled(facts)
    if facts.trained:
        yield Finding(
            "trained",
            "copies",
            "note",
            f"{counted(facts.trained, 'row')} {facts.share(facts.trained)} trained {spoken(facts.version)}: "
            "measured on them it looks better than it is",
            facts.trained,
        )


def _like(earlier: Review, later: Review) -> str:
    return f"like {earlier.path}"


def _near(facts: Facts) -> Finding:
    copies = facts.copies
    compared = "" if copies.compared == copies.distinct else f" among the first {copies.compared:,} texts"
    count = copies.near.count
    return Finding(
        "near_copies",
        "copies",
        facts.severity(count, of=max(copies.compared, 1)),
        f"{counted(count, 'text')} nearly the same as an earlier one{compared}"
        if count
        else f"no near copies{compared}",
        count,
        facts.pair_examples(copies.near.examples, _like),
        "train uses them all: leave them out if they were copied and then changed" if count else "",
    )


def _contradicted(facts: Facts) -> Finding:
    copies = facts.copies
    count, near = copies.contradicted.count, copies.near_contradicted.count
    pairs = [*copies.contradicted.examples, *copies.near_contradicted.examples][: facts.settings.examples]
    return Finding(
        "contradicted",
        "copies",
        "warning" if count or near else "ok",
        f"{_and_near(count, 'text', near)} with both labels" if count or near else "no text has both labels",
        count + near,
        facts.pair_examples(pairs, _against),
        "correct the labels" if count or near else "",
    )


def _and_near(count: int, noun: str, near: int) -> str:
    """Copies and near copies that are not 0: 2 texts and 1 near copy."""
    copies = f"{near:,} near cop{'y' if near == 1 else 'ies'}"
    if not count:
        return copies
    return counted(count, noun) + (f" and {copies}" if near else "")


def _against(earlier: Review, later: Review) -> str:
    return f"{label_name(later.label)}, but {label_name(earlier.label)} at {earlier.path}"


def _leaked(facts: Facts) -> Finding:
    copies = facts.copies
    count, near = copies.leaked.count, copies.near_leaked.count
    pairs = [*copies.leaked.examples, *copies.near_leaked.examples][: facts.settings.examples]
    others = " or ".join(part for part in facts.rows.parts if part != "train")
    return Finding(
        "leaked",
        "copies",
        "warning" if count or near else "ok",
        f"{_and_near(count, f'{others} row', near)} that train holds, too"
        if count or near
        else f"no {others} row has a text of train",
        count + near,
        facts.pair_examples(pairs, _like),
        "train leaves out those with the same text; remove near copies yourself" if count or near else "",
    )


def _labelled(facts: Facts) -> Finding:
    copies = facts.copies.labelled
    against = f"; {counted(copies.contradicted, 'label')} of them differ" if copies.contradicted else ""
    shown: list[Example] = []
    for row in copies.examples:
        if (review := facts.fetched.get(row)) is not None and review.label is not None:
            detail = f"{label_name(review.label)} here, {label_name(1 - review.label)} in labels/"
            shown.append(replace(example(review), detail=detail))
    return Finding(
        "labelled_already",
        "copies",
        "warning" if copies.contradicted else "note",
        f"{counted(copies.count, 'row')} labelled in labels/ already{against}",
        copies.count,
        tuple(shown),
        "correct the wrong ones: of two answers in labels/ the newer one counts"
        if copies.contradicted
        else "",
    )


def encoding_findings(facts: Facts) -> Iterator[Finding]:
    """Characters that were read in a wrong encoding, lost, or are not text; markup."""
    again = "export the data again as UTF-8"
    file, *others = facts.source.paths
    is_text = not others and file.suffix.lower() in {".csv", ".tsv", ".txt", ".jsonl"}
    ftfy = f"pip install ftfy && ftfy {path_word(file)} -o MENDED" if is_text else ""
    checks = (
        (
            "mojibake",
            "with characters of another encoding",
            "no text was read in a wrong encoding",
            f"{again}, or mend the file" if is_text else again,
            ftfy,
        ),
        (
            "lost_characters",
            "with U+FFFD for characters that are lost",
            "no character is lost",
            again,
            "",
        ),
        (
            "control_characters",
            "with control characters",
            "no control characters",
            "U+0080 to U+009F were quotes in Windows-1252: read the original with --encoding cp1252",
            "",
        ),
        (
            "markup",
            "with HTML; entities and <br /> in them are resolved before anything reads them",
            "no HTML",
            "",
            "",
        ),
        (
            "markup_left",
            "with other HTML tags, which stay in the text",
            "no HTML tag stays in a text",
            "export the data as plain text",
            "",
        ),
    )
    for check, fault, good, remedy, command in checks:
        harmless = check == "markup"
        yield _of_texts(facts, check, fault, good, remedy, command, section="encoding", harmless=harmless)
