"""Site time: how far the readings and ticks of each site have come. It moves forward only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet


class SiteTime:
    """The latest event time of each site, as arrays over sites and over slots."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers: dict[str, int] = {}
        self._site_of = np.zeros(0, dtype=np.int32)
        self._known = 0
        self._now_ms = np.zeros(0, dtype=np.int64)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        records = self._fleet.records
        if self._known == len(records):
            return
        self._site_of = grown(self._site_of, max(64, 2 * len(records)) if len(records) > len(self._site_of) else 0)
        for slot in range(self._known, len(records)):
            self._site_of[slot] = self._numbers.setdefault(records[slot].site, len(self._numbers))
        self._known = len(records)
        if len(self._numbers) > len(self._now_ms):
            self._now_ms = grown(self._now_ms, 2 * len(self._numbers))

    def observe(self, slot: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> None:
        """Move the sites of these readings forward."""
        np.maximum.at(self._now_ms, self._site_of[slot], ts_ms)

    def tick(self, site: str, ts_ms: int) -> None:
        """Move one site forward without a reading."""
        number = self._numbers.get(site)
        if number is not None:
            self._now_ms[number] = max(int(self._now_ms[number]), ts_ms)

    def of(self, slots: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the site time of each device, int64[n]; 0 before its site's first reading."""
        return self._now_ms[self._site_of[slots]]
