"""What every test stands on: an own workspace and cache, a tiny real encoder, and a version trained on it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from bertsent.cli import app
from bertsent.versions.manifest import CLASSIFIER, VOCABULARY, read_version

# One thread for matrix products, set before NumPy is imported: they are small, and threads that wait for a
# core spin. On a busy machine tests/drift/test_judge.py takes four times the processor time without it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Some helpers of tests/support run as processes of their own, and import each other.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as slow what imports TensorFlow: a test says so by a fixture that asks for `tensorflow`.

    The files with the most slow tests come first, so that the processes of a parallel run end together.
    """
    for item in items:
        if "tensorflow" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-slow[item.path], item.path))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands of this test work in: never the developer's own."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("BERTSENT_HOME", str(folder))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user cache of this session. TensorFlow Hub is told once, when bertsent.tf is imported."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["BERTSENT_CACHE"] = str(folder)
    os.environ["TFHUB_CACHE_DIR"] = str(folder / "tfhub")
    return folder


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs a command line in this process; stdout and stderr are kept apart."""
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, [str(word) for word in arguments], **options)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder that no test changes in one process of a parallel run; the others wait, and use it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared / f"once-{name}"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                draft = tmp_path_factory.mktemp(name)
                make(draft)
                draft.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded review set as a data set on disk."""
    from bertsent.data.download.dataset import write_sample

    return write_sample(data=tmp_path_factory.mktemp("data")).path


@pytest.fixture(scope="session")
def tensorflow() -> None:
    """Asked for by what trains: the test is slow, and skipped where bertsent[train] is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs bertsent[train]")


@pytest.fixture(scope="session")
def tiny_encoder(once: Callable[..., Path], tensorflow: None) -> tuple[Path, Path]:
    """Folders of a 2-layer random BERT and its preprocessor, as TF Hub would give them."""
    from support import tiny_bert

    folder = once("tiny", tiny_bert.export)
    return folder / "encoder", folder / "preprocess"


@pytest.fixture(scope="session")
def trained(once: Callable[..., Path], tiny_encoder: tuple[Path, Path], sample: Path) -> Path:
    """The `model` folder of a workspace with one version, trained on the sample in two epochs."""
    from bertsent.base.settings.training import TrainSettings
    from bertsent.base.settings.workspace import Workspace

    encoder, preprocessor = tiny_encoder
    settings = TrainSettings(
        encoder=str(encoder),
        preprocessor=str(preprocessor),
        epochs=2,
        init_lr=1e-3,
        batch_size=16,
        seq_length=32,
    )

    def make(home: Path) -> None:
        from bertsent.tf.training import train

        train(settings, data=sample, workspace=Workspace(home))

    return once("trained", make) / "model"


@pytest.fixture(scope="session")
def spread(once: Callable[..., Path], tiny_encoder: tuple[Path, Path], trained: Path) -> Path:
    """A `model` folder with one version: the trained one with a random classifier, whose scores reach from
    0 to 1. So small an encoder learns next to nothing of the sample; its scores all lie about 0.5."""
    from bertsent.versions import store

    def make(home: Path) -> None:
        from bertsent.tf import classifier, encoder
        from bertsent.tf.litert import to_litert

        loaded = encoder.load(str(tiny_encoder[0]), preprocessor=str(tiny_encoder[1]))
        made = classifier.build(loaded, dropout=0.0, seed=1)
        head = made.get_layer(classifier.HEAD)
        head.kernel.assign(head.kernel * 40)
        folder = home / "model"
        with store.staging(folder, needed=0) as path:
            (path / CLASSIFIER).write_bytes(to_litert(made))
            shutil.copyfile(trained / "1" / VOCABULARY, path / VOCABULARY)
            store.publish(path, read_version(trained / "1").manifest, folder=folder)

    return once("spread", make) / "model"


@pytest.fixture(scope="session")
def word_soup(once: Callable[..., Path]) -> Path:
    """A `model` folder with a version that knows short texts of common words. Nothing was trained for it."""
    from support import word_soup

    return once("soup", lambda home: word_soup.publish(home / "model")) / "model"


@pytest.fixture
def model(trained: Path, workspace: Path) -> Path:
    """A copy of the trained `model` folder in this test's workspace, free to be damaged."""
    return Path(shutil.copytree(trained, workspace / "model"))


@pytest.fixture(scope="session")
def films(once: Callable[..., Path]) -> Path:
    """A data set that a tiny encoder learns in seconds."""
    from support import retrain_world as world

    return once("films", world.data_set)


@pytest.fixture(scope="session")
def champion(once: Callable[..., Path], tiny_encoder: tuple[Path, Path], films: Path) -> Path:
    """A workspace with a version that knows films."""
    from support import retrain_world as world

    from bertsent.base.settings.workspace import Workspace

    def make(home: Path) -> None:
        from bertsent.tf.training import train

        trained = train(world.settings(tiny_encoder), data=films, workspace=Workspace(home))
        assert trained.metrics["test"].confusion.accuracy > 0.99, "or no gate could be told from another"

    return once("champion", make)


@pytest.fixture(scope="session")
def challenged(once: Callable[..., Path], champion: Path, films: Path) -> Path:
    """That workspace with labels of another shop; because of drift a challenger is trained on them, and
    not yet judged."""
    from support import retrain_world as world

    def make(home: Path) -> None:
        shutil.copytree(champion, home, dirs_exist_ok=True)
        world.challenge(home, films, world.texts(world.SHOP, world.LABELS, seed=3))

    return once("challenged", make)


@pytest.fixture(scope="session")
def poisoned(once: Callable[..., Path], champion: Path, films: Path) -> Path:
    """The same with wrong labels of films, twice as many as there are right ones."""
    from support import retrain_world as world

    def make(home: Path) -> None:
        shutil.copytree(champion, home, dirs_exist_ok=True)
        rows = [(text, 1 - label) for text, label in world.texts(world.FILM, world.LABELS, seed=4)]
        world.challenge(home, films, rows)

    return once("poisoned", make)


@pytest.fixture(scope="session")
def asked(once: Callable[..., Path], champion: Path) -> Path:
    """A workspace in which `drift --ask` found another shop: its candidate waits. And what it printed."""

    from support import retrain_world as world
    from support.command import call

    def make(home: Path) -> None:
        shutil.copytree(champion / "model", home / "model")
        world.data_set(home / "data" / "films")
        world.label(home, [*world.known(150), *world.texts(world.SHOP, 150, seed=7)])
        hooks = ("--on-drift", "cat > found.json", "--on-published", "touch published")
        env = {**os.environ, "BERTSENT_HOME": str(home)}
        ended = call("drift", "--ask", "--quiet", "--report", "r.html", *hooks, cwd=home, env=env)
        assert (ended.returncode, ended.stderr) == (3, b""), ended.stderr.decode()
        (home / "line.txt").write_bytes(ended.stdout)

    return once("asked", make)
