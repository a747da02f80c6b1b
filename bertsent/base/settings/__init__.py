"""Every default of bertsent, declared once, with its reason beside it.

The command line shows these values in `--help` and passes changed ones back as a new record; no other
module repeats them. All records are frozen; a value that cannot be used raises `UsageError` when the
record is made.

To make the class of a record takes a millisecond, and a score from cold a quarter of a second: those that
scoring does not need are made when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base.lazy import on_demand
from bertsent.base.settings.scoring import (
    EVEN,
    FOLDERS,
    LABEL_NAMES,
    LABELS,
    NEGATIVE,
    POSITIVE,
    Engine,
    ReadSettings,
    ScoreSettings,
    TokenizerSettings,
    Window,
    Workspace,
    WriteSettings,
)

if TYPE_CHECKING:
    from bertsent.base.settings.retraining import (
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
    from bertsent.base.settings.training import (
        KNOWN_FOLDER,
        KNOWN_SHA256,
        CalibrationSettings,
        CheckpointSettings,
        DownloadSettings,
        EvaluateSettings,
        ExportSettings,
        Format,
        Optimizer,
        ReferenceSettings,
        TeacherSettings,
        TrainSettings,
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
    "ExportSettings",
    "Format",
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

if not TYPE_CHECKING:  # it must know every name by itself
    __getattr__ = on_demand("settings", __all__, "loop", "model")
