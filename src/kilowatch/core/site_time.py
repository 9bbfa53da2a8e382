"""Site time: how far the readings and ticks of each site have come. It moves forward only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.segments import Segments
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet


_ASTRAY_MS = 86_400_000
"""A reading further ahead of its device's last one than this is a clock that is not set, or a device that is back."""


class SiteTime:
    """The latest event time of each site, as arrays over sites and over slots.

    A reading more than a day ahead of its device's last one does not move its site; the next one does. Otherwise one
    clock that is not set would make all other devices of the site look silent.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("_known",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers: dict[str, int] = {}
        self._site_of = np.zeros(0, dtype=np.int32)
        self._last_ms = np.zeros(0, dtype=np.int64)
        self._known = 0
        self._now_ms = np.zeros(0, dtype=np.int64)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        records = self._fleet.records
        if self._known == len(records):
            return
        room = max(64, 2 * len(records)) if len(records) > len(self._site_of) else 0
        self._site_of, self._last_ms = grown(self._site_of, room), grown(self._last_ms, room)
        for slot in range(self._known, len(records)):
            self._site_of[slot] = self._numbers.setdefault(records[slot].site, len(self._numbers))
        self._known = len(records)
        if len(self._numbers) > len(self._now_ms):
            self._now_ms = grown(self._now_ms, 2 * len(self._numbers))

    def thawed(self) -> None:
        """Refuse a saved state that knows more devices or sites than it has room for."""
        room = min(len(self._fleet.records), len(self._site_of), len(self._last_ms))
        if not 0 <= self._known <= room or len(self._numbers) > len(self._now_ms):
            raise StateError("The site times of a saved state do not fit its devices.", "Use an older state.")

    def observe(self, slot: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> None:
        """Move the sites of these readings forward; those of a device come in the order of their arrival."""
        order, segments = Segments.sort(slot)
        slot, ts_ms = slot[order], ts_ms[order]
        before_ms = segments.shift(ts_ms, self._last_ms[segments.slot])
        self._last_ms[segments.slot] = ts_ms[segments.ends]
        near = (ts_ms - before_ms <= _ASTRAY_MS) | (before_ms == 0)
        np.maximum.at(self._now_ms, self._site_of[slot[near]], ts_ms[near])

    def tick(self, site: str, ts_ms: int) -> None:
        """Move one site forward without a reading."""
        number = self._numbers.get(site)
        if number is not None:
            self._now_ms[number] = max(int(self._now_ms[number]), ts_ms)

    def tick_all(self, ts_ms: int) -> None:
        """Move every site that has devices forward without a reading."""
        known = self._now_ms[: len(self._numbers)]
        np.maximum(known, ts_ms, out=known)

    def of(self, slots: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the site time of each device, int64[n]; 0 before its site's first reading."""
        return self._now_ms[self._site_of[slots]]
