"""`label --import`: what the files of other programs say, and what becomes of it in the log."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.annotations import answered, array, choice, lines, record, studio, task
from typer.testing import Result

from bertsent.labelling.decisions import Decision
from bertsent.labelling.log import LabelLog

Run = Callable[..., Result]


def labels(workspace: Path) -> dict[str, int]:
    return {row.text: row.label for row in LabelLog(workspace / "labels").labelled()}


def decisions(workspace: Path) -> list[Decision]:
    return LabelLog(workspace / "labels").decisions()


@pytest.fixture
def taken(run: Run) -> Callable[..., dict[str, Any]]:
    """Imports files, and gives the summary."""

    def call(*words: object) -> dict[str, Any]:
        options = [
            option for word in words for option in (["--import", word] if isinstance(word, Path) else [word])
        ]
        result = run("label", *options, "--json")
        assert result.exit_code == 0, result.stderr
        summary: dict[str, Any] = json.loads(result.stdout)
        return summary

    return call


BRIGHT, BROKEN, PALE = "A bright lamp.", "It broke on day one.", "Pale, but it works."
EXPECTED = {BRIGHT: 1, BROKEN: 0}

FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "label studio": (
        "label-studio",
        lambda path: array(
            path,
            [
                studio(BRIGHT, answered(choice("Positive"), by=3), product="lamp"),
                studio(BROKEN, answered(choice("Negative"), by={"id": 4, "email": "b@example.org"})),
            ],
        ),
    ),
    "label studio, pretty": (
        "label-studio",
        lambda path: array(
            path,
            [studio(BRIGHT, answered(choice("Positive"))), studio(BROKEN, answered(choice("Negative")))],
            indent=2,
        ),
    ),
    "label studio, before 1.0": (
        "label-studio",
        lambda path: array(
            path,
            [
                {"completions": [answered(choice("Positive"))], "data": {"review": BRIGHT}},
                {"completions": [answered(choice("Negative"))], "data": {"review": BROKEN}},
            ],
        ),
    ),
    "label studio, json-min": (
        "label-studio",
        lambda path: array(
            path,
            [
                {
                    "text": text,
                    "id": 1,
                    "sentiment": word,
                    "annotator": 1,
                    "annotation_id": 5,
                    "lead_time": 2.0,
                }
                for text, word in ((BRIGHT, "Positive"), (BROKEN, "Negative"))
            ],
        ),
    ),
    "doccano": (
        "doccano",
        lambda path: lines(
            path,
            [
                {"id": 1, "text": BRIGHT, "label": ["positive"], "Comments": []},
                {"id": 2, "text": BROKEN, "label": ["negative"], "Comments": []},
            ],
        ),
    ),
    "doccano, data and labels": (
        "doccano",
        lambda path: lines(
            path, [{"id": 1, "data": BRIGHT, "labels": ["Pos"]}, {"id": 2, "data": BROKEN, "labels": ["Neg"]}]
        ),
    ),
    "cats": (
        "doccano",
        lambda path: lines(
            path,
            [
                {"text": BRIGHT, "cats": {"POSITIVE": 1.0, "NEGATIVE": 0.0}},
                {"text": BROKEN, "cats": {"POSITIVE": 0.0}},
            ],
        ),
    ),
    "prodigy": ("prodigy", lambda path: lines(path, [task(BRIGHT, "accept"), task(BROKEN, "reject")])),
    "prodigy, choices": (
        "prodigy",
        lambda path: lines(
            path,
            [
                {
                    "text": text,
                    "options": [{"id": 1, "text": "Positive"}, {"id": 0, "text": "Negative"}, {"id": "neg"}],
                    "accept": accept,
                    "answer": "accept",
                    "_view_id": "choice",
                }
                for text, accept in ((BRIGHT, [1]), (BROKEN, ["neg"]))
            ],
        ),
    ),
    "argilla 1": (
        "argilla",
        lambda path: lines(path, [record(BRIGHT, annotation="POSITIVE"), record(BROKEN, annotation=["neg"])]),
    ),
    "argilla, feedback": (
        "argilla",
        lambda path: lines(
            path,
            [
                {
                    "fields": {"text": text},
                    "responses": [
                        {"values": {"mood": {"value": word}}, "user_id": "u1", "status": "submitted"},
                        {"values": {"mood": {"value": "?"}}, "user_id": "u2", "status": "draft"},
                    ],
                }
                for text, word in EXPECTED.items()
            ],
        ),
    ),
    "argilla 2": (
        "argilla",
        lambda path: array(
            path,
            [
                {
                    "id": text,
                    "fields": {"review": text},
                    "suggestions": {"label": {"value": "negative", "score": 0.9, "agent": "m"}},
                    "responses": {"label": [{"value": "positive" if label else "negative", "user_id": "u1"}]},
                }
                for text, label in EXPECTED.items()
            ],
        ),
    ),
    "argilla 2, flat": (
        "argilla",
        lambda path: array(
            path,
            [
                {
                    "id": "7",
                    "text": text,
                    "label.responses": ["positive" if label else "negative", "negative"],
                    "label.responses.users": ["u1", "u2"],
                    "label.responses.status": ["submitted", "discarded"],
                    "label.suggestion": "negative",
                }
                for text, label in EXPECTED.items()
            ],
        ),
    ),
}


def _text(content: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(content, encoding="utf-8")
        return path

    return write


FILES["fasttext"] = ("fasttext", _text(f"__label__positive {BRIGHT}\n\n__label__negative {BROKEN}\n"))
FILES["csv"] = ("table", _text(f"Review,Sentiment\n{BRIGHT},Positive\n{BROKEN},Negative\n"))
FILES["label studio, csv"] = (
    "table",
    _text(
        f"annotation_id,annotator,id,sentiment,text\n1,ann,1,Positive,{BRIGHT}\n2,ann,2,Negative,{BROKEN}\n"
    ),
)
FILES["lines"] = ("table", _text(f"positive\t{BRIGHT}\nnegative\t{BROKEN}\n"))
FILES["json lines"] = (
    "table",
    lambda path: lines(path, [{"text": BRIGHT, "label": 1}, {"text": BROKEN, "label": 0}]),
)


def _name(kind: str) -> str:
    """A table needs its suffix; whose another file is, its content says."""
    tables = {"csv": "a.csv", "label studio, csv": "a.csv", "lines": "a.txt", "json lines": "a.jsonl"}
    return tables.get(kind, "given.data")


@pytest.mark.parametrize("kind", FILES)
def test_label_imports_the_files_of_other_programs(taken: Run, workspace: Path, kind: str) -> None:
    tool, write = FILES[kind]
    summary = taken(write(workspace / _name(kind)))
    assert labels(workspace) == EXPECTED
    assert summary["import"]["tools"] == [tool]
    assert (summary["positive"], summary["negative"]) == (1, 1)
    assert all(_name(kind) in one.path for one in decisions(workspace))


@pytest.mark.parametrize("kind", FILES)
def test_label_imports_a_file_a_second_time_without_a_new_line(
    taken: Run, workspace: Path, kind: str
) -> None:
    path = FILES[kind][1](workspace / _name(kind))
    taken(path)
    before = (workspace / "labels" / "log.jsonl").read_bytes()
    again = taken(path)
    assert again["unchanged"] == 2
    assert (workspace / "labels" / "log.jsonl").read_bytes() == before


def test_label_imports_the_format_that_is_named(run: Run, workspace: Path) -> None:
    path = lines(workspace / "a.jsonl", [{"text": BRIGHT, "label": "positive"}])
    assert run("label", "--import", path, "--import-format", "doccano").exit_code == 0
    assert labels(workspace) == {BRIGHT: 1}
    wrong = run("label", "--import", path, "--import-format", "prodigy")
    assert wrong.exit_code == 7
    assert "answer of accept, reject or ignore" in wrong.stderr


@pytest.mark.parametrize("kind", ["prodigy", "fasttext", "label studio, csv", "lines"])
def test_label_imports_stdin(run: Run, workspace: Path, kind: str) -> None:
    given = FILES[kind][1](workspace / _name(kind)).read_bytes()
    result = run("label", "--import", "-", input=given)
    assert result.exit_code == 0, result.stderr
    assert labels(workspace) == EXPECTED
    assert {one.path.split(":")[0] for one in decisions(workspace)} == {"stdin"}


def test_label_imports_compressed_files(taken: Run, workspace: Path) -> None:
    path = workspace / "tasks.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(task(BRIGHT, "accept")).encode()))
    assert taken(path)["import"]["tools"] == ["prodigy"]
    assert labels(workspace) == {BRIGHT: 1}


def test_label_imports_an_array_of_several_megabytes_on_one_line(taken: Run, workspace: Path) -> None:
    rows = [studio(f"{number} {'lamp ' * 200}", answered(choice("Positive"))) for number in range(2500)]
    path = array(workspace / "tasks.json", rows)
    assert path.stat().st_size > 3_000_000
    assert taken(path)["positive"] == 2500


# rejects, skips, annotators


def test_label_import_obeys_accept_reject_and_ignore(run: Run, workspace: Path) -> None:
    path = lines(
        workspace / "tasks.jsonl",
        [
            task(BRIGHT, "accept", _annotator_id="lamps-ann"),
            task(BROKEN, "reject", _session_id="lamps-bo"),
            task(PALE, "ignore", _annotator_id="lamps-ann"),
            task("No light at all.", "accept", "NEGATIVE"),
            task("Light enough.", "reject", "NEGATIVE"),
        ],
    )
    result = run("label", "--import", path)
    assert result.exit_code == 0, result.stderr
    made = {one.text: (one.label, one.annotator) for one in decisions(workspace)}
    assert made == {
        BRIGHT: ("positive", "lamps-ann"),
        BROKEN: ("negative", "lamps-bo"),
        PALE: ("skip", "lamps-ann"),
        "No light at all.": ("negative", ""),
        "Light enough.": ("positive", ""),
    }
    assert "2 rows reject a label, which counts as the other one" in result.stderr
    assert "Answered by lamps-ann 2, lamps-bo 1" in result.stderr
    assert "2 positive, 2 negative, 1 skipped" in result.stdout


def test_label_import_records_skips_once_and_not_over_a_label(taken: Run, workspace: Path) -> None:
    path = array(
        workspace / "tasks.json",
        [
            studio(BRIGHT, answered(cancelled=True, by=1), answered(choice("Positive"), by=2)),
            studio(PALE, answered(cancelled=True, by=1)),
            studio(BROKEN),
        ],
    )
    first = taken(path)
    assert (first["positive"], first["skipped"], first["unlabelled"]) == (1, 1, 1)
    assert {one.text: one.label for one in decisions(workspace)} == {BRIGHT: "positive", PALE: "skip"}
    second = taken(path)
    assert (second["skipped"], second["unchanged"]) == (0, 2)


def test_label_import_labels_what_was_skipped_before(taken: Run, workspace: Path) -> None:
    taken(lines(workspace / "a.jsonl", [task(PALE, "ignore")]))
    assert taken(lines(workspace / "b.jsonl", [task(PALE, "reject")]))["negative"] == 1
    assert taken(lines(workspace / "a.jsonl", [task(PALE, "ignore")]))["unchanged"] == 1
    assert labels(workspace) == {PALE: 0}


def test_label_import_records_discarded_records_as_skips(taken: Run, workspace: Path) -> None:
    rows = [
        record(BRIGHT, annotation="positive", status="Discarded", annotation_agent="ann"),
        {"fields": {"text": BROKEN}, "responses": [{"values": None, "user_id": "u", "status": "discarded"}]},
    ]
    assert taken(lines(workspace / "a.jsonl", rows))["skipped"] == 2
    assert labels(workspace) == {}


def test_label_import_says_how_rows_were_picked(taken: Run, workspace: Path) -> None:
    taken("--picked-by", "random", lines(workspace / "a.jsonl", [task(BRIGHT, "accept")]))
    taken(lines(workspace / "b.jsonl", [task(BROKEN, "accept")]))
    assert [one.picked_by for one in decisions(workspace)] == ["random", "typed"]


# conflicts


def several(workspace: Path) -> Path:
    def votes(text: str, *words: str) -> dict[str, Any]:
        return studio(text, *(answered(choice(word), by=n) for n, word in enumerate(words, start=1)))

    return array(
        workspace / "tasks.json",
        [
            votes(BRIGHT, "Positive", "Negative", "Positive"),
            votes(BROKEN, "Negative", "Negative"),
            votes(PALE, "Positive", "Negative"),
        ],
    )


def test_label_import_takes_the_label_of_most_people(run: Run, workspace: Path) -> None:
    result = run("label", "--import", several(workspace))
    assert labels(workspace) == EXPECTED
    assert {one.text: one.annotator for one in decisions(workspace)} == {BRIGHT: "1, 3", BROKEN: "1, 2"}
    assert "2 texts with different labels (1 left out as ties):" in result.stderr
    assert f"tasks.json:1: '{BRIGHT}': 2 positive, 1 negative -> positive" in result.stderr
    assert f"tasks.json:3: '{PALE}': 1 positive, 1 negative -> left out" in result.stderr


def test_label_import_counts_conflicts_across_files(taken: Run, workspace: Path) -> None:
    one = lines(workspace / "ann.jsonl", [{"text": BRIGHT, "label": ["positive"]}])
    other = lines(workspace / "bo.jsonl", [{"text": f"  {BRIGHT} ", "label": ["negative"]}])
    conflicts = taken(one, other)["import"]["conflicts"]
    assert (conflicts["n"], conflicts["tied"], conflicts["kept"]) == (1, 1, 0)
    assert conflicts["first"] == [
        {
            "text": BRIGHT,
            "where": f"{one}:1",
            "positive": 1,
            "negative": 1,
            "earlier": None,
            "outcome": None,
        }
    ]
    assert labels(workspace) == {}


def test_label_import_keeps_an_earlier_label_unless_told_to_replace(run: Run, workspace: Path) -> None:
    run("label", input=f"negative\t{BRIGHT}\n")
    path = lines(workspace / "a.jsonl", [task(BRIGHT, "accept")])
    result = run("label", "--import", path)
    assert labels(workspace) == {BRIGHT: 0}
    assert "1 keep their earlier label (--replace takes the new one)" in result.stderr
    assert "1 positive, 0 negative, earlier negative -> negative" in result.stderr
    replaced = run("label", "--import", path, "--replace")
    assert labels(workspace) == {BRIGHT: 1}
    assert "1 replaced" in replaced.stderr
    assert "1 positive" in replaced.stdout


def test_label_import_names_ten_conflicts_and_counts_the_others(run: Run, workspace: Path) -> None:
    rows = [task(f"Lamp {n}.", answer) for n in range(13) for answer in ("accept", "reject")]
    result = run("label", "--import", lines(workspace / "a.jsonl", rows))
    assert "13 texts with different labels (13 left out as ties):" in result.stderr
    assert result.stderr.count("-> left out") == 10
    assert "and 3 more" in result.stderr


# what is no label


def test_label_import_refuses_unknown_labels_before_it_records_any(run: Run, workspace: Path) -> None:
    words = ["positive", "great", "great", "so-so"]
    path = lines(
        workspace / "a.jsonl", [{"text": f"Lamp {n}.", "label": [word]} for n, word in enumerate(words)]
    )
    result = run("label", "--import", path)
    assert result.exit_code == 7
    assert "great (2 rows), so-so (1 row)" in result.stderr
    assert "--labels 'positive=great'" in result.stderr
    assert not (workspace / "labels").exists()
    assert run("label", "--import", path, "--labels", "positive=great").exit_code == 0
    assert labels(workspace) == {"Lamp 0.": 1, "Lamp 1.": 1, "Lamp 2.": 1}


def test_label_import_takes_stars_by_a_map(run: Run, workspace: Path) -> None:
    rating = {"from_name": "stars", "to_name": "text", "type": "rating"}
    rows = [
        studio(text, answered({**rating, "value": {"rating": stars}}))
        for text, stars in ((BRIGHT, 5), (BROKEN, 1), (PALE, 3))
    ]
    path = array(workspace / "a.json", rows)
    refused = run("label", "--import", path)
    assert refused.exit_code == 7
    assert "--labels 'positive=4,5 negative=1,2'" in refused.stderr
    result = run("label", "--import", path, "--labels", "positive=4,5 negative=1,2")
    assert labels(workspace) == EXPECTED
    assert "Left out 1 row without a label: 3 (1)" in result.stderr


def test_label_import_names_what_has_no_label_in_a_table(run: Run, workspace: Path) -> None:
    path = workspace / "a.csv"
    path.write_text(f"text,label\n{BRIGHT},positive\n{BROKEN},neutral\nPale.,\n", encoding="utf-8")
    result = run("label", "--import", path)
    assert labels(workspace) == {BRIGHT: 1}
    assert "Left out 2 rows without a label: neutral (1), no answer (1)" in result.stderr


def test_label_import_leaves_out_both_labels_at_once(taken: Run, workspace: Path) -> None:
    rows = [
        {"text": BRIGHT, "label": ["positive", "negative"]},
        {"text": BROKEN, "label": ["negative", "neg"]},
    ]
    summary = taken(lines(workspace / "a.jsonl", rows))
    assert (summary["unlabelled"], summary["import"]["both"]) == (1, 1)
    assert labels(workspace) == {BROKEN: 0}


def test_label_import_takes_the_obvious_of_several_questions(run: Run, workspace: Path) -> None:
    rows = [studio(BRIGHT, answered(choice("Positive"), choice("lamps", question="topic")))]
    result = run("label", "--import", array(workspace / "a.json", rows))
    assert labels(workspace) == {BRIGHT: 1}
    assert "label from question 'sentiment'" in result.stderr
    assert "Left out answers to other questions: topic (1)" in result.stderr


def test_label_import_asks_which_of_several_questions(run: Run, workspace: Path) -> None:
    results = choice("pos", question="mood"), choice("lamps", question="topic")
    path = array(workspace / "a.json", [studio(BRIGHT, answered(*results))])
    refused = run("label", "--import", path)
    assert refused.exit_code == 7
    assert "mood (1 rows), topic (1 rows)" in refused.stderr
    assert "--label mood" in refused.stderr
    assert run("label", "--import", path, "--label", "mood").exit_code == 0
    assert labels(workspace) == {BRIGHT: 1}
    assert run("label", "--import", path, "--label", "colour").exit_code == 7


def test_label_import_asks_which_field_is_the_text(run: Run, workspace: Path) -> None:
    data = {"front": BRIGHT, "back": PALE}
    path = array(
        workspace / "a.json", [{"data": data, "annotations": [answered(choice("Positive"))], "id": 1}]
    )
    refused = run("label", "--import", path)
    assert refused.exit_code == 7
    assert "fields front, back" in refused.stderr
    assert run("label", "--import", path, "--text", "back").exit_code == 0
    assert run("label", "--import", path, "--text", "data.front").exit_code == 0
    assert labels(workspace) == {PALE: 1, BRIGHT: 1}


def test_label_import_refuses_numbers_of_labels_without_names(run: Run, workspace: Path) -> None:
    rows = [{"id": 1, "text": BRIGHT, "annotations": [{"label": 2, "user": 1}], "meta": {}}]
    result = run("label", "--import", lines(workspace / "a.jsonl", rows))
    assert result.exit_code == 7
    assert "numbers of labels without their names" in result.stderr
    assert "export it again as JSONL" in result.stderr


def test_label_import_refuses_a_table_without_a_label(run: Run, workspace: Path) -> None:
    (workspace / "a.csv").write_text(f"text,colour\n{BRIGHT},red\n", encoding="utf-8")
    result = run("label", "--import", "a.csv")
    assert result.exit_code == 7
    assert "--label COLUMN" in result.stderr


# bad rows


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        json.dumps(task("a\0b", "accept")),
        json.dumps(task("x" * 2_000_000, "accept")),
        json.dumps({"text": "Odd.", "answer": "perhaps"}),
        json.dumps({"answer": "accept", "label": "POSITIVE"}),
        json.dumps({"text": ["a"], "answer": "accept", "label": "POSITIVE"}),
        json.dumps({"text": "Odd.", "answer": "accept", "accept": [1], "options": [7]}),
        "[1]",
    ],
    ids=["no json", "nul", "long", "answer", "no text", "list", "options", "array"],
)
def test_label_import_ends_at_a_bad_row_or_leaves_it_out(run: Run, workspace: Path, bad: str) -> None:
    path = workspace / "a.jsonl"
    path.write_text(f"{json.dumps(task(BRIGHT, 'accept'))}\n{bad}\n{json.dumps(task(BROKEN, 'reject'))}\n")
    refused = run("label", "--import", path)
    assert refused.exit_code == 7
    assert "a.jsonl:2" in refused.stderr
    assert not (workspace / "labels").exists()
    result = run("label", "--import", path, "--on-bad-row", "skip")
    assert result.exit_code == 0, result.stderr
    assert "Left out 1 row that cannot be read" in result.stderr
    assert "a.jsonl:2" in result.stderr
    assert labels(workspace) == EXPECTED


def test_label_import_leaves_out_texts_without_anything_to_read(taken: Run, workspace: Path) -> None:
    summary = taken(lines(workspace / "a.jsonl", [task(" <br /> ", "accept"), task(BRIGHT, "accept")]))
    assert (summary["empty"], summary["positive"]) == (1, 1)


@pytest.mark.parametrize("words", [["pool.csv", "--import", "a.jsonl"], ["--import", "a", "--export", "b"]])
def test_label_refuses_import_beside_a_pool_or_an_export(run: Run, workspace: Path, words: list[str]) -> None:
    result = run("label", *words)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_label_import_of_a_missing_file(run: Run, workspace: Path) -> None:
    result = run("label", "--import", "nowhere.json")
    assert result.exit_code == 7
    assert "nowhere.json" in result.stderr


def test_label_log_of_an_older_version_has_no_annotator(run: Run, workspace: Path) -> None:
    run("label", input=f"negative\t{BRIGHT}\n")
    path = workspace / "labels" / "log.jsonl"
    row = json.loads(path.read_text())
    assert row.pop("annotator") == ""
    path.write_text(json.dumps(row) + "\n")
    assert labels(workspace) == {BRIGHT: 0}
    path.write_text(json.dumps(row | {"annotator": 3}) + "\n")
    assert run("label", input="1\tx\n").exit_code == 7
