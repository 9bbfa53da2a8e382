"""The wall clock: stamps what comes in from outside, and nothing else."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Return the wall clock, ms UTC."""
    return time.time_ns() // 1_000_000
