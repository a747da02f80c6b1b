"""The behavioural suite, tests/bench/behaviour.py: are its texts what it says, and does it count rightly?"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from bertsent.base.records.core import Prediction
from bertsent.base.text import clean, unescape, words
from bertsent.data.sample import read_sample

BENCH = Path(__file__).parent / "bench"
ALL_ROWS = """
import hashlib
from behaviour_texts import cases
print(hashlib.sha256(repr(cases()).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The program, imported as if it were run from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("behaviour")


@pytest.fixture(scope="module")
def suite(bench: ModuleType) -> list[Any]:
    return list(bench.cases())


@pytest.fixture(scope="module")
def changes(bench: ModuleType) -> ModuleType:
    return importlib.import_module("behaviour_changes")


class Scores:
    """Takes the place of a Scorer: what it says of each text is given."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = {unescape(text): score for text, score in scores.items()}

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        for text in texts:
            score = self.scores[text]
            label = "unsure" if 0.4 < score < 0.6 else "positive" if score > 0.5 else "negative"
            yield Prediction(text=text, score=score, label=label, tokens=1, truncated=False, version="7")


# the texts


def test_rows_are_distinct_and_pairs_differ(suite: list[Any]) -> None:
    assert len(set(suite)) == len(suite)
    minimum = [case.text for case in suite if case.after is None]
    assert len(set(minimum)) == len(minimum), "a text would count twice"
    assert [case for case in suite if case.after == case.text] == []
    assert {case.kind for case in suite if case.after is None} == {"minimum functionality"}


def test_nothing_of_a_template_is_left_in_a_text(suite: list[Any], changes: ModuleType) -> None:
    plain = [case for case in suite if case.capability not in changes.CHANGES]
    for text in (text for case in plain for text in (case.text, case.after) if text is not None):
        assert not re.search(r"[{}\[\]|]|^\s|\s$|\s\s", text), text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeioh]", text), f"a or an: {text}"


def test_each_capability_has_both_labels_about_as_often(suite: list[Any]) -> None:
    labels = defaultdict(Counter)
    for case in suite:
        labels[case.kind, case.capability][case.label] += 1
    for name, counts in labels.items():
        assert 0.45 <= counts[1] / counts.total() <= 0.55, name
        assert counts.total() >= 20, name


def test_suite_is_as_large_as_its_page_says(suite: list[Any]) -> None:
    texts = {text for case in suite for text in (case.text, case.after) if text is not None}
    assert 1500 <= len(texts) <= 3000


def test_suite_is_the_same_in_every_run() -> None:
    def digest(seed: str) -> str:
        paths = os.pathsep.join((str(BENCH), os.environ.get("PYTHONPATH", "")))
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        command = [sys.executable, "-c", ALL_ROWS]
        root = BENCH.parent.parent
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, check=True
        ).stdout.decode()

    assert digest("1") == digest("2")


def test_no_text_of_the_suite_is_in_the_embedded_reviews(suite: list[Any]) -> None:
    """Versions are trained on these."""
    embedded = {clean(review.text) for review in read_sample()}
    assert not embedded & {clean(case.text) for case in suite}


# the changes


REVIEW = 'We said "never again" & meant it. Dinner wasn\'t edible, and nobody apologised!'


def test_changes_leave_the_words(changes: ModuleType) -> None:
    def change(name: str) -> str:
        return str(changes.CHANGES[name](REVIEW, Random(1)))

    assert (
        change("no punctuation") == "We said never again meant it Dinner wasn't edible and nobody apologised"
    )
    assert change("all capitals").lower() == change("all lower case") == REVIEW.lower()
    assert change("HTML entities") == (
        "We said &quot;never again&quot; &amp; meant it. Dinner wasn&#39;t edible, and nobody apologised!"
    )
    assert unescape(change("HTML entities")) == REVIEW
    assert "\u201cnever again\u201d" in change("curly quotes")
    assert "wasn\u2019t" in change("curly quotes")
    assert clean(change("blanks and line breaks")) == clean(change("HTML line breaks")) == REVIEW
    assert "\n\n" in change("blanks and line breaks")
    assert "<br /><br />" in change("HTML line breaks")
    assert re.fullmatch(re.escape(REVIEW) + r" https://\S+", change("link at the end"))
    assert re.fullmatch(re.escape(REVIEW) + r"( #\w+)+", change("hashtag at the end"))
    assert changes.CHANGES["neutral sentence before"](REVIEW, "It rained.") == f"It rained. {REVIEW}"
    assert changes.CHANGES["neutral sentence behind"](REVIEW, "It rained.") == f"{REVIEW} It rained."


@pytest.mark.parametrize(("name", "count"), [("one typo", 1), ("two typos", 2)])
def test_typos_change_as_many_words_by_one_letter(changes: ModuleType, name: str, count: int) -> None:
    outcomes = set()
    for seed in range(60):
        before, after = words(REVIEW), words(changes.CHANGES[name](REVIEW, Random(seed)))
        changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert len(changed) == count
        for old, new in changed:
            assert len(old) >= 5
            assert old[0] == new[0]
            outcomes.add(len(new) - len(old))
            assert len(old) != len(new) or sorted(old) == sorted(new), "swapped"
    assert outcomes == {-1, 0, 1}


# what it counts


def right(suite: list[Any]) -> dict[str, float]:
    """Scores that pass every row, as long as no text stands in two rows that contradict each other."""
    scores: dict[str, float] = {}
    for case in suite:
        before = scores.setdefault(case.text, 0.9 if case.label else 0.1)
        if case.after is not None:
            scores.setdefault(case.after, 1 - before if case.expect == "other label" else before)
    return scores


def test_rows_do_not_contradict_each_other(bench: ModuleType, suite: list[Any]) -> None:
    rows = bench.run(suite, Scores(right(suite)))
    assert bench.failures(rows) == []
    assert len(rows) == len(suite)


def test_a_version_that_says_the_same_to_everything(bench: ModuleType, suite: list[Any]) -> None:
    rows = bench.run(suite, Scores(dict.fromkeys(right(suite), 0.9)))
    failed = {id(row) for row in bench.failures(rows)}
    for row in rows:
        expected = row.case.expect == "other label" or (row.case.after is None and row.case.label == 0)
        assert (id(row) in failed) == expected, row


@pytest.mark.parametrize(
    ("expect", "label", "before", "after", "short"),
    [
        ("label", 1, 0.5, None, None),  # at the threshold is positive, as for the scorer
        ("label", 0, 0.5, None, 0.0),
        ("label", 1, 0.2, None, 0.3),
        ("same label", 1, 0.54, 0.46, None),  # another side, but near
        ("same label", 1, 0.7, 0.3, 0.4),
        ("same label", 1, 0.3, 0.7, 0.4),
        ("same label", 1, 0.99, 0.6, None),
        ("no step back", 1, 0.9, 0.86, None),
        ("no step back", 1, 0.9, 0.8, 0.1),
        ("no step back", 0, 0.1, 0.2, 0.1),
        ("no step back", 0, 0.9, 0.1, None),
        ("other label", 1, 0.9, 0.1, None),
        ("other label", 1, 0.9, 0.8, 0.3),
        ("other label", 0, 0.6, 0.9, 0.1),
        ("other label", 0, 0.9, 0.1, 0.4),
    ],
)
def test_what_fails_a_row(
    bench: ModuleType, expect: str, label: int, before: float, after: float | None, short: float | None
) -> None:
    case = bench.Case("direction", "any", label, expect, "a", None if after is None else "b")
    assert bench.judge(case, before, after) == (None if short is None else pytest.approx(short))


# the program


def test_versions_stand_side_by_side(
    bench: ModuleType,
    suite: list[Any],
    trained: Path,
    spread: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = [str(trained / "1"), str(spread / "1")]
    file = tmp_path / "behaviour.json"
    given = ["--model", models[0], "--model", models[1], "--failures", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["behaviour.py", *given])
    assert bench.main() == 0
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert figures["versions"] == dict.fromkeys(models, "1")
    for entry in figures["capabilities"]:
        title = f"  {entry['capability']}" if entry["capability"] else entry["kind"]
        line = next(line for line in lines if line.startswith(f"{title:<34}"))
        results = [entry["results"][model] for model in models]
        expected = [str(results[0]["rows"])]
        for result in results:
            assert result["failures"] == len(result["failed"]) <= result["rows"]
            expected += [str(result["failures"]), f"{result['failures'] / result['rows']:.1%}"]
        assert line[34:].split() == expected
        assert len(line) <= 80
    totals = {entry["kind"]: entry["results"][models[0]] for entry in figures["capabilities"][::-1]}
    assert sum(total["rows"] for total in totals.values()) == len(suite)
    worst = totals["minimum functionality"]["failed"][0]
    assert any(line.endswith(worst["text"][:200]) for line in lines), "the worst is shown"


def test_a_model_that_is_not_there_is_one_line(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["behaviour.py", "--model", "nowhere"])
    assert bench.main() == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert "nowhere" in streams.err


def test_failures_takes_a_count(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["behaviour.py", "--failures", "-1"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "--failures" in capsys.readouterr().err
