"""Means of power over quarters of an hour: the highest is a device's demand, the lowest what it draws at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.energy import QUARTER_MS
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENOUGH_MS = QUARTER_MS * 9 // 10
"""A quarter of an hour counts if readings cover nine tenths of it."""


@dataclass(frozen=True, slots=True)
class Quarters:
    """Finished quarters of an hour: slot int32[m], start_ms int64[m], mean_mw int64[m]."""

    slot: NDArray[np.int32]
    start_ms: NDArray[np.int64]
    mean_mw: NDArray[np.int64]


class QuarterMeans:
    """The unfinished quarter of every device, as arrays over slots; quarter counts them from 1970."""

    def __init__(self) -> None:
        self.quarter = np.zeros(0, dtype=np.int64)
        self.energy_uj = np.zeros(0, dtype=np.int64)
        self.held_ms = np.zeros(0, dtype=np.int64)

    def reserve(self, room: int) -> None:
        """Make room for so many devices."""
        for name in ("quarter", "energy_uj", "held_ms"):
            setattr(self, name, grown(getattr(self, name), room))

    def add(
        self, slot: NDArray[np.int32], low_ms: NDArray[np.int64], held_ms: NDArray[np.int64], uj: NDArray[np.int64]
    ) -> Quarters:
        """Take pieces, sorted by device and in order within each; return the quarters that they finish."""
        if len(slot) == 0:
            return Quarters(slot, low_ms, uj)
        own = Segments.of_sorted(slot)
        # What is left of the quarter before goes in front of the new pieces, where a stable sort leaves it.
        at = np.concatenate([own.starts, np.arange(own.size)])
        order = np.argsort(np.concatenate([own.of_row[own.starts], own.of_row]), kind="stable")
        quarter = np.concatenate([self.quarter[own.slot], low_ms // QUARTER_MS])[order]
        energy = np.concatenate([self.energy_uj[own.slot], uj])[order]
        held = np.concatenate([self.held_ms[own.slot], held_ms])[order]
        slots = slot[at][order]
        starts = np.flatnonzero(np.r_[True, (quarter[1:] != quarter[:-1]) | (slots[1:] != slots[:-1])])
        return self._finish(
            slots[starts], quarter[starts], np.add.reduceat(energy, starts), np.add.reduceat(held, starts)
        )

    def _finish(
        self, slot: NDArray[np.int32], quarter: NDArray[np.int64], uj: NDArray[np.int64], held_ms: NDArray[np.int64]
    ) -> Quarters:
        last = np.r_[slot[1:] != slot[:-1], True]
        self.quarter[slot[last]], self.energy_uj[slot[last]] = quarter[last], uj[last]
        self.held_ms[slot[last]] = held_ms[last]
        done = ~last & (held_ms >= _ENOUGH_MS)
        return Quarters(slot[done], quarter[done] * QUARTER_MS, uj[done] // held_ms[done])
