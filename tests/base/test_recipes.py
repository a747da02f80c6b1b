"""Recipes: what each stands for, and the refusal of a name that is none."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields

import pytest

from bertsent.base.errors import UsageError
from bertsent.base.presets import find_preset
from bertsent.base.settings import recipes
from bertsent.base.settings.recipes import DEFAULT, RECIPES, find_recipe
from bertsent.base.settings.training import TrainSettings


def test_recipes_stand_under_their_names_and_say_what_they_are_for() -> None:
    assert {"default", "original", "fast"} <= RECIPES.keys()
    assert list(RECIPES) == [recipe.name for recipe in RECIPES.values()]
    assert all(recipe.about for recipe in RECIPES.values())


def test_default_recipe_is_the_settings_as_they_are() -> None:
    assert find_recipe(DEFAULT).settings == TrainSettings()


def test_original_recipe_is_that_of_the_original_scripts() -> None:
    settings = find_recipe("original").settings
    preset = find_preset(settings.encoder)
    assert preset is not None
    assert (preset.layers, preset.hidden_size, preset.heads) == (4, 512, 8)
    assert (settings.preprocessor, settings.window, settings.crops) == ("", "head", 0)
    assert (settings.seq_length, settings.train_length) == (128, 128)
    assert (settings.epochs, settings.init_lr, settings.warmup) == (5, 3e-5, 0.1)
    assert (settings.batch_size, settings.dropout, settings.optimizer) == (32, 0.1, "adamw")
    assert (settings.validation_share, settings.seed) == (0.2, 42)


def test_original_recipe_takes_nothing_from_the_defaults() -> None:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(recipes))) if isinstance(node, ast.Call)]
    written = next(call for call in calls if ast.unparse(call.func) == "TrainSettings" and call.keywords)
    assert {keyword.arg for keyword in written.keywords} == {field.name for field in fields(TrainSettings)}


def test_fast_recipe_does_less_work_than_the_default_one() -> None:
    fast, default = find_recipe("fast").settings, TrainSettings()
    assert fast.encoder == "minilm"
    assert fast.epochs == 1
    work = [each.epochs * each.train_length * (1 + each.crops) for each in (fast, default)]
    assert work[0] < work[1] / 4


@pytest.mark.parametrize("name", ["", "Fast", "nonsense", "a\x1b[2J"])
def test_find_recipe_refuses_another_name_and_lists_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=", ".join(RECIPES)) as caught:
        find_recipe(name)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
