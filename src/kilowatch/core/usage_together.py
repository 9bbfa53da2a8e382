"""Which devices of a site run together: one bit for each minute of a day on which a device was found on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import Kind, grown
from kilowatch.core.usage import DAY_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet

KEPT_DAYS = 8
MOST_DEVICES = 64
"""Of one site; the devices that joined it later are left out."""
_MINUTE_MS = 60_000
_BYTES_A_DAY = 1440 // 8
_NO_DAY = -1


@dataclass(frozen=True, slots=True)
class Together:
    """minutes: int64[d, d], minutes in which both devices were on; the diagonal is each one's own."""

    devices: tuple[str, ...]
    minutes: NDArray[np.int64]


class CoRunning:
    """The last days' minutes of every plug that shares its site with another; a site's meter is not shown.

    A minute counts for a device that is on at its first instant. On the day when clocks go back, the hour that comes
    twice counts once.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("_met", "_size")
    frozen_not: ClassVar[tuple[str, ...]] = ("_plugs",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._met = self._size = 0
        self._plugs: dict[str, list[int]] = {}
        self._place = np.full(0, -1, dtype=np.int32)
        self._day = np.full((0, KEPT_DAYS), _NO_DAY, dtype=np.int32)
        self._bits = np.zeros((0, KEPT_DAYS, _BYTES_A_DAY), dtype=np.uint8)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        if self._met == len(self._fleet):
            return
        self._place = grown(self._place, max(64, 2 * len(self._fleet)), fill=-1)
        for slot in range(self._met, len(self._fleet)):
            self._meet(slot)
        self._met = len(self._fleet)

    def add(self, slot: NDArray[np.int32], from_ms: NDArray[np.int64], until_ms: NDArray[np.int64]) -> None:
        """Note spans of local time in which devices were on; none may cross a day."""
        first, end = -(-from_ms // _MINUTE_MS), -(-until_ms // _MINUTE_MS)
        count = np.where(self._place[slot] >= 0, end - first, 0)
        row = np.repeat(np.arange(len(slot)), count)
        if len(row) == 0:
            return
        minute = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        place, day = self._place[slot][row], (minute * _MINUTE_MS // DAY_MS).astype(np.int32)
        for one in np.unique(day).tolist():
            mine = day == one
            self._mark(place[mine], one, minute[mine] % 1440)

    def of_site(self, site: str) -> Together:
        """Return which devices of a site ran together over the last `KEPT_DAYS` days."""
        records = self._fleet.records
        slots = [slot for slot in self._plugs.get(site, []) if records[slot].kind is not Kind.METER]
        names = tuple(records[slot].device for slot in slots)
        places = self._place[np.array(slots, dtype=np.intp)]
        places = places[places >= 0]
        names = names[: len(places)]
        latest = int(self._day[places].max(initial=_NO_DAY))
        fresh = self._day[places] > latest - KEPT_DAYS
        bits = np.unpackbits(self._bits[places], axis=2) * fresh[:, :, None]
        # Products of float32 are fast, and counts up to 11,520 minutes exact in it.
        rows = bits.reshape(len(places), KEPT_DAYS * 1440).astype(np.float32)
        return Together(names, np.rint(rows @ rows.T).astype(np.int64))

    def thawed(self) -> None:
        """Find the devices of each site again in the saved fleet."""
        self._plugs = {}
        for record, slot in zip(self._fleet.records[: self._met], range(self._met), strict=True):
            plugs = self._plugs.setdefault(record.site, [])
            if len(plugs) < MOST_DEVICES:
                plugs.append(slot)

    def _meet(self, slot: int) -> None:
        plugs = self._plugs.setdefault(self._fleet.records[slot].site, [])
        if len(plugs) >= MOST_DEVICES:
            return
        plugs.append(slot)
        # A device alone at its site runs together with nobody and gets no room; with the second both do.
        for mine in plugs if len(plugs) == 2 else plugs[2:][-1:]:
            self._admit(mine)

    def _admit(self, slot: int) -> None:
        self._place[slot] = self._size
        self._size += 1
        if self._size > len(self._day):
            room = max(8, 2 * self._size)
            self._day, self._bits = grown(self._day, room, _NO_DAY), grown(self._bits, room)

    def _mark(self, place: NDArray[np.int32], day: int, minute: NDArray[np.int64]) -> None:
        """Set bits of one day; a newer day in its place wins."""
        ring = day % KEPT_DAYS
        older = place[self._day[place, ring] < day]
        self._bits[older, ring] = 0
        self._day[older, ring] = day
        mine = self._day[place, ring] == day
        # The highest bit first, as np.unpackbits has it; `.at`, because minutes of one device share bytes.
        bit = (1 << (7 - minute[mine] % 8)).astype(np.uint8)
        np.bitwise_or.at(self._bits, (place[mine], ring, minute[mine] // 8), bit)
