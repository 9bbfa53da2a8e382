"""The simulated home's clock: it can run faster than ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class SimClock:
    """UTC ms of the simulated home; `speed` of its seconds pass in one of ours."""

    def __init__(self, start_ms: int, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.start_ms = start_ms
        self.speed = speed
        self._monotonic = monotonic
        self._zero_s = monotonic()

    def now_ms(self) -> int:
        """Return the home's time."""
        return self.start_ms + int((self._monotonic() - self._zero_s) * 1000 * self.speed)
