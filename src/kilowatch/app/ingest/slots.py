"""From (site, device) to slots for a whole batch at once: an open-addressing table in arrays, not a dict of tuples.

A key is the pair of the two names' own 64-bit hashes, which Python keys anew in every process. Both are compared, so
that two devices would have to agree in 128 bits to be taken for one another. 40 bytes a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import first_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet

_EMPTY = -1
_FEWEST = 1024
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads hashes that differ in few bits


class SlotMap:
    """The slots of a fleet's devices, kept current as the fleet grows."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._known = 0
        self._make_room(_FEWEST)

    def slots(
        self, sites: Sequence[str], devices: Sequence[str], sources: Sequence[str | None] | None = None
    ) -> NDArray[np.int32]:
        """Return int32[n], the slot of each row's device; those that nobody knows join the fleet as first seen."""
        self._catch_up()
        site, device = _hashes(sites), _hashes(devices)
        slots = self._find(site, device)
        unknown = np.flatnonzero(slots == _EMPTY)
        if len(unknown):
            for row in unknown.tolist():
                self._meet(sites[row], devices[row], (sources[row] if sources else None) or "")
            self._catch_up()
            slots[unknown] = self._find(site[unknown], device[unknown])
        return slots

    def _meet(self, site: str, device: str, source: str) -> None:
        if self._fleet.slot(site, device) is None:
            self._fleet.add(first_seen(site, device, source=source))

    def _find(self, site: NDArray[np.int64], device: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return int32[n], the slot under each key, -1 where there is none."""
        found = np.full(len(site), _EMPTY, dtype=np.int32)
        rows, cell = np.arange(len(site)), self._cells(site, device)
        while len(rows):
            slot = self._slot[cell]
            hit = (self._site[cell] == site[rows]) & (self._device[cell] == device[rows]) & (slot != _EMPTY)
            found[rows[hit]] = slot[hit]
            onward = ~hit & (slot != _EMPTY)
            rows, cell = rows[onward], (cell[onward] + 1) & self._mask
        return found

    def _catch_up(self) -> None:
        """Take in the devices that joined the fleet since."""
        records = self._fleet.records[self._known :]
        if not records:
            return
        size = len(self._fleet)
        if 2 * size > len(self._slot):
            self._make_room(4 * size)
            records, self._known = self._fleet.records, 0
        site, device = _hashes([one.site for one in records]), _hashes([one.device for one in records])
        self._insert(site, device, np.arange(self._known, size, dtype=np.int32))
        self._known = size

    def _insert(self, site: NDArray[np.int64], device: NDArray[np.int64], slot: NDArray[np.int32]) -> None:
        """Put keys that are not there yet into the table; of those that want one cell the first gets it."""
        rows, cell = np.arange(len(site)), self._cells(site, device)
        while len(rows):
            free = self._slot[cell] == _EMPTY
            _, first = np.unique(cell, return_index=True)
            taken = np.zeros(len(rows), dtype=np.bool_)
            taken[first] = True
            taken &= free
            self._site[cell[taken]] = site[rows[taken]]
            self._device[cell[taken]] = device[rows[taken]]
            self._slot[cell[taken]] = slot[rows[taken]]
            rows, cell = rows[~taken], (cell[~taken] + 1) & self._mask

    def _cells(self, site: NDArray[np.int64], device: NDArray[np.int64]) -> NDArray[np.int64]:
        mixed = (site.view(np.uint64) * _MIX) ^ device.view(np.uint64)
        return ((mixed * _MIX) >> self._shift).astype(np.int64)

    def _make_room(self, wanted: int) -> None:
        bits = max(wanted - 1, 1).bit_length()
        self._mask = (1 << bits) - 1
        self._shift = np.uint64(64 - bits)
        self._site = np.zeros(1 << bits, dtype=np.int64)
        self._device = np.zeros(1 << bits, dtype=np.int64)
        self._slot = np.full(1 << bits, _EMPTY, dtype=np.int32)


def _hashes(names: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, names), dtype=np.int64, count=len(names))
