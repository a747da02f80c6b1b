"""Training on several devices: two logical CPUs stand for two GPUs, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support

Folders = tuple[Path, Path]
# Not imported: it imports TensorFlow, as every run of pytest would when it collects this file.
TWO_DEVICES = Path(support.__file__).parent / "two_devices.py"


@pytest.fixture(scope="module")
def told(tiny_encoder: Folders, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two_devices.py says of the same training on one device and on two."""
    folder = tmp_path_factory.mktemp("devices")
    program = [sys.executable, str(TWO_DEVICES), *map(str, tiny_encoder), str(folder)]
    paths = os.pathsep.join(path for path in sys.path if path)
    ended = subprocess.run(
        program,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    values: dict[str, Any] = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert values["replicas"] == 2
    return values


def test_two_devices_learn_what_one_learns(told: dict[str, Any]) -> None:
    assert told["losses"][-1] < told["losses"][0] - 0.005, "or nothing was learnt"
    assert told["moved"] > 0.01
    assert told["apart"]["losses"] < 1e-5
    assert told["weights"] < 1e-5


def test_two_devices_score_in_the_order_of_the_rows(told: dict[str, Any]) -> None:
    assert told["spread"] > 0.5
    assert told["apart"]["logits"] < 1e-4


def test_weights_of_two_devices_can_be_set_and_read(told: dict[str, Any]) -> None:
    assert told["zeros"] == 0
    assert told["restored"] < 1e-6


def test_classifier_of_two_devices_becomes_a_litert_file(told: dict[str, Any]) -> None:
    assert told["apart"]["scores"] < 1e-4
