"""The check of a data set: every fault shows, with its rows, and what is good is not complained of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from support.fake_scorer import Known

from bertsent.base.records.checking import Check, Finding
from bertsent.base.records.core import Review
from bertsent.base.settings.checking import CheckSettings
from bertsent.data.source import Source
from bertsent.labelling.checking import wrong_labels
from bertsent.labelling.checking.rows import Sample
from bertsent.labelling.checking.run import check
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.scoring.scorer import Scorer
from bertsent.versions.trained_texts import key

UNSCORED = CheckSettings(sample=0)
NOUNS = ("lamp", "chair", "kettle", "rug", "shelf", "clock", "mirror", "desk", "vase", "stool")
PLACES = ("kitchen", "garden", "office", "cellar", "hall", "attic", "porch", "shop", "barn", "studio")
Row = tuple[str, int | None]


def good(count: int = 200) -> list[Row]:
    """Reviews with nothing wrong."""
    draw = random.Random(4)
    words = [f"{noun}{number}" for noun in NOUNS for number in range(40)]
    return [
        (
            f"I bought this {' and that '.join(draw.sample(words, 5))} for the {draw.choice(PLACES)} "
            + (
                "and it is lovely, sturdy and worth it"
                if number % 2
                else "and it is ugly, shaky and too dear"
            ),
            number % 2,
        )
        for number in range(count)
    ]


def table(folder: Path, rows: Iterable[Row], name: str = "reviews.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def checked(
    folder: Path, rows: Iterable[Row], settings: CheckSettings = UNSCORED, **more: Any
) -> dict[str, Finding]:
    """The findings by name."""
    return by_name(check(table(folder, rows), settings=settings, **more))


def by_name(result: Check) -> dict[str, Finding]:
    names = [finding.check for finding in result.findings]
    assert len(names) == len(set(names))
    return {finding.check: finding for finding in result.findings}


def lines(finding: Finding) -> list[int]:
    """The lines of the rows that it shows."""
    return [int(example.path.rpartition(":")[2]) for example in finding.examples]


def test_good_reviews_get_no_complaint(workspace: Path) -> None:
    result = check(table(workspace, good()), settings=UNSCORED)
    assert {finding.check: finding.fact for finding in result.findings if finding.severity != "ok"} == {}
    assert result.usable
    assert (result.rows, result.empty) == (200, 0)
    assert result.labels == {"positive": 100, "negative": 100, "none": 0, "unknown": 0}
    assert sum(count for _, count in result.lengths) == 200


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty", "  "),
        ("short", "okay"),
        ("not_english", "Der Tisch wackelt und die Farbe ist nicht wie auf dem Bild"),
        ("mojibake", "the desk didn\xe2\x80\x99t arrive in time for the party"),
        ("lost_characters", "the desk didn\ufffdt arrive in time for the party"),
        ("control_characters", "the desk didn\x92t arrive in time for the party"),
        ("markup", "fast &amp; well packed, as it should be for this price"),
        ("markup_left", "<p>fast and well packed, as it should be for this price"),
    ],
)
def test_a_fault_of_one_text_shows_with_its_row(workspace: Path, name: str, text: str) -> None:
    findings = checked(workspace, [*good(), (text, 1)])
    assert (findings[name].count, findings[name].severity) == (1, "note")
    assert lines(findings[name]) == [201]
    assert findings[name].fact.startswith("1 ")
    many = checked(workspace, [*good(), *((f"{text}{' ' * number}", 1) for number in range(9))])
    assert many[name].count == 9
    assert many[name].severity == ("note" if name == "markup" else "warning")
    assert lines(many[name]) == [201, 202, 203]


def test_mojibake_says_what_it_was(workspace: Path) -> None:
    example = checked(workspace, [("the desk didn\xe2\x80\x99t arrive", 1)])["mojibake"].examples[0]
    assert example.detail.endswith("for \N{RIGHT SINGLE QUOTATION MARK}")


def test_copies_show_once_each_with_the_row_they_copy(workspace: Path) -> None:
    rows = good()
    again = rows[10][0].upper().replace(",", "!")
    nearly = rows[20][0] + " indeed"
    findings = checked(workspace, [*rows, (again, rows[10][1]), (again, rows[10][1]), (nearly, rows[20][1])])
    assert (findings["copies"].count, lines(findings["copies"])) == (2, [201, 202])
    assert findings["copies"].examples[0].detail.endswith(":11")
    assert (findings["near_copies"].count, lines(findings["near_copies"])) == (1, [203])
    assert findings["near_copies"].examples[0].detail.endswith(":21")
    assert findings["contradicted"].severity == "ok"


def test_texts_with_both_labels_show(workspace: Path) -> None:
    rows = good()
    other, nearly = (rows[10][0], 1 - (rows[10][1] or 0)), (rows[21][0] + " indeed", 0)
    finding = checked(workspace, [*rows, other, nearly])["contradicted"]
    assert (finding.count, finding.severity) == (2, "warning")
    assert "1 text and 1 near copy" in finding.fact
    assert [example.detail.partition(" at ")[0] for example in finding.examples] == [
        "positive, but negative",
        "negative, but positive",
    ]


def test_near_copies_are_looked_for_among_the_first_texts_and_it_says_so(workspace: Path) -> None:
    rows = good(30)
    late = [*rows, (rows[3][0] + " indeed", rows[3][1])]
    finding = checked(workspace, late, CheckSettings(sample=0, near_rows=30))["near_copies"]
    assert (finding.count, finding.fact) == (0, "no near copies among the first 30 texts")
    assert checked(workspace, late)["near_copies"].count == 1


def test_test_rows_that_train_holds_show(workspace: Path) -> None:
    rows, extra = good(), [("A rug of wool, which sheds a lot and smells odd in the heat", 0)]
    table(workspace / "data", rows, "train.jsonl")
    table(workspace / "data", [rows[5], (rows[7][0] + " indeed", 1), *extra], "test.jsonl")
    whole = check(workspace / "data", settings=UNSCORED)
    two = check(
        Source((workspace / "data" / "test.jsonl", workspace / "data" / "train.jsonl")), settings=UNSCORED
    )
    for result in (whole, two):
        assert result.parts == {"train": 200, "test": 3}
        finding = by_name(result)["leaked"]
        assert (finding.count, finding.severity) == (2, "warning")
        assert "1 test row and 1 near copy" in finding.fact
        assert [Path(example.path).name for example in finding.examples] == ["test.jsonl:1", "test.jsonl:2"]
        assert finding.examples[0].detail.endswith("train.jsonl:6")
        assert by_name(result)["copies"].count == 0


@pytest.mark.slow
def test_folders_of_a_data_set_are_its_parts(workspace: Path, films: Path) -> None:
    result = check(films, settings=UNSCORED)
    assert result.parts == {"train": 120, "test": 800}
    assert {path.name for path in films.iterdir()} == {"train", "test"}
    assert check(films / "train", settings=UNSCORED).parts == {}


def test_rows_that_are_labelled_already_are_compared(workspace: Path) -> None:
    rows, log = good(), LabelLog(workspace / "labels")
    log.append(decide(rows[0][0].upper(), "negative"))  # as the file says
    log.append(decide(rows[2][0], "positive"))  # the file says negative
    finding = checked(workspace, rows, labels=workspace / "labels")["labelled_already"]
    assert (finding.count, finding.severity, lines(finding)) == (2, "warning", [3])
    assert finding.examples[0].detail == "negative here, positive in labels/"
    assert "labelled_already" not in checked(workspace, rows)
    assert "labelled_already" not in by_name(
        check(workspace / "labels", labels=workspace / "labels", settings=UNSCORED)
    )


@pytest.mark.parametrize(
    ("rows", "purpose", "name", "severity"),
    [
        ([(text, None) for text, _ in good(20)], "any", "labels", "note"),
        ([(text, None) for text, _ in good(20)], "train", "labels", "fatal"),
        ([(text, None) for text, _ in good(20)], "evaluate", "labels", "fatal"),
        (good(20)[1::2], "any", "balance", "warning"),
        (good(20)[1::2], "evaluate", "balance", "warning"),
        (good(20)[1::2], "train", "balance", "fatal"),
        ([*good(40)[1::2], *good(6)[::2]], "train", "balance", "fatal"),
        (good(40), "train", "balance", "warning"),
        ([*good(2000)[1::2], *good(160)[::2]], "train", "balance", "warning"),
        (good(), "train", "balance", "ok"),
        ([("", 1)] * 20, "any", "rows", "fatal"),
    ],
)
def test_what_they_are_for_decides_what_is_fatal(
    workspace: Path, rows: list[Row], purpose: Any, name: str, severity: str
) -> None:
    findings = checked(workspace, rows, CheckSettings(sample=0, purpose=purpose))
    assert findings[name].severity == severity
    fatal = [finding.check for finding in findings.values() if finding.severity == "fatal"]
    assert fatal == ([name] if severity == "fatal" else [])


def test_the_draw_is_uniform_and_bounded() -> None:
    drawn = np.zeros(50)
    for seed in range(400):
        sample = Sample(10, 10_000, str(seed))
        for number in range(50):
            sample.offer(Review(str(number)))
        chosen = [int(review.text) for review in sample.reviews()]
        assert len(set(chosen)) == 10
        drawn[chosen] += 1
    assert drawn.min() > 50  # 80 are expected, with a standard deviation of 8
    assert drawn.max() < 110
    few = Sample(10, 100, "1")
    for number in range(1000):
        few.offer(Review(f"{number:040}"))
    assert len(few.reviews()) == 2
    assert few.offered == 1000


# Wrong labels


class Judge(Known):
    """Scores by the number at the beginning of a text."""

    pieces = 100

    def scores(self, texts: Sequence[str], **more: Any) -> Any:
        return np.array([float(text.split()[0]) for text in texts], np.float32)


def scored(count: int, *, wrong: Iterable[int] = ()) -> list[Review]:
    """Reviews whose texts begin with a score on the side of their label, except in the wrong rows."""
    draw = random.Random(6)
    reviews = []
    for row in range(count):
        score = 0.99 if row in wrong else draw.uniform(0.85, 0.999)
        score = score if row % 2 else 1 - score
        label = row % 2 if row not in wrong else 1 - row % 2
        reviews.append(Review(f"{score:.4f} review {row}", label, f"x:{row}"))
    return reviews


def judged(
    reviews: Sequence[Review], *, trained: Iterable[int] = (), every: bool = False, **changes: Any
) -> Any:
    seen = np.array([key(reviews[row].text) for row in trained], np.uint64)
    return wrong_labels.judge(
        reviews,
        scorer=cast(Scorer, Judge()),
        trained=seen,
        every=every,
        settings=CheckSettings(**changes),
        progress=Quiet(),
    )


class Quiet:
    """Progress that nobody sees."""

    def start(self, *given: Any) -> None: ...
    def finish(self) -> None: ...


def test_the_labels_that_scores_contradict_come_first() -> None:
    result = judged(scored(400, wrong={7, 20, 33}), examples=5)
    assert (result.judge, result.judged, result.left_out) == ("version", 400, 0)
    assert result.likely == 3
    assert {example.path for example in result.examples} == {"x:7", "x:20", "x:33"}
    assert 0.005 < result.share < 0.02  # 3 of 400 and, as half of the rows are not counted, up to twice
    assert result.agreement == pytest.approx(397 / 400)
    assert sum(result.confidence) == 400


def test_a_sample_is_judged_or_all() -> None:
    assert judged(scored(400), sample=100).judged == 100
    assert judged(scored(400), sample=100, every=True).judged == 400


def test_rows_that_the_version_was_trained_on_do_not_judge_themselves() -> None:
    result = judged(scored(400, wrong={1, 301}), trained=range(100))
    assert (result.judge, result.judged, result.left_out) == ("version", 300, 100)
    assert [example.path for example in result.examples] == ["x:301"]


@pytest.mark.slow
def test_rows_that_the_version_was_trained_on_are_judged_out_of_fold() -> None:
    reviews = [
        Review(text, 1 - (label or 0) if row in {8, 31, 60} else label, f"x:{row}")
        for row, (text, label) in enumerate(good(400))
    ]
    result = judged(reviews, trained=range(300))
    assert (result.judge, result.judged, result.left_out) == ("out of fold", 400, 0)
    assert {example.path for example in result.examples} == {"x:8", "x:31", "x:60"}


def test_copies_do_not_judge_each_other() -> None:
    reviews = [Review(text, label, f"x:{row}") for row, (text, label) in enumerate(good(200))]
    assert judged([*reviews, *reviews], trained=range(200)).judged == 200


def test_too_few_rows_are_not_judged() -> None:
    assert judged(scored(40)) is None
    assert judged([review for review in scored(200) if review.label]) is None
    assert judged(scored(120), trained=range(44), sample=90) is None  # 46 of 90 are left
