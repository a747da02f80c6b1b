"""`evaluate --choose-threshold` and `--save`, and the commands that take the saved threshold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import fake_versions
from typer.testing import Result

Run = Callable[..., Result]
WORDS = ["film", "plot", "cast", "score", "pace", "joke", "ending", "voice", "scene", "song"]
TEXTS = [
    f"The {first} and the {second} {number}" for number, first in enumerate(WORDS) for second in WORDS[:6]
]
TABLE = "reviews.jsonl"


class World(NamedTuple):
    """A workspace with a version, and texts in the order of its scores."""

    home: Path
    texts: list[str]  # lowest score first
    scores: list[float]

    def label(self, *labels: int) -> None:
        """Writes the table in which the texts with the highest scores have these labels, highest first; all
        lower ones are negative."""
        gold = [0] * (len(self.texts) - len(labels)) + [*reversed(labels)]
        rows = (json.dumps({"text": text, "label": one}) for text, one in zip(self.texts, gold, strict=True))
        (self.home / TABLE).write_text("\n".join(rows), encoding="utf-8")

    @property
    def file(self) -> str:
        return (self.home / "bertsent.toml").read_bytes().decode()


@pytest.fixture
def world(run: Run, spread: Path, workspace: Path) -> World:
    shutil.copytree(spread, workspace / "model")
    (workspace / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    *rows, _ = map(json.loads, run("batch", "texts.txt", "--json").stdout.splitlines())
    rows.sort(key=lambda row: row["score"])
    assert len({row["score"] for row in rows}) > 50, "or there is little to choose from"
    return World(workspace, [row["text"] for row in rows], [row["score"] for row in rows])


def chosen(result: Result) -> dict[str, Any]:
    """The key chosen_threshold of a run with --json."""
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)["chosen_threshold"]
    return value


def evaluate(run: Run, *options: object) -> Result:
    return run("evaluate", TABLE, "--errors", 0, *options)


# what is said


def test_the_printed_threshold_gives_the_labels_that_were_promised(run: Run, world: World) -> None:
    world.label(1, 1, 1, 0, 1, 1, 1, 0, 0, 1)
    found = chosen(evaluate(run, "--json", "--choose-threshold", "precision=0.8"))
    assert (found["goal"], found["met"], found["few"]) == ("precision=0.8", True, 7)
    assert found["at_chosen"]["confusion"]["true_positive"] == 6
    assert found["at_chosen"]["precision"]["value"] == pytest.approx(6 / 7)
    assert found["at_default"]["threshold"] == found["at_current"]["threshold"] == 0.5
    assert found["low"] <= found["threshold"] <= found["high"]
    assert found["on_other_rows"]["folds"] == 7
    assert found["on_other_rows"]["threshold"] is None
    again = json.loads(evaluate(run, "--json", "--threshold", found["threshold"]).stdout)
    assert again["confusion"] == found["at_chosen"]["confusion"]
    assert again["mcc"]["value"] == found["at_chosen"]["mcc"]["value"]


def test_the_evaluation_is_that_of_the_threshold_in_use(run: Run, world: World) -> None:
    world.label(1, 0, 1, 1, 0, 1)
    plain = json.loads(evaluate(run, "--json", "--threshold", "0.9").stdout)
    found = json.loads(evaluate(run, "--json", "--threshold", "0.9", "--choose-threshold", "f1").stdout)
    assert found["chosen_threshold"]["at_current"]["threshold"] == 0.9
    assert found["chosen_threshold"]["at_current"]["confusion"] == plain["confusion"]
    assert {key: found[key] for key in plain if key[:3] not in {"rev", "sec"}} == {
        key: value for key, value in plain.items() if key[:3] not in {"rev", "sec"}
    }


def test_the_text_shows_the_threshold_beside_the_others(run: Run, world: World) -> None:
    world.label(1, 1, 0, 1, 1)
    result = evaluate(run, "--choose-threshold", "cost=5:1", "--threshold", "0.25")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    (head,) = [line for line in lines if line.startswith("Threshold for cost=5:1: 0.")]
    threshold = head.split()[3]
    assert "(95 %: 0." in head
    (columns,) = [line for line in lines if "at 0.5" in line]
    assert columns.split()[:6] == ["at", "0.5", "at", "0.25", "at", threshold]
    (cost,) = [line for line in lines if line.startswith("  mean cost")]
    assert len(cost.split()) == 2 + 3 + 4  # its name, three thresholds, other reviews with their interval
    assert lines[-1].startswith(f"Use it with --threshold {threshold}, or")
    assert max(map(len, lines)) <= 80
    assert "Only 4 reviews of the rarer label" in result.stderr
    assert not (world.home / "bertsent.toml").exists()


def test_the_report_has_the_threshold(run: Run, world: World) -> None:
    world.label(1, 1, 0, 1, 1)
    result = evaluate(run, "--choose-threshold", "recall=0.9", "--report", "r.html")
    assert result.exit_code == 0, result.output
    page = (world.home / "r.html").read_text(encoding="utf-8")
    (head,) = [line for line in result.stdout.splitlines() if line.startswith("Threshold for recall=0.9")]
    assert f"<p>{head}.</p>" in page
    assert "on other reviews" in page
    assert evaluate(run, "--report", "r.html", "--force").exit_code == 0
    assert "on other reviews" not in (world.home / "r.html").read_text(encoding="utf-8")


# goals that cannot be met


def test_an_unmet_goal_ends_the_run_with_the_best_and_saves_nothing(run: Run, world: World) -> None:
    world.label(0, 1, 1, 1)
    result = evaluate(run, "--choose-threshold", "precision=0.9", "--save")
    assert result.exit_code == 1
    assert "Threshold for precision=0.9: none; " in result.stdout
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert "No threshold has a precision of 0.9 on these reviews. Received: at most 0.7500, at 0." in error
    assert not (world.home / "bertsent.toml").exists()
    hint = error.partition("Hint: ")[2].split()
    assert evaluate(run, *hint).exit_code == 0
    shown = evaluate(run, "--choose-threshold", "precision=0.9", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["chosen_threshold"]["met"] is False


def test_one_label_is_refused_before_anything_is_scored(run: Run, world: World) -> None:
    world.label(0)
    result = evaluate(run, "--choose-threshold", "f1")
    assert result.exit_code == 7
    assert "Received: 0 positive, 60 negative." in result.stderr
    assert "Scoring" not in result.stderr


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--save"], "--choose-threshold precision=0.95"),
        (["--choose-threshold", "f2"], "precision=0.95, recall=0.9, f1, macro-f1, mcc or cost=5:1"),
        (["--choose-threshold", "precision=95"], "precision takes a share above 0 and at most 1"),
    ],
)
def test_a_wrong_goal_is_refused_before_any_work(
    run: Run, workspace: Path, options: list[str], fact: str
) -> None:
    result = run("evaluate", "nothing.csv", *options)
    assert result.exit_code == 2
    assert fact in result.stderr
    assert result.stdout == ""


# --save


def test_the_saved_threshold_is_that_of_the_workspace(run: Run, world: World) -> None:
    world.label(1, 1, 1, 0, 1)
    saved = evaluate(run, "--choose-threshold", "precision=0.8", "--save", "--json")
    threshold = chosen(saved)["threshold"]
    assert "Saved in bertsent.toml" in saved.stderr
    assert f"threshold = {threshold}\n" in world.file
    note = f"Threshold {threshold} of bertsent.toml, chosen for precision=0.8.\n"
    *rows, summary = run("batch", "texts.txt", "--json").stdout.splitlines()
    assert json.loads(summary)["summary"]["positive"] == 5
    assert {json.loads(row)["label"] for row in rows} == {"positive", "negative"}
    for words in (["batch", "texts.txt"], ["evaluate", TABLE], ["predict", world.texts[-1], world.texts[0]]):
        result = run(*words)
        assert result.exit_code == 0, result.output
        assert result.stderr.count(note) == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["positive", "negative"]


def test_an_option_overrules_the_saved_threshold(run: Run, world: World) -> None:
    (world.home / "bertsent.toml").write_text("[score]\nthreshold = 0.999999\n", encoding="utf-8")
    saved = run("predict", world.texts[-1], "--json")
    assert (json.loads(saved.stdout)["label"], saved.stderr) == (
        "negative",
        "Threshold 0.999999 of bertsent.toml.\n",
    )
    given = run("predict", world.texts[-1], "--json", "--threshold", "0.000001")
    assert (json.loads(given.stdout)["label"], given.stderr) == ("positive", "")


def test_without_the_table_the_unsure_band_is_back(run: Run, world: World) -> None:
    before = run("batch", "texts.txt", "--json").stdout
    world.label(1, 0, 1)
    assert evaluate(run, "--choose-threshold", "f1", "--save").exit_code == 0
    after = world.file.partition("[score]")[0]
    (world.home / "bertsent.toml").write_text(after, encoding="utf-8")
    labels = [
        json.loads(line).get("label") for line in run("batch", "texts.txt", "--json").stdout.splitlines()
    ]
    assert labels == [json.loads(line).get("label") for line in before.splitlines()]


def test_another_version_than_that_of_the_threshold_is_said(run: Run, world: World) -> None:
    world.label(1, 1, 0, 1)
    assert evaluate(run, "--choose-threshold", "recall=0.9", "--save").exit_code == 0
    text = world.file
    digest = text.partition('classifier = "')[2][:64]
    (world.home / "bertsent.toml").write_text(text.replace(digest, "0" * 64), encoding="utf-8")
    stderr = run("predict", "x").stderr
    assert "was chosen for version 1; version 1 scores." in stderr
    assert "Hint: bertsent evaluate PATH --choose-threshold recall=0.9 --save" in stderr
    for version, said in (("1", 0), ("2", 1)):
        lines = f'[score]\nthreshold = 0.7\nversion = "{version}"\n'
        (world.home / "bertsent.toml").write_text(lines, encoding="utf-8")
        assert run("predict", "x").stderr.count("was chosen for version 2; version 1 scores.") == said


def test_a_rollback_to_the_same_classifier_keeps_the_threshold(run: Run, world: World) -> None:
    world.label(1, 1, 0, 1)
    assert evaluate(run, "--choose-threshold", "f1", "--save").exit_code == 0
    fake_versions.publish(world.home / "model")
    rolled = run("models", "rollback", 1)
    assert rolled.exit_code == 0, rolled.output
    stderr = run("predict", "x").stderr
    assert "chosen for f1." in stderr
    assert "was chosen for version" not in stderr


def test_drift_has_a_threshold_of_its_own(run: Run, world: World) -> None:
    (world.home / "bertsent.toml").write_text("[score]\nthreshold = 0.987\n", encoding="utf-8")
    result = run("drift", "--no-retrain", "--json")
    assert json.loads(result.stdout)["threshold"] == 0.1


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ('# mine\n[data]\ntext = "text"  # the words\n', '# mine\n[data]\ntext = "text"  # the words\n'),
        ('[data]\ntext = "text"', '[data]\ntext = "text"'),
        ('[score]\n# why\nthreshold = 0.9  # so far\n\n[data]\ntext = "text"\n', '\n[data]\ntext = "text"\n'),
        ('score.threshold = 0.9\n[data]\ntext = "text"\n', '[data]\ntext = "text"\n'),
        ('score = {threshold = 0.9}\n[data]\ntext = "text"\n', '[data]\ntext = "text"\n'),
        ('[data]\r\ntext = "text"  # Windows\r\n', '[data]\r\ntext = "text"  # Windows\r\n'),
        ('\ufeff[data]\ntext = "text"\n', '\ufeff[data]\ntext = "text"\n'),
    ],
)
def test_saving_leaves_the_rest_of_the_file_as_it_is(run: Run, world: World, before: str, kept: str) -> None:
    world.label(1, 1, 0, 1)
    path = world.home / "bertsent.toml"
    path.write_bytes(before.encode())
    for goal in ("f1", "recall=1"):
        assert evaluate(run, "--choose-threshold", goal, "--save").exit_code == 0
        assert kept in world.file
        assert f'goal = "{goal}"' in world.file
        assert run("predict", "x").stderr.count(f"chosen for {goal}") == 1
    assert ("\r\n" in before) == ("\r\n" in world.file)
    assert "\n" not in world.file.replace("\r\n", "") or "\r\n" not in before
    assert ("# so far" in before) == ("# so far" in world.file)
    assert ("# why" in before) == ("# why" in world.file)


def test_saving_writes_through_a_link(run: Run, world: World) -> None:
    world.label(1, 1, 0, 1)
    (world.home / "settings.toml").write_text("# shared\n", encoding="utf-8")
    (world.home / "bertsent.toml").symlink_to("settings.toml")
    assert evaluate(run, "--choose-threshold", "f1", "--save").exit_code == 0
    assert (world.home / "bertsent.toml").is_symlink()
    assert (world.home / "settings.toml").read_text(encoding="utf-8").startswith("# shared\n")
    assert 'goal = "f1"' in world.file
