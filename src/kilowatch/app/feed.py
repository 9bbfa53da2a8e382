"""Several histories as one stream in time order, in batches large enough to be fast.

A source's readings keep the order of their file, so each is placed by how far its file has come: the latest time
so far. Two sorts of reading have no say in that, for one clock that is not set would hold back all that follows it:
those before 2000 or from 2100, and those more than a day ahead of the very next one. The latter are handed on as
having arrived when it was their turn, so that cleaning sets their clock back to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_values import LATEST_MS
from kilowatch.core.reading import EARLIEST_MS, ReadingBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

BATCH_ROWS = 65_536
_ASTRAY_MS = 86_400_000


class Feed:
    """One source's readings in file order: those in hand, at most `BATCH_ROWS` and one batch, and the rest."""

    def __init__(self, batches: Iterable[ReadingBatch]) -> None:
        self._batches = iter(batches)
        self._is_ended = False
        self._hand: ReadingBatch | None = None
        self._place_ms = np.zeros(0, dtype=np.int64)
        self._passed_ms = 0

    def has_more(self) -> bool:
        """Return whether a reading is left."""
        # The place of the last reading in hand changes with what follows it: the head must not be the last.
        while len(self._place_ms) < 2 and not self._is_ended:
            self._read_on()
        return len(self._place_ms) > 0

    @property
    def head_ms(self) -> int:
        """The place of the next reading; only while it `has_more`."""
        return int(self._place_ms[0])

    def fill(self, before_ms: int) -> int:
        """Read on, and return up to where, at most before_ms, every reading is in hand."""
        while not self._is_ended and self._place_ms[-1] <= before_ms and len(self._place_ms) < BATCH_ROWS:
            self._read_on()
        return before_ms if self._is_ended else min(before_ms, int(self._place_ms[-1]))

    def take(self, before_ms: int) -> ReadingBatch | None:
        """Return the readings in hand before a time, None where there are none."""
        end = int(np.searchsorted(self._place_ms, before_ms))
        if end == 0 or self._hand is None:
            return None
        taken = _arrived(self._hand.take(slice(0, end)), self._place_ms[:end])
        self._hand = self._hand.take(slice(end, None))
        self._passed_ms, self._place_ms = int(self._place_ms[end - 1]), self._place_ms[end:]
        return taken

    def _read_on(self) -> None:
        batch = next(self._batches, None)
        if batch is None:
            self._is_ended = True
        elif self._hand is None or not len(self._hand):
            self._hand = batch
        else:
            self._hand = ReadingBatch.join([self._hand, batch])
        if self._hand is not None:
            self._place_ms = places(self._hand.ts_ms, self._passed_ms, is_end=self._is_ended)


def places(ts_ms: NDArray[np.int64], passed_ms: int, *, is_end: bool) -> NDArray[np.int64]:
    """Return when each reading of a file has its turn, int64[n], never falling and not before passed_ms.

    Where the file goes on, the last one's turn cannot be told yet: it is given that of the one before.
    """
    told = (ts_ms >= EARLIEST_MS) & (ts_ms < LATEST_MS)
    known = ts_ms[told]
    follower = np.append(known[1:], known[-1:] if is_end else passed_ms)[: len(known)]
    turns = np.where(known - follower > _ASTRAY_MS, follower, known)
    # The running count of those with a say is an index: all others get the place of the one with a say before.
    return np.maximum.accumulate(np.append(passed_ms, turns))[np.cumsum(told)]


def _arrived(readings: ReadingBatch, place_ms: NDArray[np.int64]) -> ReadingBatch:
    """Return readings with their turn as time of arrival where any is astray."""
    if readings.received_ms is not None or not (readings.ts_ms > place_ms).any():
        return readings
    return replace(readings, received_ms=np.minimum(readings.ts_ms, place_ms))


def in_time_order(sources: Iterable[Iterable[ReadingBatch]], slice_ms: int) -> Iterator[ReadingBatch]:
    """Yield the readings of all sources in slices of time: within a slice source after source, each in file order.

    A slice ends early where a source's readings in hand do, so that none is ever read in whole.
    """
    feeds = [Feed(source) for source in sources]
    while feeds := [feed for feed in feeds if feed.has_more()]:
        start_ms = min(feed.head_ms for feed in feeds)
        end_ms = (start_ms // slice_ms + 1) * slice_ms
        # A millisecond at least, so that every round hands on the earliest reading.
        end_ms = max(start_ms + 1, min(feed.fill(end_ms) for feed in feeds))
        taken = [batch for feed in feeds if (batch := feed.take(end_ms)) is not None]
        if taken:  # else a place was told anew as its feed read on
            yield ReadingBatch.join(taken)


def slice_for(readings_per_s: float) -> int:
    """Return the slice of time, in ms, that holds about `BATCH_ROWS` readings: between an hour and 30 days."""
    wanted_s = BATCH_ROWS / max(readings_per_s, 1e-6)
    return round(min(max(wanted_s, 3600.0), 30 * 86_400.0)) * 1000
