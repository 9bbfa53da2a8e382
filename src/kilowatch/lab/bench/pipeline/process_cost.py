"""What processes cost, read from the kernel: CPU seconds so far and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process: CPU seconds since it began, resident memory now and at most, MB."""

    cpu_s: float
    resident_mb: float
    peak_mb: float


def cost_of(pid: int) -> Cost:
    """Return what a process has cost; all 0 once it has ended or where the system does not tell."""
    folder = Path(f"/proc/{pid}")
    try:
        # Behind the last bracket: the process's name stands in brackets and may hold spaces and brackets itself.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    except (FileNotFoundError, ProcessLookupError):
        return Cost(0.0, 0.0, 0.0)
    resident, peak = (int(status.get(name, "0 kB").split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    # From the state on, which is field 3 of proc(5): ticks in user mode and in the kernel.
    return Cost((int(fields[11]) + int(fields[12])) * _TICK_S, resident, peak)
