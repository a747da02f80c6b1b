"""`bertsent train`, as a user meets it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import command, tiny_bert
from typer.testing import CliRunner, Result

from bertsent.base.presets import UNCASED
from bertsent.cli import app

Run = Callable[..., Result]
Folders = tuple[Path, Path]
SMALL = "small_bert/bert_en_uncased_L-4_H-512_A-8"
HANDLE = f"https://tfhub.dev/tensorflow/{SMALL}/1"
KILLED_EPOCHS = 4


def quick(folders: Folders, **changes: object) -> list[str]:
    """The options of a run of seconds."""
    encoder, preprocessor = folders
    options: dict[str, object] = {"encoder": encoder, "preprocessor": preprocessor, "epochs": 1}
    options |= {"seq-length": 32, "batch-size": 16, "init-lr": 1e-3} | changes
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


@pytest.fixture
def handle_in_cache(tiny_encoder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tiny encoder where tensorflow_hub looks for a small BERT and its preprocessor."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    for handle, folder in zip((HANDLE, UNCASED), tiny_encoder, strict=True):
        shutil.copytree(folder, tmp_path / "hub" / hashlib.sha1(handle.encode()).hexdigest())
    return


@pytest.mark.usefixtures("handle_in_cache")
def test_train_through_a_handle_publishes_a_version_that_scores(
    run: Run, workspace: Path, sample: Path
) -> None:
    trained = run(
        *("train", "--data", sample, "--encoder", SMALL, "--optimizer", "adam"),
        *("--epochs", 1, "--seq-length", 32, "--json", "--quiet"),
    )
    assert trained.exit_code == 0, trained.stderr
    answer = json.loads(trained.stdout)
    assert answer["version"] == 1
    assert answer["metrics"]["test"]["n"] == 60
    assert 0.9 <= answer["litert_agreement"] <= 1
    manifest = json.loads((workspace / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["encoder"]["name"] == SMALL
    assert manifest["encoder"]["handle"] == HANDLE
    assert manifest["encoder"]["preprocessor"] == UNCASED
    assert manifest["encoder"]["rebuilt"] is True
    scored = run("predict", "great film", "--json")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads(scored.stdout)["version"] == "1"
    assert json.loads(scored.stdout)["score"] == pytest.approx(manifest["probes"]["great film"], abs=1e-6)


def test_train_through_the_hub_graph_publishes_a_version_that_scores(
    run: Run, workspace: Path, tiny_encoder: Folders, sample: Path, tmp_path: Path
) -> None:
    # Factorised embeddings, as ELECTRA small has them: WordPiece, but no plain BERT.
    encoder = tiny_bert.export_encoder(tmp_path / "factorised", embedding_size=16, num_hidden_layers=1)
    trained = run("train", "--data", sample, *quick((encoder, tiny_encoder[1])))
    assert trained.exit_code == 0, trained.stderr
    assert "trains in TF Hub's own graph" in trained.stderr
    manifest = json.loads((workspace / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["encoder"]["rebuilt"] is False
    assert manifest["metrics"]["test"]["litert_agreement"] >= 0.9
    scored = run("predict", "great film", "--json")
    assert json.loads(scored.stdout)["score"] == pytest.approx(manifest["probes"]["great film"], abs=1e-6)


def test_train_downloads_first_what_url_names(
    run: Run, workspace: Path, tiny_encoder: Folders, sample: Path, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "reviews.tar.gz", "w:gz") as tar:
        for half in ("train", "test"):
            tar.add(sample / half, arcname=f"reviews/{half}")
    trained = run(
        *("train", "--url", f"file://{tmp_path}/reviews.tar.gz", "--output", "elsewhere", "--no-weights"),
        *quick(tiny_encoder, optimizer="sgd"),
    )
    assert trained.exit_code == 0, trained.stderr
    assert len(list((workspace / "data" / "reviews" / "test" / "pos").iterdir())) == 30
    assert trained.stdout.startswith("Published version 1 in elsewhere/1\n")
    assert "(60 reviews)" in trained.stdout
    names = {path.name for path in (workspace / "elsewhere" / "1").iterdir()}
    assert {"classifier.tflite", "reference.npz"} < names
    assert "weights.safetensors" not in names
    assert not (workspace / "model").exists()


def test_train_refuses_a_url_beside_a_data_set(run: Run, sample: Path) -> None:
    refused = run("train", "--data", sample, "--url", sample)
    assert refused.exit_code == 2
    assert "exclude each other" in refused.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seq-length", 513),
        ("seq-length", 7),
        ("epochs", 0),
        ("init-lr", "nan"),
        ("warmup", 1),
        ("batch-size", 0),
        ("dropout", 1),
        ("validation-share", 0),
        ("optimizer", "adagrad"),
        ("window", "tail"),
        ("seed", -1),
    ],
)
def test_train_refuses_a_value_that_cannot_be_before_it_writes(
    run: Run, workspace: Path, option: str, value: object
) -> None:
    refused = run("train", f"--{option}={value}")
    assert refused.exit_code == 2
    assert option in refused.stderr
    assert str(value) in refused.stderr
    assert not list(workspace.iterdir())


def test_train_without_a_data_set_says_how_to_get_one(run: Run) -> None:
    refused = run("train")
    assert refused.exit_code == 7
    assert "bertsent download" in refused.stderr


# Signals


@contextmanager
def signal_once(path: Path, number: int) -> Iterator[None]:
    """Sends this process a signal as soon as `path` exists."""
    over = threading.Event()

    def wait() -> None:
        while not over.wait(0.01):
            if path.exists():
                os.kill(os.getpid(), number)
                return

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_train_stops_when_asked_and_says_how_to_go_on(
    run: Run, workspace: Path, tiny_encoder: Folders, sample: Path, number: signal.Signals, code: int
) -> None:
    before = signal.getsignal(number)
    with signal_once(workspace / ".bertsent" / "training" / "epoch-0001", number):
        stopped = run("train", "--data", sample, "--resume", *quick(tiny_encoder, epochs=100))
    assert stopped.exit_code == code
    assert "No checkpoint of an earlier run is intact; starting from the beginning" in stopped.stderr
    assert "Stopping after this batch" in stopped.stderr
    assert "--resume" in stopped.stderr.splitlines()[-1]
    assert not list((workspace / "model").iterdir())
    assert list((workspace / ".bertsent" / "training").glob("epoch-*-step-*/state.json"))
    assert signal.getsignal(number) == before


@dataclass(frozen=True)
class Killed:
    """What a run left behind that was killed in its second epoch, and what was tried while it ran."""

    workspace: Path
    options: list[str]
    stderr: str
    process: int
    second: Result


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Folders, sample: Path) -> Killed:
    home = tmp_path_factory.mktemp("killed")
    options = ["train", "--data", str(sample), *quick(tiny_encoder, epochs=KILLED_EPOCHS, optimizer="lamb")]
    # What bertsent.tf set in this process must not help the other one.
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    process = command.start(*options, env=env | {"BERTSENT_HOME": str(home)}, cwd=home)
    try:
        deadline = time.monotonic() + 120
        while not (home / ".bertsent" / "train.lock.owner").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        second = CliRunner().invoke(app, options, env={"BERTSENT_HOME": str(home)})
        while not (home / ".bertsent" / "training" / "epoch-0001").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.kill()
        _, stderr = process.communicate()
    return Killed(home, options, stderr.decode(), process.pid, second)


@pytest.fixture
def after_the_kill(killed: Killed, workspace: Path) -> Path:
    """That workspace for this test alone."""
    return Path(shutil.copytree(killed.workspace, workspace, dirs_exist_ok=True))


def test_train_beside_another_run_is_refused_at_once(killed: Killed) -> None:
    assert killed.second.exit_code == 75
    assert f"train, process {killed.process}" in killed.second.stderr


def test_train_keeps_the_libraries_off_stderr(killed: Killed) -> None:
    begins = ("Reading ", "Reviews: ", "Training rows: ", "Not read: ", "Epoch ", "Validation ")
    assert [line for line in killed.stderr.splitlines() if not line.startswith(begins)] == []
    assert "Epoch 1/4: loss" in killed.stderr or "Epoch 1/4 ..." in killed.stderr


def test_train_goes_on_after_a_kill(run: Run, killed: Killed, after_the_kill: Path) -> None:
    first = after_the_kill / ".bertsent" / "training" / "epoch-0001" / "state.json"
    done = json.loads(first.read_text(encoding="utf-8"))["epochs"]
    resumed = run(*killed.options, "--resume", "--json")
    assert resumed.exit_code == 0, resumed.stderr
    assert "Resuming after epoch" in resumed.stderr
    history = json.loads((after_the_kill / "model" / "1" / "history.json").read_text(encoding="utf-8"))
    assert [epoch["epoch"] for epoch in history["epochs"]] == list(range(1, KILLED_EPOCHS + 1))
    assert history["epochs"][:1] == done
    manifest = json.loads((after_the_kill / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["encoder"]["rebuilt"]  # although this process trained before, and in bf16
    losses: list[Any] = [epoch["validation_loss"] for epoch in history["epochs"]]
    assert history["best_epoch"] == 1 + losses.index(min(losses))
    assert not [*after_the_kill.rglob("*.tmp"), *after_the_kill.rglob("*.owner")]
