"""What a published version holds, and that all of it says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tiny

from bertsent import reference, store
from bertsent.records import Splits
from bertsent.reviews import load_splits
from bertsent.scorer import Scorer
from bertsent.settings import ReferenceSettings
from bertsent.tokenizer import Tokenizer, window

Folders = tuple[Path, Path]


@pytest.fixture(scope="module")
def version(trained: Path) -> Path:
    return trained / "1"


@pytest.fixture(scope="module")
def manifest(version: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    return values


@pytest.fixture(scope="module")
def splits(sample: Path, tiny_encoder: Folders) -> Splits:
    return load_splits(sample, tiny.settings(tiny_encoder))


@pytest.fixture(scope="module")
def arrays(version: Path) -> dict[str, Any]:
    with np.load(version / "reference.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def rows(version: Path, splits: Splits) -> dict[str, list[Any]]:
    """The word pieces of each split within the window of the version."""
    tokenizer = Tokenizer.from_file(version / "vocab.txt", lower_case=True)
    return {
        name: [
            window(ids, seq_length=32, kind="head+tail")
            for ids in tokenizer.encode([review.text for review in getattr(splits, name)])
        ]
        for name in ("train", "validation", "test")
    }


def test_a_version_verifies_and_lists_every_file(version: Path, manifest: dict[str, Any]) -> None:
    store.read(version).verify()
    names = {path.name for path in version.iterdir()}
    assert names == {*manifest["files"], "manifest.json"}
    assert names == {
        "manifest.json",
        "classifier.tflite",
        "vocab.txt",
        "weights.safetensors",
        "reference.npz",
        "history.json",
        "training.svg",
        "README.md",
    }


def test_a_version_scores_its_probes_as_before_it_was_written(
    version: Path, manifest: dict[str, Any]
) -> None:
    scored = {found.text: found.score for found in Scorer(store.read(version)).predict(manifest["probes"])}
    assert scored == pytest.approx(manifest["probes"], abs=1e-6)
    assert len(set(scored.values())) == len(scored) == 3


def test_the_manifest_names_encoder_settings_and_data(
    manifest: dict[str, Any], tiny_encoder: Folders, splits: Splits
) -> None:
    encoder, preprocessor = map(str, tiny_encoder)
    said = manifest["encoder"]
    assert (said["name"], said["preprocessor"], said["rebuilt"]) == (encoder, preprocessor, True)
    assert re.fullmatch("[0-9a-f]{64}", said["digest"])
    assert manifest["settings"]["init_lr"] == 1e-3
    assert (manifest["seq_length"], manifest["window"]) == (32, "head+tail")
    for name, stated in manifest["data"].items():
        labels = [review.label for review in getattr(splits, name)]
        assert stated == {"digest": splits.digests[name], "n": len(labels), "positive": sum(labels)}


def test_the_manifest_states_the_figures_of_the_file_that_scores(
    version: Path, manifest: dict[str, Any], splits: Splits
) -> None:
    found = list(Scorer(store.read(version)).predict(review.text for review in splits.test))
    right = sum(
        (prediction.label == "positive") == review.label
        for prediction, review in zip(found, splits.test, strict=True)
    )
    stated = manifest["metrics"]["test"]
    assert stated["accuracy"] == pytest.approx(right / len(splits.test))
    assert sum(stated["confusion"].values()) == stated["n"] == len(splits.test)
    assert 0.9 <= stated["litert_agreement"] <= 1
    assert abs(stated["classifier_accuracy"] - stated["accuracy"]) <= 1 - stated["litert_agreement"] + 1e-9


def test_the_weights_are_fp16_of_every_variable(version: Path) -> None:
    from safetensors.numpy import load_file

    weights = load_file(version / "weights.safetensors")
    assert {str(value.dtype) for value in weights.values()} == {"float16"}
    assert weights["classifier/kernel"].shape == (tiny.HIDDEN, 1)
    assert weights["encoder/word_embeddings/embeddings"].shape == (len(tiny.vocabulary()), tiny.HIDDEN)
    assert len(weights) == 2 + 7 + 16 * tiny.LAYERS


# What drift compares with


def test_the_reference_counts_the_pieces_of_the_training_rows(
    arrays: dict[str, Any], rows: dict[str, list[Any]], splits: Splits
) -> None:
    ends = arrays["indptr"]
    assert len(ends) == len(splits.train) + 1
    for row, ids in enumerate(rows["train"]):
        part = slice(ends[row], ends[row + 1])
        expected, counts = np.unique(ids, return_counts=True)
        assert arrays["pieces"][part].tolist() == expected.tolist()
        assert arrays["counts"][part].tolist() == counts.tolist()
    assert arrays["length"].tolist() == [len(ids) for ids in rows["train"]]
    assert arrays["counts"].sum() == arrays["length"].sum()
    assert arrays["label"].tolist() == [review.label for review in splits.train]


def test_the_reference_holds_the_scores_of_the_held_out_rows(
    version: Path, arrays: dict[str, Any], splits: Splits
) -> None:
    found = Scorer(store.read(version)).predict(review.text for review in splits.validation)
    assert arrays["heldout_score"].tolist() == pytest.approx([one.score for one in found], abs=1e-6)
    assert arrays["heldout_label"].tolist() == [review.label for review in splits.validation]


def test_the_reference_holds_numbers_only(arrays: dict[str, Any]) -> None:
    assert {value.dtype.kind for value in arrays.values()} <= set("iuf")


def test_write_draws_as_many_rows_as_settings_say(tmp_path: Path) -> None:
    def drawn(seed: int) -> list[int]:
        rows = [np.array([number], np.int32) for number in range(100)]
        reference.write(
            tmp_path / "reference.npz",
            rows=rows,
            labels=np.arange(100) % 2,
            heldout_scores=[0.5],
            heldout_labels=[1],
            seed=seed,
            settings=ReferenceSettings(max_rows=10),
        )
        with np.load(tmp_path / "reference.npz") as file:
            pieces: list[int] = file["pieces"].tolist()
            assert file["label"].tolist() == [number % 2 for number in pieces]
        return pieces

    assert len(set(drawn(1))) == 10
    assert drawn(1) == sorted(drawn(1))
    assert drawn(1) != drawn(2)


# What people read


def test_the_card_says_what_the_manifest_says(version: Path, manifest: dict[str, Any]) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    for name, figures in manifest["metrics"].items():
        keys = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss")
        row = " | ".join(f"{figures[key]:.4f}" for key in keys)
        assert f"| {name} | {figures['n']} | {row} |" in card
    for name, data in manifest["data"].items():
        assert f"| {name} | {data['n']} | {data['positive']} | `{data['digest']}` |" in card
    for package, number in manifest["libraries"].items():
        assert f"{package} {number}" in card
    assert f"`{manifest['encoder']['name']}`" in card
    assert f"{manifest['seq_length']} word pieces, window {manifest['window']}" in card
    assert "{{" not in card


def test_the_card_lists_every_epoch(version: Path) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    history = json.loads((version / "history.json").read_text(encoding="utf-8"))
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2]
    for epoch in history["epochs"]:
        assert f"| {epoch['epoch']} | {epoch['loss']:.4f} | {epoch['accuracy']:.4f} |" in card
    assert f"| published epoch | {history['best_epoch']}," in card


def test_the_card_names_only_files_that_are_there(version: Path) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w.]+\.(?:tflite|txt|safetensors|json|npz))`|\(([\w.]+\.svg)\)", card)
    assert len(named) >= 6
    assert all((version / "".join(name)).is_file() for name in named)


def test_the_plot_is_svg_with_both_curves(version: Path) -> None:
    tree = ElementTree.parse(version / "training.svg")
    assert tree.getroot().tag == "{http://www.w3.org/2000/svg}svg"
    drawn = (version / "training.svg").read_text(encoding="utf-8")
    for colour in ("#3b6ea5", "#c8553d"):
        assert colour in drawn


def test_no_text_of_the_data_is_in_a_version(version: Path, splits: Splits) -> None:
    readable = ("README.md", "history.json", "manifest.json", "training.svg", "reference.npz")
    content = b"\n".join((version / name).read_bytes() for name in readable).decode("utf-8", "replace")
    for review in (*splits.train, *splits.validation, *splits.test):
        assert review.text[:40] not in content
