"""Every test of bertsent.tf imports TensorFlow, so all are slow, and skipped where it is not installed."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _trains(tensorflow: None) -> None:
    """Asks for TensorFlow in the name of all tests of this folder."""
