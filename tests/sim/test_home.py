from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import PROTECTED_KINDS, Fleet, Kind, Stage
from kilowatch.core.reading import ReadingBatch
from kilowatch.errors import ConfigError
from kilowatch.sim.faults import FAULTS_BY_KIND, METER_FAULTS, Fault, FaultSpec
from kilowatch.sim.home import MAINS
from kilowatch.sim.household import FRIDGE, LAMP
from sim.homes import DAY, HOUR, START_MS, collected, equal, home, rows_of, times

WHOLE = collected(home(), 3)
LEFT_ON = FaultSpec(Fault.LEFT_ON, "kettle", START_MS + DAY, START_MS + DAY + 2 * HOUR)


def test_the_same_seed_gives_the_same_readings_and_another_seed_others() -> None:
    assert equal(WHOLE, collected(home(), 3))
    assert not equal(WHOLE, collected(home(seed=8), 3))


@given(st.lists(st.integers(1, 3 * DAY - 1), min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_any_cut_into_pieces_gives_the_same_readings(cuts: list[int]) -> None:
    asked, edges = home(), [START_MS + cut for cut in sorted({0, *cuts, 3 * DAY})]
    fleet = Fleet(asked.records())
    parts = [part for a, b in pairwise(edges) for part in asked.readings(fleet, b, since_ms=a)]
    assert equal(ReadingBatch.join(parts), WHOLE)


def test_batches_hold_an_hour_each_in_event_order() -> None:
    batches = list(home().readings(Fleet(home().records()), START_MS + DAY))
    assert len(batches) == 24
    for batch in batches:
        assert np.ptp(batch.ts_ms) < HOUR
        assert np.all(np.diff(batch.ts_ms) >= 0)
    assert all(one.ts_ms[-1] <= other.ts_ms[0] for one, other in pairwise(batches))
    assert set(np.concatenate([batch.slot for batch in batches])) == set(range(16))


def test_records_say_who_is_there_and_what_is_protected() -> None:
    records = {record.device: record for record in home(interval_s={"kettle": 10.0}).records()}
    assert len(records) >= 13
    assert records[MAINS].kind is Kind.METER
    assert records["kettle"].interval_s == 10.0
    for record in records.values():
        assert record.protected == (record.kind in PROTECTED_KINDS)
        assert record.stage is Stage.LEARNING
        assert record.site == "home"
        assert record.time_zone == "Europe/Berlin"
    assert {device for device, record in records.items() if record.protected} == {"fridge", "freezer", "router"}


def test_no_device_exceeds_its_rating() -> None:
    asked = home()
    month = collected(asked, 30)
    for slot, record in enumerate(asked.records()):
        assert record.rating_w is not None
        assert month.power_w[month.slot == slot].max() <= record.rating_w


def test_the_main_meter_reads_the_sum_of_all_loads() -> None:
    asked = home()
    read = rows_of(asked, WHOLE, MAINS)
    summed = sum(asked._trace(appliance, ()).watts(read.ts_ms) for appliance in asked.appliances)
    assert np.abs(read.power_w - summed).max() <= 0.5 + 0.011 * np.max(summed)
    plugs = sum(asked.power_at(device, read.ts_ms) for device in asked.kinds if device != MAINS)
    assert np.all(read.power_w > 0.98 * plugs)


def test_registers_agree_with_what_was_drawn() -> None:
    asked, second = home(), times(0, 1, 1_000)
    for device in asked.kinds:
        drawn_wh = asked.power_at(device, second).sum() / 3_600
        counted = asked.energy_at(device, np.array([second[0], second[-1] + 1_000]))
        assert counted[1] - counted[0] == pytest.approx(drawn_wh, rel=0.03, abs=1.0)


CASES = [
    (device, fault) for device, kind in home().kinds.items() for fault in sorted(FAULTS_BY_KIND[kind] - METER_FAULTS)
]


@pytest.mark.parametrize(("device", "fault"), CASES)
def test_a_fault_changes_its_device_after_its_start_and_no_other(device: str, fault: Fault) -> None:
    spec = FaultSpec(fault, device, START_MS + DAY + 2 * HOUR)
    asked = home()
    ill = collected(asked, 3, [spec])
    for slot, record in enumerate(asked.records()):
        before, after = WHOLE.take(WHOLE.slot == slot), ill.take(ill.slot == slot)
        early = before.ts_ms < spec.start_ms
        assert equal(before.take(early), after.take(early))
        if record.device not in (device, MAINS):
            assert equal(before, after)
    assert not equal(rows_of(asked, WHOLE, device), rows_of(asked, ill, device))
    assert not equal(rows_of(asked, WHOLE, MAINS), rows_of(asked, ill, MAINS))


def energy_wh(device: str, *faults: FaultSpec) -> float:
    span = home().energy_at(device, np.array([START_MS + DAY, START_MS + 8 * DAY]), faults)
    return float(span[1] - span[0])


@pytest.mark.parametrize(
    ("device", "fault", "low", "high"),
    [
        ("fridge", Fault.DOOR_OPEN, 3.0, 5.0),
        ("fridge", Fault.DOOR_SEAL_LEAK, 1.4, 2.2),
        ("freezer", Fault.REFRIGERANT_LOSS, 1.4, 2.2),
        ("freezer", Fault.BEARING_WEAR, 1.37, 1.41),
        ("fridge", Fault.COMPRESSOR_FAILED, 0.0, 0.0),
        ("fridge", Fault.SHORT_CYCLING, 0.9, 1.3),
        ("water_heater", Fault.THERMOSTAT_STUCK, 10.0, 30.0),
        ("water_heater", Fault.HEATING_ELEMENT_DEGRADED, 0.9, 1.1),
        ("kettle", Fault.LEFT_ON, 100.0, 300.0),
        ("coffee", Fault.LEFT_ON, 5.0, 15.0),
        ("lamp", Fault.LEFT_ON, 6.0, 20.0),
        ("washer", Fault.NIGHT_USE, 1.5, 4.0),
        ("washer", Fault.BEARING_WEAR, 1.1, 1.35),
        ("dryer", Fault.BLOCKED_FILTER, 1.55, 1.65),
        ("router", Fault.DOUBLE_DRAW, 1.99, 2.01),
    ],
)
def test_a_fault_moves_the_energy_the_way_it_should(device: str, fault: Fault, low: float, high: float) -> None:
    well, ill = energy_wh(device), energy_wh(device, FaultSpec(fault, device, START_MS + DAY))
    assert low * well <= ill <= high * well


@pytest.mark.parametrize("device", ["tv", "screen", "microwave", "router"])
@pytest.mark.parametrize("strength", [0.5, 1.0, 1.5])
def test_a_phantom_load_adds_20_to_60_w_all_day(device: str, strength: float) -> None:
    fault = FaultSpec(Fault.PHANTOM_LOAD, device, START_MS + DAY, strength=strength)
    added_w = (energy_wh(device, fault) - energy_wh(device)) / (7 * 24)
    assert added_w == pytest.approx(40 * strength, rel=1e-6)


@pytest.mark.parametrize("device", ["fridge", MAINS])
def test_a_silent_meter_gives_no_readings_and_harms_nothing_else(device: str) -> None:
    silent = FaultSpec(Fault.METER_SILENT, device, START_MS + DAY, START_MS + 2 * DAY)
    asked = home()
    ill = collected(asked, 3, [silent])
    mine = WHOLE.slot == Fleet(asked.records()).slot("home", device)
    gone = mine & (WHOLE.ts_ms >= silent.start_ms) & (WHOLE.ts_ms < START_MS + 2 * DAY)
    assert gone.sum() > 2_800
    assert equal(WHOLE.take(~gone), ill)


def test_a_left_on_kettle_shows_from_the_first_minute_to_the_last() -> None:
    ts_ms = times(1.0, 1.0 + 2 / 24)
    watts = home().power_at("kettle", ts_ms, [LEFT_ON])
    assert watts.min() > 2_500
    assert home().power_at("kettle", np.array([START_MS + DAY + 2 * HOUR]), [LEFT_ON])[0] == 0


def test_switching_off_stops_the_draw_and_on_brings_it_back() -> None:
    asked = home()
    asked.switch("kettle", on=False, ts_ms=START_MS + DAY + HOUR)
    asked.switch("kettle", on=True, ts_ms=START_MS + DAY + 90 * 60_000)
    asked.switch("kettle", on=True, ts_ms=START_MS + DAY + 91 * 60_000)
    minutes = START_MS + DAY + np.array([59, 60, 89, 90, 119]) * 60_000
    assert (asked.power_at("kettle", minutes, [LEFT_ON]) > 2_500).tolist() == [True, False, False, True, True]
    saved = home().energy_at("kettle", minutes, [LEFT_ON]) - asked.energy_at("kettle", minutes, [LEFT_ON])
    assert saved[-1] == pytest.approx(2_612 / 2, rel=1e-3)
    assert collected(asked, 3).on is not None
    assert rows_of(asked, collected(asked, 3), "kettle").on.min() == 0  # type: ignore[union-attr]


def test_a_fridge_without_power_warms_and_then_runs_long() -> None:
    asked = home()
    asked.switch("fridge", on=False, ts_ms=START_MS + DAY)
    asked.switch("fridge", on=True, ts_ms=START_MS + DAY + 6 * HOUR)
    assert asked.power_at("fridge", times(1.0, 1.25)).max() == 0
    back = times(1.25, 1.25 + 0.5 / 24)
    assert asked.power_at("fridge", back).min() > 100


@pytest.mark.parametrize("device", [MAINS, "toaster"])
def test_only_plugs_can_be_switched(device: str) -> None:
    with pytest.raises(ConfigError, match="no plug"):
        home().switch(device, on=False, ts_ms=START_MS)


def test_switching_goes_forward_in_time() -> None:
    asked = home()
    asked.switch("tv", on=False, ts_ms=START_MS + HOUR)
    with pytest.raises(ConfigError, match="later than that"):
        asked.switch("tv", on=True, ts_ms=START_MS)


def test_a_fleet_of_some_devices_gets_those_alone() -> None:
    asked = home()
    fleet = Fleet([record for record in asked.records() if record.device in ("tv", "lamp")])
    some = ReadingBatch.join(list(asked.readings(fleet, START_MS + 3 * DAY)))
    for slot, device in enumerate(("tv", "lamp")):
        mine, whole = some.take(some.slot == slot), rows_of(asked, WHOLE, device)
        assert np.array_equal(mine.ts_ms, whole.ts_ms)
        assert np.array_equal(mine.power_w, whole.power_w)


def test_a_fleet_of_strangers_is_refused() -> None:
    with pytest.raises(ConfigError, match="no device of site home"):
        next(home().readings(Fleet(home(site="cabin").records()), START_MS + DAY))


def test_two_devices_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same name"):
        home(appliances=[FRIDGE, LAMP, LAMP])


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="no device 'sauna'"):
        home().power_at("sauna", times(0, 0.1))


def test_a_time_before_the_first_day_can_be_asked_of_a_life_that_has_not_begun() -> None:
    before = np.array([START_MS - 1_000_000])
    fresh, grown = home(), home()
    device = next(iter(fresh.kinds))
    grown.power_at(device, np.array([START_MS + 1]))
    assert fresh.power_at(device, before) == grown.power_at(device, before)
