"""From (site, device) to slots for a whole batch at once: an open-addressing table in arrays, not a dict of tuples.

A key is the pair of the two names' own 64-bit hashes, which Python keys anew in every process. Both are compared, so
that two devices would have to agree in 128 bits to be taken for one another. 40 to 80 bytes a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

UNKNOWN = -1
_FEWEST = 64
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads hashes that differ in few bits


class SlotTable:
    """The slots of devices by name; at most half full."""

    def __init__(self) -> None:
        self._size = 0
        self._make_room(_FEWEST)

    def __len__(self) -> int:
        return self._size

    def add(self, sites: Sequence[str], devices: Sequence[str]) -> bool:
        """Give the next slots to devices that are not there yet, and return whether all names were new."""
        site, device = _hashes(sites), _hashes(devices)
        self._grow(self._size + len(site))
        before, self._size = self._size, self._size + len(site)
        self._insert(site, device, np.arange(before, self._size, dtype=np.int32))
        # Of equal keys `_find` meets the one inserted first, so that a name known before shows by its older slot.
        return bool((self._find(site, device) == np.arange(before, self._size)).all())

    def find(self, sites: Sequence[str], devices: Sequence[str]) -> NDArray[np.int32]:
        """Return int32[n], the slot of each device, `UNKNOWN` where it has none."""
        return self._find(_hashes(sites), _hashes(devices))

    def _find(self, site: NDArray[np.int64], device: NDArray[np.int64]) -> NDArray[np.int32]:
        found = np.full(len(site), UNKNOWN, dtype=np.int32)
        rows, cell = np.arange(len(site)), self._cells(site, device)
        # Ends at a free cell at the latest, for at most half of them are taken.
        while len(rows):
            slot = self._slot[cell]
            hit = (self._site[cell] == site[rows]) & (self._device[cell] == device[rows]) & (slot != UNKNOWN)
            found[rows[hit]] = slot[hit]
            onward = ~hit & (slot != UNKNOWN)
            rows, cell = rows[onward], (cell[onward] + 1) & self._mask
        return found

    def _grow(self, size: int) -> None:
        """Move to a larger table where this one would be more than half full."""
        if 2 * size <= len(self._slot):
            return
        cells = np.flatnonzero(self._slot != UNKNOWN)
        site, device, slot = self._site[cells], self._device[cells], self._slot[cells]
        self._make_room(2 * size)
        self._insert(site, device, slot)

    def _insert(self, site: NDArray[np.int64], device: NDArray[np.int64], slot: NDArray[np.int32]) -> None:
        """Put keys that are not there yet into the table; of those that want one cell the first gets it."""
        rows, cell = np.arange(len(site)), self._cells(site, device)
        while len(rows):
            free = self._slot[cell] == UNKNOWN
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
        # The high bits: in a product these hang on all bits of the factors, the low ones on few.
        return ((mixed * _MIX) >> self._shift).astype(np.int64)

    def _make_room(self, wanted: int) -> None:
        bits = max(wanted - 1, 1).bit_length()
        self._mask = (1 << bits) - 1
        self._shift = np.uint64(64 - bits)
        self._site = np.zeros(1 << bits, dtype=np.int64)
        self._device = np.zeros(1 << bits, dtype=np.int64)
        self._slot = np.full(1 << bits, UNKNOWN, dtype=np.int32)


def _hashes(names: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, names), dtype=np.int64, count=len(names))
