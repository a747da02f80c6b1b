"""`bertsent retrain`, as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import command
from support import retrain_world as world
from typer.testing import Result

from bertsent.retraining.ledger import Ledger

Run = Callable[..., Result]


@pytest.fixture
def home(champion: Path, workspace: Path) -> Path:
    """The champion and labels of another shop in this test's workspace."""
    shutil.copytree(champion, workspace, dirs_exist_ok=True)
    world.label(workspace, world.texts(world.SHOP, world.LABELS, seed=3))
    return workspace


def options(films: Path, home: Path) -> list[str]:
    return ["retrain", "--data", str(films), "--config", str(world.write_config(home / "pace.toml"))]


def test_retrain_killed_in_training_and_run_again_publishes_once(run: Run, home: Path, films: Path) -> None:
    words = options(films, home)
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    process = command.start(*words, env=env, cwd=home)
    try:
        deadline = time.monotonic() + 400
        while not list(home.glob(".bertsent/challenger/*/training/epoch-*")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        busy = run(*words)
        assert busy.exit_code == 75
        assert f"retrain, process {process.pid}" in busy.stderr
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    ended = run(*words)
    assert ended.exit_code == 0, ended.stderr
    assert "Resuming after epoch" in ended.stderr
    assert "Scoring test" in ended.stderr
    assert "Scoring by the challenger" not in ended.stderr, "the test rows again"
    assert ended.stdout.startswith("Published version 2: not worse on 800 test rows")
    assert "better on the reserved rows" in ended.stdout
    assert "New reviews kept aside: " in ended.stdout
    again = run(*words, "--json")
    assert again.exit_code == 0
    answer = json.loads(again.stdout)
    assert (answer["outcome"], answer["version"], answer["earlier"]) == ("published", 2, True)
    assert answer["gate"]["passed"] is True
    assert answer["gate"]["test"]["n"] == 800
    assert [each["event"] for each in Ledger(home / "reports").events()] == ["published"]
    assert run("predict", "tasty tasty number 5").stdout.startswith("positive")


def test_retrain_of_labels_that_were_rejected_ends_with_3(
    run: Run, poisoned: Path, workspace: Path, films: Path
) -> None:
    shutil.copytree(poisoned, workspace, dirs_exist_ok=True)
    assert world.retrain(workspace, films).outcome == "rejected"
    refused = run("retrain", "--data", films)
    assert refused.exit_code == 3
    assert refused.stdout.startswith("Rejected: rejected on ")
    assert "it is tried again with 48 more labels, or with --force" in refused.stdout
    assert not (workspace / "model" / "2").exists()


def test_retrain_reads_the_labels_of_another_folder(
    run: Run, champion: Path, workspace: Path, films: Path, tmp_path: Path
) -> None:
    shutil.copytree(champion, workspace, dirs_exist_ok=True)
    world.label(tmp_path, world.texts(world.SHOP, 8, seed=3))
    refused = run("retrain", "--data", films, "--labels", tmp_path / "labels")
    assert refused.exit_code == 7
    assert "Received: 8 usable" in refused.stderr
    assert "bertsent label" in refused.stderr


def test_retrain_without_labels_or_data_says_what_to_do(run: Run, home: Path) -> None:
    refused = run("retrain")
    assert refused.exit_code == 7
    assert "bertsent download" in refused.stderr
    shutil.rmtree(home / "labels")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--margin", "0"], "margin must lie between 0 and 1"),
        (["--margin", "nan"], "margin must lie between 0 and 1"),
        (["--recipe", "nonsense"], "A recipe is one of"),
        (["--config", "nothing.toml"], "nothing.toml"),
    ],
)
def test_retrain_refuses_options_that_cannot_be(
    run: Run, home: Path, films: Path, words: list[str], said: str
) -> None:
    refused = run("retrain", "--data", films, *words)
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_retrain_from_weights_that_are_not_there_is_refused(
    run: Run, home: Path, films: Path, challenged: Path
) -> None:
    from support import fake_versions

    manifest = json.loads((home / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))
    (home / "model" / "1" / "weights.safetensors").unlink()
    files = {name: stated for name, stated in manifest["files"].items() if name != "weights.safetensors"}
    fake_versions.edit(home / "model" / "1", files=files)
    refused = run("retrain", "--data", films, "--warm-start")
    assert refused.exit_code == 6
    assert "carries no weights.safetensors" in refused.stderr
