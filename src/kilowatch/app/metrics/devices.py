"""Series of every device, for homes: opt-in, because they grow with the fleet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.metrics.families import family
from kilowatch.app.metrics.view import MW, site_days
from kilowatch.core.usage import NO_FLOOR_MW, NO_VALUE_MW, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kilowatch.app.metrics.book import Book
    from kilowatch.app.metrics.families import Family
    from kilowatch.app.metrics.units import Events
    from kilowatch.app.metrics.view import View

_Sample = tuple[tuple[str, ...], float]


def device_families(books: list[Book], views: list[View], events: list[Events]) -> Iterator[Family]:
    """Return the series of every device, and of every home what no plug measures and what runs together."""
    yield _each("kilowatch_device_power_watts", views, [view.power_w for view in views])
    yield _each("kilowatch_device_energy_joules_total", views, [view.total_j for view in views])
    yield _each("kilowatch_device_energy_today_joules", views, [view.energy_today_j for view in views])
    yield _each("kilowatch_device_cost_today", views, [view.cost_today for view in views])
    yield _each("kilowatch_device_on_today_seconds", views, [view.sum(Quantity.ON_MS) / 1000 for view in views])
    yield _each("kilowatch_device_cycles_today", views, [view.sum(Quantity.CYCLES) for view in views])
    yield _known("kilowatch_device_standby_watts", views, Quantity.FLOOR_MW)
    yield _known("kilowatch_device_demand_watts", views, Quantity.DEMAND_MW)
    yield _known("kilowatch_device_peak_watts", views, Quantity.PEAK_MW)
    yield _each("kilowatch_device_gap_today_seconds", views, [view.gap_today_s for view in views])
    yield family("kilowatch_device_readings_today", _readings(views))
    yield _each("kilowatch_device_last_reading_timestamp_seconds", views, [view.last_s for view in views])
    yield _each("kilowatch_device_clock_offset_seconds", views, [view.clock_offset_s for view in views])
    yield _each("kilowatch_device_silent", views, [view.silent for view in views])
    yield family("kilowatch_device_incidents_open", _open(views, events))
    yield family("kilowatch_site_unmetered_today_joules", _unmetered(books))
    yield family("kilowatch_together_seconds", _together(books))


def _each(name: str, views: list[View], values: list[NDArray[np.number | np.bool_]]) -> Family:
    return family(name, (sample for view, column in zip(views, values, strict=True) for sample in _named(view, column)))


def _named(view: View, column: NDArray[np.number | np.bool_]) -> Iterator[_Sample]:
    for record, value in zip(view.records, column.tolist(), strict=False):
        yield (record.site, record.device), value


def _known(name: str, views: list[View], quantity: Quantity) -> Family:
    """Return a quantity in watts of the devices that have one today."""
    samples: list[_Sample] = []
    for view in views:
        column = view.sum(quantity)
        known = np.flatnonzero((column != NO_FLOOR_MW) & (column != NO_VALUE_MW))
        samples += [((view.records[i].site, view.records[i].device), int(column[i]) * MW) for i in known.tolist()]
    return family(name, samples)


def _readings(views: list[View]) -> Iterator[_Sample]:
    for view in views:
        for quantity in (Quantity.ACCEPTED, Quantity.REPAIRED, Quantity.REJECTED):
            for labels, value in _named(view, view.sum(quantity)):
                yield (*labels, quantity.name.lower()), value


def _open(views: list[View], events: list[Events]) -> Iterator[_Sample]:
    counts = Counter(
        (incident.site, incident.device)
        for one in events
        for incident in one.correlation.open.values()
        if not incident.historical
    )
    for view in views:
        for record in view.records:
            yield (record.site, record.device), counts[record.site, record.device]


def _unmetered(books: list[Book]) -> Iterator[_Sample]:
    for book in books:
        days, names = site_days(book)
        for site, rest_uj in zip(days.site.tolist(), days.rest_uj.tolist(), strict=True):
            yield (names[site],), rest_uj / 1e6


def _together(books: list[Book]) -> Iterator[_Sample]:
    for book in books:
        for site in dict.fromkeys(record.site for record in book.fleet.records):
            found = book.ledger.together.of_site(site)
            # The matrix holds each pair twice, and each device with itself; its upper triangle has a pair once.
            for one, other in zip(*np.nonzero(np.triu(found.minutes, 1)), strict=True):
                yield (site, found.devices[one], found.devices[other]), 60 * int(found.minutes[one, other])
