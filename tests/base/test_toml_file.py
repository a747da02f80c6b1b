"""Configuration files: what they say, what is refused and how, and what overrules what."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bertsent import __version__
from bertsent.base.errors import UsageError
from bertsent.base.settings import toml_file
from bertsent.base.settings.recipes import RECIPES
from bertsent.base.settings.toml_file import Config
from bertsent.base.settings.training import TrainSettings

SETTINGS = TrainSettings()


def refused(text: str) -> str:
    """What is said of a configuration that cannot be used."""
    with pytest.raises(UsageError) as caught:
        toml_file.loads(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
    return str(caught.value)


# dumps and loads


@pytest.mark.parametrize(
    "settings",
    [
        *(recipe.settings for recipe in RECIPES.values()),
        TrainSettings(init_lr=1e-7, warmup=0.0, crops=1 / 3, seed=2**32 - 1, validation_share=1e-300),
        TrainSettings(init_lr=1, crops=0, warmup=0),  # whole numbers where a float is meant
        TrainSettings(optimizer="sgd", momentum=0.5, window="head", epochs=2**62),
    ],
)
def test_loads_gives_back_what_dumps_wrote(settings: TrainSettings) -> None:
    assert toml_file.loads(toml_file.dumps(settings)) == settings


@pytest.mark.parametrize(
    "name",
    [
        'say "hi"',
        "C:\\new\\table",
        "it's # no comment",
        "[train]",
        '"""',
        "tab\tline\nreturn\rnull\0bell\x07delete\x7fnext\x85",
        "naïve/Ω/日本/𝄞/\U0010ffff",
        "\u202eright to left\u2066 \u2028 \ufeff",
        " ends with a backslash \\",
    ],
)
def test_dumps_keeps_any_name_of_an_encoder(name: str) -> None:
    settings = TrainSettings(encoder=name, preprocessor=name[::-1])
    text = toml_file.dumps(settings)
    assert toml_file.loads(text) == settings
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == toml_file.dumps(SETTINGS).count("\n")


def test_dumps_of_half_a_surrogate_pair_is_still_utf_8(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text(
        toml_file.dumps(TrainSettings(encoder="caf\udce9")), encoding="utf-8"
    )
    assert toml_file.load(tmp_path / "train.toml").values["encoder"] == "caf\ufffd"


def test_dumps_writes_every_setting_by_the_name_of_its_option() -> None:
    table = tomllib.loads(toml_file.dumps(SETTINGS))
    assert list(table) == ["train"]
    assert {name.replace("-", "_"): value for name, value in table["train"].items()} == asdict(SETTINGS)
    assert {"init-lr", "seq-length"} < table["train"].keys()


def test_dumps_says_which_bertsent_made_it_and_how_to_repeat_it() -> None:
    first = toml_file.dumps(SETTINGS).splitlines()[0]
    assert first.startswith("#")
    assert f"bertsent {__version__}" in first
    assert "bertsent train --config train.toml" in first


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "[train]\n", 'recipe = "default"'])
def test_loads_of_nothing_is_the_default_recipe(text: str) -> None:
    assert toml_file.loads(text) == SETTINGS


@pytest.mark.parametrize("name", ["init-lr", "init_lr"])
def test_loads_takes_either_spelling_of_a_setting(name: str) -> None:
    assert toml_file.loads(f"[train]\r\n{name} = 1e-4\r\n") == replace(SETTINGS, init_lr=1e-4)


def test_loads_makes_a_float_of_a_whole_number() -> None:
    crops = toml_file.loads("[train]\ncrops = 2").crops
    assert crops == 2
    assert type(crops) is float


def test_loads_changes_the_recipe_that_the_file_names() -> None:
    settings = toml_file.loads('recipe = "original"\n[train]\nepochs = 2')
    assert settings == replace(RECIPES["original"].settings, epochs=2)


# What is refused


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epochs = true", "epochs must be a whole number. Received: true"),
        ("epochs = 3.0", "epochs must be a whole number. Received: 3.0"),
        ("epochs = '3'", "epochs must be a whole number. Received: '3'"),
        ("crops = false", "crops must be a number. Received: false"),
        ("init_lr = '3e-5'", "init-lr must be a number. Received: '3e-5'"),
        ("encoder = 4", "encoder must be a text in quotes. Received: 4"),
        ("window = ['head']", "window must be a text in quotes. Received: a list"),
        ("seed = {}", "seed must be a whole number. Received: a table"),
        ("seed.of = 1", "seed must be a whole number. Received: a table"),
        ("seed = 1979-05-27", "seed must be a whole number. Received: a date or time"),
        ("seed = inf", "seed must be a whole number. Received: inf"),
        (f"seed = 0x{'f' * 6000}", "seed must be a whole number. Received: a number of more than 64 bits"),
        (f"crops = {2**63}", "crops must be a number. Received: a number of more than 64 bits"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_loads_refuses_a_value_of_another_type(line: str, said: str) -> None:
    assert said in refused(f"[train]\n{line}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epochs = 0", "epochs must be at least 1"),
        ("init-lr = nan", "init-lr"),
        ("crops = inf", "crops"),
        ("train-length = 513", "train-length"),
        ("seed = -1", "seed"),
        ("optimizer = 'adagrad'", "adamw, adam, lamb, sgd. Received: adagrad"),
        ('window = "\\u001b[2Jtail"', "Received: \\x1b[2Jtail"),
        (f"window = '{'tail' * 1000}'", "Received: tailtail"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_loads_refuses_what_the_settings_refuse(line: str, said: str) -> None:
    assert said in refused(f"[train]\n{line}\n")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[train]\nepoch = 3", "write epochs"),
        ("[train]\nSequence_Length = 3", "write seq-length"),
        ("[train]\n'--init-lr' = 3", "write init-lr"),
        ("[train]\nzzz = 3", "--help"),
        ("[train]\ndata = 'reviews'", "--help"),
        ("[train]\nrecipe = 'fast'", "at the top"),
        ("init_lr = 1e-4", "below a line [train]"),
        ("[trian]\nepochs = 3", "write train"),
        ("receipt = 'fast'", "write recipe"),
        ("[model]\n", "--help"),
    ],
)
def test_loads_refuses_an_unknown_key_and_names_the_nearest(text: str, hint: str) -> None:
    assert hint in refused(text).partition("Hint: ")[2]


def test_loads_shows_an_unknown_key_safely_and_short() -> None:
    said = refused(f'[train]\n"\\u001b[2J{"long" * 10_000}" = 3')
    assert "\\x1b[2Jlong" in said


def test_loads_refuses_one_setting_under_two_names() -> None:
    assert "given twice" in refused("[train]\ninit-lr = 1e-4\ninit_lr = 1e-4")


@pytest.mark.parametrize("text", ["train = 3", "[[train]]\nepochs = 3"])
def test_loads_refuses_a_train_that_is_no_table(text: str) -> None:
    assert "[train] must be a table" in refused(text)


@pytest.mark.parametrize("value", ["3", "['fast']", "true"])
def test_loads_refuses_a_recipe_that_is_no_text(value: str) -> None:
    assert "recipe must be a text" in refused(f"recipe = {value}")


def test_loads_refuses_an_unknown_recipe() -> None:
    assert ", ".join(RECIPES) in refused('recipe = "slow"')


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[train]\nepochs = 3\nwindow = head\n", "line 3, column 10"),
        ("[train]\nepochs = 3\nepochs = 4\n", "Cannot overwrite a value"),
        ("[train\n", "line 1, column 7"),
        ("encoder = 'a\x1b'", "\\x1b"),
    ],
)
def test_loads_says_where_a_text_stops_being_toml(text: str, place: str) -> None:
    said = refused(text)
    assert "not TOML" in said
    assert place in said


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_loads_refuses_a_value_that_python_cannot_take(value: str) -> None:
    assert "too long, or nested too deep" in refused(f"[train]\nseed = {value}")


# load


def test_load_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(b'\xef\xbb\xbfrecipe = "fast"\r\n[train]\r\nseed = 7\r\n')
    assert toml_file.load(file) == Config("fast", {"seed": 7})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"# caf\xe9", "not UTF-8 at byte 5"),
        (b"#" * (64 * 1024 + 1), "larger than 65.5 kB, the most a configuration may have"),
        (b"# \0", "NUL"),
        (b"epochs", "not TOML"),
        (b"[train]\nepochs = 0", "epochs must be at least 1. Received: 0"),
        (b"[train]\nepoch = 1", "write epochs"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_load_names_the_file_and_the_fault(tmp_path: Path, raw: bytes, said: str) -> None:
    file = tmp_path / "run\x1b.toml"
    file.write_bytes(raw)
    with pytest.raises(UsageError) as caught:
        toml_file.load(file)
    assert said in str(caught.value)
    assert "run\\x1b.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.toml", ".", "x" * 300])
def test_load_of_what_is_no_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="Cannot read"):
        toml_file.load(tmp_path / name)


# resolve


@pytest.mark.parametrize(
    ("recipe", "said", "given", "epochs"),
    [
        (None, Config(), {}, SETTINGS.epochs),
        ("fast", Config(), {}, 1),
        (None, Config(recipe="fast"), {}, 1),
        ("original", Config(recipe="fast"), {}, 5),
        ("fast", Config(values={"epochs": 7}), {}, 7),
        ("fast", Config(recipe="original", values={"epochs": 7}), {"epochs": 9}, 9),
        ("fast", Config(), {"epochs": SETTINGS.epochs}, SETTINGS.epochs),
    ],
)
def test_resolve_lets_options_overrule_the_file_and_the_file_its_recipe(
    recipe: str | None, said: Config, given: dict[str, Any], epochs: int
) -> None:
    assert toml_file.resolve(recipe, config=said, given=given).epochs == epochs


def test_resolve_leaves_what_nobody_overruled_to_the_recipe() -> None:
    settings = toml_file.resolve("original", config=Config(values={"seed": 1}), given={"dropout": 0.2})
    assert settings == replace(RECIPES["original"].settings, seed=1, dropout=0.2)


def test_resolve_checks_what_was_given() -> None:
    with pytest.raises(UsageError, match="epochs"):
        toml_file.resolve("fast", config=Config(), given={"epochs": 0})


# describe


def test_describe_names_every_setting_that_is_not_empty() -> None:
    said = toml_file.describe(replace(SETTINGS, encoder="some/folder", init_lr=1e-4))
    assert "encoder some/folder" in said
    assert "init-lr 0.0001" in said
    assert "preprocessor" not in said
    assert said.count(", ") == len(asdict(SETTINGS)) - 2
