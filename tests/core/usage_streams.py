"""Streams of readings with registers, gaps and clocks, and the days that come of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from core.fleets import START_MS
from kilowatch.core.clean import Cleaner
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.tariff import Band, Tariff
from kilowatch.core.usage import DayRows, Quantity
from kilowatch.core.usage_ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

NIGHT = Tariff.by_hour(0.30, [Band(frozenset(range(7)), frozenset({22, 23, 0, 1, 2, 3, 4, 5}), 0.20)])
ENERGY = (Quantity.REGISTER_UJ, Quantity.INTEGRATED_UJ, Quantity.LOOSE_UJ)


def home(devices: int = 3, **traits: Any) -> Fleet:
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata")
    return Fleet(
        [
            DeviceRecord(site="home", device=f"d{i}", time_zone=zones[i % 3], kind=Kind.LAMP, **traits)
            for i in range(devices)
        ]
    )


def readings(ts_s: ArrayLike, power_w: ArrayLike, energy_wh: ArrayLike | None = None, slot: int = 0) -> ReadingBatch:
    size = np.size(ts_s)
    return ReadingBatch(
        np.full(size, slot, dtype=np.int32),
        START_MS + np.rint(np.asarray(ts_s, dtype=np.float64) * 1000).astype(np.int64),
        np.asarray(power_w, dtype=np.float64),
        energy_wh=None if energy_wh is None else np.asarray(energy_wh, dtype=np.float64),
    )


def days_of(fleet: Fleet, batches: Sequence[ReadingBatch], tariff: Tariff | None = None) -> tuple[Ledger, DayRows]:
    """Take batches in and return the ledger with all days, finished and in the making."""
    cleaner, ledger = Cleaner(fleet), Ledger(fleet, tariff or Tariff.flat(0.25))
    gone = [ledger.observe(cleaner.clean(batch)) for batch in batches]
    return ledger, DayRows.join([*gone, ledger.days.rows()]).merged()


def cut_at(batch: ReadingBatch, places: Sequence[int]) -> list[ReadingBatch]:
    edges = [0, *sorted(places), len(batch)]
    return [batch.take(slice(low, high)) for low, high in itertools.pairwise(edges)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[ReadingBatch, list[int]]:
    """Return readings of three devices with gaps, a register that resets or is missing, and places to cut."""
    size = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    slot = rng.integers(0, 3, size).astype(np.int32)
    steps = rng.choice([0, 1, 30, 30, 30, 300, 3600, 20_000, 70_000, 200_000, -7200], size)
    ts_ms = START_MS + np.cumsum(steps) * 1000
    power_w = rng.choice([0.0, 1.0, 60.0, 2000.0, 33.3], size)
    register = np.zeros(size)
    for device in range(3):
        mine = slot == device
        register[mine] = 500.0 * device + np.cumsum(rng.choice([0.0, 0.3, 7.0, 40.0], int(mine.sum())))
    register[rng.random(size) < 0.1] *= 0.0
    register[rng.random(size) < draw(st.sampled_from([0.0, 0.4, 1.0]))] = np.nan
    received_ms = ts_ms + rng.choice([100, 100, 100, 500_000_000], size)
    batch = ReadingBatch(slot, ts_ms, power_w, received_ms=received_ms, energy_wh=register)
    return batch, rng.integers(0, size + 1, draw(st.integers(0, 8))).tolist()


def joules(rows: DayRows) -> NDArray[np.float64]:
    return rows.energy_uj / 1e6
