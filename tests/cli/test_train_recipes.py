"""Recipes, configuration files and the options that overrule them in `bertsent train`.

The note of the settings in use comes before the data set is looked for, so these runs end there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from typer.testing import Result

from bertsent.base.settings import toml_file
from bertsent.base.settings.recipes import RECIPES
from bertsent.base.settings.training import TrainSettings

Run = Callable[..., Result]
NO_DATA = 7


def note(result: Result) -> str:
    """The line with the settings in use, of a run that found no reviews."""
    assert result.exit_code == NO_DATA, result.stderr
    lines: list[str] = result.stderr.splitlines()
    assert len(lines) == 2
    return lines[0]


@pytest.mark.parametrize("name", ["original", "fast"])
def test_train_by_a_recipe_says_its_settings(run: Run, name: str) -> None:
    said = note(run("train", "--recipe", name))
    assert said == f"Recipe {name}: {toml_file.describe(RECIPES[name].settings)}"


@pytest.mark.parametrize("arguments", [[], ["--recipe", "default"], ["--epochs", "2"]])
def test_train_without_a_recipe_says_no_settings(run: Run, arguments: list[str]) -> None:
    result = run("train", *arguments)
    assert result.exit_code == NO_DATA
    assert result.stderr.startswith("Error: ")


def test_train_lets_options_overrule_the_file_and_the_file_the_recipe(run: Run, workspace: Path) -> None:
    (workspace / "run.toml").write_text(
        '[train]\nepochs = 7\nbatch_size = 4\nwindow = "head+tail"\n', encoding="utf-8"
    )
    said = note(
        run("train", "--recipe", "original", "--config", "run.toml", "--epochs", 9, "--train-length", 64)
    )
    assert said.startswith("Recipe original, run.toml: ")
    assert {"epochs 9", "train-length 64"} < set(said.split(": ")[1].split(", "))  # given
    assert {"batch-size 4", "window head+tail"} < set(said.split(": ")[1].split(", "))  # of the file
    assert f"encoder {RECIPES['original'].settings.encoder}" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("epochs", TrainSettings().epochs), ("crops", TrainSettings().crops), ("encoder", "minilm")],
)
def test_train_obeys_an_option_that_repeats_the_default(run: Run, option: str, value: object) -> None:
    recipe = "fast" if option == "epochs" else "original"
    assert f"{option} {value}," in note(run("train", "--recipe", recipe, f"--{option}", value))


def test_train_takes_the_recipe_of_the_file_unless_one_is_given(run: Run, workspace: Path) -> None:
    (workspace / "run.toml").write_text('recipe = "fast"\n[train]\nseed = 7\n', encoding="utf-8")
    of_the_file = note(run("train", "--config", "run.toml"))
    assert of_the_file.startswith("Recipe fast, run.toml: epochs 1,")
    assert of_the_file.endswith("seed 7")
    given = note(run("train", "--config", "run.toml", "--recipe", "original"))
    assert given.startswith("Recipe original, run.toml: epochs 5,")
    assert given.endswith("seed 7")


def test_train_shows_the_name_of_a_file_safely(run: Run, workspace: Path) -> None:
    (workspace / "run\x1b.toml").touch()
    assert note(run("train", "--config", "run\x1b.toml")).startswith("run\\x1b.toml: ")


def test_train_refuses_an_unknown_recipe_and_names_those_there_are(run: Run, workspace: Path) -> None:
    refused = run("train", "--recipe", "nonsense")
    assert refused.exit_code == 2
    assert all(name in refused.stderr for name in (*RECIPES, "nonsense"))
    assert not list(workspace.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nepochs = 'three'\n", "run.toml: epochs must be a whole number"),
        ("[train]\nepochs = 0\n", "run.toml: epochs must be at least 1"),
        ("[train]\nlearning-rat = 1\n", "run.toml: "),
        ("epochs = \n", "line 1, column 10"),
    ],
)
def test_train_refuses_a_file_in_one_line_even_where_an_option_overrules_it(
    run: Run, workspace: Path, text: str, said: str
) -> None:
    (workspace / "run.toml").write_text(text, encoding="utf-8")
    refused = run("train", "--config", "run.toml", "--epochs", 3)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_train_refuses_a_file_that_is_not_there(run: Run, name: str) -> None:
    refused = run("train", "--config", name)
    assert refused.exit_code == 2
    assert f"Cannot read {name}" in refused.stderr


def test_train_refuses_a_teacher_without_reviews_to_score(run: Run) -> None:
    refused = run("train", "--teacher", 1)
    assert refused.exit_code == 2
    assert "--unlabelled" in refused.stderr


def test_train_refuses_a_column_of_scores_without_a_table(run: Run) -> None:
    refused = run("train", "--score-column", "p")
    assert refused.exit_code == 2
    assert "--score-column is a column of --unlabelled" in refused.stderr


def test_train_refuses_a_teacher_that_is_not_there_before_it_reads(run: Run, tmp_path: Path) -> None:
    refused = run("train", "--unlabelled", tmp_path, "--teacher", "12345")
    assert refused.exit_code == 2
    assert "12345" in refused.stderr


@pytest.mark.parametrize("option", ["--teacher", "--warm-start"])
@pytest.mark.parametrize("value", ["12345", "no/such/folder"])
def test_train_names_the_option_whose_version_is_not_there(
    run: Run, tmp_path: Path, option: str, value: str
) -> None:
    refused = run("train", "--unlabelled", tmp_path, option, value)
    assert refused.exit_code == 2
    assert option in refused.stderr
    assert "--model" not in refused.stderr


def test_train_shows_a_refused_value_safely(run: Run) -> None:
    refused = run("train", "--window", "a\x1b[2J" + 200 * "x")
    assert refused.exit_code == 2
    assert refused.stderr.strip().isprintable()
    assert len(refused.stderr) < 200


def test_train_help_names_the_recipes_and_the_defaults(run: Run) -> None:
    said = "".join(run("train", "--help").stdout.split())
    assert all(f"{recipe.name} ({recipe.about})".replace(" ", "") in said for recipe in RECIPES.values())
    assert f"atmost--seq-length.[default:{TrainSettings().train_length}]" in said


def test_train_has_an_option_for_every_setting_but_momentum(run: Run) -> None:
    options = set(re.findall(r"--([a-z-]+)", run("train", "--help", env={"COLUMNS": "200"}).stdout))
    settings = {field.name.replace("_", "-") for field in fields(TrainSettings)}
    assert settings - options == {"momentum"}


def test_train_by_a_file_publishes_a_version_with_its_settings(
    run: Run, workspace: Path, tiny_encoder: tuple[Path, Path], sample: Path
) -> None:
    encoder, preprocessor = map(str, tiny_encoder)
    settings = TrainSettings(
        encoder=encoder,
        preprocessor=preprocessor,
        epochs=1,
        seq_length=32,
        train_length=16,
        crops=0.5,
        momentum=0.5,
        optimizer="sgd",
    )
    (workspace / "train.toml").write_text(toml_file.dumps(settings), encoding="utf-8")
    trained = run("train", "--data", sample, "--config", "train.toml", "--batch-size", 8, "--no-weights")
    assert trained.exit_code == 0, trained.stderr
    manifest = json.loads((workspace / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["settings"] == asdict(settings) | {"batch_size": 8}
