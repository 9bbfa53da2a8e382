from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.sim.condition import Timeline
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.household import FRIDGE, KETTLE
from kilowatch.sim.metering import MISSED, Clock, Polled, polled
from kilowatch.sim.noise import Streams
from kilowatch.sim.trace import Trace
from sim.homes import DAY, HOUR, START_MS, times

STREAMS = Streams(11)
CLOCK = Clock(STREAMS.key("clock"), START_MS, 30_000)


def trace(appliance: object = FRIDGE, **timeline: object) -> Trace:
    return Trace(appliance, START_MS, "Europe/Berlin", STREAMS, Timeline(**timeline))  # type: ignore[arg-type]


def readings(days: float, *faults: FaultSpec, supply: Trace | None = None) -> Polled:
    return polled(supply or trace(), CLOCK, START_MS, START_MS + round(days * DAY), faults)


def test_the_clock_ticks_every_interval_give_or_take() -> None:
    steps = np.diff(CLOCK.between(START_MS, START_MS + 30 * DAY))
    near = np.abs(steps - 30_000) <= 800
    assert near.mean() > 0.998
    assert len(np.unique(steps[near])) > 100
    assert steps.min() > 0


def test_now_and_then_a_poll_is_missed_and_rarely_minutes_of_them() -> None:
    ts_ms = CLOCK.between(START_MS, START_MS + 200 * DAY)
    gaps = np.diff(ts_ms) / 1000
    single = ((gaps > 45) & (gaps < 75)).sum() / len(gaps)
    assert single == pytest.approx(MISSED, rel=0.3)
    assert 120 < gaps.max() < 600


@given(st.lists(st.integers(0, 3 * DAY), max_size=6))
@settings(max_examples=40, deadline=None)
def test_readings_come_at_the_same_times_however_the_span_is_cut(cuts: list[int]) -> None:
    edges = [START_MS + cut for cut in sorted({0, *cuts, 3 * DAY})]
    parts = [CLOCK.between(a, b) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), CLOCK.between(START_MS, START_MS + 3 * DAY))


def test_nothing_is_read_before_the_start() -> None:
    assert CLOCK.between(START_MS - DAY, START_MS).size == 0
    assert CLOCK.between(START_MS - DAY, START_MS + HOUR).min() >= START_MS


def test_watts_are_whole_and_the_register_counts_tenths_upwards() -> None:
    found = readings(3)
    assert np.array_equal(found.power_w, np.rint(found.power_w))
    assert found.energy_wh * 10 == pytest.approx(np.rint(found.energy_wh * 10), abs=1e-4)
    assert np.diff(found.energy_wh).min() >= 0
    assert set(found.on.tolist()) == {1}


def test_the_register_gains_what_the_readings_add_up_to() -> None:
    found = readings(14)
    hours = np.diff(found.ts_ms) / HOUR
    assert found.energy_wh[-1] - found.energy_wh[0] == pytest.approx((found.power_w[:-1] * hours).sum(), rel=0.02)


def test_a_silent_meter_says_nothing_and_its_register_goes_on() -> None:
    silent = FaultSpec(Fault.METER_SILENT, "fridge", START_MS + DAY, START_MS + 2 * DAY)
    well, ill = readings(3), readings(3, silent)
    outside = (well.ts_ms < silent.start_ms) | (well.ts_ms >= START_MS + 2 * DAY)
    assert np.array_equal(well.ts_ms[outside], ill.ts_ms)
    assert np.array_equal(well.power_w[outside], ill.power_w)
    assert np.array_equal(well.energy_wh[outside], ill.energy_wh)


def test_a_frozen_meter_repeats_itself_and_its_register_stands_still() -> None:
    frozen = FaultSpec(Fault.METER_FROZEN, "fridge", START_MS + DAY, START_MS + 2 * DAY)
    well, ill = readings(3), readings(3, frozen)
    during = (well.ts_ms >= frozen.start_ms) & (well.ts_ms < START_MS + 2 * DAY)
    assert np.array_equal(well.ts_ms, ill.ts_ms)
    assert len(np.unique(ill.power_w[during])) == len(np.unique(ill.energy_wh[during])) == 1
    assert np.array_equal(well.power_w[~during], ill.power_w[~during])
    assert np.array_equal(well.energy_wh[~during], ill.energy_wh[~during])


def test_a_plug_that_is_off_draws_nothing_and_says_so() -> None:
    off = (START_MS + HOUR, START_MS + 5 * HOUR)
    found = readings(0.5, supply=trace(off=(off,)))
    during = (found.ts_ms >= off[0]) & (found.ts_ms < off[1])
    assert found.power_w[during].max() == 0
    assert np.array_equal(found.on, np.where(during, 0, 1))
    assert np.ptp(found.energy_wh[during]) == pytest.approx(0, abs=0.11)
    assert found.power_w[found.ts_ms >= off[1]][:20].max() > 100


def test_a_trace_gives_the_same_in_any_order_of_asking() -> None:
    ts_ms = times(0, 6)
    ahead, back = trace(KETTLE), trace(KETTLE)
    late, early = back.watts(ts_ms[9_000:]), back.watts(ts_ms[:9_000])
    assert np.array_equal(np.concatenate([early, late]), ahead.watts(ts_ms))
    by_day = np.concatenate([ahead.energy_wh(part) for part in np.array_split(ts_ms, 17)])
    assert np.array_equal(by_day, back.energy_wh(ts_ms))
