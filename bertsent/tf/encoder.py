"""A preset name, handle or folder -> a loaded encoder with its tokenizer; the preview of one text."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import tarfile
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.errors import ArtefactError, NetworkError, UsageError
from bertsent.files import sha256_file, sha256_lines, visible
from bertsent.presets import BUNDLED, find_preset, unknown_encoder
from bertsent.records import Download, Progress, silent
from bertsent.settings import DownloadSettings
from bertsent.tf import bundle, hub, tf, tf_keras
from bertsent.tf.bert import BertEncoder, named_variables, read_shape
from bertsent.tokenizer import Tokenizer

# Pooled outputs lie in [-1, 1]. The same arithmetic in another order differs by 2e-7 (measured on the
# bundled encoder); a wrong GELU already by 3e-4. Between the two stands the tolerance.
AGREEMENT = 2e-5
_PROBES = (
    "A quiet, generous film; I'd see it again tomorrow.",
    "Two hours I'll never get back!!! 1/10, don't bother (really).",
    "Amélie's café naïveté... 東京物語 is BETTER than this, I can't say I was ever bored.",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an encoder and its preprocessor come from, and where they lie on disk."""

    name: str  # preset name, or what the user gave
    handle: str
    preprocessor: str  # handle; empty where the encoder carries its own vocabulary
    folder: Path
    preprocessor_folder: Path | None


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder.

    `layer` maps token ids int32 [batch, tokens] to the pooled output float32 [batch, hidden]; `hub` is the
    SavedModel itself, with TF Hub's interface.
    """

    source: Source
    digest: str  # sha256 over its files
    hub: Any
    layer: Any
    tokenizer: Tokenizer
    lower_case: bool
    rebuilt: bool  # layer is our own BertEncoder, checked against the Hub graph


def locate(name: str, *, preprocessor: str = "", progress: Progress = silent) -> Source:
    """Finds an encoder by preset name, TF Hub or Kaggle handle, or folder, fetching what is not here.

    Raises:
        UsageError: if the name is none of the three, or the preprocessor cannot be told.
        NetworkError: if a handle is not cached and cannot be fetched.
        ArtefactError: if what is found is no SavedModel.
    """
    preset = find_preset(name)
    handle = preset.handle if preset else name
    partner = preprocessor or (preset.preprocessor if preset else "")
    if handle.startswith(BUNDLED):
        folder, bundled = bundle.unpack(handle.removeprefix(BUNDLED), progress)
        own = partner.startswith(BUNDLED)
        return Source(name, handle, partner, folder, bundled if own else _folder(partner, progress))
    folder = _folder(handle, progress)
    if not partner and not (folder / "assets" / "vocab.txt").is_file():
        raise UsageError(
            f"The preprocessor of {visible(name)} cannot be told.",
            hint="name it with --preprocessor, for example "
            "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3",
        )
    return Source(
        preset.name if preset else name,
        handle,
        partner,
        folder,
        _folder(partner, progress) if partner else None,
    )


def fetch(name: str, *, preprocessor: str = "", progress: Progress = silent) -> Download:
    """Brings an encoder and its preprocessor into the user cache ahead of time.

    Raises:
        The same as `locate`.
    """
    before = {path for path in _cache().glob("*") if path.is_dir()}
    source = locate(name, preprocessor=preprocessor, progress=progress)
    folders = [source.folder, *([source.preprocessor_folder] if source.preprocessor_folder else [])]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return Download(
        path=source.folder,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        fetched=any(folder not in before for folder in folders) and not source.handle.startswith(BUNDLED),
    )


def load(name: str, *, preprocessor: str = "", progress: Progress = silent) -> Encoder:
    """Loads an encoder through TF Hub's interface and, where it is a plain BERT, rebuilds it.

    Raises:
        The same as `locate`; ArtefactError also if the SavedModel lacks the interface of a TF Hub
        encoder, or if its word pieces are not WordPiece.
    """
    source = locate(name, preprocessor=preprocessor, progress=progress)
    loaded = _load(source.folder, source.handle)
    tokenizer, lower_case = _tokenizer(source, loaded)
    layer, rebuilt = _trainable(loaded, tokenizer, source)
    if not rebuilt:
        progress.note(f"{source.name} is no plain BERT: it trains through TF Hub's own graph, more slowly")
    return Encoder(
        source=source,
        digest=_digest(source),
        hub=loaded,
        layer=layer,
        tokenizer=tokenizer,
        lower_case=lower_case,
        rebuilt=rebuilt,
    )


def inputs(ids: Any) -> dict[str, Any]:
    """The three inputs of a TF Hub encoder for one segment of token ids, padded with 0."""
    ids = tf.convert_to_tensor(ids, tf.int32)
    return {
        "input_word_ids": ids,
        "input_mask": tf.cast(tf.not_equal(ids, 0), tf.int32),
        "input_type_ids": tf.zeros_like(ids),
    }


class HubEncoder(tf_keras.layers.Layer):  # type: ignore[misc]
    """Token ids -> pooled output through hub.KerasLayer, for encoders that cannot be rebuilt."""

    def __init__(self, loaded: Any) -> None:
        super().__init__(name="encoder")
        self.graph = hub.KerasLayer(loaded, trainable=True, name="hub")

    def call(self, ids: Any, training: bool = False) -> Any:
        return self.graph(inputs(ids), training=training)["pooled_output"]

    def arrays(self) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """The present values of all trainable variables, by name."""
        return {variable.name.split(":")[0]: variable.numpy() for variable in self.trainable_variables}

    def assign(self, arrays: dict[str, Any]) -> None:
        """Sets all trainable variables from arrays of the same names and shapes."""
        for variable in self.trainable_variables:
            variable.assign(arrays[variable.name.split(":")[0]])


def _cache() -> Path:
    import os

    return Path(os.environ["TFHUB_CACHE_DIR"])


def _folder(handle: str, progress: Progress) -> Path:
    """The folder of one SavedModel, named by a handle or a path."""
    if handle.startswith(("https://", "http://")):
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
    progress.note(f"Fetching {handle}")
    with _network_errors(handle), _timeout(DownloadSettings().read_timeout):
        found = Path(hub.resolve(handle))
    if not (found / "saved_model.pb").is_file():
        raise ArtefactError(
            f"What {visible(handle)} sent holds no SavedModel.", hint=f"rm -r {found}, then check the handle"
        )
    return found


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """tensorflow_hub's resolver has none of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _network_errors(handle: str) -> Iterator[None]:
    shown = visible(handle)
    offline = f"bertsent download --encoder NAME where there is a network, and copy {_cache()} here"
    try:
        yield
    except urllib.error.HTTPError as error:
        raise NetworkError(
            f"The server refused {shown}.",
            received=f"HTTP {error.code} {visible(str(error.reason))}",
            hint="try again later, or use the bundled encoder: --encoder minilm",
        ) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise NetworkError(f"Cannot reach {shown}.", received=visible(str(reason)), hint=offline) from error
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise ArtefactError(
            f"What came for {shown} is no TF Hub model (a proxy's page?).",
            received=visible(str(error))[:200],
            hint="open the address in a browser and see what it answers",
        ) from error


def _load(folder: Path, handle: str) -> Any:
    try:
        loaded = hub.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ArtefactError(
            f"{visible(handle)} cannot be loaded from {visible(str(folder))}.",
            received=visible(str(error).splitlines()[0])[:200],
            hint="remove that folder and fetch it again",
        ) from error
    return loaded


def _tokenizer(source: Source, loaded: Any) -> tuple[Tokenizer, bool]:
    """The TensorFlow-free tokenizer that gives the preprocessor's ids, checked on probe texts."""
    if source.preprocessor_folder is None:
        lower_case = bool(loaded.do_lower_case.numpy())
        return Tokenizer.from_file(source.folder / "assets" / "vocab.txt", lower_case=lower_case), lower_case
    preprocessor = _load(source.preprocessor_folder, source.preprocessor)
    vocabulary = source.preprocessor_folder / "assets" / "vocab.txt"
    if vocabulary.is_file():
        expected = [
            [int(piece) for word in row for piece in word]
            for row in preprocessor.tokenize(tf.constant(_PROBES)).to_list()
        ]
        for lower_case in (True, False):
            tokenizer = Tokenizer.from_file(vocabulary, lower_case=lower_case)
            if [ids.tolist() for ids in tokenizer.encode(_PROBES)] == expected:
                return tokenizer, lower_case
    raise ArtefactError(
        f"The preprocessor {visible(source.preprocessor)} does not cut texts into BERT's word pieces, "
        "and scoring needs them.",
        hint="choose an encoder with a WordPiece vocabulary, for example --encoder minilm",
    )


def _trainable(loaded: Any, tokenizer: Tokenizer, source: Source) -> tuple[Any, bool]:
    """The Keras layer that trains: our own where it agrees with the Hub graph, else hub.KerasLayer."""
    ids = probe_ids(tokenizer)
    try:
        expected = loaded(inputs(ids), training=False)["pooled_output"].numpy()
    except (TypeError, ValueError, KeyError, tf.errors.OpError) as error:
        raise ArtefactError(
            f"{visible(source.handle)} lacks the interface of a TF Hub encoder "
            "(input_word_ids, input_mask, input_type_ids -> pooled_output).",
            received=visible(str(error).splitlines()[0])[:200],
        ) from error
    variables = named_variables(loaded.variables)
    if read_shape(variables) is not None:
        for approximate in (True, False):  # the SavedModel does not say which GELU it computes
            layer = BertEncoder(variables, approximate_gelu=approximate)
            if float(np.abs(layer(ids).numpy() - expected).max()) <= AGREEMENT:
                return layer, True
    return HubEncoder(loaded), False


def probe_ids(tokenizer: Tokenizer) -> Any:
    """Padded token ids int32 [3, tokens] of three texts that try cases, accents and punctuation."""
    from bertsent.tokenizer import pack

    rows = tokenizer.encode(_PROBES)
    return tf.constant(pack(rows, tokenizer=tokenizer, width=max(len(row) for row in rows) + 2))


def _digest(source: Source) -> str:
    if source.handle.startswith(BUNDLED):  # what is written out from it need not be the same to the byte
        return bundle.digest(source.handle.removeprefix(BUNDLED))
    folder = source.folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_lines(f"{path.relative_to(folder).as_posix()} {sha256_file(path)}" for path in files)


__all__ = ["AGREEMENT", "Encoder", "Source", "fetch", "inputs", "load", "locate", "probe_ids"]
