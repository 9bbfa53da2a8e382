from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.core.device import Kind
from kilowatch.sim import thermostat
from kilowatch.sim.condition import Part, Timeline
from kilowatch.sim.days import days_from
from kilowatch.sim.faults import FAULTS_BY_KIND, METER_FAULTS, Fault, FaultSpec
from kilowatch.sim.household import FREEZER, FRIDGE, WATER_HEATER
from kilowatch.sim.load import Load
from kilowatch.sim.noise import Streams
from sim.homes import DAY, START_MS, Runs, runs, times

if TYPE_CHECKING:
    from kilowatch.sim.thermostat import ThermostaticLoad

CALM = replace(FRIDGE, disturbances=0.0, day_spread=0.0, inrush_w=0.0)
STORES = [FRIDGE, FREEZER, WATER_HEATER]


def lived(load: ThermostaticLoad, days: int, *faults: FaultSpec) -> Load:
    living = load.live(days_from(START_MS, "Europe/Berlin"), Timeline(faults), Streams(2))
    return Load.join([Load.of(steps) for steps in islice(living, days)])


def seen(load: ThermostaticLoad, days: int, *faults: FaultSpec, since: float = 0.0) -> Runs:
    ts_ms = times(since, days, 10_000)
    return runs(ts_ms, lived(load, days, *faults).watts(ts_ms, np.uint64(1)), load.on_w / 3, merge_min=0.2)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_left_alone_it_cycles_as_its_figures_say(store: ThermostaticLoad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermostat, "_AMBIENT_BY_QUARTER", (0.0,) * 4)
    found = seen(replace(store, disturbances=0.0, day_spread=0.0), 5)
    assert np.median(found.on_min) == pytest.approx(store.on_min, rel=0.05, abs=0.2)
    assert np.median(found.off_min) == pytest.approx(store.off_min, rel=0.05)


def test_doors_shorten_the_pauses() -> None:
    assert seen(replace(CALM, disturbances=40.0), 5).off_min.mean() < 0.9 * seen(CALM, 5).off_min.mean()


@pytest.mark.parametrize(
    ("fault", "runs_by", "pauses_by"),
    [
        (Fault.DOOR_SEAL_LEAK, (1.15, 3.0), (0.4, 0.8)),
        (Fault.REFRIGERANT_LOSS, (1.5, 6.0), (0.8, 1.2)),
        (Fault.SHORT_CYCLING, (0.15, 0.4), (0.15, 0.4)),
    ],
)
@pytest.mark.parametrize("store", [FRIDGE, FREEZER], ids=lambda store: store.name)
def test_wear_changes_runs_and_pauses(
    store: ThermostaticLoad, fault: Fault, runs_by: tuple[float, float], pauses_by: tuple[float, float]
) -> None:
    well, ill = seen(store, 6), seen(store, 6, FaultSpec(fault, store.name, START_MS))
    assert runs_by[0] < np.median(ill.on_min) / np.median(well.on_min) < runs_by[1]
    assert pauses_by[0] < np.median(ill.off_min) / np.median(well.off_min) < pauses_by[1]


@pytest.mark.parametrize("fault", [Fault.DOOR_OPEN, Fault.THERMOSTAT_STUCK])
def test_the_compressor_never_stops(fault: Fault) -> None:
    load = lived(FRIDGE, 4, FaultSpec(fault, "fridge", START_MS + DAY, START_MS + 3 * DAY))
    assert load.watts(times(1.2, 3.0), np.uint64(1)).min() > 100
    assert load.watts(times(3.3, 4.0), np.uint64(1)).min() == 0


def test_a_failed_compressor_draws_nothing_and_catches_up_when_repaired() -> None:
    load = lived(FRIDGE, 4, FaultSpec(Fault.COMPRESSOR_FAILED, "fridge", START_MS + DAY, START_MS + 2 * DAY))
    assert load.watts(times(1.0, 2.0), np.uint64(1)).max() == 0
    after = times(2.0, 2.1, 10_000)
    caught_up = runs(after - 10_000, np.append(0.0, load.watts(after[:-1], np.uint64(1))), 60)
    assert load.watts(after[:1], np.uint64(1))[0] > 100
    assert caught_up.on_min[0] > 2 * FRIDGE.on_min


def test_a_weak_element_draws_less_for_longer_at_about_the_same_energy() -> None:
    fault = FaultSpec(Fault.HEATING_ELEMENT_DEGRADED, "water_heater", START_MS)
    well, ill = seen(WATER_HEATER, 10), seen(WATER_HEATER, 10, fault)
    assert np.median(ill.on_w) == pytest.approx(0.7 * np.median(well.on_w), rel=0.02)
    assert np.median(ill.on_min) > 1.3 * np.median(well.on_min)
    assert ill.on_w.sum() == pytest.approx(well.on_w.sum(), rel=0.1)


def test_a_worn_bearing_costs_power_and_moves_no_switching() -> None:
    well, ill = lived(FRIDGE, 3), lived(FRIDGE, 3, FaultSpec(Fault.BEARING_WEAR, "fridge", START_MS))
    assert np.array_equal(well.start_ms, ill.start_ms)
    assert ill.level_w == pytest.approx(1.4 * well.level_w)


def test_a_fault_in_mid_run_acts_at_once() -> None:
    well = lived(FRIDGE, 1)
    on = well.level_w > 0
    at_ms = int(well.start_ms[on][6]) + 120_000
    ill = lived(FRIDGE, 1, FaultSpec(Fault.BEARING_WEAR, "fridge", at_ms))
    around = np.array([at_ms - 1_000, at_ms + 1_000])
    assert ill.watts(around, np.uint64(1))[1] > 1.2 * ill.watts(around, np.uint64(1))[0]


@pytest.mark.parametrize("fault", sorted(FAULTS_BY_KIND[Kind.FRIDGE] - METER_FAULTS))
def test_nothing_happens_before_the_fault(fault: Fault) -> None:
    before = times(0, 2.4)
    well, ill = lived(FRIDGE, 4), lived(FRIDGE, 4, FaultSpec(fault, "fridge", int(before[-1]) + 1))
    assert np.array_equal(well.watts(before, np.uint64(1)), ill.watts(before, np.uint64(1)))
    later = times(2.5, 4.0)
    assert not np.array_equal(well.watts(later, np.uint64(1)), ill.watts(later, np.uint64(1)))


def test_a_tiny_band_ends_in_many_runs_not_in_a_hang() -> None:
    found = seen(CALM, 1, FaultSpec(Fault.SHORT_CYCLING, "fridge", START_MS, strength=20.0))
    assert len(found.on_min) > 100


def test_start_up_shows_a_first_second_and_a_decay() -> None:
    load = lived(FRIDGE, 1)
    start = int(load.start_ms[np.flatnonzero(load.surge_w > 100)[3]])
    watts = load.watts(np.array([start, start + 2_000, start + 240_000, start + 700_000]), np.uint64(1))
    assert watts[0] > 600
    assert watts[1] == pytest.approx(FRIDGE.on_w + FRIDGE.surge_w, rel=0.05)
    assert watts[1] > watts[2] > watts[3] - 3
    assert load.mean_w.min() == 0
    assert FRIDGE.part is Part.MOTOR
