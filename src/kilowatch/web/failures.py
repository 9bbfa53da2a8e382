"""Wrong tokens, counted by where they come from, so that nobody tries them all."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 10
"""Wrong tokens within `WITHIN_S` from one address; the next has to wait."""
WITHIN_S = 60.0
# Bounds the memory: one caller of an IPv6 network has more addresses than any table could hold.
_ADDRESSES = 4096


class Failures:
    """Counts for the addresses that failed last; not for several threads. clock: s, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Return how long an address has to wait with its next try, s."""
        since_s, count = self._seen.get(caller, (0.0, 0))
        left_s = since_s + WITHIN_S - self._clock()
        return left_s if count >= MOST and left_s > 0 else 0.0

    def note(self, caller: str) -> None:
        """Count a wrong token."""
        now_s = self._clock()
        # Taken out and put in at the end, so that who failed longest ago is let go of first.
        since_s, count = self._seen.pop(caller, (now_s, 0))
        is_old = now_s - since_s >= WITHIN_S
        self._seen[caller] = (now_s, 1) if is_old else (since_s, count + 1)
        while len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
