"""The version store: numbers, what counts as a version, and what a damaged one leads to."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_versions

from bertsent.base.digests import DigestAhead, sha256_file
from bertsent.base.errors import ArtefactError, StorageError, UsageError
from bertsent.versions import store
from bertsent.versions.manifest import (
    CLASSIFIER,
    FORMAT,
    MANIFEST,
    VOCABULARY,
    WEIGHTS,
    read_version,
    version_numbers,
)

# A manifest with all that could be changed in it, and how a value is changed.
FULL: dict[str, Any] = {
    "settings": {"init_lr": 3e-5},
    "data": {"train": {"digest": "0" * 64, "n": 20, "positive": 10}},
    "metrics": {"test": {"n": 4, "accuracy": 0.75, "confusion": {"true_positive": 2}}},
    "probes": {"great film": 0.9},
    "calibration": {"temperature": 1.5, "unsure": [0.25, 0.75], "rows": 20},
}
CHANGED: dict[type, Callable[[Any], Any]] = {
    str: lambda value: value[1:],
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: math.nextafter(value, 1),
    list: lambda value: [*value[:-1], 0.5],
}


@pytest.fixture
def folder(workspace: Path) -> Path:
    """The `model` folder of the workspace, not there yet."""
    return workspace / "model"


def flip(path: Path, place: int = 20, bit: int = 3) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# publish


def test_publish_counts_from_one_and_the_highest_is_current(folder: Path) -> None:
    assert [fake_versions.publish(folder).name for _ in range(11)] == [str(number) for number in range(1, 12)]
    assert version_numbers(folder) == list(range(1, 12))
    assert store.find(None, folder=folder).name == "11"


def test_publish_leaves_earlier_versions_as_they_were(folder: Path) -> None:
    first = fake_versions.publish(folder).path
    before = contents(first)
    fake_versions.publish(folder, classifier=b"another")
    assert contents(first) == before


def test_publish_states_number_parent_and_every_file(folder: Path) -> None:
    fake_versions.publish(folder)
    shutil.rmtree(fake_versions.publish(folder).path)
    manifest = fake_versions.publish(folder).manifest
    assert (manifest.version, manifest.parent) == (2, 1)
    assert manifest.files.keys() == {CLASSIFIER, VOCABULARY}
    assert manifest.files[CLASSIFIER]["size"] == 1000


def test_publish_never_takes_a_number_that_is_taken(folder: Path) -> None:
    fake_versions.publish(folder)
    (folder / "9").mkdir()
    assert fake_versions.publish(folder).name == "10"
    assert list((folder / "9").iterdir()) == []
    (folder / "12").write_bytes(b"a file")
    assert fake_versions.publish(folder).name == "13"


def test_draft_unpublished_leaves_nothing(folder: Path) -> None:
    with store.staging(folder, needed=0) as path:
        (path / "file").write_bytes(b"x")
    assert list(folder.iterdir()) == []


def test_draft_refuses_a_full_disk_before_the_work(folder: Path) -> None:
    with pytest.raises(StorageError, match="needs"), store.staging(folder, needed=10**18):
        pytest.fail("began")


def test_publish_without_a_classifier_is_refused(folder: Path) -> None:
    with store.staging(folder, needed=0) as path, pytest.raises(ArtefactError):
        store.publish(path, fake_versions.manifest(), folder=folder)
    assert version_numbers(folder) == []


# what is a version


@pytest.mark.parametrize("name", ["7.tmp", "abc", "v08", "08", "0", "-1", "3.bak", ".next.x.tmp", "٣", "1e3"])
def test_versions_passes_by_what_is_not_a_plain_number(folder: Path, name: str) -> None:
    first = fake_versions.publish(folder)
    shutil.copytree(first.path, folder / name)
    assert version_numbers(folder) == [1]
    assert fake_versions.publish(folder).name == "2"


def test_versions_passes_by_a_number_without_a_manifest(folder: Path) -> None:
    fake_versions.publish(folder)
    (folder / "9").mkdir()
    (folder / "10").mkdir()
    (folder / "10" / MANIFEST).mkdir()
    assert version_numbers(folder) == [1]
    assert store.find(None, folder=folder).name == "1"


def test_versions_of_no_folder_is_none_and_of_an_unreadable_one_an_error(folder: Path) -> None:
    assert version_numbers(folder) == []
    folder.symlink_to("model")  # a link to itself: there, and cannot be read
    with pytest.raises(ArtefactError, match="Cannot read"):
        version_numbers(folder)


# find


def test_find_takes_a_number_or_a_folder(folder: Path, workspace: Path) -> None:
    fake_versions.publish(folder)
    fake_versions.publish(folder)
    shutil.copytree(folder / "1", workspace / "elsewhere")
    assert store.find("1", folder=folder).path == folder / "1"
    assert store.find(str(workspace / "elsewhere"), folder=folder).name == "1"


@pytest.mark.parametrize("model", ["3", "0", "02", "٢", "9" * 400, "nothing/here", "x" * 5000, "a\0b", "-1"])
def test_find_refuses_what_names_no_version(folder: Path, model: str) -> None:
    fake_versions.publish(folder)
    with pytest.raises(UsageError) as caught:
        store.find(model, folder=folder)
    assert len(str(caught.value)) < 500


def test_find_says_which_versions_there_are(folder: Path) -> None:
    fake_versions.publish(folder)
    fake_versions.publish(folder)
    with pytest.raises(UsageError, match="1, 2"):
        store.find("3", folder=folder)


def test_find_of_a_folder_without_a_manifest_says_so(folder: Path) -> None:
    fake_versions.publish(folder)
    with pytest.raises(ArtefactError, match=r"no manifest\.json"):
        store.find(str(folder), folder=folder)


# damage


@pytest.mark.parametrize("name", [CLASSIFIER, VOCABULARY])
@pytest.mark.parametrize(
    "damage",
    [flip, Path.unlink, lambda path: path.write_bytes(b""), lambda path: os.truncate(path, 10)],
    ids=["flip", "missing", "empty", "cut"],
)
def test_file_that_is_not_what_the_manifest_says_is_named_with_a_way_out(
    folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    for _ in range(3):
        fake_versions.publish(folder)
    flip(folder / "2" / CLASSIFIER)
    damage(folder / "3" / name)
    version = store.find(None, folder=folder)
    with pytest.raises(ArtefactError, match=rf"3/{name} is not what its manifest says") as caught:
        version.file(name)
    assert caught.value.exit_code == 6
    assert f"--model {folder / '1'}" in caught.value.hint
    assert store.find(str(folder / "1"), folder=folder).file(name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"{}"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: flip(path, place=0),
    ],
    ids=["empty", "foreign", "deep", "no text", "cut", "flip"],
)
def test_manifest_that_is_none_is_named_with_a_way_out(folder: Path, damage: Callable[[Path], Any]) -> None:
    fake_versions.publish(folder)
    fake_versions.publish(folder)
    damage(folder / "2" / MANIFEST)
    with pytest.raises(ArtefactError, match=r"2/manifest\.json is not a manifest") as caught:
        store.find(None, folder=folder)
    assert f"--model {folder / '1'}" in caught.value.hint
    assert version_numbers(folder) == [1, 2], "a broken version keeps its number"


def test_broken_version_without_another_has_a_hint_too(folder: Path) -> None:
    flip(fake_versions.publish(folder).path / MANIFEST, place=0)
    with pytest.raises(ArtefactError) as caught:
        store.find("1", folder=folder)
    assert caught.value.hint == "train again"


@pytest.mark.parametrize(
    "values",
    [
        {"window": "tail"},
        {"seq_length": "32"},
        {"seq_length": 2},
        {"labels": {"negative": 1, "positive": 0}},
        {"version": "1"},
        {"tokenizer": {"kind": "wordpiece"}},
        {"tokenizer": {"kind": "other", "lower_case": True, "normalisation": "", "digest": ""}},
        {"tokenizer": None},
        {"calibration": []},
        {"calibration": {"unsure": [0.4]}},
        {"calibration": {"unsure": ["0.4", "0.6"]}},
        {"calibration": {"unsure": [0.6, 0.7]}},
        {"calibration": {"unsure": [float("nan"), 0.7]}},
        {"calibration": {"unsure": [0.4, 2]}},
        {"files": []},
        {"files": {CLASSIFIER: {"sha256": "", "size": 0}}},
        {"files": {CLASSIFIER: "x", VOCABULARY: "x"}},
    ],
    ids=str,
)
def test_read_refuses_a_manifest_nothing_could_score_with(folder: Path, values: dict[str, Any]) -> None:
    path = fake_versions.publish(folder).path
    fake_versions.edit(path, **values)
    with pytest.raises(ArtefactError, match="not a manifest"):
        read_version(path)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "..", "", "."])
def test_read_refuses_a_file_name_that_leads_elsewhere(folder: Path, name: str) -> None:
    version = fake_versions.publish(folder)
    fake_versions.edit(version.path, files={**version.manifest.files, name: {"sha256": "0" * 64, "size": 1}})
    with pytest.raises(ArtefactError, match="not a manifest"):
        read_version(version.path)


def test_read_of_a_newer_format_says_to_upgrade(folder: Path) -> None:
    path = fake_versions.publish(folder).path
    fake_versions.edit(path, format=FORMAT + 1)
    with pytest.raises(ArtefactError, match=f"format {FORMAT + 1}") as caught:
        read_version(path)
    assert "upgrade" in caught.value.hint


def test_read_shows_a_foreign_format_safely(folder: Path) -> None:
    path = fake_versions.publish(folder).path
    fake_versions.edit(path, format="\x1b[2J" * 100)
    with pytest.raises(ArtefactError, match=r"\\x1b\[2J") as caught:
        read_version(path)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "keys",
    [
        ("created",),
        ("reason",),
        ("seq_length",),
        ("window",),
        ("parent",),
        ("encoder", "name"),
        ("libraries", "bertsent"),
        ("tokenizer", "lower_case"),
        ("settings", "init_lr"),
        ("data", "train", "n"),
        ("metrics", "test", "accuracy"),
        ("metrics", "test", "confusion", "true_positive"),
        ("probes", "great film"),
        ("calibration", "temperature"),
        ("calibration", "unsure"),
        ("files", CLASSIFIER, "size"),
        ("digest",),
    ],
    ids=" ".join,
)
def test_manifest_of_which_one_value_was_changed_is_refused(folder: Path, keys: tuple[str, ...]) -> None:
    fake_versions.publish(folder)
    path = fake_versions.publish(folder, **FULL).path / MANIFEST
    values = json.loads(path.read_text(encoding="utf-8"))
    place = values
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = CHANGED[type(place[keys[-1]])](place[keys[-1]])
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"2/manifest\.json was changed after it was written") as caught:
        store.find(None, folder=folder)
    assert caught.value.exit_code == 6
    assert f"--model {folder / '1'}" in caught.value.hint


def test_manifest_with_a_key_more_or_less_is_refused(folder: Path) -> None:
    path = fake_versions.publish(folder, **FULL).path
    whole = (path / MANIFEST).read_text(encoding="utf-8")
    for change in ({"note": "mine"}, {"reason": None}):
        values = json.loads(whole) | change
        kept = {key: value for key, value in values.items() if value is not None}
        (path / MANIFEST).write_text(json.dumps(kept), encoding="utf-8")
        with pytest.raises(ArtefactError, match="was changed after it was written"):
            read_version(path)


def test_manifest_without_a_digest_is_refused(folder: Path) -> None:
    path = fake_versions.publish(folder).path
    values = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    del values["digest"]
    (path / MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ArtefactError, match="is not a manifest") as caught:
        read_version(path)
    assert caught.value.exit_code == 6


def test_manifest_written_out_in_another_layout_says_the_same(folder: Path) -> None:
    version = fake_versions.publish(folder, **FULL)
    path = version.path / MANIFEST
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(values.items()))), encoding="utf-8")
    assert read_version(version.path) == version


def test_manifest_keeps_what_is_no_ascii(folder: Path) -> None:
    probes = {"naïve 映画 🎬": 0.1 + 0.2, "\u2028": 1e-9}
    assert fake_versions.publish(folder, probes=probes).manifest.probes == probes


# numbers


def test_version_under_another_number_is_refused_with_the_remedy(folder: Path) -> None:
    first = fake_versions.publish(folder)
    shutil.copytree(first.path, folder / "5")
    for model in (None, "5", str(folder / "5")):
        with pytest.raises(ArtefactError, match="holds version 1 under another number") as caught:
            store.find(model, folder=folder)
        assert caught.value.exit_code == 6
        assert "rename the folder back to 1" in caught.value.hint
        assert f"--model {folder / '1'}" in caught.value.hint
    assert store.find("1", folder=folder) == first


def test_version_that_was_moved_can_be_moved_back(folder: Path) -> None:
    path = fake_versions.publish(folder).path
    path.rename(folder / "5")
    with pytest.raises(ArtefactError, match="another number"):
        store.find(None, folder=folder)
    (folder / "5").rename(path)
    assert store.find(None, folder=folder).name == "1"


@pytest.mark.parametrize("name", ["best", "v5", "05", "5.old", "1e3"])
def test_version_in_a_folder_of_any_other_name_is_read_by_its_path(folder: Path, name: str) -> None:
    fake_versions.publish(folder)
    copy = Path(shutil.copytree(folder / "1", folder.parent / name))
    assert store.find(str(copy), folder=folder).name == "1"
    assert store.find(str(copy), folder=folder).file(CLASSIFIER).parent == copy


def test_read_ignores_a_key_that_a_later_bertsent_added(folder: Path) -> None:
    path = fake_versions.publish(folder).path
    fake_versions.edit(path, drift={"threshold": 1.0})
    assert read_version(path).name == "1"


def test_read_of_any_flipped_manifest_gives_a_version_or_an_artefact_error(folder: Path) -> None:
    version = fake_versions.publish(folder).path
    path = version / MANIFEST
    whole = path.read_bytes()
    draw = random.Random(1)
    refused = 0
    for _ in range(400):
        path.write_bytes(whole)
        flip(path, place=draw.randrange(len(whole)), bit=draw.randrange(8))
        try:
            read_version(version).verify()
        except ArtefactError:
            refused += 1
    assert refused == 400


def test_file_that_the_version_never_had_is_an_artefact_error(folder: Path) -> None:
    version = fake_versions.publish(folder)
    with pytest.raises(ArtefactError, match=r"carries no weights\.safetensors") as caught:
        version.file(WEIGHTS)
    assert str(version.path) not in caught.value.hint, "itself is no way out"


# hashed in the background


def test_begin_finds_what_is_wrong_all_the_same(folder: Path) -> None:
    version = fake_versions.publish(folder)
    flip(version.path / CLASSIFIER)
    version.begin()
    with pytest.raises(ArtefactError, match="is not what its manifest says"):
        version.file(CLASSIFIER)


def test_begin_tells_of_the_next_use_only(folder: Path) -> None:
    version = fake_versions.publish(folder)
    version.begin()
    assert version.file(CLASSIFIER) == version.path / CLASSIFIER
    flip(version.path / CLASSIFIER)
    with pytest.raises(ArtefactError, match="is not what its manifest says"):
        version.file(CLASSIFIER)


def test_begin_does_not_wait_for_what_is_no_file(folder: Path) -> None:
    version = fake_versions.publish(folder)
    (version.path / CLASSIFIER).unlink()
    os.mkfifo(version.path / CLASSIFIER)
    version.begin()
    with pytest.raises(ArtefactError, match="is not what its manifest says"):
        version.file(CLASSIFIER)


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 100_000])
def test_digest_ahead_is_the_digest(workspace: Path, content: bytes) -> None:
    (workspace / "file").write_bytes(content)
    assert DigestAhead(workspace / "file").result() == sha256_file(workspace / "file")


def test_digest_ahead_of_no_file_says_so_when_it_is_asked(workspace: Path) -> None:
    begun = DigestAhead(workspace / "none")
    with pytest.raises(ArtefactError, match="Cannot read"):
        begun.result()
