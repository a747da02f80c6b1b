"""`bertsent train` through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Run = Callable[..., Result]


def test_train_publishes_a_version_that_scores(
    run: Run, workspace: Path, tiny_encoder: tuple[Path, Path], sample: Path
) -> None:
    encoder, preprocessor = tiny_encoder
    options = ["--encoder", encoder, "--preprocessor", preprocessor, "--epochs", 1, "--seq-length", 32, "--json"]
    trained = run("train", "--data", sample, *options)
    assert trained.exit_code == 0, trained.stderr
    answer = json.loads(trained.stdout)
    assert answer["version"] == 1
    assert answer["metrics"]["test"]["n"] == 60
    scored = run("predict", "great film", "--json")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads(scored.stdout)["version"] == "1"
