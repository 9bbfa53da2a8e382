"""What people will look at, in the making: every device's five minutes, given on once they are over.

Readings become samples on the grid of the detectors, so that a plug that speaks only on change weighs as long as it
holds. A detector's band and score are not known here: a cluster's history has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.grid import Grid
from kilowatch.core.history import FIVE_MINUTES_MS, Buckets, HistoryRows, NamedBuckets, bucketed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.app.metrics.book import Book
    from kilowatch.core.clean import CleanBatch
    from kilowatch.core.samples import Samples

_LATE_MS = 30_000
"""As long as the judge waits for readings that come late; what comes later still is added to what is kept."""


class Past:
    """The open buckets of a book's devices, and those that are over and not yet taken; take these before a save."""

    frozen_not: ClassVar[tuple[str, ...]] = ("_over",)

    def __init__(self, book: Book) -> None:
        self._fleet, self._site_time = book.fleet, book.site_time
        self._grid = Grid(book.fleet)
        self._start_ms = np.zeros(0, dtype=np.int64)
        self._samples = np.zeros(0, dtype=np.int64)
        self._total_dw = np.zeros(0, dtype=np.int64)
        self._min_w, self._max_w = np.zeros(0), np.zeros(0)
        self._over: list[Buckets] = []

    def take(self, clean: CleanBatch) -> None:
        """Add readings, cleaned and sorted by device."""
        self._reserve()
        self._add(self._grid.push(clean.readings, clean.segments, clean.historical))

    def pass_time(self) -> None:
        """Go on with plugs that say nothing new, up to the time of their site."""
        self._reserve()
        slots = np.arange(len(self._fleet), dtype=np.int32)
        self._add(self._grid.advance(slots, self._site_time.of(slots) - _LATE_MS))

    def refresh(self, slot: int) -> None:
        """Take over a device's record again after it was changed."""
        self._grid.refresh(slot)

    def _add(self, samples: Samples) -> None:
        if not len(samples):
            return
        unknown = np.full(len(samples), np.nan, dtype=np.float32)
        keep = np.zeros(len(samples), dtype=np.bool_)
        rows = HistoryRows((), samples.slot, samples.ts_ms, samples.power_w, unknown, unknown, unknown, keep)
        slots = samples.segments.slot
        # The open bucket joins in, so that the newest of each device can take its place and all others are over.
        every = Buckets.join([self._open(slots[self._samples[slots] > 0]), bucketed(rows)]).grouped(FIVE_MINUTES_MS)
        is_newest = np.append(every.device[1:] != every.device[:-1], True)
        self._put(every.part(is_newest))
        self._over.append(every.part(~is_newest))

    def taken(self) -> NamedBuckets:
        """Return what is over since the last time, under the names of the devices."""
        self._reserve()
        slots = np.arange(len(self._fleet), dtype=np.int32)
        # Twice: the grid runs behind site time by as much as late readings are waited for.
        past = self._start_ms[slots] + FIVE_MINUTES_MS + 2 * _LATE_MS <= self._site_time.of(slots)
        done = slots[past & (self._samples[slots] > 0)]
        over = Buckets.join([*self._over, self._open(done)])
        self._samples[done], self._over = 0, []
        numbers, device = np.unique(over.device, return_inverse=True)
        records = [self._fleet.records[slot] for slot in numbers.tolist()]
        names = tuple((record.site, record.device) for record in records)
        return NamedBuckets(names, replace(over, device=device.astype(np.int32)))

    def _reserve(self) -> None:
        self._grid.reserve()
        size = len(self._fleet)
        if size > len(self._samples):
            for name in ("_start_ms", "_samples", "_total_dw", "_min_w", "_max_w"):
                setattr(self, name, grown(getattr(self, name), max(64, 2 * size)))

    def _open(self, slots: NDArray[np.int32]) -> Buckets:
        unknown = np.full(len(slots), np.nan)
        return Buckets(
            slots,
            self._start_ms[slots],
            self._samples[slots],
            self._total_dw[slots],
            self._min_w[slots],
            self._max_w[slots],
            unknown,
            unknown,
            unknown,
        )

    def _put(self, newest: Buckets) -> None:
        slots = newest.device
        self._start_ms[slots], self._samples[slots] = newest.start_ms, newest.samples
        self._total_dw[slots] = newest.total_dw
        self._min_w[slots], self._max_w[slots] = newest.min_w, newest.max_w
