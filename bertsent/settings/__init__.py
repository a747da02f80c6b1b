"""Every default of bertsent, declared once, with its reason beside it.

The command line shows these values in `--help` and passes changed ones back as a new record; no other
module repeats them. All records are frozen; a value that cannot be used raises `UsageError` when the
record is made.
"""

from __future__ import annotations

from bertsent.settings.loop import (
    CopySettings,
    DriftSettings,
    ExplainSettings,
    GateSettings,
    LabelSettings,
    LineageSettings,
    MonitorSettings,
    Order,
    RetrainSettings,
)
from bertsent.settings.model import (
    EVEN,
    FOLDERS,
    KNOWN_FOLDER,
    KNOWN_SHA256,
    LABEL_NAMES,
    LABELS,
    NEGATIVE,
    POSITIVE,
    CalibrationSettings,
    CheckpointSettings,
    DownloadSettings,
    Engine,
    EvaluateSettings,
    Optimizer,
    ReadSettings,
    ReferenceSettings,
    ScoreSettings,
    TeacherSettings,
    TokenizerSettings,
    TrainSettings,
    Window,
    Workspace,
    WriteSettings,
    cache_folder,
)

__all__ = [
    "EVEN",
    "FOLDERS",
    "KNOWN_FOLDER",
    "KNOWN_SHA256",
    "LABELS",
    "LABEL_NAMES",
    "NEGATIVE",
    "POSITIVE",
    "CalibrationSettings",
    "CheckpointSettings",
    "CopySettings",
    "DownloadSettings",
    "DriftSettings",
    "Engine",
    "EvaluateSettings",
    "ExplainSettings",
    "GateSettings",
    "LabelSettings",
    "LineageSettings",
    "MonitorSettings",
    "Optimizer",
    "Order",
    "ReadSettings",
    "ReferenceSettings",
    "RetrainSettings",
    "ScoreSettings",
    "TeacherSettings",
    "TokenizerSettings",
    "TrainSettings",
    "Window",
    "Workspace",
    "WriteSettings",
    "cache_folder",
]
