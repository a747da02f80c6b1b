"""Makes versions without training: the store publishes files that only look like those of a version."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, MANIFEST, VOCABULARY, WORDPIECE, Manifest, Version

VOCABULARY_TEXT = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nfilm\n"


def manifest(**changes: Any) -> Manifest:
    """A manifest as training writes it, with the figures left out."""
    values: dict[str, Any] = {
        "version": 0,
        "created": "2026-01-01T00:00:00Z",
        "libraries": {"bertsent": "0.1.0"},
        "encoder": {"name": "tiny"},
        "tokenizer": {
            "kind": WORDPIECE,
            "lower_case": True,
            "normalisation": "tf-text-bert-1",
            "digest": "0" * 64,
        },
        "seq_length": 32,
        "window": "head+tail",
        "settings": {},
        "data": {},
        "metrics": {},
        "probes": {},
    }
    return Manifest(**values | changes)


def publish(folder: Path, *, classifier: bytes = b"classifier" * 100, **changes: Any) -> Version:
    """Publishes the next version of `folder`."""
    with store.staging(folder, needed=0) as path:
        (path / CLASSIFIER).write_bytes(classifier)
        (path / VOCABULARY).write_text(VOCABULARY_TEXT, encoding="utf-8")
        return store.publish(path, manifest(**changes), folder=folder)


def edit(folder: Path, /, **values: Any) -> None:
    """Changes keys of a version's manifest as whoever knows the format could; None takes the key away.

    The manifest gets a new digest, so that it is not refused as changed.
    """
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8")) | values
    kept = {key: value for key, value in manifest.items() if value is not None and key != "digest"}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(kept | {"digest": digest}), encoding="utf-8")
