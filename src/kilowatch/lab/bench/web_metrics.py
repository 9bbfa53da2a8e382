"""What a scrape of a fleet costs the metric processor: fleet-level and top-N series, no series of each device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.app.edge.usage import EdgeMessages
from kilowatch.app.metrics.collector import UsageCollector
from kilowatch.app.metrics.service import MetricService
from kilowatch.app.metrics.units import Readings
from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import WIRE_V, ReadingColumns
from kilowatch.core.tariff import Tariff
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.topics import Topic
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.metrics.ports import Saved
    from kilowatch.core.history import NamedBuckets
    from kilowatch.core.usage import StoredDay

_PLACE = Place(Topic.DEVICES, 0)
_START_MS, _STEP_MS, _STEPS = 1_767_571_200_000, 30_000, 4
_SCRAPES = 15
_PER_SITE = 10


class _Nowhere:
    """Keeps `kilowatch.app.metrics.ports.Checkpoint`: nothing is saved."""

    def load(self, place: Place) -> Saved | None:
        del place
        return None

    def save(self, saved: Sequence[Saved], days: Sequence[StoredDay], past: Sequence[NamedBuckets] = ()) -> None:
        del saved, days, past


class _Meters:
    """Keeps `kilowatch.app.metrics.ports.Registry`: everybody is a meter that is watched."""

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        del version
        return DeviceRecord(site=site, device=device, kind=Kind.METER, stage=Stage.WATCHING)


class _Once:
    """Keeps `kilowatch.app.metrics.service.Subscription`: gives some messages, once."""

    def __init__(self, messages: list[bytes]) -> None:
        self._waiting = [EdgeMessages(_PLACE, range(len(messages)), messages)]

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> list[EdgeMessages]:
        del most, timeout_s
        waiting, self._waiting = self._waiting, []
        return waiting


def scrape_ms(devices: int) -> float:
    """Return the median time, ms, of one exposition of a fleet of that size."""
    service = MetricService(
        checkpoint=_Nowhere(), new_readings=lambda: Readings(Tariff.flat(0.3), _Meters()), clock=time.monotonic
    )
    service.assigned([_PLACE])
    service.step(_Once(_messages(devices)))
    metrics = Metrics()
    metrics.registry.register(UsageCollector(service, "EUR"))
    taken = []
    for _ in range(_SCRAPES):
        began_s = time.perf_counter()
        metrics.exposition()
        taken.append(time.perf_counter() - began_s)
    return float(np.median(taken)) * 1000


def _messages(devices: int) -> list[bytes]:
    names = [f"meter-{number}" for number in range(_PER_SITE)]
    rng = np.random.default_rng(0)
    return [
        msgspec.json.encode(
            ReadingColumns(
                v=WIRE_V,
                site=f"site-{site}",
                device=names,
                ts_ms=[_START_MS + step * _STEP_MS] * _PER_SITE,
                power_w=np.round(rng.random(_PER_SITE) * 1000, 1).tolist(),
            )
        )
        for step in range(_STEPS)
        for site in range(devices // _PER_SITE)
    ]
