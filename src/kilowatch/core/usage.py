"""What a device used on one local day, as a row of whole numbers that add up in any order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DAY_MS = 86_400_000
_DAYS = 2**17
"""More days than from 1970 to 2300."""


class Quantity(IntEnum):
    """The columns of a day. Up to REJECTED they are sums, then two highest values and one lowest.

    Energy is REGISTER (by the register), INTEGRATED (power over time) and LOOSE (integrated until the register tells
    better); COST and GAP, silence whose energy nobody knows, come settled and loose alike. HELD: covered by readings,
    SILENT: beyond a reading's hold. CYCLES: times it came on. ACCEPTED, REPAIRED, REJECTED: readings. PEAK: highest
    reading. DEMAND, FLOOR: highest and lowest mean of a quarter of an hour; a device's FLOOR is what it draws at rest.
    """

    # Tables and saved states hold a day in this order: to change it is to migrate them.
    REGISTER_UJ = 0
    INTEGRATED_UJ = 1
    LOOSE_UJ = 2
    COST_PICO = 3
    LOOSE_COST_PICO = 4
    GAP_MS = 5
    LOOSE_GAP_MS = 6
    HELD_MS = 7
    SILENT_MS = 8
    ON_MS = 9
    CYCLES = 10
    ACCEPTED = 11
    REPAIRED = 12
    REJECTED = 13
    PEAK_MW = 14
    DEMAND_MW = 15
    FLOOR_MW = 16


SUMS = slice(0, Quantity.PEAK_MW)
HIGHEST = slice(Quantity.PEAK_MW, Quantity.FLOOR_MW)
LOWEST = slice(Quantity.FLOOR_MW, len(Quantity))
NO_VALUE_MW = -1
"""PEAK and DEMAND of a day without any."""
NO_FLOOR_MW = int(np.iinfo(np.int64).max)
EMPTY = np.array([0] * Quantity.PEAK_MW + [NO_VALUE_MW, NO_VALUE_MW, NO_FLOOR_MW], dtype=np.int64)
"""int64[quantities]: a day on which nothing was heard."""
EMPTY.setflags(write=False)
SETTLES = (
    (Quantity.LOOSE_UJ, Quantity.INTEGRATED_UJ),
    (Quantity.LOOSE_COST_PICO, Quantity.COST_PICO),
    (Quantity.LOOSE_GAP_MS, Quantity.GAP_MS),
)
"""What is loose, and what it becomes when no register step replaces it."""


class DeviceDay(msgspec.Struct, frozen=True, kw_only=True):
    """A finished local day of one device, as it is stored and shown; null where nothing tells.

    `gap_s` of `silent_s` is silence whose energy nobody knows; `standby_w` is the day's lowest quarter of an hour.
    """

    site: str
    device: str
    day: str
    energy_wh: float
    register_share: float | None
    cost: float
    on_s: float
    cycles: int
    standby_w: float | None
    peak_w: float | None
    demand_w: float | None
    held_s: float
    silent_s: float
    gap_s: float
    accepted: int
    repaired: int
    rejected: int


class StoredDay(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a day of one device, on its way to where days are kept; parts of a day add up by `Quantity`."""

    site: str
    device: str
    day: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayRows:
    """n days of devices: slot int32[n], day int32[n] since 1970-01-01 local, values int64[n, quantities]."""

    slot: NDArray[np.int32]
    day: NDArray[np.int32]
    values: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.slot)

    def of(self, quantity: Quantity) -> NDArray[np.int64]:
        """Return one column."""
        return self.values[:, quantity]

    @property
    def energy_uj(self) -> NDArray[np.int64]:
        """All energy of each day, int64[n]."""
        return self.values[:, [Quantity.REGISTER_UJ, Quantity.INTEGRATED_UJ, Quantity.LOOSE_UJ]].sum(axis=1)

    @property
    def cost_pico(self) -> NDArray[np.int64]:
        """The cost of each day, int64[n]."""
        return self.of(Quantity.COST_PICO) + self.of(Quantity.LOOSE_COST_PICO)

    @property
    def gap_ms(self) -> NDArray[np.int64]:
        """Silence whose energy nobody knows, int64[n]."""
        return self.of(Quantity.GAP_MS) + self.of(Quantity.LOOSE_GAP_MS)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> DayRows:
        """Return some of the days."""
        return DayRows(self.slot[rows], self.day[rows], self.values[rows])

    @classmethod
    def join(cls, parts: list[DayRows]) -> DayRows:
        """Return parts one after another; the same day of a device may stand in several."""
        if not parts:
            return cls(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, len(Quantity)), np.int64))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("slot", "day", "values")))

    def merged(self) -> DayRows:
        """Return each day of a device once, sorted by device and day."""
        keys, inverse = np.unique(_key(self.slot, self.day), return_inverse=True)
        values = np.tile(EMPTY, (len(keys), 1))
        np.add.at(values[:, SUMS], inverse, self.values[:, SUMS])
        np.maximum.at(values[:, HIGHEST], inverse, self.values[:, HIGHEST])
        np.minimum.at(values[:, LOWEST], inverse, self.values[:, LOWEST])
        return DayRows(*_unkey(keys), values)

    def settled(self) -> DayRows:
        """Return the days with all that is loose taken for good."""
        values = self.values.copy()
        settle(values, np.arange(len(values)))
        return DayRows(self.slot, self.day, values)


def settle(values: NDArray[np.int64], rows: NDArray[np.integer]) -> None:
    """Take what is loose in some rows of values [n, quantities] for good, in place."""
    for loose, firm in SETTLES:
        values[rows, firm] += values[rows, loose]
        values[rows, loose] = 0


def described(stored: StoredDay) -> DeviceDay:
    """Return a day as people read it."""
    # The energies are the first three columns.
    of, energy_uj = stored.values, sum(stored.values[: Quantity.LOOSE_UJ + 1])
    floor_mw, peak_mw, demand_mw = of[Quantity.FLOOR_MW], of[Quantity.PEAK_MW], of[Quantity.DEMAND_MW]
    return DeviceDay(
        site=stored.site,
        device=stored.device,
        day=(date(1970, 1, 1) + timedelta(days=stored.day)).isoformat(),
        energy_wh=energy_uj / 3.6e9,
        register_share=of[Quantity.REGISTER_UJ] / energy_uj if energy_uj else None,
        cost=(of[Quantity.COST_PICO] + of[Quantity.LOOSE_COST_PICO]) / 1e12,
        on_s=of[Quantity.ON_MS] / 1000,
        cycles=of[Quantity.CYCLES],
        standby_w=None if floor_mw == NO_FLOOR_MW else floor_mw / 1000,
        peak_w=None if peak_mw == NO_VALUE_MW else peak_mw / 1000,
        demand_w=None if demand_mw == NO_VALUE_MW else demand_mw / 1000,
        held_s=of[Quantity.HELD_MS] / 1000,
        silent_s=of[Quantity.SILENT_MS] / 1000,
        gap_s=(of[Quantity.GAP_MS] + of[Quantity.LOOSE_GAP_MS]) / 1000,
        accepted=of[Quantity.ACCEPTED],
        repaired=of[Quantity.REPAIRED],
        rejected=of[Quantity.REJECTED],
    )


class Tally:
    """Contributions to days in the making, until `rows` adds them up."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.int64]] = []
        self._columns: list[tuple[int, Quantity, NDArray[np.int64]]] = []

    def add(
        self, slot: NDArray[np.int32], day: NDArray[np.integer], values: Mapping[Quantity, NDArray[np.integer]]
    ) -> None:
        """Note values int64[n] of some quantities for n devices and days."""
        for quantity, column in values.items():
            self._columns.append((len(self._keys), quantity, column.astype(np.int64, copy=False)))
        self._keys.append(_key(slot, day))

    def rows(self) -> DayRows:
        """Return each day of a device once, sorted by device and day."""
        keys, inverse = np.unique(np.concatenate(self._keys), return_inverse=True)
        ends = np.cumsum([len(part) for part in self._keys])
        columns = [np.full(len(keys), fill, dtype=np.int64) for fill in EMPTY.tolist()]
        for part, quantity, column in self._columns:
            places = inverse[ends[part] - len(column) : ends[part]]
            _MERGE[quantity].at(columns[quantity], places, column)
        return DayRows(*_unkey(keys), np.stack(columns, axis=1))


_MERGE: tuple[np.ufunc, ...] = (*[np.add] * Quantity.PEAK_MW, np.maximum, np.maximum, np.minimum)


def _key(slot: NDArray[np.int32], day: NDArray[np.integer]) -> NDArray[np.int64]:
    # One number for both: np.unique sorts numbers much faster than pairs.
    return slot.astype(np.int64) * _DAYS + day


def _unkey(keys: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return (keys // _DAYS).astype(np.int32), (keys % _DAYS).astype(np.int32)
