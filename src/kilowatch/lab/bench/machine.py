"""The machine a figure was measured on, in words, and what a process costs it."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Return processor, cores, memory, system and Python."""
    parts = [
        _processor(),
        f"{os.cpu_count()} cores",
        f"{_memory_gib():.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


def resident_mb() -> float:
    """Return the resident memory of this process, MB; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if statm.exists() else 0.0


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    # A PC says `model name`, a Raspberry Pi `Model`.
    models = [line.partition(":")[2].strip() for line in names if line.startswith(("model name", "Model"))]
    return models[0] if models else platform.processor()


def _memory_gib() -> float:
    names = os.sysconf_names
    if "SC_PHYS_PAGES" not in names:
        return 0.0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
