"""Real meters with real registers: every local day's energy is what the register gained."""

from __future__ import annotations

import numpy as np
import pytest

from core.fleets import fleet_of
from core.test_clean_data import DATA, load
from core.usage_streams import days_of
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.usage import DAY_MS, DayRows, Quantity

METERS = (
    "academic_block_building_total_mains_0",
    "academic_block_ahu_0",
    "academic_block_lifts_0",
    "academic_block_power_sockets_3_energy_counter",
)

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not (DATA / "combed").is_dir(), reason="KILOWATCH_DATA names no folder with combed"),
]


def days(batch: ReadingBatch) -> DayRows:
    _, found = days_of(
        fleet_of({"interval_s": 30.0}), [batch.take(slice(at, at + 999)) for at in range(0, len(batch), 999)]
    )
    return found


@pytest.mark.parametrize("meter", METERS)
def test_each_days_energy_is_what_the_register_gained(meter: str) -> None:
    batch = load(f"combed/{meter}")
    assert batch.energy_wh is not None
    found = days(batch)
    day = batch.ts_ms // DAY_MS
    checked = 0
    for row in range(1, len(found) - 1):
        mine = np.flatnonzero(day == found.day[row])
        around = batch.energy_wh[max(mine[0] - 1, 0) : mine[-1] + 2]
        close = batch.ts_ms[mine[0]] - batch.ts_ms[mine[0] - 1] <= 60_000
        if np.diff(around).min() < 0 or not close or around[-1] - around[0] < 500:
            continue
        assert found.energy_uj[row] / 3.6e9 == pytest.approx(around[-1] - around[0], rel=3e-3)
        checked += 1
    assert checked >= 10
    gained = np.diff(batch.energy_wh)
    assert found.energy_uj.sum() / 3.6e9 == pytest.approx(gained[gained > 0].sum(), rel=1e-3)


def test_without_its_register_a_meter_is_integrated_close_to_it() -> None:
    batch = load(f"combed/{METERS[0]}")
    told = days(batch)
    integrated = days(ReadingBatch(batch.slot, batch.ts_ms, batch.power_w))
    full = told.of(Quantity.SILENT_MS) == 0
    assert full.sum() >= 5
    np.testing.assert_allclose(integrated.energy_uj[full], told.energy_uj[full], rtol=0.02)
    assert integrated.of(Quantity.REGISTER_UJ).sum() == 0
