"""From where a partition has to be read again after a death: from what may still lead to an action, not from the end.

An incident told longer ago than an intent lives cannot lead to one. What is younger is read again, and decided again
on what stands then; decisions that stand in the audit and actions that stand in the book are not made twice.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from kilowatch.core.policy import EXPIRES_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

# Half a minute more, for the clocks of broker and actor need not agree.
KEEP_MS = EXPIRES_MS + 30_000


class Rewind:
    """The offsets of one partition's messages that are still young, and of the next one to come."""

    def __init__(self) -> None:
        self._young: deque[tuple[int, int]] = deque()
        self._next = 0

    def took(self, offsets: Sequence[int], appended_ms: Sequence[int]) -> None:
        """Note messages with the times at which they were appended, ms UTC."""
        self._young.extend(zip(appended_ms, offsets, strict=True))
        self._next = offsets[-1] + 1

    def needed_from(self, now_ms: int) -> int:
        """Return the first offset that has to be read again, should this process die now."""
        while self._young and self._young[0][0] < now_ms - KEEP_MS:
            self._young.popleft()
        return self._young[0][1] if self._young else self._next
