"""Defaults and what they refuse, the workspace, and the encoders known by name."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest

from bertsent.base import presets
from bertsent.base.errors import UsageError
from bertsent.base.presets import PRESETS, find_preset, unknown_encoder
from bertsent.base.settings.download import (
    ADDRESSES,
    KNOWN_FOLDER,
    KNOWN_SHA256,
    PARTS,
    DownloadSettings,
    cache_folder,
)
from bertsent.base.settings.drift import ReferenceSettings
from bertsent.base.settings.evaluation import CalibrationSettings, EvaluateSettings
from bertsent.base.settings.reading import FOLDERS, LABELS, ReadSettings, WriteSettings
from bertsent.base.settings.retraining import GateSettings, RetrainSettings, VersionSettings
from bertsent.base.settings.scoring import RowSettings, ScoreSettings, TokenizerSettings
from bertsent.base.settings.training import BigramSettings, CheckpointSettings, TrainSettings
from bertsent.base.settings.workspace import Workspace

RECORDS = [
    CalibrationSettings,
    CheckpointSettings,
    DownloadSettings,
    EvaluateSettings,
    GateSettings,
    VersionSettings,
    ReadSettings,
    ReferenceSettings,
    RetrainSettings,
    RowSettings,
    ScoreSettings,
    BigramSettings,
    TokenizerSettings,
    TrainSettings,
    WriteSettings,
]


@pytest.mark.parametrize("record", RECORDS)
def test_settings_have_usable_defaults_and_cannot_be_changed(record: type[Any]) -> None:
    settings = record()
    name = dataclasses.fields(settings)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, name, getattr(settings, name))


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"init_lr": 0.0},
        {"init_lr": math.nan},
        {"init_lr": math.inf},
        {"init_lr": 2.0},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"warmup": math.nan},
        {"batch_size": 0},
        {"dropout": 1.0},
        {"dropout": math.nan},
        {"seq_length": 7},
        {"seq_length": 513},
        {"validation_share": 0.0},
        {"validation_share": 1.0},
        {"validation_share": math.nan},
        {"seed": -1},
        {"seed": 2**32},
        {"train_length": 7},
        {"train_length": 513},
        {"crops": -0.1},
        {"crops": math.nan},
        {"unlabelled_rows": 0},
        {"momentum": 1.0},
        {"momentum": math.nan},
        {"optimizer": "rmsprop"},
        {"window": "tail"},
    ],
    ids=str,
)
def test_train_settings_refuse_what_cannot_train(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(UsageError, match=name.replace("_", "[- ]")) as caught:
        TrainSettings(**values)
    assert str(values[name]) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("seq_length", [8, 512])
def test_train_settings_take_the_ends_of_the_range(seq_length: int) -> None:
    assert TrainSettings(seq_length=seq_length, warmup=0.0, init_lr=1.0, seed=2**32 - 1)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, 1.5, math.nan, math.inf])
def test_score_settings_refuse_a_threshold_that_divides_nothing(threshold: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        ScoreSettings(threshold=threshold)


@pytest.mark.parametrize("name", ["workers", "chunk"])
def test_score_settings_refuse_sizes_below_one(name: str) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        ScoreSettings(**{name: 0})  # type: ignore[arg-type]


def test_score_settings_refuse_another_engine() -> None:
    with pytest.raises(UsageError, match="litert, tensorflow"):
        ScoreSettings(engine="torch")  # type: ignore[arg-type]


def test_download_settings_refuse_no_attempt() -> None:
    with pytest.raises(UsageError, match="attempts"):
        DownloadSettings(attempts=0)


def test_known_archives_are_the_default_one() -> None:
    assert DownloadSettings().url in KNOWN_SHA256
    assert set(ADDRESSES.values()) == KNOWN_SHA256.keys() == KNOWN_FOLDER.keys() >= PARTS.keys()
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in KNOWN_SHA256.values())


def test_labels_are_negative_zero_and_positive_one_in_every_table() -> None:
    assert LABELS == {"negative": 0, "positive": 1}
    assert FOLDERS == {"neg": 0, "pos": 1}


# workspace and cache


def test_workspace_is_the_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("BERTSENT_HOME", str(tmp_path / "home"))
    workspace = Workspace.current()
    assert workspace.root == tmp_path / "home"
    assert {workspace.model.name, workspace.data.name, workspace.state.name} == {"model", "data", ".bertsent"}


@pytest.mark.parametrize("unset", [True, False])
def test_workspace_is_the_current_folder_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unset: bool
) -> None:
    if unset:
        monkeypatch.delenv("BERTSENT_HOME")
    else:
        monkeypatch.setenv("BERTSENT_HOME", "")
    monkeypatch.chdir(tmp_path)
    assert Workspace.current().root == tmp_path


def test_cache_folder_is_the_users_own_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTSENT_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("BERTSENT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/somebody/.cache")
    assert cache_folder() == Path("/home/somebody/.cache/bertsent")


# presets


def test_presets_are_the_tutorials_33_and_the_bundled_one() -> None:
    assert len(PRESETS) == 34
    assert sum(name.startswith("small_bert/") for name in PRESETS) == 24
    assert [preset.name for preset in PRESETS.values()] == list(PRESETS)
    bundled = [name for name, preset in PRESETS.items() if preset.handle.startswith(presets.BUNDLED)]
    assert bundled == [TrainSettings().encoder]


@pytest.mark.parametrize("name", [name for name in PRESETS if "_L-" in name])
def test_preset_says_the_size_that_its_name_says(name: str) -> None:
    layers, hidden, heads = map(int, re.findall(r"_[LHA]-(\d+)", name))
    preset = PRESETS[name]
    assert (preset.layers, preset.hidden_size, preset.heads) == (layers, hidden, heads)
    assert name in preset.handle


def test_preset_handles_are_hub_addresses_with_a_version() -> None:
    hub = [preset for preset in PRESETS.values() if preset.name != "minilm"]
    assert len({preset.handle for preset in hub}) == 33
    for preset in hub:
        assert re.fullmatch(r"https://tfhub\.dev/(tensorflow|google)/[\w/-]+/\d", preset.handle)
        assert re.fullmatch(r"https://tfhub\.dev/tensorflow/\w+_preprocess/3", preset.preprocessor)


@pytest.mark.parametrize("name", ["bert_en_cased_L-12_H-768_A-12", "bert_multi_cased_L-12_H-768_A-12"])
def test_preset_of_a_cased_encoder_has_a_cased_preprocessor(name: str) -> None:
    assert "_cased_preprocess" in PRESETS[name].preprocessor


@pytest.mark.parametrize("name", ["minilm", "electra_small", "small_bert/bert_en_uncased_L-4_H-512_A-8"])
def test_find_preset_knows_names_and_handles(name: str) -> None:
    preset = PRESETS[name]
    assert find_preset(name) is find_preset(preset.handle) is find_preset(preset.handle + "/") is preset


@pytest.mark.parametrize("name", ["", "bert", "MINILM", "https://tfhub.dev/tensorflow/other/1"])
def test_find_preset_of_anything_else_is_none(name: str) -> None:
    assert find_preset(name) is None


def test_unknown_encoder_lists_what_is_accepted_and_shows_the_name_safely() -> None:
    error = unknown_encoder("bert\x1b[2J")
    assert error.exit_code == 2
    assert "minilm" in str(error)
    assert "preview --list" in error.hint
    assert "\x1b" not in str(error)


@pytest.mark.parametrize(
    "values",
    [
        {"margin": 0.0},
        {"margin": 1.0},
        {"margin": math.nan},
        {"confidence": 0.5},
        {"confidence": 1.0},
        {"confidence": math.nan},
        {"test_rows": 0},
    ],
    ids=str,
)
def test_gate_settings_refuse_what_nothing_could_pass_or_all_would(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        GateSettings(**values)
