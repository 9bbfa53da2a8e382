"""The newest samples of many devices, in arrays of fixed length that go round."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.device import grown
from kilowatch.web.ports import RecentPoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.segments import Segments


class Rings:
    """The last `points` samples of each of `size` devices."""

    def __init__(self, points: int) -> None:
        self._points = points
        self.size = 0
        self.count = np.zeros(0, dtype=np.int64)
        self.ts_ms = np.zeros((0, points), dtype=np.int64)
        self.power_w, self.score, self.low_w, self.high_w = (np.zeros((0, points), dtype=np.float32) for _ in range(4))

    def reserve(self, size: int) -> None:
        """Make room for so many devices."""
        self.size = max(self.size, size)
        self.count = grown(self.count, size)
        self.ts_ms = grown(self.ts_ms, size)
        for name in ("power_w", "score", "low_w", "high_w"):
            setattr(self, name, grown(getattr(self, name), size, np.nan))

    def put(self, segments: Segments, ts_ms: NDArray[np.int64], *columns: NDArray[np.floating[Any]]) -> None:
        """Take rows sorted by device: power_w and, where known, score, low_w, high_w; of too many for a ring the last.

        ts_ms int64[n] · columns float32 or float64[n]
        """
        # What this very call would overwrite again is left out, so that each place is written once.
        before_end = segments.ends[segments.of_row] - np.arange(segments.size)
        every = segments.slot[segments.of_row]
        rows = np.flatnonzero((before_end < self._points) & (every < self.size))
        slot = every[rows]
        # `count` goes on past a ring's length: it tells where to write, and how much of the ring is filled.
        place = (self.count[slot] + rows - segments.starts[segments.of_row[rows]]) % self._points
        self.ts_ms[slot, place] = ts_ms[rows]
        for kept, column in zip_longest((self.power_w, self.score, self.low_w, self.high_w), columns):
            kept[slot, place] = np.nan if column is None else column[rows]
        known = segments.slot < self.size
        self.count[segments.slot[known]] += segments.lengths[known]

    def points_of(self, slot: int, from_ms: int) -> RecentPoints:
        """Return a device's samples, oldest first."""
        count = int(self.count[slot])
        place = np.arange(max(0, count - self._points), count) % self._points
        place = place[self.ts_ms[slot, place] >= from_ms]
        columns = (self.ts_ms, self.power_w, self.score, self.low_w, self.high_w)
        return RecentPoints(*(column[slot, place] for column in columns))

    def none(self) -> RecentPoints:
        """Return no samples."""
        none = np.zeros(0, dtype=np.float32)
        return RecentPoints(np.zeros(0, dtype=np.int64), none, none, none, none)
