"""`bertsent evaluate`: figures, report and refusals through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
FIGURES = ["accuracy", "precision", "recall", "f1", "macro_f1", "mcc", "roc_auc", "log_loss", "ece"]
KEYS = [
    *("n", "version", "threshold", *FIGURES, "confusion", "by_length", "unsure", "truncated", "empty"),
    *("unlabelled", "wrong", "reviews_per_second", "seconds"),
]


def answer(result: Result) -> dict[str, Any]:
    """The one object that a run with --json prints."""
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def predictions(run: Run, path: Path) -> tuple[list[dict[str, Any]], float]:
    """What `batch` says of the same reviews, and the score in their middle: a threshold between them."""
    *rows, _ = map(json.loads, run("batch", path, "--json").stdout.splitlines())
    return rows, sorted(row["score"] for row in rows)[len(rows) // 2]


def table(parent: Path, *rows: dict[str, Any]) -> Path:
    path = parent / "table.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# what is measured


def test_evaluate_agrees_with_the_predictions_of_batch(run: Run, model: Path, sample: Path) -> None:
    from sklearn.metrics import (
        f1_score,
        log_loss,
        matthews_corrcoef,
        precision_score,
        recall_score,
        roc_auc_score,
    )

    rows, threshold = predictions(run, sample / "test")
    scores, gold = [row["score"] for row in rows], [row["gold"] == "positive" for row in rows]
    called = [score >= threshold for score in scores]
    found = answer(run("evaluate", sample / "test", "--json", "--threshold", threshold))
    assert (found["n"], found["threshold"]) == (60, threshold)
    assert found["confusion"] == {
        "true_negative": sum(not g and not c for g, c in zip(gold, called, strict=True)),
        "false_positive": sum(not g and c for g, c in zip(gold, called, strict=True)),
        "false_negative": sum(g and not c for g, c in zip(gold, called, strict=True)),
        "true_positive": sum(g and c for g, c in zip(gold, called, strict=True)),
    }
    assert found["accuracy"]["value"] == sum(g == c for g, c in zip(gold, called, strict=True)) / 60
    assert found["precision"]["value"] == pytest.approx(precision_score(gold, called))
    assert found["recall"]["value"] == pytest.approx(recall_score(gold, called))
    assert found["f1"]["value"] == pytest.approx(f1_score(gold, called))
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(gold, called, average="macro"))
    assert found["mcc"]["value"] == pytest.approx(matthews_corrcoef(gold, called))
    assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(gold, scores))
    assert found["log_loss"]["value"] == pytest.approx(log_loss(gold, scores))
    assert found["truncated"] == sum(row["truncated"] for row in rows) > 0


def test_evaluate_shows_the_worst_of_batchs_errors(run: Run, model: Path, sample: Path) -> None:
    rows, threshold = predictions(run, sample / "test")
    gaps = {row["path"]: abs((row["gold"] == "positive") - row["score"]) for row in rows}
    wrong = [row["path"] for row in rows if (row["score"] >= threshold) != (row["gold"] == "positive")]
    found = answer(run("evaluate", sample / "test", "--json", "--threshold", threshold))["wrong"]
    worst = sorted(map(gaps.__getitem__, wrong), reverse=True)[:10]
    assert {row["path"] for row in found} <= set(wrong)
    assert [gaps[row["path"]] for row in found] == pytest.approx(worst)
    assert all(Path(row["path"]).read_text(encoding="utf-8") == row["text"] for row in found)


def test_evaluate_counts_the_answers_that_batch_calls_unsure(run: Run, model: Path, sample: Path) -> None:
    rows, _ = predictions(run, sample / "test")
    unsure = sum(row["label"] == "unsure" for row in rows)
    found = answer(run("evaluate", sample / "test", "--json"))
    assert (found["unsure"]["n"], found["unsure"]["share"]) == (unsure, unsure / 60)


def test_evaluate_json_has_the_documented_keys(run: Run, model: Path, sample: Path) -> None:
    _, threshold = predictions(run, sample / "test")
    options = ("--json", "--errors", 3, "--threshold", threshold)
    found = answer(run("evaluate", sample / "test", *options))
    assert list(found) == KEYS
    for name in FIGURES:
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
    assert list(found["by_length"][0]) == ["from", "to", "n", "accuracy", "low", "high"]
    assert sum(band["n"] for band in found["by_length"]) == 60
    assert list(found["unsure"]) == ["n", "share", "accuracy_of_the_others"]
    assert [list(row) for row in found["wrong"]] == [["path", "gold", "score", "text"]] * len(found["wrong"])
    assert len(found["wrong"]) <= 3
    assert found["reviews_per_second"] == pytest.approx(60 / found["seconds"])


def test_evaluate_says_the_same_again_and_the_draw_follows_the_seed(
    run: Run, model: Path, sample: Path
) -> None:
    def figures(*options: object) -> dict[str, Any]:
        found = answer(run("evaluate", sample / "test", "--num-files", 8, "--json", *options))
        return {name: found[name] for name in KEYS if name not in {"seconds", "reviews_per_second"}}

    assert figures() == figures("--seed", 42)
    assert figures("--seed", 1) != figures()


def test_evaluate_of_one_class_has_null_for_what_needs_two(run: Run, model: Path, workspace: Path) -> None:
    path = table(
        workspace, {"text": "good", "label": 1}, {"text": "fine film", "label": 1}, {"text": "so so"}
    )
    found = answer(run("evaluate", path, "--json", "--threshold", "0.999999"))
    assert found["roc_auc"] == found["precision"] == {"value": None, "low": None, "high": None}
    assert (found["recall"]["value"], found["threshold"]) == (0, 0.999999)
    assert (found["n"], found["unlabelled"], found["empty"]) == (2, 1, 0)
    result = run("evaluate", path)
    assert ["ROC", "AUC", "-", "-"] in [line.split() for line in result.stdout.splitlines()]
    assert "All labels are positive." in result.stderr


def test_evaluate_reads_csv(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "table.csv").write_text('label,text\npos,"good, very\ngood"\nneg,bad\n', encoding="utf-8")
    assert answer(run("evaluate", "table.csv", "--json"))["n"] == 2


# what is shown


def test_evaluate_shows_figures_lengths_and_the_worst(run: Run, model: Path, workspace: Path) -> None:
    path = table(
        workspace,
        {"text": "good [bold]\x1b[2J film", "label": 0},
        {"text": "bad film", "label": 0},
        {"text": "fine", "label": 1},
        {"text": "", "label": 1},
        {"text": "no label"},
    )
    result = run("evaluate", path, "--threshold", "0.000001", "--errors", 2)
    assert result.exit_code == 0
    out = result.stdout
    assert out.startswith("Accuracy 33.3 % on 3 reviews (95 %: 0.8 to 90.6)\n")
    words = [line.split() for line in out.splitlines()]
    assert ["accuracy", "0.3333", "0.0084", "to", "0.9057"] in words
    assert ["gold", "negative", "0", "2"] in words
    assert ["1", "to", "32", "3", "0.3333", "0.0084", "to", "0.9057", "█" * 8] in words
    assert "1 had nothing to read" in out
    assert "1 had no label" in out
    assert "confidently wrong predictions, 2 of 2" in out
    worst = [line for line in out.splitlines() if line.startswith("x positive")]
    assert len(worst) == 2
    assert any(line.endswith(r"good [bold]\x1b[2J film") for line in worst)


def test_evaluate_reports_progress_on_stderr_unless_quiet(run: Run, model: Path, sample: Path) -> None:
    assert "Scoring" in run("evaluate", sample / "test").stderr
    assert run("evaluate", sample / "test", "--quiet").stderr == ""


# --report


def test_evaluate_report_is_a_page_with_the_command_and_the_verdict(
    run: Run, model: Path, sample: Path, workspace: Path
) -> None:
    result = run("evaluate", sample / "test", "--report", "my report.html", "--quiet", "--errors", 1)
    assert result.exit_code == 0, result.stderr
    assert "Report: my report.html" in result.stdout
    page = (workspace / "my report.html").read_text(encoding="utf-8")
    assert result.stdout.splitlines()[0] in page
    assert "bertsent evaluate" in page
    assert "--report &#39;my report.html&#39; --errors 1 --quiet" in page
    assert page.count("<article>") == 1


def test_evaluate_report_leaves_json_alone(run: Run, model: Path, sample: Path, workspace: Path) -> None:
    assert answer(run("evaluate", sample / "test", "--report", "r.html", "--json"))["n"] == 60
    assert (workspace / "r.html").exists()


def test_evaluate_replaces_a_report_by_force_only(run: Run, model: Path, workspace: Path) -> None:
    path = table(workspace, {"text": "good", "label": 1})
    (workspace / "r.html").write_text("mine", encoding="utf-8")
    refused = run("evaluate", path, "--report", "r.html")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert refused.stdout == ""
    assert "Scoring" not in refused.stderr
    assert (workspace / "r.html").read_text(encoding="utf-8") == "mine"
    assert run("evaluate", path, "--report", "r.html", "--force").exit_code == 0
    assert "Accuracy" in (workspace / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("report", "code"), [("r.txt", 2), ("r", 2), ("table.jsonl/r.html", 74)])
def test_evaluate_refuses_a_report_that_cannot_be_before_it_scores(
    run: Run, model: Path, workspace: Path, report: str, code: int
) -> None:
    result = run("evaluate", table(workspace, {"text": "good", "label": 1}), "--report", report)
    assert result.exit_code == code
    assert "Scoring" not in result.stderr


# refusals


def test_evaluate_without_any_label_is_refused(run: Run, model: Path, workspace: Path) -> None:
    result = run("evaluate", table(workspace, {"text": "good"}, {"text": ""}), "--report", "r.html")
    assert result.exit_code == 7
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert "2 without a label, 1 empty" in line
    assert "bertsent batch" in line
    assert not (workspace / "r.html").exists()


@pytest.mark.parametrize(("name", "code"), [("missing", 7), ("empty", 7), ("notes.md", 2)])
def test_evaluate_of_nothing_to_read_is_refused(
    run: Run, model: Path, workspace: Path, name: str, code: int
) -> None:
    (workspace / "empty").mkdir()
    (workspace / "notes.md").write_text("x", encoding="utf-8")
    result = run("evaluate", name)
    assert result.exit_code == code
    assert name in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "options", [["--errors", "-1"], ["--threshold", "1"], ["--num-files", "0"], ["--engine", "torch"]]
)
def test_evaluate_refuses_options_that_cannot_be(
    run: Run, model: Path, sample: Path, options: list[str]
) -> None:
    result = run("evaluate", sample / "test", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
