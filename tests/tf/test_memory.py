"""Too little memory to train: one line that says so, before the work where it can be known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import tiny_bert
from support.listener import Listener

from bertsent.base import resources
from bertsent.base.errors import Interrupted, TrainingError
from bertsent.base.settings.workspace import Workspace

Folders = tuple[Path, Path]


def test_memory_that_runs_out_in_a_step_is_one_line(
    sample: Path, workspace: Path, tiny_encoder: Folders
) -> None:
    from bertsent.tf import tf, training

    def run_out() -> bool:
        raise tf.errors.ResourceExhaustedError(
            None, None, "OOM when allocating tensor with shape[128,12,512]"
        )

    with pytest.raises(TrainingError, match="not enough memory") as caught:
        training.train(
            tiny_bert.settings(tiny_encoder), data=sample, workspace=Workspace(workspace), stop=run_out
        )
    assert "--batch-size" in caught.value.hint


@pytest.mark.parametrize(
    ("granted", "is_told"), [(1_200_000_000, True), (64_000_000_000, False), (None, False)]
)
def test_memory_that_may_not_do_is_told_before_the_work(
    sample: Path,
    workspace: Path,
    tiny_encoder: Folders,
    monkeypatch: pytest.MonkeyPatch,
    granted: int | None,
    is_told: bool,
) -> None:
    from bertsent.tf import training

    monkeypatch.setattr(resources, "memory", lambda: granted)
    told = Listener()
    with pytest.raises(Interrupted):
        training.train(
            tiny_bert.settings(tiny_encoder),
            data=sample,
            workspace=Workspace(workspace),
            progress=told,
            stop=lambda: True,
        )
    assert told.heard("may use 1.2 GB of memory") == is_told


def test_tensorflow_is_not_begun_where_it_would_abort() -> None:
    script = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000,) * 2)\n"
        "from bertsent.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "preview", "great film"], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    *_, line = ended.stderr.decode().splitlines()
    assert line.startswith("Error: TensorFlow needs 3.5 GB of address space. Received: 2.0 GB (ulimit -v).")
