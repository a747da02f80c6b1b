"""Finds an encoder and its preprocessor by preset name, handle or folder; fetches what is missing."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shlex
import socket
import tarfile
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, NetworkError, StorageError, UsageError
from bertsent.base.presets import BUNDLED, UNCASED, find_preset, unknown_encoder, unknown_preprocessor
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.training import Download
from bertsent.base.settings.download import DownloadSettings
from bertsent.tf import bundled_encoder, tensorflow_hub, tf

VOCABULARY = Path("assets", "vocab.txt")  # where tf-models' export library puts it in a SavedModel
_HTTP = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an encoder and its preprocessor come from, and their folders on disk."""

    name: str  # preset name, or what the user gave
    handle: str
    preprocessor: str  # handle; empty if the encoder has its own vocabulary
    folder: Path
    preprocessor_folder: Path | None


def locate(name: str, *, preprocessor: str = "", progress: Progress = silent) -> Source:
    """Finds an encoder by preset name, TF Hub or Kaggle handle, or folder; fetches what is missing.

    Raises:
        UsageError: if the name is none of the three, or the preprocessor is not known.
        NetworkError: if a handle is not cached and cannot be fetched.
        ArtefactError: if the folder or the download is not a SavedModel.
    """
    preset = find_preset(name)
    handle = preset.handle if preset else name
    partner = preprocessor or (preset.preprocessor if preset else "")
    if handle.startswith(BUNDLED):
        folder, beside = bundled_encoder.unpack(handle.removeprefix(BUNDLED), progress)
    else:
        folder, beside = _folder(handle, progress), None
    if not partner and not (folder / VOCABULARY).is_file():
        raise untold_preprocessor(name)
    if partner and not (beside and partner.startswith(BUNDLED)):
        beside = preprocessor_folder(partner, progress)
    return Source(preset.name if preset else name, handle, partner, folder, beside)


def untold_preprocessor(encoder: str) -> UsageError:
    """The error for an encoder whose preprocessor is not known."""
    return UsageError(
        f"The preprocessor of {visible(encoder)} is not known.",
        hint=f"name it with --preprocessor, for example {UNCASED}",
    )


def fetch(name: str, *, preprocessor: str = "", progress: Progress = silent) -> Download:
    """Fetches an encoder and its preprocessor into the user cache ahead of time.

    Raises:
        The same as `locate`.
    """
    before = set(_cache().glob("*"))
    source = locate(name, preprocessor=preprocessor, progress=progress)
    folders = [source.folder, *([source.preprocessor_folder] if source.preprocessor_folder else [])]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return Download(
        path=source.folder,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        fetched=any(folder.parent == _cache() and folder not in before for folder in folders),
    )


def _cache() -> Path:
    return Path(os.environ["TFHUB_CACHE_DIR"])


def preprocessor_folder(handle: str, progress: Progress) -> Path:
    """The folder of a preprocessor, named by a handle or a path.

    Raises:
        The same as `locate`.
    """
    if not handle.startswith(_HTTP) and not Path(handle).is_dir():
        raise unknown_preprocessor(handle)
    return _folder(handle, progress)


def _folder(handle: str, progress: Progress) -> Path:
    """The folder of one SavedModel, named by a handle or a path."""
    if handle.startswith(_HTTP):
        return _resolve(handle, progress)
    path = Path(handle)
    if not path.is_dir():
        raise unknown_encoder(handle)
    if not (path / "saved_model.pb").is_file():
        raise ArtefactError(
            f"The folder {visible(handle)} holds no TF Hub style SavedModel (saved_model.pb).",
            hint="name the folder that holds saved_model.pb",
        )
    return path.resolve()


def _resolve(handle: str, progress: Progress) -> Path:
    cached = _cache() / hashlib.sha1(handle.encode("utf-8")).hexdigest()  # tensorflow_hub's own key
    if cached.is_dir() and any(cached.iterdir()):
        if (cached / "saved_model.pb").is_file() and (cached / "variables").is_dir():
            return cached
        raise ArtefactError(
            f"The cached copy of {visible(handle)} is incomplete (no saved_model.pb or no variables).",
            hint=f"rm -r {cached} and run the same command again",
        )
    progress.tell(f"Fetching {handle}")
    _look_at_lock(cached.with_name(cached.name + ".lock"), progress)
    with _network_errors(handle), _timeout(DownloadSettings().read_timeout):
        folder = Path(tensorflow_hub.resolve(handle))
    if not (folder / "saved_model.pb").is_file():
        raise ArtefactError(
            f"The download from {visible(handle)} holds no SavedModel.",
            hint=f"rm -r {folder}, then check the handle",
        )
    return folder


def _look_at_lock(lock: Path, progress: Progress) -> None:
    """Removes the lock that a killed download left behind: tensorflow_hub would wait 20 minutes for it.

    Another process that still fetches the encoder is named, because tensorflow_hub waits in silence. The lock
    holds "host.process.id" (tensorflow_hub/resolver.py).
    """
    try:
        host, process, _ = lock.read_text(encoding="utf-8").rsplit(".", 2)
        number = int(process)
    except (OSError, ValueError):  # no lock, as nearly always
        return
    if host == socket.gethostname() and not _is_alive(number):
        progress.note("A download that was killed had locked this encoder: its lock is removed")
        lock.unlink(missing_ok=True)
    else:
        progress.note(
            f"Process {number} on {visible(host)} fetches it already; this run waits. If that process is no "
            f"more: rm {visible(shlex.quote(str(lock)))}"
        )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's
        return True
    return True


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Sets a network time-out, because tensorflow_hub's resolver has none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _network_errors(handle: str) -> Iterator[None]:
    name = visible(handle)
    offline = f"bertsent download --encoder NAME where there is a network, and copy {_cache()} here"
    try:
        yield
    except urllib.error.HTTPError as error:
        raise NetworkError(
            f"The server refused {name}.",
            received=f"HTTP {error.code} {visible(str(error.reason))}",
            hint="try again later, or use the bundled encoder: --encoder minilm",
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise NetworkError(f"Cannot reach {name}.", received=visible(str(reason)), hint=offline) from error
    except tf.errors.OpError as error:  # a file that the resolver cannot write
        raise StorageError(
            f"Cannot write to the cache of encoders, {visible(str(_cache()))}.",
            received=visible(error.message)[:200],
            hint="set BERTSENT_CACHE to a folder that you can write, on a disk with space",
        ) from error
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        if "end of data" in str(error.__context__):  # the resolver's error hides tarfile's
            raise NetworkError(
                f"The connection broke off while fetching {name}.", hint="run the same command again"
            ) from error
        raise ArtefactError(
            f"The download for {name} is not a TF Hub model (perhaps it is a proxy's page).",
            received=visible(str(error))[:200],
            hint="open the address in a browser and see what it sends",
        ) from error


def load_model(folder: Path, handle: str) -> Any:
    """Loads a SavedModel with tensorflow_hub.

    Raises:
        ArtefactError: if it is damaged or of an unknown kind.
    """
    try:
        loaded = tensorflow_hub.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ArtefactError(
            f"{visible(handle)} cannot be loaded from {visible(str(folder))}.",
            received=visible(str(error).splitlines()[0])[:200],
            hint="remove that folder and fetch it again",
        ) from error
    return loaded
