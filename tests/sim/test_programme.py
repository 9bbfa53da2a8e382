from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.sim.condition import Timeline
from kilowatch.sim.days import days_from
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.habits import FLAT, Habit
from kilowatch.sim.household import COFFEE, COMPUTER, DISHWASHER, DRYER, KETTLE, LAMP, MICROWAVE, SCREEN, WASHER
from kilowatch.sim.load import Load
from kilowatch.sim.noise import Streams
from sim.homes import DAY, START_MS, runs, times

if TYPE_CHECKING:
    from kilowatch.sim.programme import ProgrammeLoad

KEY = np.uint64(1)
PROGRAMMES = [COFFEE, DISHWASHER, DRYER, KETTLE, LAMP, MICROWAVE, WASHER]


def lived(load: ProgrammeLoad, days: int, *faults: FaultSpec) -> Load:
    living = load.live(days_from(START_MS, "Europe/Berlin"), Timeline(faults), Streams(2))
    return Load.join([Load.of(steps) for steps in islice(living, days)])


def heavy_energy_wh(load: Load) -> float:
    return float(load.energy_at_starts()[-1])


def programme_ms(load: Load, appliance: ProgrammeLoad) -> np.ndarray:
    """Return how long each run took, from the starts of its first phase and of the standby after it."""
    assert (len(load) - 1) % (len(appliance.phases) + 1) == 0
    starts = load.start_ms[1:].reshape(-1, len(appliance.phases) + 1)
    return starts[:, -1] - starts[:, 0]


@pytest.mark.parametrize("appliance", PROGRAMMES, ids=lambda appliance: appliance.name)
def test_every_run_goes_through_its_phases_and_runs_never_overlap(appliance: ProgrammeLoad) -> None:
    load = lived(appliance, 60)
    levels = load.level_w[1:].reshape(-1, len(appliance.phases) + 1)
    nominal = np.array([phase.watts for phase in appliance.phases])
    assert len(levels) > 15
    assert np.all(np.abs(levels[:, :-1] / nominal - 1) < 0.35)
    assert np.all(levels[:, -1] == appliance.standby_w)


@pytest.mark.parametrize("appliance", [KETTLE, WASHER, DRYER, DISHWASHER, COFFEE], ids=lambda a: a.name)
def test_a_weak_element_stretches_the_heating_at_equal_energy(appliance: ProgrammeLoad) -> None:
    fault = FaultSpec(Fault.HEATING_ELEMENT_DEGRADED, appliance.name, START_MS)
    well, ill = lived(appliance, 40), lived(appliance, 40, fault)
    assert ill.level_w.max() == pytest.approx(0.7 * well.level_w.max(), rel=0.02)
    assert np.median(programme_ms(ill, appliance)) > 1.02 * np.median(programme_ms(well, appliance))
    assert heavy_energy_wh(ill) == pytest.approx(heavy_energy_wh(well), rel=0.06)


@pytest.mark.parametrize("appliance", [WASHER, DRYER, DISHWASHER], ids=lambda a: a.name)
def test_a_blocked_filter_makes_every_cycle_longer(appliance: ProgrammeLoad) -> None:
    well = lived(appliance, 30)
    ill = lived(appliance, 30, FaultSpec(Fault.BLOCKED_FILTER, appliance.name, START_MS))
    assert np.median(programme_ms(ill, appliance)) == pytest.approx(
        1.6 * np.median(programme_ms(well, appliance)), rel=0.05
    )


def test_a_worn_bearing_raises_the_motor_and_not_the_heater() -> None:
    well, ill = lived(WASHER, 20), lived(WASHER, 20, FaultSpec(Fault.BEARING_WEAR, "washer", START_MS))
    factor = ill.level_w / np.maximum(well.level_w, 1e-9)
    assert set(np.round(factor[well.level_w > 30], 6)) == {1.0, 1.4}
    assert np.all(factor[well.level_w > 1_000] == 1.0)


@pytest.mark.parametrize("appliance", [WASHER, KETTLE, LAMP, MICROWAVE], ids=lambda a: a.name)
def test_night_use_adds_a_run_at_three_each_night_and_keeps_the_days(appliance: ProgrammeLoad) -> None:
    nights = FaultSpec(Fault.NIGHT_USE, appliance.name, START_MS + 2 * DAY, START_MS + 5 * DAY)
    well, ill = lived(appliance, 7), lived(appliance, 7, nights)
    for day in range(7):
        at_night = times(day + 3.0 / 24, day + 4.5 / 24)
        used = ill.watts(at_night, KEY).max() > 30
        assert used == (2 <= day < 5)
    assert len(programme_ms(ill, appliance)) == len(programme_ms(well, appliance)) + 3


def test_the_screen_goes_on_with_the_computer() -> None:
    one, other = lived(COMPUTER, 20), lived(SCREEN, 20)
    starts = [set(load.start_ms[load.level_w > 40].tolist()) for load in (one, other)]
    assert starts[0] <= starts[1]


def test_a_use_while_it_runs_does_not_happen_even_over_midnight() -> None:
    busy = replace(LAMP, habit=Habit("busy", runs=(0, 0, 0, 0, 1), hours=FLAT))
    load = lived(busy, 30)
    on = load.level_w > 1
    assert np.array_equal(on[1:], ~on[:-1])
    assert any(
        START_MS + n * DAY in range(a, b)
        for n in range(1, 30)
        for a, b in zip(load.start_ms[1::2], load.start_ms[2::2], strict=False)
    )


def test_uses_differ_in_length_and_none_is_longer_than_allowed() -> None:
    ts_ms = times(0, 60, 10_000)
    found = runs(ts_ms, lived(KETTLE, 60).watts(ts_ms, KEY), 500, merge_min=0.3)
    assert found.on_min.max() <= 6.4
    assert np.percentile(found.on_min, 90) > 2 * np.percentile(found.on_min, 10)
