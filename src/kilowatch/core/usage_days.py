"""Two local days of every device in the making, and its energy since it was first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.usage import EMPTY, HIGHEST, LOWEST, SETTLES, SUMS, DayRows, Quantity, settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NO_DAY = -1
_UJ_PER_J = 1_000_000
_PICO = 10**12


class DayCells:
    """A device's even and odd day, side by side; a day that gives way to another is handed out settled.

    day: int32[2 slots] · values: int64[2 slots, quantities] · since each device was first seen, int64[slots]:
    total_j, rest_uj, settled energy in joules and the rest below one; held_ms, time covered by readings · cost,
    rest_pico: what all settled energy cost, in the tariff's currency, and the rest.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("cost", "rest_pico")

    def __init__(self) -> None:
        self.day = np.full(0, _NO_DAY, dtype=np.int32)
        self.values = np.zeros((0, len(Quantity)), dtype=np.int64)
        self.total_j = np.zeros(0, dtype=np.int64)
        self.rest_uj = np.zeros(0, dtype=np.int64)
        self.held_ms = np.zeros(0, dtype=np.int64)
        self.cost = self.rest_pico = 0

    def reserve(self, room: int) -> None:
        """Make room for so many devices."""
        known = len(self.day)
        self.day = grown(self.day, 2 * room, _NO_DAY)
        self.values = grown(self.values, 2 * room)
        self.values[known:] = EMPTY
        for name in ("total_j", "rest_uj", "held_ms"):
            setattr(self, name, grown(getattr(self, name), room))

    def decide(self, slot: NDArray[np.int32], replaced: NDArray[np.bool_]) -> None:
        """Settle what is loose of devices: dropped where the register replaced it, taken for good elsewhere."""
        # What is loose may have been used yesterday.
        for parity in (0, 1):
            cells = 2 * slot.astype(np.intp) + parity
            for loose, _ in SETTLES:
                self.values[cells[replaced], loose] = 0
            self._settle(cells[~replaced])

    def add(self, rows: DayRows) -> list[DayRows]:
        """Add days, sorted by device and day, to those in the making; return the days that gave way, settled."""
        gone: list[DayRows] = []
        rank = np.arange(len(rows)) - np.searchsorted(rows.slot, rows.slot)
        # One day of each device a turn: a cell that stood twice in one sum would be added to once.
        for turn in range(int(rank.max(initial=-1)) + 1):
            now = rows.take(rank == turn)
            cells = 2 * now.slot.astype(np.intp) + now.day % 2
            gone.append(self._take_out(cells[(self.day[cells] != now.day) & (self.day[cells] != _NO_DAY)]))
            self.day[cells] = now.day
            self._merge(cells, now)
        return [part for part in gone if len(part)]

    def add_known(self, rows: DayRows) -> list[DayRows]:
        """Add days to those in the making; hand out those that are not, instead of opening them."""
        cells = 2 * rows.slot.astype(np.intp) + rows.day % 2
        # Opening a day would push out the one that shares its cell.
        known = self.day[cells] == rows.day
        self._merge(cells[known], rows.take(known))
        return [] if known.all() else [rows.take(~known)]

    def close(self, slot: NDArray[np.int32], before_day: NDArray[np.integer]) -> list[DayRows]:
        """Hand out the days of devices that lie before before_day [n]."""
        both = np.concatenate([2 * slot.astype(np.intp), 2 * slot.astype(np.intp) + 1])
        limit = np.concatenate([before_day, before_day])
        over = both[(self.day[both] != _NO_DAY) & (self.day[both] < limit)]
        return [self._take_out(over)] if len(over) else []

    def rows(self) -> DayRows:
        """Return the days in the making, sorted by device and day."""
        cells = np.flatnonzero(self.day != _NO_DAY)
        order = np.lexsort((self.day[cells], cells // 2))
        cells = cells[order]
        return DayRows((cells // 2).astype(np.int32), self.day[cells], self.values[cells])

    def _merge(self, cells: NDArray[np.intp], rows: DayRows) -> None:
        values = self.values
        values[cells, SUMS] += rows.values[:, SUMS]
        values[cells, HIGHEST] = np.maximum(values[cells, HIGHEST], rows.values[:, HIGHEST])
        values[cells, LOWEST] = np.minimum(values[cells, LOWEST], rows.values[:, LOWEST])
        self._count(rows.slot, rows.of(Quantity.REGISTER_UJ) + rows.of(Quantity.INTEGRATED_UJ))
        self._charge(int(rows.of(Quantity.COST_PICO).sum()))
        self.held_ms[rows.slot] += rows.of(Quantity.HELD_MS)

    def _settle(self, cells: NDArray[np.intp]) -> None:
        self._count((cells // 2).astype(np.int32), self.values[cells, Quantity.LOOSE_UJ])
        self._charge(int(self.values[cells, Quantity.LOOSE_COST_PICO].sum()))
        settle(self.values, cells)

    def _count(self, slot: NDArray[np.int32], energy_uj: NDArray[np.int64]) -> None:
        # Joules beside the rest: in microjoules a meter of 1 MW would leave int64 within 107 days.
        rest_uj = self.rest_uj[slot] + energy_uj
        self.total_j[slot] += rest_uj // _UJ_PER_J
        self.rest_uj[slot] = rest_uj % _UJ_PER_J

    def _charge(self, cost_pico: int) -> None:
        whole, self.rest_pico = divmod(self.rest_pico + cost_pico, _PICO)
        self.cost += whole

    def _take_out(self, cells: NDArray[np.intp]) -> DayRows:
        self._settle(cells)
        rows = DayRows((cells // 2).astype(np.int32), self.day[cells], self.values[cells])
        self.day[cells], self.values[cells] = _NO_DAY, EMPTY
        return rows
