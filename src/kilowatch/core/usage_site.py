"""A home's meter against the sum of its plugs: the rest is what no plug measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind, grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.usage import DayRows

_DAYS = 2**31
"""More than any day since 1970 has for a number; the day before the first is -1."""


@dataclass(frozen=True, slots=True)
class SiteDays:
    """n days of sites that have a meter and plugs: site int32[n] is a number of `Sites`, day int32[n], uj int64[n].

    gap_ms int64[n]: silence of meter and plugs together whose energy nobody knows, to judge the rest by.
    """

    site: NDArray[np.int32]
    day: NDArray[np.int32]
    meter_uj: NDArray[np.int64]
    plugs_uj: NDArray[np.int64]
    gap_ms: NDArray[np.int64]

    @property
    def rest_uj(self) -> NDArray[np.int64]:
        """What no plug measured, int64[n]; below zero where plugs claim more than the meter saw."""
        return self.meter_uj - self.plugs_uj


class Sites:
    """The site of every device as a number, in the order in which sites were first seen."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers: dict[str, int] = {}
        self._known = 0
        self.names: list[str] = []
        self.of_slot = np.zeros(0, dtype=np.int32)
        self.is_meter = np.zeros(0, dtype=np.bool_)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        size = len(self._fleet)
        if size > len(self.of_slot):
            self.of_slot = grown(self.of_slot, max(64, 2 * size))
            self.is_meter = grown(self.is_meter, max(64, 2 * size))
        for slot in range(self._known, size):
            self.refresh(slot)
        self._known = size

    def refresh(self, slot: int) -> None:
        """Take over a device's kind after its record was changed."""
        record = self._fleet.records[slot]
        number = self._numbers.setdefault(record.site, len(self._numbers))
        if number == len(self.names):
            self.names.append(record.site)
        self.of_slot[slot], self.is_meter[slot] = number, record.kind is Kind.METER

    def compare(self, rows: DayRows) -> SiteDays:
        """Return each site's day by its meter and by its plugs, where it has both; several meters add up."""
        self.reserve()
        site, meter = self.of_slot[rows.slot], self.is_meter[rows.slot]
        keys, inverse = np.unique(site.astype(np.int64) * _DAYS + rows.day + 1, return_inverse=True)
        # Whole microjoules: in whatever order rows come, the sums are the same.
        sums = np.zeros((5, len(keys)), dtype=np.int64)
        for place, column in enumerate((rows.energy_uj * meter, rows.energy_uj * ~meter, rows.gap_ms, meter, ~meter)):
            np.add.at(sums[place], inverse, column)
        both = (sums[3] > 0) & (sums[4] > 0)
        site, day = (part[both].astype(np.int32) for part in np.divmod(keys, _DAYS))
        return SiteDays(site, day - np.int32(1), sums[0, both], sums[1, both], sums[2, both])
