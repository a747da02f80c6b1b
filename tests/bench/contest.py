"""Shared by the benchmarks against peers: runs one of them, describes the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertsent import __version__

VERSIONS = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""
TAIL = 2000  # characters of a failed run's stderr

Figures = dict[str, Any]


def run(command: Sequence[str]) -> Figures:
    """Runs one of them to its end: the JSON line it printed last, and the `wall` seconds of the process."""
    begun = time.perf_counter()
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        sys.exit(f"Cannot run {command[0]} ({error.strerror}). Does PEERS_DIR hold tf and peers?")
    wall = time.perf_counter() - begun
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    if ended.returncode or not lines:
        sys.exit(f"{' '.join(command)}\nended with {ended.returncode}:\n{ended.stderr[-TAIL:]}")
    figures: Figures = json.loads(lines[-1])
    return figures | {"wall": wall}


def machine() -> Figures:
    """What the figures depend on: processor, cores, how it multiplies, memory."""
    known = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*:\s*(.+)$", known, re.MULTILINE)
    return {
        "processor": model[1] if model else platform.processor(),
        "cpus": os.cpu_count(),
        "bfloat16": "avx512_bf16" in known or "amx_bf16" in known,
        "int8": "avx512_vnni" in known or "avx_vnni" in known or "amx_int8" in known,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "system": platform.platform(),
    }


def versions(peers_dir: Path, packages: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Of the environments `tf`, `peers` and our `own`, the versions of what matters in each."""
    pythons = {name: f"{peers_dir}/{name}/bin/python" for name in ("tf", "peers")} | {"own": sys.executable}
    found = {}
    for name, python in pythons.items():
        command = [python, "-c", VERSIONS, *packages[name]]
        found[name] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found | {"own": {"bertsent": __version__, **found["own"]}}
