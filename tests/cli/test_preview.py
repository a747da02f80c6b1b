"""`bertsent preview`, as a user meets it."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support import tiny_bert
from typer.testing import CliRunner, Result

from bertsent.base.presets import PRESETS
from bertsent.base.records.training import Tree
from bertsent.cli import app
from bertsent.reports import plots

Run = Callable[..., Result]
Folders = tuple[Path, Path]
TEXT = "A quiet film."
SEQ_LENGTH = 16


@pytest.fixture
def preview(run: Run, tiny_encoder: Folders) -> Run:
    """`bertsent preview` with the tiny encoder, which carries its vocabulary."""
    return lambda *options: run("preview", *options, "--encoder", tiny_encoder[0])


@pytest.fixture(scope="module")
def seen(tiny_encoder: Folders) -> dict[str, Any]:
    """What `--json` says of one text."""
    encoder, preprocessor = map(str, tiny_encoder)
    options = ["--encoder", encoder, "--preprocessor", preprocessor, "--seq-length", str(SEQ_LENGTH)]
    result = CliRunner().invoke(app, ["preview", TEXT, *options, "--json", "--quiet"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_preview_gives_the_three_inputs_of_the_encoder(seen: dict[str, Any]) -> None:
    pieces = tiny_bert.vocabulary()
    assert seen["tokens"] == 4
    assert seen["word_pieces"][:6] == ["[CLS]", "a", "quiet", "film", ".", "[SEP]"]
    assert seen["word_pieces"][6:] == ["[PAD]"] * (SEQ_LENGTH - 6)
    assert seen["input_word_ids"] == [pieces.index(piece) for piece in seen["word_pieces"]]
    assert seen["input_mask"] == [1] * 6 + [0] * (SEQ_LENGTH - 6)
    assert seen["input_type_ids"] == [0] * SEQ_LENGTH
    assert seen["truncated"] is False


def test_preview_gives_the_outputs_of_the_encoder(seen: dict[str, Any]) -> None:
    assert len(seen["pooled_output"]) == tiny_bert.HIDDEN
    assert all(-1 <= value <= 1 for value in seen["pooled_output"])
    assert len(set(seen["pooled_output"])) > 1
    assert seen["sequence_shape"] == [1, SEQ_LENGTH, tiny_bert.HIDDEN]


def test_preview_counts_the_parameters(seen: dict[str, Any]) -> None:
    hidden, inner = tiny_bert.HIDDEN, tiny_bert.INNER
    embeddings = (len(tiny_bert.vocabulary()) + 512 + 2 + 2) * hidden
    block = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    expected = embeddings + tiny_bert.LAYERS * block + hidden * hidden + hidden + hidden + 1
    assert seen["parameters"] == seen["trainable_parameters"] == expected
    assert seen["structure"]["parameters"] == expected


def test_preview_draws_the_structure_with_every_part(seen: dict[str, Any]) -> None:
    parts = {part["name"]: part for part in seen["structure"]["parts"]}
    assert list(parts) == ["preprocessor", "encoder", "dropout", "classifier"]
    assert str(len(tiny_bert.vocabulary())) in parts["preprocessor"]["detail"]
    encoder = {part["name"]: part for part in parts["encoder"]["parts"]}
    assert [part["name"] for part in encoder["transformer"]["parts"]] == ["layer_0", "layer_1"]

    def check(part: dict[str, Any]) -> None:
        if part["parts"]:
            assert part["parameters"] == sum(below["parameters"] for below in part["parts"])
        for below in part["parts"]:
            check(below)

    check(seen["structure"])


def test_preview_scores_without_training_near_the_middle(seen: dict[str, Any]) -> None:
    assert 0.4 < seen["untrained_score"] < 0.6
    assert not math.isclose(seen["untrained_score"], 0.5, abs_tol=1e-6)


def test_preview_draws_the_untrained_head_from_the_seed(preview: Run, seen: dict[str, Any]) -> None:
    other = json.loads(preview(TEXT, "--seq-length", SEQ_LENGTH, "--seed", 43, "--json").stdout)
    assert other["untrained_score"] != seen["untrained_score"]
    assert other["pooled_output"] == seen["pooled_output"]


def test_preview_shows_and_plots_every_part(preview: Run, seen: dict[str, Any]) -> None:
    result = preview(TEXT, "--seq-length", SEQ_LENGTH, "--plot", "structure.svg")
    assert result.exit_code == 0, result.stderr
    shown = result.stdout
    for word in ("word pieces      4\n", "input_word_ids", "quiet", "padding", "untrained score", "layer_1"):
        assert word in shown
    assert f"float32 [1, {SEQ_LENGTH}, {tiny_bert.HIDDEN}]" in shown
    assert f"{seen['parameters']:,}" in shown
    assert f"{seen['untrained_score']:.4f}" in shown  # the seed is the same
    assert f"{seen['pooled_output'][0]:+.4f}" in shown
    assert "structure.svg" in result.stderr
    root = ElementTree.parse("structure.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20


def test_preview_keeps_beginning_and_end_of_a_longer_text(preview: Run) -> None:
    answer = json.loads(preview("good " * 40 + "bad", "--seq-length", SEQ_LENGTH, "--json").stdout)
    assert answer["truncated"] is True
    assert answer["tokens"] == 41
    assert answer["input_mask"] == [1] * SEQ_LENGTH
    assert answer["word_pieces"][-2:] == ["bad", "[SEP]"]


def test_preview_says_that_a_text_is_truncated(preview: Run) -> None:
    shown = preview("good " * 40 + "bad", "--seq-length", SEQ_LENGTH, "--window", "head").stdout
    assert "more than the window holds" in shown
    assert "padding" not in shown
    assert " good " in shown
    assert " bad " not in shown


def test_preview_shows_control_characters_as_text(run: Run, tiny_encoder: Folders, workspace: Path) -> None:
    shutil.copytree(tiny_encoder[0], workspace / "tiny\a\u202e")  # TensorFlow reads no folder with a "["
    text = "red \x1b[31m text \u202e"
    result = run("preview", text, "--encoder", "tiny\a\u202e", "--seq-length", SEQ_LENGTH)
    assert result.exit_code == 0, result.stderr
    assert "encoder          tiny\\x07\\u202e" in result.stdout
    assert not set("\a\x1b\u202e") & set(result.stdout + result.stderr)


def test_preview_takes_an_encoder_without_sequence_output(
    run: Run, tiny_encoder: Folders, tmp_path: Path
) -> None:
    from bertsent.tf import tf

    @tf.function  # type: ignore[untyped-decorator]
    def pooled(inputs: Any, training: bool = False) -> Any:
        first = tf.ensure_shape(inputs["input_word_ids"][:, :4], [None, 4])
        return {"pooled_output": tf.tanh(tf.cast(first, tf.float32))}

    module = tf.Module()
    module.__call__ = pooled
    names = ("input_word_ids", "input_mask", "input_type_ids")
    taken = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in names}
    for training in (True, False):
        pooled.get_concrete_function(taken, training=training)
    tf.saved_model.save(module, str(tmp_path / "encoder"))
    options = ("--encoder", tmp_path / "encoder", "--preprocessor", tiny_encoder[1])
    result = run("preview", *options, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["sequence_shape"] == []
    assert "none" in run("preview", *options).stdout


# Pictures


@pytest.mark.slow
def test_structure_is_drawn_as_png_and_pdf(tmp_path: Path) -> None:
    tree = Tree("sentiment", "-> [1]", 12, (Tree("a$b_{", "x^{$", 5), Tree("b", parts=(Tree("c", "", 7),))))
    plots.structure(tree, tmp_path / "picture.PNG")
    plots.structure(tree, tmp_path / "picture.pdf")
    picture = (tmp_path / "picture.PNG").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(picture[start : start + 4], "big") for start in (16, 20))
    assert width > 300
    assert height > 100
    assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF-")


def test_a_larger_structure_gives_a_taller_picture(tmp_path: Path) -> None:
    heights = []
    for count in (2, 20):
        plots.structure(Tree("top", parts=(Tree("part"),) * count), tmp_path / "picture.svg")
        box = ElementTree.parse(tmp_path / "picture.svg").getroot().get("viewBox", "")
        heights.append(float(box.split()[3]))
    assert heights[1] > 4 * heights[0]


@pytest.mark.parametrize("name", ["structure.gif", "structure", "svg"])
def test_preview_refuses_a_picture_of_no_known_format_before_it_loads(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in [module for module in sys.modules if module.startswith("bertsent.tf")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # importing it would fail
    refused = run("preview", "--plot", name)
    assert refused.exit_code == 2
    assert ".svg, .png, .pdf" in refused.stderr
    assert not Path(name).exists()


# The list of names


def test_preview_lists_every_name(run: Run) -> None:
    shown = run("preview", "--list")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == 34
    assert [line.split()[0] for line in lines] == list(PRESETS)
    assert all(line.split()[-1] == PRESETS[line.split()[0]].handle for line in lines)


def test_preview_lists_as_json_lines(run: Run) -> None:
    rows = [json.loads(line) for line in run("preview", "--list", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == list(PRESETS)
    assert rows[1] == {
        "name": "small_bert/bert_en_uncased_L-2_H-128_A-2",
        "handle": "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-2_H-128_A-2/1",
        "preprocessor": "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3",
        "layers": 2,
        "hidden_size": 128,
        "heads": 2,
        "source": "TensorFlow tutorial 'Classify text with BERT'",
    }
