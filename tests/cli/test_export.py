"""`bertsent export`: folders that other runtimes score with."""

from __future__ import annotations

import json
import random
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support import fake_versions, tiny_bert
from typer.testing import CliRunner, Result

from bertsent.base.errors import UsageError
from bertsent.base.settings.export import ExportSettings
from bertsent.base.text import CLEANING, spell_emoji, tokenizable
from bertsent.cli import app
from bertsent.export import folder, numpy_bert, probe_texts, weights
from bertsent.export.litert_onnx import export
from bertsent.scoring.calibration import Calibration, ShortTexts
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import NORMALISATION, Tokenizer, pack, window
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, VOCABULARY, WEIGHTS, WORDPIECE, read_version

pytestmark = pytest.mark.usefixtures("tensorflow", "onnxruntime")

Run = Callable[..., Result]
PLACES, HIDDEN, HEADS, INNER = 32, 32, 2, 64
SHORT = ShortTexts(2.5, -0.3, tokens=8, long=20)
CALIBRATION = Calibration(1.7, 0.4, unsure=(0.4, 0.6), rows=9, short=SHORT)
TEXTS = probe_texts.sample(ExportSettings(sample=12, long=2), seq_length=PLACES)
FORMATS = ("saved-model", "litert", "onnx")
# Nothing of bertsent: only what the exported folders hold, and their runtimes.
ALONE = """
import json, pathlib, runpy, sys
sys.modules["bertsent"] = None
import tensorflow as tf, tensorflow_text
saved, litert, onnx, texts = sys.argv[1:4] + [json.loads(sys.argv[4])]
signature = tf.saved_model.load(saved).signatures["serving_default"]
scores = {"saved-model": signature(text=tf.constant(texts))["score"].numpy().tolist()}
for name, path in (("litert", litert), ("onnx", onnx)):
    classifier = runpy.run_path(path + "/score.py")["Classifier"](pathlib.Path(path))
    scores[name] = classifier.score(texts)
print(json.dumps(scores))
"""


def arrays(seed: int = 5) -> dict[str, Any]:
    """Random weights of a plain BERT with two layers, and of a head whose scores spread."""
    draw = np.random.default_rng(seed)
    heads = (HEADS, HIDDEN // HEADS)
    block: dict[str, tuple[int, ...]] = {
        **{f"self_attention/{part}/kernel": (HIDDEN, *heads) for part in ("query", "key", "value")},
        **{f"self_attention/{part}/bias": heads for part in ("query", "key", "value")},
        "self_attention/attention_output/kernel": (*heads, HIDDEN),
        "self_attention/attention_output/bias": (HIDDEN,),
        "intermediate/kernel": (HIDDEN, INNER),
        "intermediate/bias": (INNER,),
        "output/kernel": (INNER, HIDDEN),
        "output/bias": (HIDDEN,),
        **{
            f"{name}layer_norm/{part}": (HIDDEN,)
            for name in ("self_attention_", "output_")
            for part in ("gamma", "beta")
        },
    }
    shapes = {
        "word_embeddings/embeddings": (len(tiny_bert.vocabulary()), HIDDEN),
        "position_embedding/embeddings": (64, HIDDEN),
        "type_embeddings/embeddings": (2, HIDDEN),
        "embeddings/layer_norm/gamma": (HIDDEN,),
        "embeddings/layer_norm/beta": (HIDDEN,),
        "pooler_transform/kernel": (HIDDEN, HIDDEN),
        "pooler_transform/bias": (HIDDEN,),
        **{f"transformer/layer_{layer}/{name}": shape for layer in (0, 1) for name, shape in block.items()},
    }
    made = {
        f"encoder/{name}": draw.normal(float(name.endswith("gamma")), 0.2, shape)
        for name, shape in shapes.items()
    }
    made |= {"classifier/kernel": draw.normal(0, 1.0, (HIDDEN, 1)), "classifier/bias": np.zeros(1)}
    # fp16, as versions keep them: what is exported is what the LiteRT file was made from.
    return {name: value.astype(np.float16) for name, value in made.items()}


def keras(values: dict[str, Any], *, gelu: str = "erf") -> Any:
    """The classifier of these weights, as it would train."""
    from bertsent.tf import classifier, tf, tf_keras
    from bertsent.tf.bert import BertEncoder

    single = {name: value.astype(np.float32) for name, value in values.items()}
    encoder = {name.removeprefix("encoder/"): value for name, value in single.items() if name[0] == "e"}
    ids = tf_keras.Input(shape=(None,), dtype=tf.int32, name="input_word_ids")
    pooled = BertEncoder(encoder, approximate_gelu=gelu == "tanh")(ids)
    made = tf_keras.Model(ids, tf_keras.layers.Dense(1, name=classifier.HEAD)(pooled))
    classifier.assign(made, single)
    return made


def publish(model: Path, kept: dict[str, Any], litert: bytes) -> Path:
    """The next version of a folder, with these weights and this LiteRT file."""
    with store.staging(model, needed=0) as path:
        (path / CLASSIFIER).write_bytes(litert)
        (path / VOCABULARY).write_text("\n".join(tiny_bert.vocabulary()) + "\n", encoding="utf-8")
        if kept:
            save_file(kept, path / WEIGHTS)
        manifest = fake_versions.manifest(
            encoder={
                "name": "tiny",
                "handle": "/nowhere",
                "preprocessor": "",
                "rebuilt": True,
                "gelu": "erf",
            },
            tokenizer={
                "kind": WORDPIECE,
                "lower_case": True,
                "normalisation": NORMALISATION,
                "digest": Tokenizer.from_file(path / VOCABULARY, lower_case=True).digest(),
            },
            seq_length=PLACES,
            calibration=CALIBRATION.as_json(),
            cleaning=CLEANING,
            metrics={"test": {"compared": 60, "litert_agreement": 0.95}},
            probes={"great film": 0.5},
        )
        return store.publish(path, manifest, folder=model).path


@pytest.fixture(scope="module")
def onnxruntime() -> None:
    pytest.importorskip("onnxruntime", reason="needs bertsent[onnx]")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tensorflow: None) -> Path:
    """A `model` folder: 1 whole, 2 without weights, 3 with the weights of another classifier."""
    from bertsent.tf.litert import to_litert

    model = tmp_path_factory.mktemp("exports") / "model"
    litert = to_litert(keras(arrays()), CALIBRATION)
    publish(model, arrays(), litert)
    publish(model, {}, litert)
    publish(model, arrays(seed=6), litert)
    return model


@pytest.fixture(scope="module")
def exported(home: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Version 1 in every format: its folder, and what the command answered."""
    answers = {}
    for name in FORMATS:
        out = home.parent / name
        command = ["export", name, str(out), "--model", str(home / "1"), "--json", "--quiet"]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.stderr
        answers[name] = (out / "1" if name == "saved-model" else out, json.loads(result.stdout))
    return answers


def expected() -> list[float]:
    """Scores by the trained classifier, text by text."""
    vocabulary = tiny_bert.vocabulary()
    tokenizer, classifier = Tokenizer(vocabulary, lower_case=True), keras(arrays())
    scores = []
    for ids in tokenizer.encode([tokenizable(text, CLEANING) for text in TEXTS]):
        row = window(ids, seq_length=PLACES, kind="head+tail")
        logit = float(classifier(pack([row], tokenizer=tokenizer))[0, 0])
        scores.append(float(CALIBRATION.apply(logit, len(row) + 2)))
    return scores


# what an export scores


def test_exports_score_in_a_process_without_bertsent(
    home: Path, exported: dict[str, tuple[Path, dict[str, Any]]], tmp_path: Path
) -> None:
    folders = [str(exported[name][0]) for name in FORMATS]
    ended = subprocess.run(
        [sys.executable, "-c", ALONE, *folders, json.dumps(TEXTS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    scores = json.loads(ended.stdout)
    assert np.ptp(expected()) > 0.3
    assert scores["saved-model"] == pytest.approx(expected(), abs=1e-4)
    assert scores["onnx"] == pytest.approx(expected(), abs=1e-4)
    scorer = Scorer(read_version(home / "1"))
    ours = [prediction.score for prediction in scorer.predict(TEXTS)]
    assert scores["litert"] == pytest.approx(ours, abs=1e-4)


def test_export_says_how_far_its_scores_lie_apart(exported: dict[str, tuple[Path, dict[str, Any]]]) -> None:
    for name, (path, answer) in exported.items():
        assert (answer["format"], answer["version"], Path(answer["path"])) == (name, "1", path)
        exact = answer["distances"][0]
        assert exact["texts"] > 60
        assert exact["largest"] <= 1e-4
        assert len(answer["distances"]) == (1 if name == "litert" else 2)


@pytest.mark.parametrize("rows", [1, 3])
def test_onnx_takes_any_batch_and_ignores_padding(
    exported: dict[str, tuple[Path, dict[str, Any]]], rows: int
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(exported["onnx"][0] / "classifier.onnx")
    ids = np.array([[2, 9, 30, 12, 3]] * rows, np.int32)
    score = session.run(["score"], {"input_word_ids": ids})[0]
    padded = session.run(["score"], {"input_word_ids": np.pad(ids, ((0, 0), (0, 9)))})[0]
    assert score.shape == (rows,)
    assert padded.tolist() == pytest.approx(score.tolist(), abs=1e-6)


@pytest.mark.parametrize("gelu", ["tanh", "erf"])
def test_numpy_bert_is_the_classifier_that_trains(gelu: Any) -> None:
    ids = np.array([[2, 9, 30, 12, 3, 0, 0], [2, 40, 41, 42, 43, 44, 3]], np.int32)
    logits = keras(arrays(), gelu=gelu)(ids).numpy()[:, 0]
    single: weights.Arrays = {name: value.astype(np.float32) for name, value in arrays().items()}
    one = replace(CALIBRATION, short=None)
    found = numpy_bert.score(single, ids, gelu=gelu, calibration=one)
    assert found == pytest.approx(1 / (1 + np.exp(-(logits / 1.7 + 0.4))), abs=1e-6)
    found = numpy_bert.score(single, ids, gelu=gelu, calibration=CALIBRATION)
    assert found == pytest.approx(1 / (1 + np.exp(-(logits / 2.5 - 0.3))), abs=1e-6)


# how a text becomes ids outside of bertsent


def strange(count: int) -> list[str]:
    """Texts of what cleaning and tokenizing look at."""
    parts = [
        *"\U0001f600\u2764\U0001f3fd\u2714",
        *"ab \t\n\x1c\x85\u00a0\u2028\ufeff\u200b<>/.-\u4e2d\u00e9\u0301\u00df",
        "<br",
        "<BR />",
        "film",
        "[SEP]",
    ]
    draw = random.Random(3)
    return ["".join(draw.choices(parts, k=draw.randint(0, 30))) for _ in range(count)]


def test_cleaning_in_the_graph_is_our_own() -> None:
    from bertsent.tf import saved_model, tf

    given = [*probe_texts.ODD, *strange(500)]
    assert any(spell_emoji(text) != text for text in given)
    for emoji, cleaning in ((None, 1), (saved_model.emoji_table(), 2)):
        cleaned = saved_model.clean(tf.constant([text.encode() for text in given]), emoji).numpy()
        assert [text.decode() for text in cleaned] == [tokenizable(text, cleaning) for text in given]


def test_every_emoji_is_spelt_alike_in_the_exports(
    exported: dict[str, tuple[Path, dict[str, Any]]],
) -> None:
    from bertsent.tf import saved_model, tf

    given = [*map(chr, (*range(0x2000, 0x3000), *range(0x1F000, 0x20000)))]
    ours = [tokenizable(text, CLEANING) for text in given]
    cleaned = saved_model.clean(tf.constant([text.encode() for text in given]), saved_model.emoji_table())
    assert [text.decode() for text in cleaned.numpy()] == ours
    script = runpy.run_path(str(exported["litert"][0] / "score.py"))
    assert [script["clean"](text, CLEANING) for text in given] == ours


@pytest.mark.parametrize("lower_case", [True, False])
def test_exported_script_cuts_texts_as_we_do(
    exported: dict[str, tuple[Path, dict[str, Any]]], lower_case: bool
) -> None:
    path = exported["litert"][0]
    classifier = runpy.run_path(str(path / "score.py"))["Classifier"](path)
    classifier._lower_case = lower_case
    tokenizer = Tokenizer.from_file(path / "vocab.txt", lower_case=lower_case)
    for text in [*TEXTS, *strange(300)]:
        row = window(tokenizer.encode([tokenizable(text, CLEANING)])[0], seq_length=PLACES, kind="head+tail")
        assert classifier.encode(text).tolist() == pack([row], tokenizer=tokenizer).tolist(), repr(text)


def test_description_says_what_goes_in_and_comes_out(
    exported: dict[str, tuple[Path, dict[str, Any]]],
) -> None:
    path = exported["onnx"][0]
    about = json.loads((path / "export.json").read_text(encoding="utf-8"))
    assert about["input"]["name"] == "input_word_ids"
    assert about["window"] == {"kind": "head+tail", "head": 7, "tail": 23}
    assert about["calibration"] == {
        "temperature": 1.7,
        "bias": 0.4,
        "short": {"temperature": 2.5, "bias": -0.3, "tokens": 8, "long": 20},
        "applied": True,
    }
    assert about["unsure"] == [0.4, 0.6]
    assert about["files"].keys() == {"README.md", "classifier.onnx", "score.py", "vocab.txt"}
    card = (path / "README.md").read_text(encoding="utf-8")
    assert "its first 7 and its last 23" in card
    assert "logit / 1.7 + 0.4) from 20 tokens on, sigmoid(logit / 2.5 + -0.3) up to 8" in card


def test_warm_up_file_holds_requests_as_tf_serving_reads_them(
    exported: dict[str, tuple[Path, dict[str, Any]]],
) -> None:
    from bertsent.tf import tf

    messages = serving_messages()
    file = exported["saved-model"][0] / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    assert 1 < len(records) <= 1000
    for record in records:
        request = messages["PredictionLog"].FromString(record).predict_log.request
        assert request.model_spec.signature_name == "serving_default"
        assert list(request.inputs) == ["text"]
        tensor = tf.make_ndarray(tf.make_tensor_proto([b""]).FromString(request.inputs["text"]))
        assert len(tensor) >= 1


def serving_messages() -> dict[str, Any]:
    """PredictionLog and what it holds, from the field numbers that tensorflow/serving publishes."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="serving", syntax="proto3")
    fields = {  # message -> field, number, its message; None: bytes
        "ModelSpec": [("signature_name", 3, None)],
        "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "PredictRequest.InputsEntry")],
        "PredictLog": [("request", 1, "PredictRequest")],
        "PredictionLog": [("predict_log", 6, "PredictLog")],
    }
    text, raw, one = 9, 12, 11  # TYPE_STRING, TYPE_BYTES, TYPE_MESSAGE
    for name, inside in fields.items():
        message = file.message_type.add(name=name)
        for field, number, of in inside:
            label = 3 if field == "inputs" else 1
            made = message.field.add(name=field, number=number, type=one if of else text, label=label)
            if of:
                made.type_name = f".serving.{of}"
        if name == "PredictRequest":
            entry = message.nested_type.add(name="InputsEntry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=text, label=1)
            entry.field.add(name="value", number=2, type=raw, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))
        for name in fields
    }


# where an export goes


def test_export_replaces_an_earlier_one_only_by_force(run: Run, home: Path, workspace: Path) -> None:
    command = ("export", "litert", "out", "--model", home / "1", "--quiet")
    assert run(*command).exit_code == 0
    (workspace / "out" / "vocab.txt").write_text("damaged", encoding="utf-8")
    refused = run(*command)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert run(*command, "--force").exit_code == 0
    assert (workspace / "out" / "vocab.txt").read_text(encoding="utf-8") != "damaged"
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_export_never_replaces_what_is_no_export(run: Run, home: Path, workspace: Path) -> None:
    command = ("export", "litert", "out", "--model", home / "1", "--quiet", "--force")
    assert run(*command).exit_code == 0
    (workspace / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    refused = run(*command)
    assert refused.exit_code == 2
    assert "is not an export" in refused.stderr
    assert (workspace / "out" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_saved_model_is_never_put_among_versions(run: Run, home: Path) -> None:
    before = sorted(home.rglob("*"))
    refused = run("export", "saved-model", home, "--model", home / "2", "--force")
    assert refused.exit_code == 2
    assert "holds other things" in refused.stderr
    assert sorted(home.rglob("*")) == before


def test_staged_puts_a_number_beside_other_exports(tmp_path: Path) -> None:
    for number in ("1", "2"):
        with folder.staged(tmp_path / "out", number=number, force=False, needed=0) as path:
            (path / "export.json").write_text('{"bertsent_export": 1, "files": {}}', encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1", "2"]
    with (
        pytest.raises(UsageError, match="--force"),
        folder.staged(tmp_path / "out", number="2", force=False, needed=0),
    ):
        pytest.fail("the place is taken")


def test_export_that_scores_otherwise_leaves_nothing(run: Run, home: Path, workspace: Path) -> None:
    failed = run("export", "onnx", "out", "--model", home / "3", "--quiet")
    assert failed.exit_code == 1
    assert "does not score as" in failed.stderr
    assert list(workspace.iterdir()) == []


# what cannot be exported


@pytest.mark.parametrize("name", ["saved-model", "onnx"])
def test_export_without_weights_names_the_remedy(run: Run, home: Path, name: str, workspace: Path) -> None:
    refused = run("export", name, "out", "--model", home / "2")
    assert refused.exit_code == 6
    assert "--no-weights" in refused.stderr
    assert "export litert" in refused.stderr
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize(
    ("encoder", "fact"),
    [({"name": "albert", "rebuilt": False}, "not a plain BERT"), ({"name": "old", "rebuilt": True}, "GELU")],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_onnx_of_an_encoder_that_nobody_knows_is_refused(
    run: Run, home: Path, tmp_path: Path, encoder: dict[str, Any], fact: str
) -> None:
    version = publish(tmp_path / "model", arrays(), (home / "1" / CLASSIFIER).read_bytes())
    fake_versions.edit(version, encoder=encoder)
    refused = run("export", "onnx", "out", "--model", version)
    assert refused.exit_code == 6
    assert fact in refused.stderr
    assert "export saved-model" in refused.stderr


def test_onnx_without_its_packages_names_the_extra(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    refused = run("export", "onnx", "out", "--model", home / "1")
    assert refused.exit_code == 1
    assert "bertsent[onnx]" in refused.stderr


def test_export_of_an_unknown_format_lists_those_there_are(run: Run) -> None:
    refused = run("export", "torch\x1b", "out")
    assert refused.exit_code == 2
    assert "'saved-model', 'litert', 'onnx'" in refused.stderr
    assert "\x1b" not in refused.stderr


def test_check_compares_on_the_reviews_of_the_user(run: Run, home: Path, workspace: Path) -> None:
    (workspace / "own.jsonl").write_text('{"text": "good film"}\n{"text": "bad film"}\n', encoding="utf-8")
    answer = run(
        "export", "litert", "out", "--model", home / "1", "--check", "own.jsonl", "--json", "--quiet"
    )
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["distances"][0]["texts"] == 2


def test_export_from_python_returns_what_it_found(home: Path, tmp_path: Path) -> None:
    made = export(read_version(home / "1"), "litert", tmp_path / "out")
    assert made.path == tmp_path / "out"
    assert made.bytes == sum(file.stat().st_size for file in made.path.iterdir())
    assert made.distances[0].same_label == made.distances[0].texts
