"""Whole hours out of samples, however they arrive."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import START_MS, Arrivals, office, series_of
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.hours import MISSING, HourRing, HourTotals

FIRST = START_MS // HOUR_MS


def closed_hours(arrivals: Arrivals, cuts: list[int]) -> list[tuple[int, int, float]]:
    totals, found = HourTotals(), []
    totals.reserve(3)
    edges = sorted({0, len(arrivals), *(cut for cut in cuts if cut < len(arrivals))})
    for start, end in itertools.pairwise(edges):
        hours = totals.advance(arrivals.batch(start, end)[1])
        rows = np.flatnonzero(hours.closed)
        columns = (hours.slot[rows], hours.last_hour[rows] - FIRST, hours.last_w[rows])
        found += list(zip(*(column.tolist() for column in columns), strict=True))
    return sorted(found)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 1400), max_size=8))
def test_cuts_do_not_change_an_hour(cuts: list[int]) -> None:
    streams = [
        Arrivals.of(office(0.2, seed=slot), slot=slot, start_ms=START_MS + slot * 1_111_000) for slot in range(3)
    ]
    arrivals = Arrivals.mixed(streams)
    assert closed_hours(arrivals, cuts) == closed_hours(arrivals, [])


def test_hours_are_those_that_learning_sees() -> None:
    watts = office(2)
    found = closed_hours(Arrivals.of(np.append(watts, 0.0)), [])
    blocks = block_means(series_of(watts), HOUR_MS)
    assert [hour for _, hour, _ in found] == (blocks.index - FIRST).tolist()
    np.testing.assert_allclose([mean_w for *_, mean_w in found], blocks.mean_w, rtol=1e-4)


def test_an_hour_measured_for_less_than_half_does_not_count() -> None:
    whole = Arrivals.of(np.full(400, 100.0))
    for measured, counts in ((59, False), (60, True)):
        holed = whole.without((np.arange(400) >= 120 + measured) & (np.arange(400) < 240))
        assert (1 in [hour for _, hour, _ in closed_hours(holed, [])]) is counts


def test_an_hour_that_the_clock_repeats_is_one_hour() -> None:
    arrivals = Arrivals.of(np.repeat([100.0, 300.0, 0.0], 120))
    _, samples = arrivals.batch()
    samples.local_ms[120:] -= HOUR_MS
    totals = HourTotals()
    totals.reserve(1)
    hours = totals.advance(samples)
    assert hours.last_w[hours.closed].round().tolist() == [200.0]


@pytest.mark.parametrize("silent_hours", [1, 3, 23, 30])
def test_hours_that_were_missed_are_missing(silent_hours: int) -> None:
    ring = HourRing(24)
    ring.reserve(1)
    day = Arrivals.of(np.repeat(100.0 + np.arange(25), 120))
    late = Arrivals.of(np.full(1, 7.0), start_ms=START_MS + (25 + silent_hours) * HOUR_MS)
    for arrivals in (day, late):
        hours = ring.totals.advance(arrivals.batch()[1])
        for turn in hours.turns():
            ring.write(hours, turn)
    now = FIRST + 25 + silent_hours
    last_day = ring.read(np.zeros(24, dtype=np.int32), now - 24 + np.arange(24))
    known = max(0, 24 - silent_hours)
    np.testing.assert_allclose(last_day[:known], 100.0 + np.arange(25 - known, 25), rtol=1e-3)
    assert np.isnan(last_day[known:]).all()
    assert (ring.hours == MISSING).sum() == 24 - known


def test_turns_take_each_device_once_and_in_order() -> None:
    streams = [Arrivals.of(np.ones(120 * hours), slot=slot) for slot, hours in ((0, 5), (1, 2))]
    totals = HourTotals()
    totals.reserve(2)
    hours = totals.advance(Arrivals.mixed(streams).batch()[1])
    turns = [(hours.slot[turn].tolist(), (hours.hour[turn] - FIRST).tolist()) for turn in hours.turns()]
    assert turns == [([0, 1], [0, 0]), ([0, 1], [1, 1]), ([0], [2]), ([0], [3]), ([0], [4])]
