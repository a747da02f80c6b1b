"""Labels that come from other programs: `bertsent label` in a pipe, and `predict --sentiment`."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command import call, start
from typer.testing import Result

from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog

Run = Callable[..., Result]


def stands(workspace: Path) -> dict[str, int]:
    return {row.text: row.label for row in LabelLog(workspace / "labels").labelled()}


def summary(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


LINES = "positive\tA good film.\nneg\tbad\t& worse\n\n1\tnaïve 映画\r\n0\tdull"
EXPECTED = {"A good film.": 1, "bad & worse": 0, "naïve 映画": 1, "dull": 0}


@pytest.mark.parametrize(
    "given",
    [
        LINES,
        'label,text\npositive,A good film.\n0,"bad\t&\nworse"\n1,naïve 映画\nneg,dull\n',
        "text;label\nA good film.;1\nbad & worse;0\nnaïve 映画;1\ndull;0\n",
        "label\ttext\n1\tA good film.\n0\tbad & worse\n1\tnaïve 映画\n0\tdull\n",
        "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in EXPECTED.items()),
        "\ufeff" + LINES,
    ],
    ids=["lines", "csv", "semicolons", "tsv", "jsonl", "byte order mark"],
)
def test_label_records_what_a_pipe_brings(run: Run, workspace: Path, given: str) -> None:
    result = run("label", input=given)
    assert result.exit_code == 0, result.stderr
    assert stands(workspace) == EXPECTED
    assert "2 positive, 2 negative" in result.stdout


def test_label_json_of_a_pipe_has_the_documented_keys(run: Run, workspace: Path) -> None:
    found = summary(run("label", "--json", input=LINES + "\n1\t<br />\n"))
    assert found.pop("seconds") >= 0
    assert found == {
        **{"positive": 2, "negative": 2, "skipped": 0, "again": 0, "undone": 0, "unchanged": 0, "empty": 1},
        "unlabelled": 0,
        "labels": {"n": 4, "positive": 2, "negative": 2},
        "self_agreement": {"n": 0, "same": 0, "kappa": None},
    }


def test_label_takes_the_same_pipe_again_without_a_new_line(run: Run, workspace: Path) -> None:
    run("label", input=LINES)
    before = (workspace / "labels" / "log.jsonl").read_bytes()
    assert summary(run("label", "--json", input=LINES))["unchanged"] == 4
    assert (workspace / "labels" / "log.jsonl").read_bytes() == before


def test_label_from_a_pipe_changes_a_label(run: Run, workspace: Path) -> None:
    run("label", input="1\tone\n1\ttwo\n")
    run("label", input="0\tone\n")
    assert stands(workspace) == {"one": 0, "two": 1}
    assert {path.parent.name for path in (workspace / "labels").glob("*/*.txt")} == {"pos", "neg"}


def test_label_keeps_how_the_rows_of_a_pipe_were_picked(run: Run, workspace: Path) -> None:
    run("label", "--picked-by", "random", input="1\tone\n")
    (row,) = LabelLog(workspace / "labels").labelled()
    assert row.picked_by == "random"


@pytest.mark.parametrize("line", ["good\tgreat film", "2\tgreat film"])
def test_label_of_a_pipe_records_nothing_before_all_values_are_labels(
    run: Run, workspace: Path, line: str
) -> None:
    value = line.split("\t")[0]
    result = run("label", input=f"1\tone\n{line}\n1\tthree\n")
    assert result.exit_code == 7
    assert f"{value} (1 row)" in result.stderr
    assert "--labels" in result.stderr
    assert not (workspace / "labels").exists()
    mapped = run("label", "--labels", f"positive=1,{value}", input=f"1\tone\n{line}\n1\tthree\n")
    assert mapped.exit_code == 0, mapped.stderr
    assert stands(workspace) == {"one": 1, "great film": 1, "three": 1}


@pytest.mark.parametrize("line", ["great film", "\tgreat film", "neutral\tgreat film"])
def test_label_of_a_pipe_counts_lines_without_a_label(run: Run, workspace: Path, line: str) -> None:
    given = summary(run("label", "--json", input=f"1\tone\n{line}\n0\tthree\n"))
    assert (given["unlabelled"], given["positive"], given["negative"]) == (1, 1, 1)
    assert stands(workspace) == {"one": 1, "three": 0}


def test_label_of_a_pipe_refuses_lines_of_which_none_has_a_label(run: Run, workspace: Path) -> None:
    result = run("label", input="a film\nanother film\n")
    assert result.exit_code == 7
    assert stands(workspace) == {}


def test_label_of_a_pipe_obeys_the_answers_of_prodigy(run: Run, workspace: Path) -> None:
    tasks = [
        {"text": f"Lamp {answer}.", "label": "POSITIVE", "answer": answer}
        for answer in ("accept", "reject", "ignore")
    ]
    result = run("label", input="".join(f"{json.dumps(task)}\n" for task in tasks))
    assert result.exit_code == 0, result.stderr
    assert stands(workspace) == {"Lamp accept.": 1, "Lamp reject.": 0}


@pytest.mark.parametrize("given", [b"1\tcaf\xe9\n", b"1\ta\0b\n", b"1\t" + b"x" * 2_000_000])
def test_label_refuses_bytes_that_are_no_text(run: Run, workspace: Path, given: bytes) -> None:
    result = run("label", input=given)
    assert result.exit_code == 7
    assert "stdin:1" in result.stderr
    assert stands(workspace) == {}


def test_label_of_an_empty_pipe_heals_the_folders(run: Run, workspace: Path) -> None:
    log = LabelLog(workspace / "labels")
    log.append(decide("one", "positive"))
    next((workspace / "labels" / "pos").iterdir()).unlink()
    assert run("label", input="").exit_code == 0
    assert len([*(workspace / "labels" / "pos").iterdir()]) == 1


def test_label_refuses_a_pool_without_a_terminal(run: Run, workspace: Path) -> None:
    (workspace / "pool.txt").write_text("one\n", encoding="utf-8")
    result = run("label", "pool.txt", input="p")
    assert result.exit_code == 2
    assert "terminal" in result.stderr


@pytest.mark.parametrize(
    "options",
    [["--order", "best"], ["--again", -1], ["--picked-by", "hand"], ["--keys", "x=y"], ["--seed", "x"]],
    ids=str,
)
def test_label_refuses_options_that_cannot_be(run: Run, workspace: Path, options: list[Any]) -> None:
    (workspace / "pool.txt").write_text("one\n", encoding="utf-8")
    pool = ["pool.txt"] if options[0] == "--keys" else []
    result = run("label", *pool, *options, input="")
    assert result.exit_code == 2
    assert not (workspace / "labels").exists()


def test_label_stops_at_a_damaged_log(run: Run, workspace: Path) -> None:
    run("label", input="1\tone\n1\ttwo\n")
    path = workspace / "labels" / "log.jsonl"
    path.write_bytes(b"garbage\n" + path.read_bytes())
    result = run("label", input="1\tthree\n")
    assert result.exit_code == 7
    assert "log.jsonl:1" in result.stderr


# in a process of its own


def test_label_of_a_pipe_that_is_killed_before_its_end_records_nothing(workspace: Path) -> None:
    with start("label") as process:
        assert process.stdin is not None
        process.stdin.write(b"1\tone film\n" * 100_000)  # more than a pipe holds, so it is being read
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    assert stands(workspace) == {}


def test_label_in_a_pipe_loads_no_model(workspace: Path) -> None:
    (workspace / "model" / "1").mkdir(parents=True)
    (workspace / "model" / "1" / "manifest.json").write_text("damaged", encoding="utf-8")
    assert call("label", stdin=b"1\tone\n").returncode == 0


# predict --sentiment


@pytest.mark.parametrize(("given", "label"), [("1", 1), ("0", 0), ("positive", 1), ("Negative", 0)])
def test_predict_sentiment_records_texts_beside_their_scores(
    run: Run, model: Path, workspace: Path, given: str, label: int
) -> None:
    plain = run("predict", "great film", "so so", "--json")
    result = run("predict", "great film", "so so", "--json", "--sentiment", given)
    assert result.stdout == plain.stdout
    assert result.stderr.count("Recorded as") == 2
    rows = LabelLog(workspace / "labels").labelled()
    assert [(row.text, row.label, row.picked_by) for row in rows] == [
        ("great film", label, "typed"),
        ("so so", label, "typed"),
    ]
    scores = [json.loads(line)["score"] for line in result.stdout.splitlines()]
    assert [(row.score, row.version) for row in rows] == [(score, "1") for score in scores]


def test_predict_sentiment_reads_the_log_once(
    run: Run, model: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    class Counted(LabelLog):
        def __init__(self, folder: Path) -> None:
            opened.append(folder)
            super().__init__(folder)

    monkeypatch.setattr("bertsent.labelling.log.LabelLog", Counted)
    assert run("predict", "-", "--sentiment", "1", input="one\ntwo\nthree\n").exit_code == 0
    assert len(stands(workspace)) == 3
    assert len(opened) == 1, "a log of many labels takes seconds to read"


@pytest.mark.parametrize("given", ["good", "", "2", "unsure"])
def test_predict_refuses_a_sentiment_that_is_none(run: Run, model: Path, workspace: Path, given: str) -> None:
    result = run("predict", "great film", "--sentiment", given)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not (workspace / "labels").exists()


def test_predict_sentiment_refuses_an_empty_text(run: Run, model: Path, workspace: Path) -> None:
    assert run("predict", "  ", "--sentiment", "1").exit_code == 7
    assert stands(workspace) == {}


# labels that contradict the model


def plain_reviews(*, swapped: bool) -> str:
    """40 labelled reviews that the packaged version is sure of."""
    good = [f"A wonderful {thing}, moving and beautifully acted." for thing in THINGS]
    bad = [f"An awful {thing}, dull and badly acted; a waste of time." for thing in THINGS]
    rows = [(1 - swapped, text) for text in good] + [(int(swapped), text) for text in bad]
    return "".join(f"{label}\t{text}\n" for label, text in rows)


THINGS = [f"{kind} {number}" for kind in ("film", "story", "drama", "comedy") for number in range(1, 6)]


@pytest.mark.parametrize("how", ["pipe", "import"])
def test_swapped_labels_are_refused_before_any_is_recorded(run: Run, workspace: Path, how: str) -> None:
    lines = "label\ttext\n" + plain_reviews(swapped=True)
    (workspace / "labels.tsv").write_text(lines, encoding="utf-8")
    words = ["--import", "labels.tsv"] if how == "import" else []
    refused = run("label", *words, input=None if how == "import" else lines)
    assert refused.exit_code == 7
    assert (
        "40 of 40 labels say the opposite of the model: are positive and negative swapped?" in refused.stderr
    )
    assert "--yes" in refused.stderr
    assert not (workspace / "labels" / "log.jsonl").exists()


def test_swapped_labels_are_recorded_if_one_says_so(run: Run, workspace: Path) -> None:
    result = run("label", "--yes", input=plain_reviews(swapped=True))
    assert result.exit_code == 0, result.stderr
    assert len(stands(workspace)) == 40


def test_map_turns_swapped_labels_round(run: Run, workspace: Path) -> None:
    result = run("label", "--labels", "positive=0 negative=1", input=plain_reviews(swapped=True))
    assert result.exit_code == 0, result.stderr
    assert stands(workspace)["A wonderful film 1, moving and beautifully acted."] == 1


def test_labels_that_agree_with_the_model_are_recorded_without_a_question(run: Run, workspace: Path) -> None:
    result = run("label", input=plain_reviews(swapped=False))
    assert result.exit_code == 0, result.stderr
    assert "swapped" not in result.stderr
    assert len(stands(workspace)) == 40
