"""The wall clock: stamps what comes in from outside, and nothing else."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Return the wall clock, ms UTC."""
    return time.time_ns() // 1_000_000


class WallClock:
    """The wall clock as plugs are called by it."""

    def now_ms(self) -> int:
        """Return the wall clock, ms UTC."""
        return wall_ms()

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
