"""Several histories as one stream in time order, in batches large enough to be fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BATCH_ROWS = 65_536
_LATEST_MS = np.iinfo(np.int64).max


class Feed:
    """One source's readings, taken up to a time."""

    def __init__(self, batches: Iterable[ReadingBatch]) -> None:
        self._batches = iter(batches)
        self._rest: ReadingBatch | None = None

    def head_ms(self) -> int:
        """Return the time of the next reading; the latest time there is where none is left."""
        while self._rest is None or len(self._rest) == 0:
            self._rest = next(self._batches, None)
            if self._rest is None:
                return _LATEST_MS
        return int(self._rest.ts_ms[0])

    def take(self, before_ms: int) -> list[ReadingBatch]:
        """Return the readings, in file order, up to the first that is not before a time."""
        taken: list[ReadingBatch] = []
        while self.head_ms() < before_ms and self._rest is not None:
            later = np.flatnonzero(self._rest.ts_ms >= before_ms)
            end = int(later[0]) if len(later) else len(self._rest)
            taken.append(self._rest.take(slice(0, end)))
            self._rest = self._rest.take(slice(end, None))
        return taken


def in_time_order(sources: Iterable[Iterable[ReadingBatch]], slice_ms: int) -> Iterator[ReadingBatch]:
    """Yield the readings of all sources in slices of time: within a slice source after source, each in file order."""
    feeds = [Feed(source) for source in sources]
    while True:
        start_ms = min((feed.head_ms() for feed in feeds), default=_LATEST_MS)
        if start_ms == _LATEST_MS:
            return
        end_ms = (start_ms // slice_ms + 1) * slice_ms
        taken = [batch for feed in feeds for batch in feed.take(end_ms)]
        yield ReadingBatch.join(taken)


def slice_for(readings_per_s: float) -> int:
    """Return the slice of time, in ms, that holds about `BATCH_ROWS` readings: between an hour and 30 days."""
    wanted_s = BATCH_ROWS / max(readings_per_s, 1e-6)
    return round(min(max(wanted_s, 3600.0), 30 * 86_400.0)) * 1000
