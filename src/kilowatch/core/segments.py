"""One device's rows of a batch as a segment, and the running sums that need the row before.

A batch holds any mix: a million devices with one reading each, or one device with a month of readings.
Everything that needs a device's past is written once, as an operation over segments, and carries the
device's state in and out. Integer operations are exact, so any cut of a stream into batches gives the
same result bit for bit; `scan` runs float recurrences in order for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_LONG_SEGMENT = 64
"""Above this many rows a loop in Python over one segment beats one NumPy call per row of all segments."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Rows sorted by device, in arrival order within each.

    slot: int32[s], the device of each segment. starts, lengths: intp[s]. of_row: intp[n], each row's segment.
    """

    slot: NDArray[np.int32]
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    of_row: NDArray[np.intp]

    @classmethod
    def sort(cls, slot: NDArray[np.int32]) -> tuple[NDArray[np.intp], Segments]:
        """Return the stable order that brings a batch's rows together by device, and the segments of it."""
        # Many batches come sorted, and looking is much cheaper than sorting.
        if len(slot) == 0 or bool((slot[1:] >= slot[:-1]).all()):
            order = np.arange(len(slot), dtype=np.intp)
        else:
            order = np.argsort(slot, kind="stable")
        return order, cls.of_sorted(slot[order])

    @classmethod
    def of_sorted(cls, slot: NDArray[np.int32]) -> Segments:
        """Return the segments of rows that are sorted by device already."""
        size = len(slot)
        first = np.empty(size, dtype=np.bool_)
        first[:1] = True
        np.not_equal(slot[1:], slot[:-1], out=first[1:])
        starts = first.nonzero()[0]
        if len(starts) == size:
            return cls(slot, starts, np.ones(size, dtype=np.intp), starts)
        # `np.diff` would say the same for eight times the price: of few rows that counts, and live batches are small.
        lengths = np.empty_like(starts)
        np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
        lengths[-1:] = size - starts[-1:]
        return cls(slot[starts], starts, lengths, np.repeat(np.arange(len(starts)), lengths))

    def __len__(self) -> int:
        return len(self.slot)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.of_row)

    @property
    def ends(self) -> NDArray[np.intp]:
        """The last row of each segment."""
        return self.starts + self.lengths - 1

    @property
    def offset(self) -> NDArray[np.intp]:
        """Each row's place in its segment, from 0."""
        return np.arange(self.size) - self.starts[self.of_row]

    def keep(self, mask: NDArray[np.bool_]) -> Segments:
        """Return the segments of the rows where mask is True."""
        return Segments.of_sorted(self.slot[self.of_row[mask]])

    def shift(self, values: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        """Return each row's predecessor in its segment; the first row gets `before`[segment]."""
        out = np.empty_like(values)
        out[1:] = values[:-1]
        out[self.starts] = before
        return out

    def fill_forward(self, values: NDArray[Any], known: NDArray[np.bool_], before: NDArray[Any]) -> NDArray[Any]:
        """Return the last known value at or before each row; `before`[segment] where none is known yet."""
        last = np.maximum.accumulate(np.where(known, np.arange(self.size), -1)) if self.size else self.of_row
        # The maximum runs on across segments: a place before the own start is of another device.
        own = last >= self.starts[self.of_row]
        return np.where(own, values[np.maximum(last, 0)], before[self.of_row])

    def running_sum(self, values: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of a segment's values up to each row, on top of `before`[segment]. Exact."""
        total = np.cumsum(values)
        # The sum over all devices may wrap around; differences of it are right all the same.
        base = before - (total[self.starts] - values[self.starts])
        return total + base[self.of_row]

    def running_max(self, values: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the largest of a segment's values up to each row, and of `before`[segment]."""
        if self.size == 0:
            return values.copy()
        if len(self) == self.size:
            return np.maximum(values, before)
        low = min(int(values.min()), int(before.min()))
        high = max(int(values.max()), int(before.max()))
        span = np.int64(high - low + 1)
        # Each segment is lifted above all before it, so that no maximum reaches across: int64 must have room for that.
        if (high - low + 1) * len(self) < 2**62:
            lifted = values - low + self.of_row * span
            lifted[self.starts] = np.maximum(lifted[self.starts], before - low + np.arange(len(self)) * span)
            return np.maximum.accumulate(lifted) - self.of_row * span + low
        return self._running_max_by_segment(values, before)

    def _running_max_by_segment(self, values: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
        out = values.copy()
        out[self.starts] = np.maximum(values[self.starts], before)
        for start, length in zip(self.starts[self.lengths > 1], self.lengths[self.lengths > 1], strict=True):
            np.maximum.accumulate(out[start : start + length], out=out[start : start + length])
        return out

    def scan(
        self,
        values: NDArray[np.float64],
        before: NDArray[np.float64],
        step: Callable[[Any, Any], Any],
    ) -> NDArray[np.float64]:
        """Return the recurrence y[i] = step(y[i-1], values[i]) of each segment, starting from `before`[segment].

        `step` must use only + - * / and comparisons by arithmetic, so that it means the same for a float and
        for an array of floats; for max(0, x) write `(x + abs(x)) * 0.5`.
        """
        out = np.empty(self.size, dtype=np.float64)
        longest = self.lengths > _LONG_SEGMENT
        for segment in np.flatnonzero(longest):
            start, end = self.starts[segment], self.starts[segment] + self.lengths[segment]
            # Python's floats are float64: this loop and the rounds below round alike, bit for bit.
            run = accumulate(values[start:end].tolist(), step, initial=float(before[segment]))
            out[start:end] = np.fromiter(run, dtype=np.float64, count=end - start + 1)[1:]
        self._scan_rounds(values, before, step, out, np.flatnonzero(~longest))
        return out

    def _scan_rounds(
        self,
        values: NDArray[np.float64],
        before: NDArray[np.float64],
        step: Callable[[Any, Any], Any],
        out: NDArray[np.float64],
        alive: NDArray[np.intp],
    ) -> None:
        state, rank = before[alive].astype(np.float64), 0
        while len(alive):
            rows = self.starts[alive] + rank
            state = step(state, values[rows])
            out[rows] = state
            rank += 1
            longer = self.lengths[alive] > rank
            alive, state = alive[longer], state[longer]
