"""Sample history on disk, for the edge: what a device learns from survives restarts and power cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import DAY_MS
from kilowatch.core.samples import Series
from kilowatch.links.days import Archive, Column, DayRows, DayStore
from kilowatch.links.days.store import day_of

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.device import DeviceRecord, Fleet
    from kilowatch.core.samples import Samples

KEEP_DAYS = 28
"""Four weeks: each hour of the week four times."""

_LATEST_MS = 253_402_300_799_999  # the end of the year 9999, the last day that has a name

_COLUMNS = (
    Column("local_ms", "int64"),
    Column("code", "uint16"),
    Column("count", "int64"),
    Column("held", "bool"),
    Column("arrival", "int64"),
)


class DiskSampleHistory:
    """Keeps `kilowatch.core.ports.SampleHistory` in a folder, append-only, by (site, device), whatever their slots.

    `arrival` counts all samples up: after a restart the readings since the last snapshot come once more, and of two
    samples at one time the later arrival stands.
    """

    def __init__(self, folder: Path, fleet: Fleet, keep_days: int = KEEP_DAYS, *, sync: bool = False) -> None:
        self._fleet = fleet
        self._keep_days = keep_days
        self._archive = Archive(folder / "days", _COLUMNS, lambda old, new: DayRows.join([old, new]))
        self._store = DayStore(folder, _COLUMNS, [self._archive], sync=sync)
        # From the files and not from a counter of its own, which a crash could leave behind them.
        open_rows = self._store.everything().values[-1]
        self._arrived = 1 + max(self._archive.largest("arrival"), int(open_rows.max(initial=-1)))
        self._newest_day = ""

    def append(self, samples: Samples) -> None:
        """Keep samples; within a device they come in event order."""
        if len(samples) == 0:
            return
        slots, device = np.unique(samples.slot, return_inverse=True)
        records = [self._fleet.records[slot] for slot in slots.tolist()]
        arrival = self._arrived + np.arange(len(samples), dtype=np.int64)
        self._arrived += len(samples)
        names = tuple((record.site, record.device) for record in records)
        values = (samples.local_ms, samples.code, samples.count, samples.held, arrival)
        self._store.append(DayRows(names, device.astype(np.int32), samples.ts_ms, values))
        self._expire(int(samples.ts_ms.max()))

    def series(self, slot: int, record: DeviceRecord, from_ms: int, to_ms: int) -> Series:
        """Return a device's samples with from_ms <= ts_ms < to_ms; held ones are not usable.

        Where a device's clock went back, what it had told of the time after is forgotten.
        """
        del slot
        span = max(0, from_ms), min(to_ms, _LATEST_MS)
        name = record.site, record.device
        closed = self._archive.read(*name, day_of(span[0]), day_of(span[1]))
        inside = (closed.ts_ms >= from_ms) & (closed.ts_ms < to_ms)
        past = DayRows.join([closed.take(inside), self._store.rows(*name, from_ms, to_ms)])
        # Days come one after the other here, but the latest samples may have gone to an older day: arrival tells.
        past = past.take(np.argsort(past.values[-1], kind="stable"))
        following_ms = np.minimum.accumulate(past.ts_ms[::-1])[::-1]
        past = past.take(np.append(past.ts_ms[:-1] < following_ms[1:], True)[: len(past)])
        local_ms, code, count, held, _ = past.values
        return Series(record, past.ts_ms, local_ms, code, count, ~held)

    def erase(self, site: str, device: str) -> None:
        """Forget a device."""
        self._store.erase(site, device)

    def close(self) -> None:
        """Let the next one have the folder."""
        self._store.close()

    @property
    def unsaved_rows(self) -> int:
        """Samples that a full disk left in memory alone."""
        return self._store.unsaved_rows

    def _expire(self, newest_ms: int) -> None:
        day = day_of(newest_ms)
        if day > self._newest_day:
            self._newest_day = day
            self._archive.expire(day_of(max(0, newest_ms - (self._keep_days + 1) * DAY_MS)))
