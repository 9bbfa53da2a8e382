"""What Prometheus scrapes of the metric processor: sums over the fleet, top devices, and each device where wanted.

Everything is made from arrays at the scrape: no object is kept for each device, so that 10,000 devices cost
milliseconds and no series grow with the fleet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client.registry import Collector

from kilowatch.app.metrics.book import KINDS, STAGES
from kilowatch.app.metrics.devices import device_families
from kilowatch.app.metrics.families import family, single
from kilowatch.app.metrics.view import View, site_days
from kilowatch.core.clean_reasons import OUTCOME_OF, Outcome, Reason
from kilowatch.core.device import Stage
from kilowatch.core.events import ActionState
from kilowatch.core.usage import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from kilowatch.app.metrics.families import Family
    from kilowatch.app.metrics.service import MetricService
    from kilowatch.app.metrics.units import Events
    from kilowatch.core.usage_site import SiteDays

TOP_DEVICES = 20
_CLOCK_BEHIND_S = (5, 60)
"""Shown above the first, alerted above the second (CONTRACTS, identity and time)."""


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """top: how many devices are named at most · each_device: serve series of every device, for homes."""

    top: int = TOP_DEVICES
    each_device: bool = False


class UsageCollector(Collector):
    """Collects the metrics of a running service."""

    def __init__(self, service: MetricService, currency: str, options: MetricsOptions | None = None) -> None:
        self._service = service
        self._currency = currency
        self._options = options or MetricsOptions()

    def describe(self) -> Iterable[Family]:
        """Return nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Family]:
        """Return all families as they stand now."""
        with self._service.lock:
            # Made whole under the lock, given out after it: a slow scraper must not stop the adding up.
            families = list(self._families())
        yield from families

    def _families(self) -> Iterator[Family]:
        readings, events = self._service.readings(), self._service.events()
        books = [one.book for one in readings]
        views = [View.of(book) for book in books]
        yield from _fleet(views)
        yield from _today(views, self._currency)
        cost = sum(book.ledger.days.cost + book.ledger.days.rest_pico * 1e-12 for book in books)
        yield family("kilowatch_cost_total", [((self._currency,), cost)])
        yield from _homes([site_days(book)[0] for book in books])
        yield from _quality(sum((book.cleaner.counts for book in books), np.zeros(len(Reason), dtype=np.int64)))
        yield single("kilowatch_watched_device_seconds_total", sum(book.watched_ms for book in books) / 1000)
        yield single("kilowatch_requested_alarms_per_device_week", _requested(views))
        yield from _incidents(events)
        alarms = _alarms(events)
        yield single("kilowatch_alarms_week", sum(alarms.values()))
        yield from self._top(views, alarms)
        if self._options.each_device:
            yield from device_families(books, views, events)

    def _top(self, views: list[View], alarms: dict[tuple[str, str], int]) -> Iterator[Family]:
        most = self._options.top
        yield family("kilowatch_top_power_watts", _highest(views, [view.power_w for view in views], most))
        energy = [view.energy_today_j for view in views]
        yield family("kilowatch_top_energy_today_joules", _highest(views, energy, most))
        worst = sorted(alarms.items(), key=lambda item: (-item[1], item[0]))[:most]
        named = (((site, device, _kind_of(self._service, site, device)), count) for (site, device), count in worst)
        yield family("kilowatch_top_alarms_week", named)


def _fleet(views: list[View]) -> Iterator[Family]:
    yield family("kilowatch_devices", _by_kind_and_stage(views))
    yield _kinds("kilowatch_devices_on", [view.by_kind(view.on) for view in views])
    yield _kinds("kilowatch_devices_silent", [view.by_kind(view.silent) for view in views])
    yield _kinds("kilowatch_power_watts", [view.by_kind(view.power_w) for view in views])
    yield family("kilowatch_devices_clock_behind", _clocks_behind(views))
    yield _kinds("kilowatch_energy_joules_total", [view.by_kind(view.total_j) for view in views])
    yield _kinds("kilowatch_energy_today_joules", [view.by_kind(view.energy_today_j) for view in views])


def _clocks_behind(views: list[View]) -> Iterator[tuple[tuple[str], float]]:
    for limit_s in _CLOCK_BEHIND_S:
        yield (f"{limit_s}s",), sum(int((view.clock_offset_s > limit_s).sum()) for view in views)


def _today(views: list[View], currency: str) -> Iterator[Family]:
    yield family("kilowatch_cost_today", [((currency,), sum(float(view.cost_today.sum()) for view in views))])
    held, silent = (
        sum(int(view.sum(quantity).sum()) for view in views) / 1000
        for quantity in (Quantity.HELD_MS, Quantity.SILENT_MS)
    )
    yield single("kilowatch_held_today_seconds", held)
    yield single("kilowatch_silent_today_seconds", silent)
    yield single("kilowatch_gap_today_seconds", sum(float(view.gap_today_s.sum()) for view in views))


def _homes(days: list[SiteDays]) -> Iterator[Family]:
    yield single("kilowatch_unmetered_today_joules", sum(int(one.rest_uj.sum()) for one in days) / 1e6)
    yield single("kilowatch_metered_today_joules", sum(int(one.meter_uj.sum()) for one in days) / 1e6)


def _quality(counts: NDArray[np.int64]) -> Iterator[Family]:
    outcomes = (((one.name.lower(),), int(counts[one == OUTCOME_OF].sum())) for one in Outcome)
    yield family("kilowatch_readings_total", outcomes)
    reasons = (((one.label,), int(counts[one])) for one in Reason if one is not Reason.NONE)
    yield family("kilowatch_reading_reasons_total", reasons)


def _requested(views: list[View]) -> float:
    watched = [view.wanted[view.stage != STAGES.index(Stage.LEARNING)] for view in views]
    count = sum(len(part) for part in watched)
    return sum(float(part.sum()) for part in watched) / count if count else 0.0


def _incidents(events: list[Events]) -> Iterator[Family]:
    opened, standing, steps = Counter[tuple[str, ...]](), Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for one in events:
        for (rule, severity, old), count in one.correlation.opened.items():
            opened[rule, severity.value, str(old).lower()] += count
        standing.update({(rule, level.value): n for (rule, level), n in one.correlation.open_counts().items()})
        steps.update({(want.value, state.value): n for (want, state), n in one.correlation.steps.items()})
    yield family("kilowatch_incidents_total", opened.items())
    yield family("kilowatch_incidents_open", standing.items())
    yield family("kilowatch_actions_total", steps.items())
    yield single("kilowatch_alarms_total", sum(one.correlation.alarms_ever for one in events))
    yield single("kilowatch_actions_unconfirmed", _unconfirmed(events))
    yield single("kilowatch_avoided_energy_joules_total", sum(one.correlation.avoided_wh for one in events) * 3600)
    yield single("kilowatch_unreadable_events_total", sum(one.unreadable for one in events))


def _unconfirmed(events: list[Events]) -> int:
    """Count actions that failed and whose incident, known from another partition, is still open."""
    open_now = {key for one in events for key in one.correlation.open}
    actions = (item for one in events for item in one.correlation.actions.items())
    return sum(key in open_now and action.state is ActionState.UNCONFIRMED for key, action in actions)


def _alarms(events: list[Events]) -> dict[tuple[str, str], int]:
    now_ms = max((one.newest_ms for one in events), default=0)
    counts: Counter[tuple[str, str]] = Counter()
    for one in events:
        counts.update(one.correlation.alarms(now_ms))
    return counts


def _by_kind_and_stage(views: list[View]) -> Iterator[tuple[tuple[str, str], float]]:
    size = len(KINDS) * len(STAGES)
    # Kind and stage as one number: one count over the array does for all pairs.
    codes = (view.kind.astype(np.intp) * len(STAGES) + view.stage for view in views)
    counts = sum((np.bincount(code, minlength=size) for code in codes), np.zeros(size, dtype=np.int64))
    for place in np.flatnonzero(counts).tolist():
        yield (KINDS[place // len(STAGES)].value, STAGES[place % len(STAGES)].value), int(counts[place])


def _kinds(name: str, sums: list[NDArray[np.float64]]) -> Family:
    total = np.sum(sums, axis=0) if sums else np.zeros(len(KINDS))
    return family(name, (((kind.value,), float(total[place])) for place, kind in enumerate(KINDS)))


def _highest(
    views: list[View], values: list[NDArray[np.float64]], most: int
) -> Iterator[tuple[tuple[str, str, str], float]]:
    found = []
    for view, column in zip(views, values, strict=True):
        # The highest of all are among the highest of each partition: no more records are touched than these.
        best = np.argsort(column, kind="stable")[-most:].tolist()
        found += [(float(column[slot]), view.records[slot]) for slot in best if column[slot] > 0]
    found.sort(key=lambda item: (-item[0], item[1].site, item[1].device))
    for value, record in found[:most]:
        yield (record.site, record.device, record.kind.value), value


def _kind_of(service: MetricService, site: str, device: str) -> str:
    for one in service.readings():
        slot = one.book.fleet.slot(site, device)
        if slot is not None:
            return one.book.fleet.records[slot].kind.value
    return "unknown"
