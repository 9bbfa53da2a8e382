"""What each device has used so far on its local day, for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.metrics.view import View
from kilowatch.core.usage import StoredDay, described

if TYPE_CHECKING:
    from kilowatch.app.metrics.book import Book
    from kilowatch.app.metrics.service import MetricService
    from kilowatch.core.usage import DeviceDay


class TodaysUsage:
    """Keeps `kilowatch.web.ports.Usage`."""

    def __init__(self, service: MetricService) -> None:
        self._service = service

    def today(self) -> list[DeviceDay]:
        """Return the current local day of every device."""
        with self._service.lock:
            return [day for readings in self._service.readings() for day in _days(readings.book)]


def _days(book: Book) -> list[DeviceDay]:
    view = View.of(book)
    slots = np.arange(len(view.records), dtype=np.int32)
    day = book.ledger.local_day(book.site_time.of(slots)).tolist()
    rows = zip(view.records, day, view.today.tolist(), strict=True)
    return [
        described(StoredDay(site=record.site, device=record.device, day=number, values=tuple(values)))
        for record, number, values in rows
    ]
