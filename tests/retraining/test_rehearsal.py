"""A retrain without the data set: the champion's reference stands for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from support import retrain_world as world
from support.listener import Listener
from typer.testing import Result

from bertsent.base.digests import sha256_text
from bertsent.base.errors import Interrupted
from bertsent.base.records.core import Review
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.sample import read_sample
from bertsent.drift import reference
from bertsent.drift.reference import Reference
from bertsent.labelling.log import LabelLog
from bertsent.retraining import rehearsal
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.monitor import DriftRun
from bertsent.retraining.records import Retrained
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import CARD, REFERENCE, Version
from bertsent.versions.store import find

Run = Callable[..., Result]
ASKED = world.Trigger("asked")
LABELS = 2 * world.LABELS  # more than elsewhere: the version has learnt its films from more reviews
EPOCHS = 4  # half of the new weights are kept, so that they have to be far
OLD = 1000  # old reviews: half of them stand at the gate, which needs 268


@pytest.fixture(scope="module")
def keeper(once: Callable[..., Path], tiny_encoder: tuple[Path, Path]) -> Path:
    """A workspace whose version knows films from 1,000 reviews, which are no longer there."""

    def make(home: Path) -> None:
        from bertsent.tf.training import train

        films = world.data_set(home / "elsewhere", train=OLD)
        train(world.settings(tiny_encoder, epochs=1), data=films, workspace=Workspace(home))
        shutil.rmtree(films)

    return once("keeper", make)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, keeper: Path) -> tuple[Path, Retrained, Listener]:
    """That workspace after it learnt the labels of a shop."""
    home = Path(shutil.copytree(keeper, tmp_path_factory.mktemp("published") / "home"))
    world.label(home, world.texts(world.SHOP, LABELS, seed=3))
    heard = Listener()
    return home, world.retrain(home, None, epochs=EPOCHS, progress=heard), heard


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, keeper: Path) -> tuple[Path, Retrained]:
    """That workspace after it was given wrong labels of films."""
    home = Path(shutil.copytree(keeper, tmp_path_factory.mktemp("refused") / "home"))
    wrong = [(text, 1 - label) for text, label in world.texts(world.FILM, 3 * world.LABELS, seed=4)]
    world.label(home, wrong)
    return home, world.retrain(home, None, epochs=EPOCHS, trigger=ASKED)


class AtTraining(Listener):
    """Ends a retrain that gets as far as training."""

    def tell(self, message: str) -> None:
        self.note(message)
        if message.startswith("Training on"):
            raise Interrupted("At training.")


def bags(home: Path) -> tuple[Sequence[Review], Sequence[Review]]:
    """The stand-in of the current version: bags to rehearse, and bags for the gate."""
    version = world.current(home)
    splits = rehearsal.stand_in(version, Scorer(version), list(LabelLog(Workspace(home).labels).labelled()))
    return splits.train, splits.test


def reference_of(version: Version) -> Reference:
    return reference.read(version.file(REFERENCE))


def right(version: Version, words: tuple[str, str]) -> float:
    """The accuracy of a version on new texts of a world."""
    rows = [Review(text, label) for text, label in world.texts(words, 100, seed=9)]
    found = Scorer(version).predict_reviews(rows)
    return float(np.mean([(one.score >= 0.5) == bool(one.gold) for one in found]))


def _letters(text: str) -> str:
    """The letters of a text, whatever the order of its word pieces."""
    return "".join(sorted(text.replace(" ", "")))


def test_the_stand_in_has_the_words_and_labels_of_the_old_reviews(keeper: Path) -> None:
    rehearsed, judged = bags(keeper)
    rows = {_letters(review.text): review.label for review in (*rehearsed, *judged)}
    old = dict(world.texts(world.FILM, OLD, seed=1))
    assert rows.items() <= {_letters(text): label for text, label in old.items()}.items()
    old_bags = reference_of(world.current(keeper)).bags()
    assert len(rehearsed) + len(judged) == len({bag.tobytes() for bag in old_bags})
    assert not {review.text for review in (*rehearsed, *judged)} & old.keys(), "their order is not known"


def test_a_bag_is_rehearsed_or_judged_for_ever(keeper: Path) -> None:
    rehearsed, judged = bags(keeper)
    assert bags(keeper) == (rehearsed, judged)
    assert not {review.text for review in rehearsed} & {review.text for review in judged}
    assert 0.4 < len(judged) / (len(judged) + len(rehearsed)) < 0.6


def test_retrain_without_a_data_set_learns_the_labels_and_keeps_the_old(
    published: tuple[Path, Retrained, Listener], keeper: Path
) -> None:
    home, retrained, _ = published
    assert (retrained.outcome, retrained.version) == ("published", 2)
    assert right(world.current(home), world.SHOP) > right(world.current(keeper), world.SHOP) + 0.2
    assert right(world.current(home), world.FILM) > 0.95


def test_the_gate_judges_on_bags_that_never_train(
    published: tuple[Path, Retrained, Listener], keeper: Path
) -> None:
    gate = published[1].gate
    assert gate.stand_in
    assert gate.test.n == len(bags(keeper)[1])
    assert f"not worse on {gate.test.n} stand-in rows" in gate.reason


def test_retrain_says_that_the_data_set_is_not_there(published: tuple[Path, Retrained, Listener]) -> None:
    notes = " ".join(published[2].notes)
    assert "No data set" in notes
    assert "not measured" in notes


def test_version_and_ledger_say_what_stood_for_the_data_set(
    published: tuple[Path, Retrained, Listener], keeper: Path
) -> None:
    home = published[0]
    before, after = world.current(keeper).manifest, world.current(home).manifest
    assert after.lineage["old_data"] == "reference"
    assert after.lineage["gate"]["stand_in"] is True
    assert Ledger(home / "reports").events()[0]["gate"]["stand_in"] is True
    assert after.data["labels"]["stand_in"] is True
    assert after.data["labels"]["step"] == 0.5, "half of the new weights, where nobody sees what is forgotten"
    assert {name: after.data[name] for name in before.data} == before.data
    assert after.metrics["test"]["accuracy"] is None, "it was measured on no test review"
    assert "validation" not in after.metrics
    card = world.current(home).file(CARD).read_text(encoding="utf-8")
    assert "The data set was not there." in card


def test_the_calibration_is_that_of_the_champion(
    published: tuple[Path, Retrained, Listener], keeper: Path
) -> None:
    calibration = dict(world.current(published[0]).manifest.calibration)
    assert calibration.pop("kept") is True
    assert calibration == world.current(keeper).manifest.calibration


def test_the_new_reference_has_the_old_rows_and_the_labels(
    published: tuple[Path, Retrained, Listener], keeper: Path
) -> None:
    before, after = reference_of(world.current(keeper)), reference_of(world.current(published[0]))
    labels = world.current(published[0]).manifest.data["labels"]
    assert int(after.newest.sum()) == labels["n"]
    old = [bag.tolist() for bag in before.bags()]
    assert [bag.tolist() for bag, new in zip(after.bags(), after.newest, strict=True) if not new] == old
    assert after.label[~after.newest].tolist() == before.label.tolist()
    assert after.trained_on([*labels["digests"]]).all()
    assert np.isin(before.seen, after.seen).all()
    assert not after.trained_on([*labels["reserved"]]).any()
    held_out = len(before.heldout_label)
    assert after.heldout_score[:held_out].tolist() == before.heldout_score.tolist()
    assert after.heldout_length[:held_out].tolist() == before.heldout_length.tolist()
    assert (after.heldout_length >= 0).all()
    assert after.heldout_newest.tolist() == [False] * held_out + [True] * len(labels["reserved"])


def test_a_second_retrain_has_each_label_once(
    published: tuple[Path, Retrained, Listener], tmp_path: Path, keeper: Path
) -> None:
    home = Path(shutil.copytree(published[0], tmp_path / "home"))
    assert bags(home) == bags(keeper), "labels in the reference do not stand for old reviews"
    world.label(home, world.texts(("gloomy", "sunny"), world.LABELS, seed=6))
    retrained = world.retrain(home, None, trigger=ASKED, gate=GateSettings(margin=0.1))
    assert retrained.version == 3, retrained.reason
    after, labels = reference_of(world.current(home)), world.current(home).manifest.data["labels"]
    assert after.rows == reference_of(world.current(keeper)).rows + labels["n"]
    assert len(after.heldout_label) == len(reference_of(world.current(keeper)).heldout_label) + len(
        labels["reserved"]
    )
    assert int(after.newest.sum()) < labels["n"], "the labels of the first retrain are older"


def test_wrong_labels_do_not_get_in(refused: tuple[Path, Retrained]) -> None:
    retrained = refused[1]
    assert retrained.outcome == "rejected"
    assert retrained.gate.reserved.challenger > retrained.gate.reserved.champion, "it learnt them"
    assert "new labels agree with a version that was not trained on them" in retrained.reason
    assert "are positive and negative swapped?" in retrained.reason


def test_packaged_reviews_stand_at_the_gate_of_a_version_that_knows_their_kind() -> None:
    version = find(None, folder=Path("none"))
    splits = rehearsal.stand_in(version, Scorer(version), [])
    packaged = {clean(row.text) for row in read_sample()}
    assert packaged <= {review.text for review in splits.test}
    assert not packaged & {review.text for review in (*splits.train, *splits.validation)}


def test_packaged_reviews_do_not_stand_for_those_of_a_version_that_does_not_know_them(keeper: Path) -> None:
    assert not {clean(row.text) for row in read_sample()} & {review.text for review in bags(keeper)[1]}


def test_what_was_rejected_without_the_data_set_is_tried_again_with_it(
    refused: tuple[Path, Retrained], films: Path
) -> None:
    home = refused[0]
    assert world.retrain(home, None, trigger=ASKED).earlier
    with pytest.raises(Interrupted, match="At training"):
        world.retrain(home, films, trigger=ASKED, progress=AtTraining())


def test_labels_of_the_data_set_are_left_out(keeper: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(keeper, tmp_path / "home"))
    old = list(world.texts(world.FILM, OLD, seed=1))[:40]
    world.label(home, [*old, *world.texts(world.SHOP, 60, seed=3)])
    rows = list(LabelLog(Workspace(home).labels).labelled())
    inside = rehearsal.in_data(world.current(home), rows)
    assert {sha256_text(text) for text, _ in old} >= inside
    assert len(inside) > 20, "about a fifth is for validation, which the reference does not know"


def test_labels_of_earlier_retrains_are_not_taken_for_the_data_set(
    published: tuple[Path, Retrained, Listener],
) -> None:
    home = published[0]
    rows = list(LabelLog(Workspace(home).labels).labelled())
    assert rehearsal.in_data(world.current(home), rows) == set()


def test_retrain_from_the_encoder_needs_the_data_set(keeper: Path, workspace: Path, run: Run) -> None:
    shutil.copytree(keeper, workspace, dirs_exist_ok=True)
    world.label(workspace, world.texts(world.SHOP, world.LABELS, seed=3))
    refused = run("retrain", "--from-encoder")
    assert refused.exit_code == 7
    assert "bertsent download" in refused.stderr


def test_too_small_a_reference_is_refused_with_what_it_takes(
    champion: Path, workspace: Path, run: Run
) -> None:
    shutil.copytree(champion, workspace, dirs_exist_ok=True)
    world.label(workspace, world.texts(world.SHOP, world.LABELS, seed=3))
    refused = run("retrain")
    assert refused.exit_code == 7
    assert "It takes at least 60 stand-in rows" in refused.stderr
    assert "bertsent download" in refused.stderr


def test_drift_retrains_without_a_data_set(keeper: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(keeper, tmp_path / "home"))
    world.label(home, world.texts(world.SHOP, LABELS, seed=3))
    heard = AtTraining()
    with pytest.raises(Interrupted, match="At training"):
        DriftRun(workspace=Workspace(home), settings=DriftSettings(), progress=heard).go()
    assert heard.heard("No data set")


def test_the_commands_name_the_stand_in_rows(
    published: tuple[Path, Retrained, Listener], workspace: Path, run: Run
) -> None:
    shutil.copytree(published[0], workspace, dirs_exist_ok=True)
    assert "  stand-in " in run("retrain").stdout
    assert json.loads(run("retrain", "--json").stdout)["gate"]["stand_in"] is True
    why = run("models", "why", "2").stdout
    assert "stand-in rows" in why
    assert "reference of version 1 stood for the data set" in why
    listed = json.loads(run("models", "--json").stdout)
    assert [each["test_accuracy"] is None for each in listed] == [False, True]
