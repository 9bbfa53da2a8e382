"""Messages in memory, and what the metric processor needs around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from kilowatch.app.metrics.collector import MetricsOptions, UsageCollector
from kilowatch.app.metrics.service import MetricService
from kilowatch.app.metrics.units import Readings
from kilowatch.core.events import WIRE_V, Reading, Tick
from kilowatch.core.tariff import Tariff
from kilowatch.core.usage import DayRows, StoredDay
from kilowatch.errors import StateError
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.topics import Topic
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.metrics.ports import Saved
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.history import NamedBuckets

START_MS = 1_767_225_600_000
READINGS = Place(Topic.DEVICES, 0)
ANOMALIES = Place(Topic.ANOMALIES, 0)
ACTIONS = Place(Topic.ACTIONS, 0)


class Batch(NamedTuple):
    place: Place
    values: list[bytes]
    offsets: list[int]

    @property
    def next_offset(self) -> int:
        return self.offsets[-1] + 1


@dataclass
class Log:
    """Messages by partition, read on from wherever one likes."""

    messages: dict[Place, list[bytes]] = field(default_factory=dict)
    at: dict[Place, int] = field(default_factory=dict)

    def append(self, place: Place, *structs: msgspec.Struct) -> None:
        self.messages.setdefault(place, []).extend(msgspec.json.encode(one) for one in structs)

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> list[Batch]:
        found = []
        for place, values in self.messages.items():
            begin = self.at.get(place, 0)
            end = min(len(values), begin + most)
            if end > begin:
                found.append(Batch(place, values[begin:end], list(range(begin, end))))
            self.at[place] = end
        return found


@dataclass
class MemoryCheckpoint:
    """States, days and past, as a database would keep them."""

    saved: dict[Place, Saved] = field(default_factory=dict)
    days: list[StoredDay] = field(default_factory=list)
    past: list[NamedBuckets] = field(default_factory=list)

    def load(self, place: Place) -> Saved | None:
        return self.saved.get(place)

    def save(self, saved: Sequence[Saved], days: Sequence[StoredDay], past: Sequence[NamedBuckets] = ()) -> None:
        for one in saved:
            known = self.saved.get(one.place)
            if (known.next if known else -1) != one.since:
                raise StateError("Another has saved.")
        self.saved |= {one.place: one for one in saved}
        self.days += days
        self.past += past


@dataclass
class People:
    """Who the devices are, as a person says."""

    records: dict[tuple[str, str], DeviceRecord] = field(default_factory=dict)

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        return self.records.get((site, device))


def reading(second: float, power_w: float, device: str = "fridge", energy_wh: float | None = None) -> Reading:
    at_ms = START_MS + round(second * 1000)
    return Reading(v=WIRE_V, site="home", device=device, ts_ms=at_ms, power_w=power_w, energy_wh=energy_wh)


def tick(second: float) -> Tick:
    return Tick(v=WIRE_V, received_ms=START_MS + round(second * 1000))


def service_on(
    checkpoint: MemoryCheckpoint, people: People | None = None, save_every_s: float = 0.0, clock_s: float = 1.0
) -> MetricService:
    known = people or People()
    return MetricService(
        checkpoint=checkpoint,
        new_readings=lambda: Readings(Tariff.flat(0.3), known),
        clock=lambda: clock_s,
        save_every_s=save_every_s,
    )


def all_days(service: MetricService, checkpoint: MemoryCheckpoint) -> DayRows:
    """Return the days in the store together with those in the making, by name."""
    open_days = [day for one in service.readings() for day in one.book.named(one.book.ledger.days.rows())]
    days = [*checkpoint.days, *open_days]
    names = sorted({(day.site, day.device) for day in days})
    slot = np.array([names.index((day.site, day.device)) for day in days], dtype=np.int32)
    values = np.array([day.values for day in days], dtype=np.int64)
    return DayRows(slot, np.array([day.day for day in days], dtype=np.int32), values).merged()


def scraped(service: MetricService, *, each_device: bool = False, top: int = 20) -> dict[str, float]:
    """Return what Prometheus would read: name with labels, and value."""
    metrics = Metrics()
    metrics.registry.register(UsageCollector(service, "EUR", MetricsOptions(top, each_device)))
    lines = metrics.exposition().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}
