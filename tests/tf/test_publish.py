"""What a published version holds, and that all of it says the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support import tiny_bert

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review, silent
from bertsent.base.records.training import Epoch, Splits
from bertsent.base.settings.drift import ReferenceSettings
from bertsent.data.splits import load_splits
from bertsent.drift import reference
from bertsent.labelling.selection import Mix
from bertsent.scoring.calibration import sigmoid
from bertsent.scoring.metrics import measure
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import Tokenizer, window
from bertsent.versions import model_card
from bertsent.versions.manifest import REFERENCE, Version, read_version

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
    return load_splits(sample, tiny_bert.settings(tiny_encoder))


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
    read_version(version).verify()
    names = {path.name for path in version.iterdir()}
    assert names == {*manifest["files"], "manifest.json"}
    assert names == {
        "manifest.json",
        "classifier.tflite",
        "vocab.txt",
        "weights.safetensors",
        "reference.npz",
        "history.json",
        "train.toml",
        "training.svg",
        "README.md",
    }


def test_a_version_scores_its_probes_as_before_it_was_written(
    version: Path, manifest: dict[str, Any]
) -> None:
    scored = {found.text: found.score for found in Scorer(read_version(version)).predict(manifest["probes"])}
    assert scored == pytest.approx(manifest["probes"], abs=1e-6)
    assert len(set(scored.values())) == len(scored) == 3


def test_the_manifest_names_encoder_settings_and_data(
    manifest: dict[str, Any], tiny_encoder: Folders, splits: Splits, sample: Path
) -> None:
    encoder, preprocessor = map(str, tiny_encoder)
    said = manifest["encoder"]
    assert (said["name"], said["preprocessor"], said["rebuilt"]) == (encoder, preprocessor, True)
    assert said["gelu"] == "tanh"
    assert re.fullmatch("[0-9a-f]{64}", said["digest"])
    assert manifest["settings"]["init_lr"] == 1e-3
    assert (manifest["seq_length"], manifest["window"]) == (32, "head+tail")
    for name, stated in manifest["data"].items():
        labels = [review.label for review in getattr(splits, name)]
        read = {"read": {"paths": [sample.name]}} if name == "train" else {}
        assert stated == {"digest": splits.digests[name], "n": len(labels), "positive": sum(labels)} | read


def test_the_manifest_states_the_figures_of_the_file_that_scores(
    version: Path, manifest: dict[str, Any], splits: Splits
) -> None:
    found = list(Scorer(read_version(version)).predict(review.text for review in splits.test))
    right = sum(
        (prediction.score >= 0.5) == review.label
        for prediction, review in zip(found, splits.test, strict=True)
    )
    stated = manifest["metrics"]["test"]
    assert stated["accuracy"] == pytest.approx(right / len(splits.test))
    assert sum(stated["confusion"].values()) == stated["n"] == len(splits.test)
    assert 0.9 <= stated["litert_agreement"] <= 1
    assert abs(stated["classifier_accuracy"] - stated["accuracy"]) <= 1 - stated["litert_agreement"] + 1e-9


# Calibration


@pytest.fixture(scope="module")
def calibration(manifest: dict[str, Any]) -> dict[str, Any]:
    stated: dict[str, Any] = manifest["calibration"]
    return stated


def test_the_calibration_is_stated_with_its_rows(calibration: dict[str, Any], splits: Splits) -> None:
    assert calibration.keys() == {"temperature", "bias", "unsure", "rows"}
    low, high = calibration["unsure"]
    assert calibration["temperature"] > 0
    assert 0 <= low <= 0.5 <= high <= 1
    assert calibration["rows"] == len(splits.validation)


def test_labels_follow_the_band_of_the_manifest(
    version: Path, calibration: dict[str, Any], splits: Splits
) -> None:
    low, high = calibration["unsure"]
    for found in Scorer(read_version(version)).predict(review.text for review in splits.test):
        side = "positive" if found.score >= 0.5 else "negative"
        assert found.label == ("unsure" if low < found.score < high else side)


TIMES = 3.0  # by how much the logits of the next classifier are too large


@pytest.fixture(scope="module")
def overconfident(tiny_encoder: Folders, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Any]:
    """A version of a random classifier whose labels were drawn from a third of its logits, and those
    logits of the validation rows."""
    from bertsent.tf import classifier, encoder, fit, publish
    from bertsent.tf.batches import encode
    from bertsent.tf.training_run import TrainingRun

    random = np.random.default_rng(1)
    words = [piece for piece in tiny_bert.vocabulary() if piece.isalpha()]
    texts = [" ".join(random.choice(words, random.integers(3, 40))) for _ in range(1500)]
    loaded = encoder.load(str(tiny_encoder[0]), preprocessor=str(tiny_encoder[1]))
    made = classifier.build(loaded, dropout=0.0, seed=1)
    last = made.get_layer(classifier.HEAD)
    rows = encode([Review(text, 0) for text in texts], loaded.tokenizer, seq_length=32, kind="head+tail")
    logits = fit.predict_logits(made, rows)
    last.kernel.assign(last.kernel * (2 * TIMES / logits.std()))
    last.bias.assign([-2 * TIMES * logits.mean() / logits.std()])
    logits = fit.predict_logits(made, rows)
    gold = (random.random(len(texts)) < sigmoid(logits / TIMES)).astype(int).tolist()
    reviews = tuple(Review(text, label) for text, label in zip(texts, gold, strict=True))
    splits = Splits(
        train=reviews[:100],
        validation=reviews[100:1200],
        test=reviews[1200:],
        digests={name: name for name in ("train", "validation", "test")},
    )
    encoded = {
        name: encode(getattr(splits, name), loaded.tokenizer, seq_length=32, kind="head+tail")
        for name in splits.digests
    }
    mix = Mix(splits=splits, old=splits.train)
    trained = publish.publish(
        TrainingRun(tiny_bert.settings(tiny_encoder), loaded, mix),
        fit.Fit(made, epochs=(Epoch(1, 0.7, 0.5, 0.7, 0.5, 1.0, 1.0),), best_epoch=1),
        encoded,
        folder=tmp_path_factory.mktemp("overconfident") / "model",
        keep_weights=False,
        progress=silent,
    )
    return read_version(trained.path), logits[100:1200]


def test_publish_finds_by_how_much_logits_are_too_large(overconfident: tuple[Version, Any]) -> None:
    calibration = overconfident[0].manifest.calibration
    assert calibration["temperature"] == pytest.approx(TIMES, rel=0.2)
    assert calibration["unsure"] == pytest.approx([0.2, 0.8], abs=0.1)
    assert calibration["rows"] == 1100


def test_publish_writes_calibrated_scores(overconfident: tuple[Version, Any]) -> None:
    version, logits = overconfident
    with np.load(version.file(REFERENCE), allow_pickle=False) as arrays:
        scores = arrays["heldout_score"]
    stated = version.manifest.calibration
    expected = sigmoid(logits / stated["temperature"] + stated["bias"])
    assert np.abs(scores - expected).mean() < 0.02
    assert np.abs(scores - sigmoid(logits)).mean() > 0.08


def test_publish_measures_calibrated_scores(overconfident: tuple[Version, Any]) -> None:
    version, logits = overconfident
    with np.load(version.file(REFERENCE), allow_pickle=False) as arrays:
        gold = arrays["heldout_label"]
    before = measure(sigmoid(logits), gold, threshold=0.5)
    after = version.manifest.metrics["validation"]
    assert after["log_loss"] < before.log_loss - 0.1
    assert after["ece"] < before.ece / 2
    assert after["accuracy"] == pytest.approx(before.confusion.accuracy, abs=0.01)
    assert version.manifest.metrics["test"]["litert_agreement"] > 0.97


def test_the_weights_are_fp16_of_every_variable(version: Path) -> None:
    from safetensors.numpy import load_file

    weights = load_file(version / "weights.safetensors")
    assert {str(value.dtype) for value in weights.values()} == {"float16"}
    assert weights["classifier/kernel"].shape == (tiny_bert.HIDDEN, 1)
    assert weights["encoder/word_embeddings/embeddings"].shape == (
        len(tiny_bert.vocabulary()),
        tiny_bert.HIDDEN,
    )
    assert len(weights) == 2 + 7 + 16 * tiny_bert.LAYERS


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
    version: Path, arrays: dict[str, Any], splits: Splits, rows: dict[str, list[Any]]
) -> None:
    found = Scorer(read_version(version)).predict(review.text for review in splits.validation)
    assert arrays["heldout_score"].tolist() == pytest.approx([one.score for one in found], abs=1e-6)
    assert arrays["heldout_label"].tolist() == [review.label for review in splits.validation]
    assert arrays["heldout_length"].tolist() == [len(ids) for ids in rows["validation"]]


def test_the_reference_knows_the_training_texts_again(arrays: dict[str, Any], splits: Splits) -> None:
    beginnings = {int(sha256_text(review.text)[:16], 16) for review in splits.train}
    assert arrays["seen"].tolist() == sorted(beginnings)


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


def shown(figures: dict[str, Any], key: str) -> str:
    """A figure as the card has it, with its interval below it; a dash where there is none."""
    low, high = figures["intervals"][key] or (None, None)
    interval = "" if low is None else f"<br>({low:.4f} to {high:.4f})"
    return ("-" if figures[key] is None else f"{figures[key]:.4f}") + interval


def test_the_card_says_what_the_manifest_says(version: Path, manifest: dict[str, Any]) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    for name, figures in manifest["metrics"].items():
        keys = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "ece")
        row = " | ".join(shown(figures, key) for key in keys)
        assert f"| {name} | {figures['n']} | {row} |" in card
    for name, data in manifest["data"].items():
        assert f"| {name} | {data['n']} | {data['positive']} | `{data['digest']}` |" in card
    for package, number in manifest["libraries"].items():
        assert f"{package} {number}" in card
    assert f"`{manifest['encoder']['name']}`" in card
    assert f"{manifest['seq_length']} word pieces, window {manifest['window']}" in card
    assert "{{" not in card


def test_the_card_has_short_and_long_texts_apart(version: Path) -> None:
    read = read_version(version).manifest
    half = measure([0.9, 0.2], [1, 0], threshold=0.5, intervals=True).as_json()
    metrics = {**read.metrics, "validation": {**read.metrics["validation"], "short": half, "long": half}}
    card = model_card.render(replace(read, metrics=metrics), epochs=(), best_epoch=1)
    assert "| validation: at most 64 word pieces | 2 |" in card
    assert "| validation: longer | 2 |" in card
    assert "longer |" not in model_card.render(read, epochs=(), best_epoch=1)


def test_the_card_lists_every_epoch(version: Path) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    history = json.loads((version / "history.json").read_text(encoding="utf-8"))
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2]
    for epoch in history["epochs"]:
        assert f"| {epoch['epoch']} | {epoch['loss']:.4f} | {epoch['accuracy']:.4f} |" in card
    assert f"| published epoch | {history['best_epoch']}, the lowest validation loss |" in card


def test_the_card_names_the_program_that_measures_behaviour(version: Path) -> None:
    card = (version / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"python (tests/bench/\w+\.py) --model FOLDER", card)
    assert (Path(__file__).parents[2] / program).is_file()


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
