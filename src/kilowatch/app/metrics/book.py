"""All that the metric processor knows of the devices of one partition of readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.app.metrics.past import Past
from kilowatch.core.clean import Cleaner
from kilowatch.core.device import Fleet, Kind, Stage, grown
from kilowatch.core.site_time import SiteTime
from kilowatch.core.staleness import limit_ms
from kilowatch.core.usage import DayRows, StoredDay
from kilowatch.core.usage_ledger import Ledger
from kilowatch.core.usage_site import Sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.tariff import Tariff

KINDS = tuple(Kind)
STAGES = tuple(Stage)


class Book:
    """The fleet of a partition, cleaned as the detectors clean it, and what it used.

    kind, stage: uint8[slots], places in KINDS and STAGES · wanted: float64[slots], alarms a week that were asked for
    · watched_ms: time covered by readings of devices that were watched · past: None where history is kept elsewhere.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("watched_ms", "_known")
    frozen_not: ClassVar[tuple[str, ...]] = ("past", "sites")

    def __init__(self, tariff: Tariff, *, keeps_past: bool = False) -> None:
        self.fleet = Fleet()
        self.cleaner = Cleaner(self.fleet)
        self.ledger = Ledger(self.fleet, tariff)
        self.site_time = SiteTime(self.fleet)
        self.kind = np.zeros(0, dtype=np.uint8)
        self.stage = np.zeros(0, dtype=np.uint8)
        self.wanted = np.zeros(0, dtype=np.float64)
        self.watched_ms = 0
        self._known = 0
        self.past = Past(self) if keeps_past else None
        self.sites = Sites(self.fleet)

    def know(self, record: DeviceRecord) -> None:
        """Take a device's record in, new or changed."""
        self.reserve()
        slot = self.fleet.slot(record.site, record.device)
        if slot is None:
            self.fleet.add(record)
        elif self.fleet.records[slot].version <= record.version:
            # Records come by their topic and by asking: an older one may come last.
            self._refresh(self.fleet.update(record))
            self.ledger.refresh(slot)
            self.sites.reserve()
            self.sites.refresh(slot)
            if self.past is not None:
                self.past.refresh(slot)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        size = len(self.fleet)
        self.ledger.reserve()
        self.site_time.reserve()
        if size > len(self.kind):
            for name in ("kind", "stage", "wanted"):
                setattr(self, name, grown(getattr(self, name), max(64, 2 * size)))
        for slot in range(self._known, size):
            self._refresh(slot)
        self._known = size

    def take(self, batch: ReadingBatch) -> list[StoredDay]:
        """Take readings in; return the days that are over."""
        self.reserve()
        clean = self.cleaner.clean(batch)
        self.site_time.observe(clean.readings.slot, clean.readings.ts_ms)
        watched = self.stage[: len(self.fleet)] != STAGES.index(Stage.LEARNING)
        slots = clean.segments.slot[watched[clean.segments.slot]]
        # By what the ledger counts before and after: only there is known how much time a reading covers.
        before_ms = int(self.ledger.days.held_ms[slots].sum())
        gone = self.ledger.observe(clean)
        if self.past is not None:
            self.past.take(clean)
        self.watched_ms += int(self.ledger.days.held_ms[slots].sum()) - before_ms
        return self.named(gone)

    def tick(self, now_ms: int) -> list[StoredDay]:
        """Let time pass; return the days of silent devices that are over."""
        self.reserve()
        self.site_time.tick_all(now_ms)
        if self.past is not None:
            self.past.pass_time()
        slots = np.arange(len(self.fleet), dtype=np.int32)
        return self.named(self.ledger.close(slots, self.site_time.of(slots)))

    def silent(self) -> NDArray[np.bool_]:
        """Return which devices have said nothing for longer than they may, bool[slots]."""
        slots = np.arange(len(self.fleet), dtype=np.int32)
        allowed_ms = limit_ms(self.fleet.interval_ms[slots], self.fleet.hold_ms[slots])
        return self.site_time.of(slots) - self.ledger.ts_ms[slots] >= allowed_ms

    def named(self, rows: DayRows) -> list[StoredDay]:
        """Return days with the names of their devices."""
        records = self.fleet.records
        return [
            StoredDay(site=records[slot].site, device=records[slot].device, day=day, values=tuple(values))
            for slot, day, values in zip(rows.slot.tolist(), rows.day.tolist(), rows.values.tolist(), strict=True)
        ]

    def _refresh(self, slot: int) -> None:
        record = self.fleet.records[slot]
        self.kind[slot], self.stage[slot] = KINDS.index(record.kind), STAGES.index(record.stage)
        self.wanted[slot] = record.alarms_per_week
