"""A retrain from the labels to its one outcome, whatever happens in between."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import retrain_faults
from support import retrain_world as world
from support.listener import Listener

from bertsent.base.digests import sha256_folder, sha256_text
from bertsent.base.errors import BusyError, DataError, Interrupted, UsageError
from bertsent.base.files import lock
from bertsent.base.records.core import Review, to_json
from bertsent.base.settings.toml_file import Config
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.labelling.log import LabelLog
from bertsent.labelling.selection import row_key
from bertsent.retraining.gate import Taught, judge
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.paired import PairedScores
from bertsent.retraining.records import Retrained, Trigger
from bertsent.retraining.run import can_warm_start, settings_for
from bertsent.scoring.scorer import Scorer
from bertsent.versions import registry
from bertsent.versions.manifest import CARD, HISTORY, WEIGHTS, version_numbers

ASKED = Trigger("asked")


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, challenged: Path, films: Path
) -> tuple[Path, Retrained]:
    """A workspace in which a better challenger took over."""
    home = Path(shutil.copytree(challenged, tmp_path_factory.mktemp("published") / "home"))
    return home, world.retrain(home, films)


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory, poisoned: Path, films: Path) -> tuple[Path, Retrained]:
    """A workspace in which a worse challenger did not."""
    home = Path(shutil.copytree(poisoned, tmp_path_factory.mktemp("rejected") / "home"))
    return home, world.retrain(home, films)


@pytest.fixture
def after(workspace: Path) -> Callable[[tuple[Path, Retrained] | Path], Path]:
    """A copy of a home in this test's workspace."""

    def copy(home: tuple[Path, Retrained] | Path) -> Path:
        source = home if isinstance(home, Path) else home[0]
        return Path(shutil.copytree(source, workspace, dirs_exist_ok=True))

    return copy


def events(home: Path) -> list[dict[str, Any]]:
    return Ledger(home / "reports").events()


def began_training(home: Path, films: Path, **options: Any) -> bool:
    """Whether a retrain gets as far as training; it is stopped there."""

    class AtTraining(Listener):
        def tell(self, message: str) -> None:
            if message.startswith("Training on"):
                raise Interrupted("At training.")

    try:
        world.retrain(home, films, progress=AtTraining(), **options)
    except Interrupted:
        return True
    return False


# A better challenger


def test_retrain_publishes_a_challenger_that_learnt_the_labels(published: tuple[Path, Retrained]) -> None:
    home, retrained = published
    assert (retrained.outcome, retrained.version, retrained.earlier) == ("published", 2, False)
    assert world.current(home).name == "2"
    rows = list(world.texts(world.SHOP, 40, seed=9)) + list(world.texts(world.FILM, 40, seed=9))
    right = [
        (found.score >= 0.5) == bool(found.gold)
        for found in Scorer(world.current(home)).predict_reviews(Review(text, label) for text, label in rows)
    ]
    assert sum(right) >= 0.85 * len(right)


def test_retrain_judges_on_test_and_reserved_rows(published: tuple[Path, Retrained]) -> None:
    gate = published[1].gate
    assert gate.passed
    assert gate.test.n == world.TEST
    assert gate.test.low > -0.01
    assert gate.reserved.challenger > gate.reserved.champion
    assert len({gate.test.digest, gate.reserved.digest}) == 2


def test_retrain_leaves_the_champion_as_it_was(published: tuple[Path, Retrained], challenged: Path) -> None:
    assert sha256_folder(published[0] / "model" / "1") == sha256_folder(challenged / "model" / "1")


def test_retrain_writes_down_what_led_to_the_version(published: tuple[Path, Retrained]) -> None:
    home, retrained = published
    manifest = world.current(home).manifest
    assert (manifest.reason, manifest.parent) == ("drift", 1)
    lineage = manifest.lineage
    assert lineage["because"] == {"kind": "drift", "batch": "b" * 64, "report": world.DRIFT.report}
    assert lineage["gate"] == json.loads(json.dumps(to_json(retrained.gate)))
    assert lineage["champion"]["version"] == 1
    assert lineage["start"] == "champion"
    card = (home / "model" / "2" / "README.md").read_text(encoding="utf-8")
    assert "Made by `bertsent retrain`" in card
    assert retrained.gate.reason in card
    assert "because of drift" in card


def test_the_card_says_which_weights_a_warm_start_publishes(published: tuple[Path, Retrained]) -> None:
    version = world.current(published[0])
    epochs = json.loads(version.file(HISTORY).read_text(encoding="utf-8"))["epochs"]
    card = version.file(CARD).read_text(encoding="utf-8")
    assert f"| published epoch | {len(epochs)}, the last |" in card
    assert version.manifest.data["labels"]["step"] == 0.7
    assert "| weights | those of that epoch (share 0.7), averaged with those of version 1 |" in card
    assert "lowest validation loss" not in card


def test_retrain_trains_on_no_reserved_row(published: tuple[Path, Retrained]) -> None:
    home, retrained = published
    stated = world.current(home).manifest.data["labels"]
    assert len(stated["digests"]) == stated["n"]
    assert len(stated["reserved"]) == retrained.gate.reserved.n
    assert 0.1 < len(stated["reserved"]) / world.LABELS < 0.3
    assert not {*stated["digests"]} & {*stated["reserved"]}
    labelled = {sha256_text(text) for text, _ in world.texts(world.SHOP, world.LABELS, seed=3)}
    assert {*stated["digests"], *stated["reserved"]} == labelled


def test_retrain_leaves_one_line_and_nothing_else(published: tuple[Path, Retrained]) -> None:
    home = published[0]
    assert [(each["event"], each["version"], each["batch"]) for each in events(home)] == [
        ("published", 2, "b" * 64)
    ]
    assert not (home / ".bertsent" / "challenger").exists()
    assert not [*home.rglob("*.tmp"), *home.rglob("*.owner")]
    assert sorted(path.name for path in (home / "model").iterdir()) == ["1", "2"]


@pytest.mark.parametrize("trigger", [world.DRIFT, ASKED], ids=["drift", "asked"])
def test_retrain_of_labels_that_have_their_version_does_nothing(
    after: Any, published: tuple[Path, Retrained], films: Path, trigger: Trigger
) -> None:
    home = after(published)
    again = world.retrain(home, films, trigger=trigger)
    assert (again.outcome, again.version, again.earlier) == ("published", 2, True)
    assert "version 2 was trained on these labels" in again.reason
    assert version_numbers(home / "model") == [1, 2]
    assert len(events(home)) == 1


def test_retrain_of_a_batch_that_has_its_version_does_nothing_although_labels_came_since(
    after: Any, published: tuple[Path, Retrained], films: Path
) -> None:
    home = after(published)
    world.label(home, world.texts(world.SHOP, 60, seed=5))
    assert world.retrain(home, films).earlier
    assert began_training(home, films, trigger=ASKED)


def test_retrain_writes_the_line_that_a_lost_ledger_lacks(
    after: Any, published: tuple[Path, Retrained], films: Path
) -> None:
    home = after(published)
    before = events(home)
    shutil.rmtree(home / "reports")
    assert world.retrain(home, films).earlier
    assert [each | {"time": ""} for each in events(home)] == [each | {"time": ""} for each in before]


def test_retrain_does_not_make_again_what_was_rolled_back(
    after: Any, published: tuple[Path, Retrained], films: Path
) -> None:
    home = after(published)
    registry.rollback(None, workspace=Workspace(home))
    again = world.retrain(home, films, trigger=ASKED)
    assert (again.outcome, again.earlier) == ("rejected", True)
    assert "version 2 was trained on these labels and rolled back" in again.reason
    assert version_numbers(home / "model") == [1, 2, 3]
    assert began_training(home, films, trigger=ASKED, force=True)


# A worse one


def test_retrain_rejects_a_challenger_of_poisoned_labels(
    rejected: tuple[Path, Retrained], champion: Path
) -> None:
    home, retrained = rejected
    assert (retrained.outcome, retrained.version) == ("rejected", None)
    assert not retrained.gate.passed
    assert retrained.gate.test.challenger < retrained.gate.test.champion
    assert retrained.gate.reserved.challenger > retrained.gate.reserved.champion, "it learnt the poison"
    assert sha256_folder(home / "model") == sha256_folder(champion / "model")
    assert not (home / ".bertsent" / "challenger").exists()
    line = events(home)[0]
    assert (line["event"], line["version"], line["reason"]) == ("rejected", None, retrained.reason)
    assert line["gate"]["test"]["digest"] == retrained.gate.test.digest


def test_retrain_of_rejected_labels_says_what_was_and_trains_nothing(
    after: Any, rejected: tuple[Path, Retrained], films: Path
) -> None:
    home = after(rejected)
    again = world.retrain(home, films)
    assert (again.outcome, again.earlier, again.reason) == ("rejected", True, rejected[1].reason)
    assert len(events(home)) == 1


@pytest.mark.parametrize(("more", "trains"), [(0, False), (47, False), (48, True)])
def test_retrain_of_rejected_labels_waits_for_a_fifth_more(
    after: Any, rejected: tuple[Path, Retrained], films: Path, more: int, trains: bool
) -> None:
    home = after(rejected)
    world.label(home, world.texts(world.SHOP, more, seed=6))
    other = Trigger("drift", batch="c" * 64)
    assert began_training(home, films, trigger=other) == trains
    if not trains:
        said = world.retrain(home, films, trigger=other).reason
        assert f"it is tried again with {48 - more} more labels" in said


def test_retrain_tries_what_the_rule_of_an_earlier_version_rejected(
    champion: Path, films: Path, after: Any
) -> None:
    home = after(champion)
    world.label(home, world.texts(world.SHOP, world.LABELS, seed=3))
    rows, version = LabelLog(home / "labels").labelled(), world.current(home)
    known = PairedScores("t", [1] * 800, [0.9] * 800, [0.9] * 800)
    new = PairedScores("r", [1] * 48, [0.9] * 40 + [0.1] * 8, [0.9] * 42 + [0.1] * 6)
    taught = Taught([1] * 192, [0.9] * 192)
    gate = replace(judge(known, new, taught), passed=False, reason="it is not shown to be better")
    line = {
        "event": "rejected",
        "version": None,
        "time": "2026-01-01T00:00:00Z",
        "kind": "asked",
        "batch": "",
    }
    of = {"version": 1, "digest": version.classifier_digest, "packaged": False}
    line |= {"reason": gate.reason, "keys": sorted(map(row_key, rows)), "champion": of, "gate": to_json(gate)}
    Ledger(home / "reports").append(line)
    assert not began_training(home, films, trigger=ASKED)
    for side in ("test", "reserved"):  # as 0.4.0 wrote them
        for key in ("score_difference", "score_low", "score_high"):
            del line["gate"][side][key]
    (home / "reports" / "ledger.jsonl").unlink()
    Ledger(home / "reports").append(line)
    assert began_training(home, films, trigger=ASKED)


def test_retrain_of_corrected_labels_trains(
    after: Any, rejected: tuple[Path, Retrained], films: Path
) -> None:
    home = after(rejected)
    world.label(home, list(world.texts(world.FILM, world.LABELS, seed=4))[:60])
    assert began_training(home, films, trigger=ASKED)


def test_retrain_with_force_trains_again(after: Any, rejected: tuple[Path, Retrained], films: Path) -> None:
    assert began_training(after(rejected), films, trigger=ASKED, force=True)


# Refusals before any work


def test_retrain_refuses_too_few_labels(champion: Path, films: Path, after: Any) -> None:
    home = after(champion)
    world.label(home, world.texts(world.SHOP, 29, seed=7))
    with pytest.raises(DataError, match="at least 30 labelled reviews") as caught:
        world.retrain(home, films)
    assert "29 usable" in str(caught.value.received)


def test_retrain_refuses_labels_of_one_kind(champion: Path, films: Path, after: Any) -> None:
    home = after(champion)
    world.label(home, [(text, 1) for text, _ in world.texts(world.SHOP, 60, seed=7)])
    with pytest.raises(DataError, match="with both labels"):
        world.retrain(home, films)


def test_retrain_counts_no_label_that_the_data_set_holds(champion: Path, films: Path, after: Any) -> None:
    home = after(champion)
    world.label(home, world.texts(world.FILM, 60, seed=2))  # test rows
    with pytest.raises(DataError) as caught:
        world.retrain(home, films)
    assert "0 usable, 60 in the data set" in str(caught.value.received)


def test_retrain_refuses_a_data_set_with_too_few_test_rows(
    champion: Path, sample: Path, after: Any, tmp_path: Path
) -> None:
    home = after(champion)
    world.label(home, world.texts(world.SHOP, 60, seed=7))
    small = Path(shutil.copytree(sample, tmp_path / "small"))
    for label in ("pos", "neg"):
        for file in sorted((small / "test" / label).iterdir())[10:]:
            file.unlink()
    with pytest.raises(DataError, match="takes at least 60 test and validation rows") as caught:
        world.retrain(home, small)
    assert re.fullmatch(r"[2-5]\d test and validation rows", str(caught.value.received))
    assert "name a larger data set with --data" in caught.value.hint
    assert began_training(home, sample)


def test_retrain_beside_another_one_is_refused(challenged: Path, films: Path, after: Any) -> None:
    home = after(challenged)
    with lock(home / ".bertsent" / "retrain.lock", "retrain"), pytest.raises(BusyError):
        world.retrain(home, films)


# Runs that are cut off


def test_retrain_after_a_rollback_meanwhile_publishes_nothing(
    challenged: Path, films: Path, after: Any
) -> None:
    home = after(challenged)

    class Meddler(Listener):
        def start(self, what: str, total: int | None, unit: str = "") -> None:
            if what == "Scoring by the challenger":
                old = world.current(home)
                registry.adopt(old, folder=home / "model", after=1, reason="rollback", lineage={})

    with pytest.raises(BusyError, match="Version 2 became current"):
        world.retrain(home, films, progress=Meddler())
    assert events(home) == []
    assert version_numbers(home / "model") == [1, 2]


def test_retrain_of_a_damaged_challenger_trains_it_again(challenged: Path, films: Path, after: Any) -> None:
    home = after(challenged)
    next(home.rglob(".bertsent/challenger/*/1/classifier.tflite")).write_bytes(b"damaged")
    assert began_training(home, films)


def test_retrain_that_is_stopped_keeps_what_the_next_one_goes_on_from(
    champion: Path, films: Path, after: Any
) -> None:
    home = after(champion)
    world.label(home, world.texts(world.SHOP, world.LABELS, seed=3))
    with pytest.raises(Interrupted) as stopped:
        world.retrain(home, films, stop=lambda: True)
    assert "the same command resumes it" in str(stopped.value)
    assert not (home / ".bertsent" / "training").exists(), "where `train` keeps its own"
    assert any(home.glob(".bertsent/challenger/*/training/epoch-0000-step-000001/state.json"))
    assert events(home) == []
    assert version_numbers(home / "model") == [1]


@pytest.mark.parametrize("verdict", ["published", "rejected", "waiting"])
def test_retrain_killed_at_any_step_has_one_outcome(
    challenged: Path, poisoned: Path, films: Path, verdict: str
) -> None:
    template = poisoned if verdict == "rejected" else challenged
    ask = ["ask"] * (verdict == "waiting")
    command = [sys.executable, retrain_faults.__file__, template, films, *ask]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=600)
    *killed, last = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(killed) >= (15 if verdict == "published" else 3)
    assert {row["killed"] for row in killed} == {-signal.SIGKILL}
    status = retrain_faults.STATUS[verdict]
    versions, version = ([1, 2], 2) if verdict == "published" else ([1], None)
    for row in (*killed, last):
        assert row["again"] == status
        assert row["versions"] == versions
        assert row["events"] == [[verdict, version]]
        assert not row["challenger"]
        assert row["candidate"] == ([] if verdict == "published" else ["2"])
        assert row["after"]["versions"] in ([1], versions)


# Where it begins


def test_settings_for_a_warm_start_keep_what_the_champion_is(champion: Path) -> None:
    version = world.current(champion)
    settings = settings_for(version, warm_start=True)
    assert (settings.encoder, settings.seq_length) == (version.manifest.settings["encoder"], 32)
    assert (settings.epochs, settings.init_lr, settings.batch_size) == (1, 5e-5, 16)
    assert settings_for(version, warm_start=True, recipe="student").batch_size == 32


@pytest.mark.parametrize(("labels", "epochs"), [(30, 15), (100, 5), (300, 2), (500, 1), (5000, 1)])
def test_settings_for_a_warm_start_read_few_labels_more_often(
    champion: Path, labels: int, epochs: int
) -> None:
    version = world.current(champion)
    assert settings_for(version, warm_start=True, labels=labels).epochs == epochs
    assert settings_for(version, warm_start=True, labels=labels, recipe="retrain").epochs == 1
    set_so = Config(values={"epochs": 3})
    assert settings_for(version, warm_start=True, labels=labels, config=set_so).epochs == 3


def test_settings_for_a_start_at_the_encoder_are_the_champions_own(champion: Path) -> None:
    version = world.current(champion)
    assert settings_for(version, warm_start=False) == TrainSettings(**version.manifest.settings)


def test_settings_for_a_champion_that_had_a_warm_start_are_not_its_second_rounds(
    published: tuple[Path, Retrained],
) -> None:
    version = world.current(published[0])
    settings = settings_for(version, warm_start=False)
    assert (settings.epochs, settings.init_lr) == (TrainSettings().epochs, TrainSettings().init_lr)
    assert settings.encoder == version.manifest.settings["encoder"]


def test_settings_for_an_unknown_recipe_are_refused(champion: Path) -> None:
    with pytest.raises(UsageError, match="A recipe is one of"):
        settings_for(world.current(champion), warm_start=True, recipe="nonsense")


def test_can_warm_start_needs_weights(champion: Path) -> None:
    version = world.current(champion)
    assert can_warm_start(version)
    files = {name: stated for name, stated in version.manifest.files.items() if name != WEIGHTS}
    bare = replace(version, manifest=replace(version.manifest, files=files))
    assert not can_warm_start(bare)
