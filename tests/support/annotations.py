"""Files of annotation tools, as each of them exports texts with people's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Writes JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def array(path: Path, rows: Iterable[Mapping[str, Any]], *, indent: int | None = None) -> Path:
    """Writes one JSON array."""
    path.write_text(json.dumps(list(rows), ensure_ascii=False, indent=indent), encoding="utf-8")
    return path


def studio(text: str, *answers: Mapping[str, Any], **data: Any) -> dict[str, Any]:
    """A task of Label Studio's JSON export."""
    return {
        "id": 1,
        "annotations": list(answers),
        "file_upload": "a.csv",
        "drafts": [],
        "predictions": [{"result": [choice("Negative")]}],
        "data": {"text": text, **data},
        "meta": {},
    }


def choice(*words: str, question: str = "sentiment") -> dict[str, Any]:
    return {
        "id": "Xq",
        "from_name": question,
        "to_name": "text",
        "type": "choices",
        "value": {"choices": list(words)},
    }


def answered(*results: Mapping[str, Any], by: object = None, cancelled: bool = False) -> dict[str, Any]:
    return {
        "id": 7,
        "completed_by": by,
        "result": list(results),
        "was_cancelled": cancelled,
        "lead_time": 2.5,
    }


def task(text: str, answer: str, label: str = "POSITIVE", **more: Any) -> dict[str, Any]:
    """A binary task of Prodigy."""
    return {"text": text, "label": label, "_input_hash": 1, "_task_hash": 2, "answer": answer, **more}


def record(text: str, **more: Any) -> dict[str, Any]:
    """A record of Argilla 1.x."""
    return {
        "text": text,
        "inputs": {"text": text},
        "prediction": [{"label": "NEGATIVE", "score": 0.9}],
        "prediction_agent": "model",
        "annotation": None,
        "annotation_agent": None,
        "multi_label": False,
        "status": "Validated",
        **more,
    }
