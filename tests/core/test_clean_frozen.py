"""Values that stand still for far longer than is the device's habit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.clean_stories import one_device
from core.fleets import fleet_of
from kilowatch.core.clean import CleanBatch, Cleaner, Reason
from kilowatch.core.device import Reporting

HOUR = 3600
STEP_S = 60
METER = {"interval_s": 60.0}
ON_CHANGE = {"interval_s": 60.0, "reporting": Reporting.ON_CHANGE, "heartbeat_s": 3600.0}


def runs(*stretches: tuple[float, float], device: dict[str, object] | None = None, every_s: int = STEP_S) -> CleanBatch:
    """Clean stretches (watts, hours) of one value each."""
    watts = np.concatenate([np.full(round(hours * HOUR / every_s), w) for w, hours in stretches])
    batch = one_device(*[(every_s * i, float(w)) for i, w in enumerate(watts)])
    return Cleaner(fleet_of(device or METER)).clean(batch)


def frozen_hours(batch: CleanBatch, every_s: int = STEP_S) -> float:
    return int((batch.reason == Reason.FROZEN).sum()) * every_s / HOUR


def test_a_value_is_frozen_after_six_hours_and_keeps_its_watts() -> None:
    batch = runs((80.0, 1), (360.0, 8))
    assert frozen_hours(batch) == pytest.approx(2, abs=0.05)
    assert batch.reason[-1] == Reason.FROZEN
    assert batch.readings.power_w[-1] == 360.0
    assert np.flatnonzero(batch.reason)[0] == 60 + 6 * 60 + 1


def test_zero_is_never_frozen() -> None:
    assert not runs((80.0, 1), (0.0, 48)).reason.any()


def test_the_smallest_change_starts_anew() -> None:
    assert not runs((360.0, 5), (360.1, 5), (360.0, 5)).reason.any()


@pytest.mark.parametrize(("hours", "marked"), [(14.9, 0.0), (16.0, 1.0)])
def test_a_device_that_is_steady_by_habit_gets_three_times_its_habit(hours: float, marked: float) -> None:
    batch = runs((12.0, 5), (11.0, 0.1), (12.0, hours))
    assert frozen_hours(batch) == pytest.approx(marked, abs=0.1)


def test_a_silence_is_no_run() -> None:
    readings = [(0.0, 40.0), *[(86_400.0 * day, 40.0) for day in range(1, 9)]]
    assert not Cleaner(fleet_of(METER)).clean(one_device(*readings)).reason.any()


def test_an_on_change_plug_may_repeat_itself_for_twenty_heartbeats() -> None:
    assert frozen_hours(runs((4.5, 24), device=ON_CHANGE, every_s=HOUR), HOUR) == pytest.approx(3, abs=0.1)
    assert frozen_hours(runs((4.5, 20), device=ON_CHANGE, every_s=HOUR), HOUR) == 0


@pytest.mark.parametrize(("step_wh", "frozen"), [(0.0, True), (6.0, False)])
def test_a_meter_whose_register_counts_on_is_alive(step_wh: float, frozen: bool) -> None:
    watts = np.concatenate([np.full(60, 80.0), np.full(480, 360.0)])
    batch = one_device(*[(STEP_S * i, float(w)) for i, w in enumerate(watts)])
    with_register = replace(batch, energy_wh=1000.0 + step_wh * np.arange(len(watts), dtype=np.float64))
    cleaned = Cleaner(fleet_of(METER)).clean(with_register)
    assert bool((cleaned.reason == Reason.FROZEN).any()) == frozen
