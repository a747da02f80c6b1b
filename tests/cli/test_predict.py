"""`bertsent predict`: what it prints, refuses and leaves alone. Pipes and signals: test_streams.py."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_versions
from typer.testing import Result

from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, MANIFEST, VOCABULARY

Run = Callable[..., Result]
KEYS = ["text", "score", "label", "tokens", "truncated", "version"]
HOSTILE = "[bold]x[/y] \x1b]0;t\x07 \x9b2J \u202eevil\u200b"


def objects(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


# what it prints


def test_predict_prints_label_score_and_text(run: Run, model: Path) -> None:
    result = run("predict", "great film")
    (prediction,) = objects(run("predict", "great film", "--json"))
    assert result.exit_code == 0
    assert result.stdout.split() == [prediction["label"], f"{prediction['score']:.4f}", "great", "film"]
    assert result.stderr == ""


def test_predict_json_has_the_documented_keys(run: Run, model: Path) -> None:
    (prediction,) = objects(run("predict", "great film", "--json"))
    assert list(prediction) == KEYS
    assert prediction["text"] == "great film"
    assert prediction["label"] in {"positive", "negative", "unsure"}
    assert (prediction["tokens"], prediction["truncated"], prediction["version"]) == (2, False, "1")


def test_predict_answers_texts_stdin_and_files_in_order(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "a.txt").write_text("from\na file", encoding="utf-8")
    (workspace / "b.txt").write_text("from another", encoding="utf-8")
    result = run(
        *("predict", "first", "-", "last", "--file", "a.txt", "--file", "b.txt", "--json"),
        input="from\r\nstdin",
    )
    texts = [prediction["text"] for prediction in objects(result)]
    assert texts == ["first", "from", "stdin", "last", "from\na file", "from another"]


def test_predict_without_a_text_reads_a_pipe(run: Run, model: Path) -> None:
    assert [p["text"] for p in objects(run("predict", "--json", input="one\n\ntwo\n"))] == ["one", "", "two"]
    assert objects(run("predict", "--json", input="")) == []


def test_predict_shows_a_file_on_one_line(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "a.txt").write_text("one\n\n\ttwo\r\nthree", encoding="utf-8")
    assert run("predict", "--file", "a.txt").stdout.count("\n") == 1


def test_predict_shows_hostile_text_visibly(run: Run, model: Path) -> None:
    shown = run("predict", HOSTILE).stdout
    assert "[bold]x[/y]" in shown
    assert r"\x1b]0;t\x07" in shown
    assert r"\u202eevil\u200b" in shown
    assert shown.removesuffix("\n").isprintable()


def test_predict_json_gives_hostile_text_unchanged_and_safely(run: Run, model: Path) -> None:
    result = run("predict", HOSTILE, "--json")
    assert objects(result)[0]["text"] == HOSTILE
    assert result.stdout.removesuffix("\n").isprintable()


def test_predict_json_keeps_other_scripts_readable(run: Run, model: Path) -> None:
    assert "naïve 映画" in run("predict", "naïve 映画", "--json").stdout


def test_predict_notes_a_text_longer_than_the_window(run: Run, model: Path) -> None:
    result = run("predict", "short", "film " * 40, "--json")
    assert [p["truncated"] for p in objects(result)] == [False, True]
    assert result.stderr.count("\n") == 1
    assert "Text 2 has 40 word pieces" in result.stderr


def test_predict_changes_nothing_in_the_workspace(run: Run, model: Path, workspace: Path) -> None:
    def tree() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in workspace.rglob("*")}

    before = tree()
    assert run("predict", "great film").exit_code == 0
    assert tree() == before


# --model


def test_predict_scores_with_the_version_that_model_names(run: Run, model: Path, tmp_path: Path) -> None:
    version = store.find("1", folder=model)
    with store.staging(model, needed=0) as path:
        for name in version.manifest.files:
            (path / name).write_bytes(version.file(name).read_bytes())
        store.publish(path, version.manifest, folder=model)
    answers = {
        asked: objects(run("predict", "x", "--json", *options))[0]["version"]
        for asked, options in {
            "current": [],
            "number": ["--model", 1],
            "folder": ["--model", model / "1"],
        }.items()
    }
    assert answers == {"current": "2", "number": "1", "folder": "1"}


@pytest.mark.parametrize(("wanted", "code"), [("7", 2), ("no/such/folder", 2), ("x" * 5000, 2), ("model", 6)])
def test_predict_refuses_a_model_that_is_none(run: Run, model: Path, wanted: str, code: int) -> None:
    result = run("predict", "x", "--model", wanted)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", [CLASSIFIER, VOCABULARY, MANIFEST])
def test_predict_with_a_damaged_version_names_the_file(run: Run, model: Path, name: str) -> None:
    content = bytearray((model / "1" / name).read_bytes())
    content[0] ^= 1
    (model / "1" / name).write_bytes(content)
    result = run("predict", "x")
    assert result.exit_code == 6
    assert f"1/{name}" in result.stderr
    assert "Hint: " in result.stderr


@pytest.mark.parametrize("key", ["accuracy", "log_loss"])
def test_predict_refuses_a_version_whose_figures_were_improved(run: Run, model: Path, key: str) -> None:
    path = model / "1" / MANIFEST
    values = json.loads(path.read_text(encoding="utf-8"))
    values["metrics"]["test"][key] = 0.99
    path.write_text(json.dumps(values), encoding="utf-8")
    result = run("predict", "x")
    assert result.exit_code == 6
    assert "1/manifest.json was changed" in result.stderr
    assert result.stdout == ""


def test_predict_refuses_a_version_that_was_copied_to_a_higher_number(run: Run, model: Path) -> None:
    shutil.copytree(model / "1", model / "5")
    result = run("predict", "x")
    assert result.exit_code == 6
    assert "rename the folder back to 1" in result.stderr
    assert run("predict", "x", "--model", 1).exit_code == 0


# --threshold


@pytest.mark.parametrize(("threshold", "label"), [("0.000001", "positive"), ("0.999999", "negative")])
def test_predict_threshold_divides_the_labels(run: Run, model: Path, threshold: str, label: str) -> None:
    assert objects(run("predict", "x", "--threshold", threshold, "--json"))[0]["label"] == label


@pytest.mark.parametrize("threshold", ["0", "1", "-0.5", "1.5", "nan", "inf", "abc", "0,5"])
def test_predict_refuses_a_threshold_outside_of_zero_to_one(run: Run, model: Path, threshold: str) -> None:
    result = run("predict", "x", "--threshold", threshold)
    assert result.exit_code == 2
    assert result.stdout == ""


# unsure


def test_predict_is_unsure_of_a_text_whose_score_lies_in_the_band(run: Run, model: Path) -> None:
    (before,) = objects(run("predict", "great film", "--json"))
    low, high = min(before["score"], 0.5) - 0.01, max(before["score"], 0.5) + 0.01
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [low, high], "rows": 20})
    assert objects(run("predict", "great film", "--json")) == [before | {"label": "unsure"}]
    assert run("predict", "great film").stdout.startswith("unsure    0.")


def test_predict_answers_a_text_whose_score_lies_beside_the_band(run: Run, model: Path) -> None:
    (before,) = objects(run("predict", "great film", "--json"))
    low, high = min(before["score"], 0.5), max(before["score"], 0.5)
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [low, high], "rows": 20})
    label = "positive" if before["score"] >= 0.5 else "negative"
    assert objects(run("predict", "great film", "--json")) == [before | {"label": label}]


def test_predict_with_a_threshold_is_never_unsure(run: Run, model: Path) -> None:
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [0.0, 1.0], "rows": 20})
    texts = ["great film", "awful film", "It is meh.", ""]
    assert {one["label"] for one in objects(run("predict", *texts, "--json"))} == {"unsure"}
    for one in objects(run("predict", *texts, "--json", "--threshold", "0.5")):
        assert one["label"] == ("positive" if one["score"] >= 0.5 else "negative")


def test_predict_answers_where_no_other_thread_is_allowed(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under `ulimit -u`, or in a container that may have one task."""
    expected = objects(run("predict", "great film", "--json"))

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert objects(run("predict", "great film", "--json")) == expected


# input that cannot be used


def test_predict_stops_at_a_line_that_is_not_utf8(run: Run, model: Path) -> None:
    result = run("predict", "-", "--json", input=b"one\ntwo\ncaf\xe9\nfour\n")
    assert result.exit_code == 7
    assert "stdin:3" in result.stderr
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["one", "two"]


def test_predict_stops_at_a_line_longer_than_a_review(run: Run, model: Path) -> None:
    result = run("predict", "-", input="x" * 2_000_000)
    assert result.exit_code == 7
    assert "stdin:1" in result.stderr


@pytest.mark.parametrize("content", [None, b"caf\xe9", b"a\0b"])
def test_predict_refuses_a_file_it_cannot_use(
    run: Run, model: Path, workspace: Path, content: bytes | None
) -> None:
    if content is not None:
        (workspace / "bad.txt").write_bytes(content)
    result = run("predict", "good", "--file", "bad.txt")
    assert result.exit_code == 7
    assert "bad.txt" in result.stderr
    assert result.stdout.count("\n") == 1, "the text before it is answered"
