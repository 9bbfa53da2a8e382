from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from kilowatch.sim.home import MAINS
from sim.homes import START_MS, STEP_MS, Runs, home, runs, times

DATA = Path(os.environ.get("KILOWATCH_DATA", Path(__file__).parents[2] / "../shared/data"))


class Measured(NamedTuple):
    """What a real trace shows at 30 s: watts above which it is on, and low-high of three figures."""

    source: str
    above_w: float
    merge_min: float
    on_w: tuple[float, float]
    on_min: tuple[float, float]
    daily_wh: tuple[float, float]


REAL = {
    # Ranges around the trace's median on-power, median run and mean day, as wide as sampling of so many days asks.
    "fridge": Measured("tracebase/refrigerator_dev_599393", 35, 1, (126, 136), (12.5, 15.1), (750, 930)),
    "freezer": Measured("tracebase/refrigerator_dev_d32131", 35, 1, (76, 84), (26, 32), (750, 950)),
    "water_heater": Measured("water_heater_1", 200, 1, (4_150, 4_400), (5, 7), (4_000, 7_200)),
    "tv": Measured("tracebase/tv_lcd_dev_d33097", 20, 5, (106, 116), (85, 150), (380, 800)),
    "computer": Measured("tracebase/pc_desktop_dev_d337c9", 30, 5, (112, 128), (70, 125), (600, 1_300)),
    "lamp": Measured("tracebase/lamp_dev_c3e6d1", 5, 5, (37, 41), (85, 150), (45, 110)),
    "kettle": Measured("tracebase/waterkettle_dev_d33e1f", 300, 2, (2_560, 2_660), (1, 2.6), (250, 450)),
    "microwave": Measured("tracebase/microwaveoven_dev_995fcc", 300, 1, (1_340, 1_450), (1.4, 3.1), (90, 210)),
    "washer": Measured("tracebase/washingmachine_dev_d338c9", 4, 25, (90, 190), (100, 108), (250, 520)),
    "dishwasher": Measured("tracebase/dishwasher_dev_b81d04", 2.5, 25, (125, 150), (99, 110), (750, 1_500)),
    "router": Measured("tracebase/router_dev_b7df9d", 1, 5, (10, 12), (0, 0), (255, 275)),
}
DAYS = 56


@pytest.fixture(scope="module")
def lives() -> dict[str, np.ndarray]:
    asked, ts_ms = home(), times(0, DAYS)
    return {device: np.rint(asked.power_at(device, ts_ms)) for device in asked.kinds}


def looked_at(ts_ms: np.ndarray, power_w: np.ndarray, figures: Measured) -> tuple[float, float, float]:
    found: Runs = runs(ts_ms, power_w, figures.above_w, figures.merge_min)
    on_min = float(np.median(found.on_min[found.on_min > 0.5])) if len(found.on_min) else 0.0
    return float(np.median(found.on_w)), on_min, float(power_w.mean() * 24)


@pytest.mark.parametrize("device", REAL)
def test_levels_runs_and_days_are_those_of_real_appliances(device: str, lives: dict[str, np.ndarray]) -> None:
    figures = REAL[device]
    on_w, on_min, daily_wh = looked_at(times(0, DAYS), lives[device], figures)
    assert figures.on_w[0] <= on_w <= figures.on_w[1]
    assert figures.on_min[0] <= on_min <= figures.on_min[1]
    assert figures.daily_wh[0] <= daily_wh <= figures.daily_wh[1]


@pytest.mark.data
@pytest.mark.parametrize("device", [device for device, figures in REAL.items() if "/" in figures.source])
def test_the_ranges_hold_for_the_real_traces_themselves(device: str) -> None:
    path = DATA / f"{REAL[device].source}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is missing: set KILOWATCH_DATA to the real power data")
    ts_ms, power_w = real_trace(path)
    on_w, on_min, daily_wh = looked_at(ts_ms, power_w, REAL[device])
    low, high = REAL[device].on_w
    assert low <= on_w <= high
    assert REAL[device].on_min[0] <= on_min <= REAL[device].on_min[1] + 1
    assert 0.9 * REAL[device].daily_wh[0] <= daily_wh <= 1.1 * REAL[device].daily_wh[1]


def real_trace(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return one reading each 30 s of the days a trace has."""
    table = pq.read_table(path)
    ts_ms = table["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    _, first = np.unique(ts_ms // STEP_MS, return_index=True)
    return ts_ms[first], table["power_w"].to_numpy().astype(np.float64)[first]


def test_no_day_of_eight_weeks_drifts_away_from_the_others(lives: dict[str, np.ndarray]) -> None:
    for device, power_w in lives.items():
        daily = power_w.reshape(DAYS, -1).mean(axis=1)
        early, late = daily[: DAYS // 2], daily[DAYS // 2 :]
        standard_error = np.sqrt((early.var() + late.var()) / (DAYS // 2))
        assert abs(late.mean() - early.mean()) <= 3.5 * standard_error + 0.05, device


def test_days_differ_as_lives_do(lives: dict[str, np.ndarray]) -> None:
    spread = {name: np.std(watts.reshape(DAYS, -1).mean(axis=1)) / watts.mean() for name, watts in lives.items()}
    assert 0.02 < spread["fridge"] < 0.15
    assert all(spread[device] > 0.25 for device in ("tv", "computer", "kettle", "washer", "dishwasher"))
    assert spread["router"] < 0.02


def test_people_sleep_at_three_and_watch_television_in_the_evening(lives: dict[str, np.ndarray]) -> None:
    hour = ((times(0, DAYS) - START_MS) // 3_600_000) % 24

    def share(device: str, above_w: float, hours: range) -> float:
        return float((lives[device] > above_w)[np.isin(hour, hours)].mean())

    assert share("tv", 20, range(19, 23)) > 4 * share("tv", 20, range(8, 15))
    assert share("kettle", 300, range(1, 5)) < 0.2 * share("kettle", 300, range(6, 22))
    assert share("washer", 30, range(2, 6)) < 0.01
    assert lives[MAINS][np.isin(hour, range(17, 22))].mean() > 1.5 * lives[MAINS][np.isin(hour, range(1, 5))].mean()


def test_working_days_and_weekends_differ(lives: dict[str, np.ndarray]) -> None:
    weekend = np.arange(DAYS) % 7 >= 5
    desk = (lives["computer"] > 60).reshape(DAYS, -1).mean(axis=1)
    tv = (lives["tv"] > 20).reshape(DAYS, -1).mean(axis=1)
    assert desk[weekend].mean() < desk[~weekend].mean()
    assert tv[weekend].mean() > tv[~weekend].mean()
