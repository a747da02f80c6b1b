"""The command line: one file a command.

A command declares its options, calls the core and renders the record it returns. It imports the core in
its body, so that `--help` and completion load none of NumPy, LiteRT or TensorFlow.
"""

# Importing a command registers it.
from bertsent.cli import (
    batch,
    download,
    drift,
    evaluate,
    export,
    label,
    models,
    models_compare,
    predict,
    preview,
    retrain,
    train,
)
from bertsent.cli._app import app, main

__all__ = [
    "app",
    "batch",
    "download",
    "drift",
    "evaluate",
    "export",
    "label",
    "main",
    "models",
    "models_compare",
    "predict",
    "preview",
    "retrain",
    "train",
]
