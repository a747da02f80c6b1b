"""How robust is a version to the ordinary: negation, contrast, questions, capitals, typos, emoji?

    python tests/bench/behaviour.py --model model/1 [--model 2] [--failures 3] [--json FILE]

A behavioural suite as CheckList has it (Ribeiro et al., ACL 2020, "Beyond Accuracy"). Its texts are templates
in the folder `behaviour` beside this file, written for it, and the same in every run:

- minimum functionality: a text whose label nobody doubts. It fails if its score is on the other side of 0.5.
- invariance: a text and another that says the same. It fails if their scores are on different sides of 0.5
  and more than 0.1 apart, as CheckList's test of invariance with a tolerance does.
- direction: a text and another that says more, or the opposite. "No step back" fails if the score moves
  against what was added by more than 0.05. "Other label" fails unless both texts are on their own
  side of 0.5.

Scores come from bertsent's scorer, as in `bertsent predict`. Prints the rows and failures of each capability,
a column for each --model, so that two versions stand side by side; then how often `predict` would say unsure
to texts of minimum functionality. `--failures N` also prints the N worst of each capability. It is a
measurement: the exit code says nothing of the failures. A capability has 20 to 120 rows, and rows of one
template often fail together, so a difference of a few rows is no difference. No text of the suite may be
trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from behaviour_texts import KINDS, MINIMUM, Case, cases
from contest import machine

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.errors import BertsentError
from bertsent.base.files import now, write_text
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import unescape
from bertsent.scoring.scorer import Scorer
from bertsent.versions.store import find

APART = 0.1  # of two scores that must be the same: the default of CheckList's own library
BACK = 0.05  # of a score that must not move back: what rounding to int8 may do, with room
NAME, COLUMN = 34, 15  # characters of the table
SHOWN = 200  # characters of a text

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """One row with the scores of one version.

    Attributes:
        score: P(positive) of the text, 0 to 1.
        after: P(positive) of the text after, 0 to 1; None for minimum functionality.
        short: How far the row is from passing, 0 to 1; None if it passes.
        unsure: Whether `predict` would say unsure to the text.
    """

    case: Case
    score: float
    after: float | None
    short: float | None
    unsure: bool


def main() -> int:
    arguments = _arguments()
    suite = cases()
    try:
        scorers = {model: scorer(model) for model in dict.fromkeys(arguments.model or [None])}
        judged = {str(name or "current"): run(suite, by) for name, by in scorers.items()}
    except BertsentError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    print("\n".join(table(judged)))
    if arguments.failures:
        print("\n".join(worst(judged, arguments.failures)))
    if arguments.json:
        names = {str(model or "current"): by.version for model, by in scorers.items()}
        write_text(arguments.json, json.dumps(report(judged, names), indent=2, ensure_ascii=False) + "\n")
    return 0


def scorer(model: str | None) -> Scorer:
    """The version with this number or folder, ready to score."""
    return Scorer(find(model, folder=Workspace.current().model))


def run(suite: Sequence[Case], by: Scorer) -> list[Judged]:
    """Scores every different text once, read as `predict` reads it, and judges every row."""
    texts = list(
        dict.fromkeys(text for case in suite for text in (case.text, case.after) if text is not None)
    )
    scored = dict(zip(texts, by.predict(map(unescape, texts)), strict=True))
    rows = []
    for case in suite:
        before = scored[case.text]
        after = None if case.after is None else scored[case.after].score
        short = judge(case, before.score, after)
        rows.append(Judged(case, before.score, after, short, before.label == "unsure"))
    return rows


def judge(case: Case, before: float, after: float | None) -> float | None:
    """How far the scores are from what the row expects; None if it passes. The module says what each means.

    Args:
        case: The row.
        before: Score of its text, 0 to 1.
        after: Score of the text after, 0 to 1, if it has one.
    """
    wrong = wrong_side(before, case.label)
    if after is None:
        return abs(before - DEFAULT_THRESHOLD) if wrong else None
    apart = abs(after - before)
    if case.expect == "same label":
        return apart if wrong != wrong_side(after, case.label) and apart > APART else None
    if case.expect == "no step back":
        back = before - after if case.label == POSITIVE else after - before
        return back if back > BACK else None
    if case.expect == "other label":
        still = not wrong_side(after, case.label)
        missed = [score for score, fails in ((before, wrong), (after, still)) if fails]
        return max((abs(score - DEFAULT_THRESHOLD) for score in missed), default=None)
    raise ValueError(f"A row may not expect {case.expect!r}.")


def wrong_side(score: float, label: int) -> bool:
    """Whether a score is on the other side of 0.5 than its label."""
    return (score >= DEFAULT_THRESHOLD) != (label == POSITIVE)


def table(judged: Mapping[str, Sequence[Judged]]) -> list[str]:
    """The lines of the table: each kind with all its rows, and its capabilities below it."""
    lines = [f"{'capability':<{NAME}}{'rows':>5}" + "".join(f"{_heading(name):>{COLUMN}}" for name in judged)]
    for kind in KINDS:
        lines.append(_line(kind, judged, kind=kind))
        lines += [
            _line(f"  {name}", judged, kind=kind, capability=name) for name in _capabilities(judged, kind)
        ]
    unsure = [sum(row.unsure for row in rows) / len(rows) for rows in _select(judged, MINIMUM).values()]
    return [
        *lines,
        f"{'unsure, ' + MINIMUM:<{NAME + 5}}" + "".join(f"{share:>{COLUMN}.1%}" for share in unsure),
    ]


def _heading(name: str) -> str:
    """The last characters of a model's name, which tell it from the others."""
    shown = visible(name)
    return shown if len(shown) < COLUMN else f"...{shown[4 - COLUMN :]}"


def _line(title: str, judged: Mapping[str, Sequence[Judged]], *, kind: str, capability: str = "") -> str:
    columns, count = [], 0
    for rows in _select(judged, kind, capability).values():
        failed, count = len(failures(rows)), len(rows)
        columns.append(f"{failed:>{COLUMN - 7}}{failed / count:>7.1%}")
    return f"{title:<{NAME}}{count:>5}{''.join(columns)}"


def worst(judged: Mapping[str, Sequence[Judged]], count: int) -> Iterator[str]:
    """The worst `count` failures of each capability, for each version."""
    for kind in KINDS:
        for capability in _capabilities(judged, kind):
            for model, rows in _select(judged, kind, capability).items():
                failed = failures(rows)[:count]
                if failed:
                    yield f"\n{kind}, {capability}, {visible(model)}:"
                for row in failed:
                    yield f"  {row.score:.3f} {_shown(row.case.text)}"
                    if row.case.after is not None:
                        yield f"  {row.after:.3f}   -> {_shown(row.case.after)}"


def _shown(text: str) -> str:
    return visible(text)[:SHOWN]


def report(judged: Mapping[str, Sequence[Judged]], versions: Mapping[str, str]) -> Figures:
    """What goes into the JSON file: every capability with the figures and failures of every version."""
    return {
        "date": now(),
        "machine": machine(),
        "bertsent": __version__,
        "versions": versions,
        "capabilities": [
            {
                "kind": kind,
                "capability": capability,
                "results": {
                    model: figures(rows) for model, rows in _select(judged, kind, capability).items()
                },
            }
            for kind in KINDS
            for capability in ["", *_capabilities(judged, kind)]  # "": all of the kind
        ],
    }


def figures(rows: Sequence[Judged]) -> Figures:
    """Rows, rows of positive texts, failures, their share, the share said unsure, and the failed rows."""
    failed = failures(rows)
    return {
        "rows": len(rows),
        "positive": sum(row.case.label == POSITIVE for row in rows),
        "failures": len(failed),
        "rate": len(failed) / len(rows),
        "unsure": sum(row.unsure for row in rows) / len(rows),
        "failed": [{**asdict(row.case), "score": row.score, "score_after": row.after} for row in failed],
    }


def failures(rows: Sequence[Judged]) -> list[Judged]:
    """The rows that fail, the worst first."""
    return sorted((row for row in rows if row.short is not None), key=lambda row: -(row.short or 0.0))


def _select(
    judged: Mapping[str, Sequence[Judged]], kind: str, capability: str = ""
) -> dict[str, list[Judged]]:
    """The rows of one kind, or of one capability of it, by model."""
    return {
        model: [row for row in rows if row.case.kind == kind and capability in ("", row.case.capability)]
        for model, rows in judged.items()
    }


def _capabilities(judged: Mapping[str, Sequence[Judged]], kind: str) -> list[str]:
    rows = next(iter(judged.values()))
    return list(dict.fromkeys(row.case.capability for row in rows if row.case.kind == kind))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--model",
        action="append",
        help="a version number or a version's folder; several stand side by side (the current version)",
    )
    parser.add_argument(
        "--failures", type=_count, default=0, help="also print the worst of each capability, so many (0)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures and every failure to this file")
    return parser.parse_args()


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"takes a whole number from 0 (received: {visible(text)})")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
