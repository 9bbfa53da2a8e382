"""Site time: how far the readings and ticks of each site have come. It moves forward only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.segments import Segments
from kilowatch.core.slots import UNKNOWN, SlotTable
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet


# The table knows pairs of names: a site stands in it with a device of no name.
_NO_DEVICE = [""]
_ASTRAY_MS = 86_400_000
"""A reading further ahead of its device's last one than this is a clock that is not set, or a device that is back."""


class SiteTime:
    """The latest event time of each site, as arrays over sites and over slots.

    A reading more than a day ahead of its device's last one does not move its site; the next one does. Otherwise one
    clock that is not set would make all other devices of the site look silent.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("_known",)
    frozen_not: ClassVar[tuple[str, ...]] = ("_numbers",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers = SlotTable()
        self._site_of = np.zeros(0, dtype=np.int32)
        self._last_ms = np.zeros(0, dtype=np.int64)
        self._known = 0
        self._now_ms = np.zeros(0, dtype=np.int64)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        records = self._fleet.records
        if self._known == len(records):
            return
        room = max(64, len(records) + len(records) // 4) if len(records) > len(self._site_of) else 0
        self._site_of, self._last_ms = grown(self._site_of, room), grown(self._last_ms, room)
        self._site_of[self._known : len(records)] = self._number(records.sites[self._known :])
        self._known = len(records)
        if len(self._numbers) > len(self._now_ms):
            self._now_ms = grown(self._now_ms, len(self._numbers) + len(self._numbers) // 4)

    def thawed(self) -> None:
        """Find the sites of a saved state by name again; `StateError` where it does not hold together."""
        known, sites = self._known, self._fleet.records.sites
        if not 0 <= known <= min(len(sites), len(self._site_of), len(self._last_ms)):
            raise StateError("The site times of a saved state do not fit its devices.", "Use an older state.")
        numbers, first = np.unique(self._site_of[:known], return_index=True)
        self._numbers = SlotTable()
        new = self._numbers.add([sites[slot] for slot in first.tolist()], _NO_DEVICE * len(first))
        if not new or not np.array_equal(numbers, np.arange(len(first))) or len(first) > len(self._now_ms):
            raise StateError("The sites of a saved state do not fit together.", "Use an older state.")

    def _number(self, sites: Sequence[str]) -> NDArray[np.int32]:
        """Return each site's number, int32[n]; new ones get the next."""
        number = self._numbers.find(sites, _NO_DEVICE * len(sites))
        new = list(dict.fromkeys(sites[row] for row in np.flatnonzero(number == UNKNOWN).tolist()))
        if new:
            self._numbers.add(new, _NO_DEVICE * len(new))
            number = self._numbers.find(sites, _NO_DEVICE * len(sites))
        return number

    def observe(self, slot: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> None:
        """Move the sites of these readings forward; those of a device come in the order of their arrival."""
        order, segments = Segments.sort(slot)
        slot, ts_ms = slot[order], ts_ms[order]
        before_ms = segments.shift(ts_ms, self._last_ms[segments.slot])
        self._last_ms[segments.slot] = ts_ms[segments.ends]
        near = (ts_ms - before_ms <= _ASTRAY_MS) | (before_ms == 0)
        # `.at`, because several readings of a batch may move one site.
        np.maximum.at(self._now_ms, self._site_of[slot[near]], ts_ms[near])

    def tick(self, site: str, ts_ms: int) -> None:
        """Move one site forward without a reading."""
        number = int(self._numbers.find([site], _NO_DEVICE)[0])
        if number != UNKNOWN:
            self._now_ms[number] = max(int(self._now_ms[number]), ts_ms)

    def tick_all(self, ts_ms: int) -> None:
        """Move every site that has devices forward without a reading."""
        known = self._now_ms[: len(self._numbers)]
        np.maximum(known, ts_ms, out=known)

    def of(self, slots: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the site time of each device, int64[n]; 0 before its site's first reading."""
        return self._now_ms[self._site_of[slots]]
