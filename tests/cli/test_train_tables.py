"""`train`, `retrain` and `drift` with tables, as a user meets them."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from support import retrain_world as world
from support.listener import Listener
from typer.testing import Result

from bertsent.base.settings import toml_file
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.source import Source
from bertsent.retraining import run as core
from bertsent.versions.manifest import read_version

Run = Callable[..., Result]
Folders = tuple[Path, Path]


def table(path: Path, rows: Iterable[Sequence[object]], header: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def quick(folders: Folders) -> list[object]:
    options = {"encoder": folders[0], "preprocessor": folders[1], "seq-length": 32, "epochs": 1, "crops": 0}
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def stars(path: Path) -> Path:
    """A shop's export: 240 texts with five stars, 60 with one, some with three, and what cannot be used."""
    rows = [(f"tasty tasty meal number {n}", 5, "DE") for n in range(240)]
    rows += [(f"stale stale meal number {n}", 1, "DE") for n in range(60)]
    rows += [(f"plain meal number {n}", 3, "AT") for n in range(7)]
    rows += [("", 5, "AT"), ("tasty tasty meal number 1", 5, "AT"), ("both", 5, "AT"), ("both", 1, "AT")]
    return table(path, rows, ("content", "score", "country"))


# train


@pytest.fixture(scope="module")
def published(once: Callable[..., Path], tiny_encoder: Folders) -> Path:
    """A workspace with a version that was trained on stars, with weights."""
    from typer.testing import CliRunner

    from bertsent.cli import app

    def make(home: Path) -> None:
        stars(home / "shop.csv")
        words = ["train", "--data", home / "shop.csv", "--labels", "positive=4,5 negative=1,2"]
        words += ["--balance", "weights", *quick(tiny_encoder)]
        result = CliRunner().invoke(app, [*map(str, words)], env={"BERTSENT_HOME": str(home)})
        assert result.exit_code == 0, result.stderr
        (home / "stderr.txt").write_text(result.stderr, encoding="utf-8")

    return once("published-stars", make)


def test_train_on_a_table_says_what_it_took_and_what_it_left_out(published: Path) -> None:
    said = (published / "stderr.txt").read_text(encoding="utf-8").splitlines()
    for line in (
        "Left out: 1 without text",
        "Left out: 7 without a label of positive or negative (3 (7 rows))",
        "Left out: 1 duplicates",
        "Left out: 1 with both labels",
    ):
        assert line in said
    assert any("content" in line and "score" in line for line in said)  # the columns that it took


def test_train_records_how_the_table_was_read_and_balanced(published: Path) -> None:
    manifest = read_version(published / "model" / "1").manifest
    train = manifest.data["train"]
    assert train["read"] == {"paths": ["shop.csv"], "labels": "positive=4,5 negative=1,2"}
    n, positive = train["n"], train["positive"]
    assert train["balance"]["positive"] == {"n": positive, "weight": pytest.approx(n / (2 * positive))}
    assert train["balance"]["negative"]["weight"] == pytest.approx(n / (2 * (n - positive)))
    assert manifest.settings["balance"] == "weights"
    config = (published / "model" / "1" / "train.toml").read_text(encoding="utf-8")
    assert toml_file.loads(config).balance == "weights"
    # Drift compares label shares with the rows as they came.
    from bertsent.drift import reference

    labels = reference.read(published / "model" / "1" / "reference.npz").label
    assert (len(labels), int(labels.sum())) == (n, positive)


def test_train_says_the_labels_and_their_weights(published: Path) -> None:
    said = (published / "stderr.txt").read_text(encoding="utf-8")
    train = read_version(published / "model" / "1").manifest.data["train"]
    positive, negative = train["positive"], train["n"] - train["positive"]
    assert f"Training rows: {positive} positive, {negative} negative\n" in said
    weights = [train["n"] / (2 * count) for count in (positive, negative)]
    assert f"Weight of a row with --balance weights: {weights[0]:.2f} positive, {weights[1]:.2f} neg" in said


def test_a_retrain_inherits_balance_and_an_older_version_has_none(published: Path, champion: Path) -> None:
    version = read_version(published / "model" / "1")
    assert core.settings_for(version, warm_start=True, labels=40).balance == "weights"
    older = read_version(champion / "model" / "1")
    settings = {name: value for name, value in older.manifest.settings.items() if name != "balance"}
    object.__setattr__(older.manifest, "settings", settings)
    assert core.settings_for(older, warm_start=True, labels=40).balance == "none"


def test_train_downsamples_what_it_trains_on_and_nothing_else(
    run: Run, workspace: Path, tiny_encoder: Folders
) -> None:
    path = stars(workspace / "data" / "shop.csv")  # the only data set, so it need not be named
    (workspace / "bertsent.toml").write_text(
        '[data]\nlabels = "positive=4,5 negative=1,2"\n', encoding="utf-8"
    )
    result = run("train", "--balance", "downsample", *quick(tiny_encoder), "--json")
    assert result.exit_code == 0, result.stderr
    train = read_version(workspace / "model" / "1").manifest.data["train"]
    fewer = train["n"] - train["positive"]
    assert train["positive"] > 2 * fewer
    assert train["balance"] == {
        "negative": {"n": fewer, "weight": 1.0},
        "positive": {"n": fewer, "weight": 1.0},
    }
    assert f"Trained on with --balance downsample: {fewer} positive, {fewer} negative" in result.stderr
    assert train["read"]["paths"] == [path.name]


def test_train_refuses_stars_before_it_loads_an_encoder(run: Run, workspace: Path) -> None:
    stars(workspace / "shop.csv")
    refused = run("train", "--data", "shop.csv", "--encoder", "nowhere")
    assert refused.exit_code == 7
    assert "5 (243 rows), 1 (61 rows), 3 (7 rows)" in refused.stderr
    assert "--labels 'positive=4,5 negative=1,2'" in refused.stderr
    assert len(refused.stderr.splitlines()[-1].split("Error: ")) == 2


def test_train_refuses_a_balance_that_there_is_not(run: Run) -> None:
    refused = run("train", "--balance", "upsample")
    assert refused.exit_code == 2
    assert "none" in refused.stderr


# retrain


def as_tables(films: Path, folder: Path) -> Path:
    """The data set films as two tables."""
    for half in ("train", "test"):
        rows = [
            (file.read_text(encoding="utf-8"), label)
            for label in ("pos", "neg")
            for file in (films / half / label).iterdir()
        ]
        table(folder / f"{half}.csv", rows, ("review", "sentiment"))
    return folder


def test_a_retrain_with_the_same_rows_as_tables_goes_on_where_folders_ended(
    challenged: Path, films: Path, workspace: Path, tmp_path: Path
) -> None:
    shutil.copytree(challenged, workspace, dirs_exist_ok=True)
    heard = Listener()
    source = Source((as_tables(films, tmp_path / "tables"),), ReadSettings())
    outcome = world.retrain(workspace, source, progress=heard)  # type: ignore[arg-type]
    assert heard.heard("An earlier run completed the challenger")
    assert outcome.outcome == "published"
    assert outcome.gate.test.n == world.TEST


def test_retrain_leaves_out_labels_of_test_rows_of_a_table(
    run: Run, champion: Path, workspace: Path, films: Path, tmp_path: Path
) -> None:
    shutil.copytree(champion, workspace, dirs_exist_ok=True)
    tables = as_tables(films, tmp_path / "tables")
    world.label(workspace, list(world.texts(world.FILM, world.TEST, seed=2))[:40])
    refused = run("retrain", "--data", tables / "train.csv", "--data", tables / "test.csv")
    assert refused.exit_code == 7
    assert "0 usable, 40 in the data set" in refused.stderr


def test_retrain_from_a_file_of_labels_says_how_to_record_them(
    run: Run, champion: Path, workspace: Path, films: Path
) -> None:
    shutil.copytree(champion, workspace, dirs_exist_ok=True)
    table(workspace / "labels.csv", [("tasty", "positive")], ("text", "label"))
    refused = run("retrain", "--data", films, "--labels", "labels.csv")
    assert refused.exit_code == 2
    assert "bertsent label --import labels.csv" in refused.stderr


# drift


@pytest.fixture
def home(champion: Path, workspace: Path) -> Path:
    shutil.copytree(champion / "model", workspace / "model")
    return workspace


def shop(path: Path, *, count: int = 120, labels: Sequence[object] = ("negative", "positive")) -> Path:
    rows = [(text, labels[label]) for text, label in world.texts(world.SHOP, count, seed=9)]
    return table(path, rows, ("text", "label"))


def test_drift_of_a_table_is_reported_once_and_recorded_nowhere(run: Run, home: Path) -> None:
    shop(home / "new.csv")
    for _ in range(2):
        result = run("drift", "--labels", "new.csv", "--data", "nowhere")
        assert result.exit_code == 3, result.stderr
        assert result.stdout.startswith("DRIFT: ")
        assert "only reported, because these labels are not recorded" in result.stdout
        assert "bertsent label --import new.csv" in result.stderr
    assert {path.name for path in home.iterdir()} == {"model", "new.csv"}


def test_drift_of_a_table_of_stars_takes_a_map_beside_it(run: Run, home: Path) -> None:
    shop(home / "new.csv", labels=(1, 5))
    refused = run("drift", "--labels", "new.csv")
    assert refused.exit_code == 7
    assert "1 (60 rows), 5 (60 rows)" in refused.stderr
    result = run(
        *("drift", "--labels", "new.csv", "--labels", "positive=4,5 negative=1,2", "--json"),
        *("--report", "drift.html"),
    )
    assert result.exit_code == 3, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["verdict"], answer["new_rows"], answer["action"]) == ("drift", 120, "reported")
    page = (home / "drift.html").read_text(encoding="utf-8")
    assert "bertsent label --import new.csv" in page
    assert "--labels new.csv --labels" in page
    (home / "bertsent.toml").write_text('[data]\nlabels = "positive=5 negative=1"\n', encoding="utf-8")
    assert run("drift", "--labels", "new.csv").exit_code == 3


def test_command_that_drift_names_records_its_labels(run: Run, home: Path) -> None:
    rows = [(text, 5 if label else 1, "fine") for text, label in world.texts(world.SHOP, 60, seed=9)]
    table(home / "-new reviews.csv", rows, ("words", "stars", "text"))
    options = ("--text", "words", "--label", "stars", "--labels", "positive=5 negative=1")
    result = run("drift", "--labels", "./-new reviews.csv", *options)
    assert result.exit_code == 3, result.stderr
    (command,) = re.findall(r"record them: bertsent (.*)$", result.stderr, re.MULTILINE)
    recorded = run(*shlex.split(command))
    assert recorded.exit_code == 0, recorded.stderr
    assert "This session: 30 positive, 30 negative" in recorded.stdout


def test_command_that_retrain_names_records_its_labels(run: Run, home: Path) -> None:
    table(home / "new reviews.csv", [("tasty", 5), ("stale", 1)], ("words", "stars"))
    options = ("--text", "words", "--label", "stars", "--labels", "positive=5 negative=1")
    refused = run("retrain", "--labels", "new reviews.csv", *options)
    assert refused.exit_code == 2
    (command,) = re.findall(r"Hint: bertsent (.*), then bertsent retrain", refused.stderr)
    assert run(*shlex.split(command)).exit_code == 0
    assert len((home / "labels/log.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_drift_says_how_many_labels_are_copies(run: Run, home: Path) -> None:
    shop(home / "new.csv")
    rows = [(f"{text.upper()}!", label) for text, label in world.texts(world.SHOP, 5, seed=9)]
    words = ("positive", "negative")
    with (home / "new.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((text.replace("!", " "), words[1 - label]) for text, label in rows)
    result = run("drift", "--labels", "new.csv")
    assert "120 new labels" in result.stdout
    assert "Not judged: 5 with the words of another or of a training review." in result.stderr
    assert "Not judged" not in run("drift", "--labels", "new.csv", "--quiet").stderr


def test_drift_of_too_few_rows_of_a_table_cannot_tell(run: Run, home: Path) -> None:
    shop(home / "new.csv", count=20)
    result = run("drift", "--labels", "new.csv")
    assert result.exit_code == 4
    assert result.stdout.startswith("CANNOT TELL: 20 new labels")


def test_drift_takes_a_folder_of_classes_that_label_did_not_write(run: Run, home: Path) -> None:
    for text, label in world.texts(world.SHOP, 60, seed=9):
        file = home / "mine" / ("Negative", "Positive")[label] / f"{text[-8:].strip()}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    result = run("drift", "--labels", "mine")
    assert result.exit_code == 3, result.stderr
    assert "60 new labels" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "nowhere.csv"], "takes a folder or file that exists"),
        (["--labels", "model", "--labels", "model/1"], "takes one folder or file"),
        (["--labels", "positive=5"], "NOTHING NEW"),
    ],
)
def test_drift_tells_paths_and_maps_apart(run: Run, home: Path, words: list[str], said: str) -> None:
    result = run("drift", *words)
    assert said in result.stderr + result.stdout
    assert result.exit_code == (0 if said == "NOTHING NEW" else 2)
