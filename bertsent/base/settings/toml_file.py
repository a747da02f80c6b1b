"""Configuration files of `bertsent train`: reading them, writing them, and which value wins.

A file is TOML. `recipe = "NAME"` may stand at its top; the settings stand below `[train]`, named like
the options (`init-lr`, or `init_lr`). An option overrules the file, and the file overrules its recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from bertsent import __version__
from bertsent.base.display import shortened, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.settings.recipes import DEFAULT, find_recipe
from bertsent.base.settings.scoring import Window
from bertsent.base.settings.training import Balance, Optimizer, TrainSettings
from bertsent.base.text import read_utf8

_LIMIT = 64 * 1024  # bytes; what `dumps` writes has about a thousand, and tomllib is slow on long dotted keys
_BEYOND = 2**63  # TOML's integers are smaller
_LONGEST = 60  # characters of a foreign string that a message quotes
_KINDS: dict[str, Any] = {name: type(value) for name, value in asdict(TrainSettings()).items()}
_OPTIONS = {name.replace("_", "-"): name for name in _KINDS}
_EXPECTED = {int: "a whole number", float: "a number", str: "a text in quotes"}
_TOP = ("recipe", "train")
_COMMENTS = {  # for settings that name and value do not explain
    "init_lr": "falls linearly to 0, after the warm-up",
    "warmup": "share of the steps in which the learning rate rises",
    "dropout": "before the head",
    "optimizer": ", ".join(get_args(Optimizer)),
    "preprocessor": "empty: the encoder's partner",
    "seq_length": "word pieces the classifier sees",
    "train_length": "word pieces of a training example, at most seq-length",
    "window": ", ".join(get_args(Window)),
    "crops": "sentences cut from reviews, per review and epoch",
    "momentum": "sgd only",
    "validation_share": "of the training data",
    "balance": ", ".join(get_args(Balance)),
    "unlabelled_rows": "at most, of reviews without labels",
    "patience": "epochs without a lower validation loss; 0: train all",
    "folds": "of a cross-validation that holds no row out; 0: validation and test rows are held out",
    "teacher_share": "of a score that comes with a labelled row",
}


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says; `values` are settings by the names of `TrainSettings`."""

    recipe: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def load(path: Path) -> Config:
    """Reads a configuration file.

    Raises:
        UsageError: naming the file, if it cannot be read, is not TOML (with line and column), or holds
            an unknown setting or a value that a setting cannot take.
    """
    try:
        text = read_utf8(path, limit=_LIMIT, what="a configuration")
    except DataError as error:
        raise UsageError(error.message, hint=error.hint) from error
    try:
        return _parse(text)
    except UsageError as error:
        raise UsageError(
            f"{visible(str(path))}: {error.message}", received=error.received, hint=error.hint
        ) from error


def resolve(recipe: str | None, *, config: Config, given: Mapping[str, Any]) -> TrainSettings:
    """The settings of a run: `given` overrules the file, which overrules the recipe.

    Args:
        recipe: A recipe's name, which overrules the file's. None: the file's recipe, else the default one.
        config: What the configuration file says; an empty `Config()` without a file.
        given: The settings given as options, by the names of `TrainSettings`.

    Raises:
        UsageError: if there is no such recipe, or a value cannot be used.
    """
    named = config.recipe if recipe is None else recipe
    start = find_recipe(DEFAULT if named is None else named)
    return replace(start.settings, **{**config.values, **given})


def loads(text: str) -> TrainSettings:
    """Reads the settings from the text of a configuration file.

    Raises:
        UsageError: as `load`.
    """
    return resolve(None, config=_parse(text), given={})


def dumps(settings: TrainSettings) -> str:
    """The text of a configuration file with every one of these settings.

    `loads` gives back the same settings. Only lone surrogates, which TOML cannot hold, are lost.
    """
    lines = [
        f"# Made by bertsent {__version__}. Repeat with: bertsent train --config train.toml",
        "",
        "[train]",
    ]
    for option, name in _OPTIONS.items():
        comment = f"  # {_COMMENTS[name]}" if name in _COMMENTS else ""
        lines.append(f"{option} = {_scalar(_KINDS[name](getattr(settings, name)))}{comment}")
    return "\n".join(lines) + "\n"


def describe(settings: TrainSettings) -> str:
    """All settings in one line, by the names of the options, without those that are empty."""
    values = asdict(settings)
    return ", ".join(f"{option} {values[name]}" for option, name in _OPTIONS.items() if values[name] != "")


def _parse(text: str) -> Config:
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"This is not TOML: {visible(str(error))}.") from error
    except (ValueError, RecursionError) as error:  # more digits than Python accepts, or lists within lists
        raise UsageError("A value is too long, or nested too deep.") from error
    unknown = next((key for key in table if key not in _TOP), None)
    if unknown is not None:
        setting = unknown.replace("_", "-") in _OPTIONS
        raise UsageError(
            "A configuration has a recipe and a table [train], and nothing else.",
            received=_shorten(unknown),
            hint="put it below a line [train]" if setting else _nearest(unknown, _TOP),
        )
    recipe, train = table.get("recipe"), table.get("train", {})
    if recipe is not None and not isinstance(recipe, str):
        raise UsageError("recipe must be a text in quotes.", received=_value(recipe))
    if not isinstance(train, dict):
        raise UsageError("[train] must be a table.", received=_value(train))
    config = Config(recipe, _values(train))
    try:
        resolve(None, config=config, given={})  # now, before an option can hide an error in the file
    except UsageError as error:
        raise UsageError(error.message, received=_shorten(str(error.received)), hint=error.hint) from error
    return config


def _values(train: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in train.items():
        option = key.replace("_", "-")
        if option not in _OPTIONS:
            raise UsageError(
                "[train] holds settings, named like the options of bertsent train.",
                received=_shorten(key),
                hint="recipe stands at the top, above [train]"
                if key == "recipe"
                else _nearest(key, _OPTIONS),
            )
        name = _OPTIONS[option]
        if name in values:
            raise UsageError(f"{option} and {name} are one setting, given twice.", hint="remove one of them")
        values[name] = _typed(option, value)
    return values


def _typed(option: str, value: Any) -> Any:
    """Checks that a value of the file has its setting's type; true and false are not numbers."""
    kind = _KINDS[_OPTIONS[option]]
    whole = type(value) is int and abs(value) < _BEYOND
    if kind is float and whole:
        return float(value)
    if type(value) is kind and (whole or kind is not int):
        return value
    raise UsageError(f"{option} must be {_EXPECTED[kind]}.", received=_value(value))


def _nearest(key: str, names: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(key[:_LONGEST].lower().replace("_", "-"), list(names), n=1)
    return f"write {near[0]}" if near else "bertsent train --help names the settings; no others are read"


def _value(value: object) -> str:
    """A value of a TOML file as a message shows it."""
    if isinstance(value, str):
        return _shorten(repr(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < _BEYOND):
        return str(value)
    kinds: dict[type, str] = {int: "a number of more than 64 bits", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _shorten(text: str) -> str:
    return shortened(visible(text), _LONGEST)


def _scalar(value: float | str) -> str:
    """An int, float or str as TOML writes it; characters that could hide text or forge a line are escaped."""
    if not isinstance(value, str):
        return repr(value)
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return "\\" + character
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
