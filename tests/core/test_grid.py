"""The grid: what it makes of steady meters, fast plugs, on-change plugs and gaps, whatever the batches."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS, batch_of, fleet_of, sorted_by_device
from kilowatch.core.device import DeviceRecord, Fleet, Reporting
from kilowatch.core.grid import Grid
from kilowatch.core.state import Frozen, freeze, thaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.samples import Samples

METER: dict[str, Any] = {"interval_s": 30.0}
FAST_PLUG: dict[str, Any] = {"interval_s": 5.0}
ON_CHANGE: dict[str, Any] = {"interval_s": 5.0, "reporting": Reporting.ON_CHANGE, "heartbeat_s": 600.0}
GRID_MS = 30_000


def push(grid: Grid, batch: ReadingBatch) -> Samples:
    """What readings complete; those marked as backfill are history."""
    grid.reserve()
    readings, segments = sorted_by_device(batch)
    past = np.zeros(len(batch), dtype=np.bool_) if readings.backfill is None else readings.backfill
    return grid.push(readings, segments, past)


def advance(grid: Grid, now_ms: int, devices: int) -> Samples:
    return grid.advance(np.arange(devices, dtype=np.int32), np.full(devices, now_ms))


def rows(samples: Samples) -> list[tuple[int, int, int, int, bool, bool]]:
    columns = (samples.slot, samples.ts_ms, samples.code, samples.count, samples.held, samples.historical)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def seconds(*readings: tuple[int, float]) -> ReadingBatch:
    return batch_of([(0, START_MS + s * 1000, w) for s, w in readings])


def test_a_steady_meter_is_taken_reading_by_reading_also_at_31_s() -> None:
    samples = push(Grid(fleet_of(METER)), seconds((7, 100.0), (37, 101.0), (68, 102.0), (98, 103.0)))
    assert samples.count.tolist() == [1, 2, 3, 4]
    assert samples.power_w.tolist() == pytest.approx([100, 101, 102, 103], rel=2e-4)
    assert samples.ts_ms.tolist() == [START_MS + s * 1000 for s in (7, 37, 68, 98)]


def test_a_missed_poll_is_bridged_and_marked_a_long_silence_restarts_the_window() -> None:
    samples = push(Grid(fleet_of(METER)), seconds((0, 100.0), (90, 110.0), (1000, 120.0)))
    assert samples.held.tolist() == [False, True, True, False, False]
    assert samples.count.tolist() == [1, 2, 3, 4, 1]
    assert samples.power_w[1:3].tolist() == pytest.approx([100, 100], rel=2e-4)
    assert samples.ts_ms[1:3].tolist() == [START_MS + 30_000, START_MS + 60_000]


@pytest.mark.parametrize("record", [METER, FAST_PLUG])
def test_a_clock_that_goes_back_restarts_the_window(record: dict[str, Any]) -> None:
    grid = Grid(fleet_of(record))
    push(grid, seconds(*((s, 50.0) for s in range(0, 3600, 30))))
    samples = push(grid, seconds(*((s, 60.0) for s in range(0, 300, 30))))
    assert samples.count.tolist() == list(range(1, len(samples) + 1))
    assert len(samples) >= 9
    assert samples.power_w.tolist() == pytest.approx([60.0] * len(samples), rel=2e-4)


def test_a_fast_plug_becomes_time_weighted_means() -> None:
    samples = push(Grid(fleet_of(FAST_PLUG)), seconds((0, 0.0), (10, 300.0), (20, 0.0), (30, 60.0), (61, 0.0)))
    assert samples.ts_ms.tolist() == [START_MS + 30_000, START_MS + 60_000]
    assert samples.power_w.tolist() == pytest.approx([100, 60], rel=2e-4)


def test_a_cell_known_by_less_than_half_is_left_out() -> None:
    assert len(push(Grid(fleet_of(FAST_PLUG)), seconds((20, 50.0), (35, 50.0)))) == 0
    assert len(push(Grid(fleet_of(FAST_PLUG)), seconds((10, 50.0), (35, 50.0)))) == 1


def test_an_on_change_plug_holds_its_value_as_site_time_passes() -> None:
    grid = Grid(fleet_of(ON_CHANGE))
    assert len(push(grid, seconds((0, 80.0)))) == 0
    held = advance(grid, START_MS + 1_000_000, 1)
    assert held.ts_ms[-1] == START_MS + 600_000
    assert held.power_w.tolist() == pytest.approx([80.0] * 20, rel=2e-4)
    assert not held.held.any()
    assert len(advance(grid, START_MS + 2_000_000, 1)) == 0
    again = push(grid, seconds((2000, 10.0), (2040, 10.0)))
    assert again.count.tolist() == [1]


def test_a_bridged_value_of_a_fast_plug_is_marked_held() -> None:
    samples = push(Grid(fleet_of(FAST_PLUG)), seconds((0, 80.0), (240, 20.0), (270, 20.0)))
    assert samples.held.tolist() == [False, False, False, True, True, True, True, True, False]
    assert samples.count.tolist() == list(range(1, 10))


STREAMS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([1, 5, 9, 29, 30, 31, 61, 200, 900]), st.integers(0, 3000)),
    min_size=1,
    max_size=50,
)


def timed(stream: list[tuple[int, int, int]]) -> list[tuple[int, int, float]]:
    clock = [0, 0, 0]
    out = []
    for slot, step, watts in stream:
        clock[slot] += step
        out.append((slot, START_MS + clock[slot] * 1000, float(watts)))
    return out


def mixed() -> Fleet:
    return fleet_of(METER, FAST_PLUG, ON_CHANGE)


@settings(deadline=None, max_examples=80)
@given(STREAMS, st.lists(st.integers(1, 50), max_size=6), st.lists(st.booleans(), min_size=50, max_size=50))
def test_any_cut_into_batches_gives_the_same_samples(
    stream: list[tuple[int, int, int]], cuts: list[int], past: list[bool]
) -> None:
    readings = replace(batch_of(timed(stream)), backfill=np.array(past[: len(stream)]))
    whole = rows(push(Grid(mixed()), readings))
    grid, pieces = Grid(mixed()), []
    edges = sorted({0, len(readings), *(cut for cut in cuts if cut < len(readings))})
    for start, end in itertools.pairwise(edges):
        pieces += rows(push(grid, readings.take(slice(start, end))))
    assert sorted(pieces) == sorted(whole)


def test_a_cell_begun_on_history_and_finished_live_is_history_and_the_next_one_is_not() -> None:
    grid = Grid(fleet_of(FAST_PLUG))
    push(grid, replace(seconds((0, 50.0), (10, 50.0)), backfill=np.ones(2, dtype=np.bool_)))
    push(grid, seconds((15, 50.0), (20, 50.0)))
    assert push(grid, seconds((25, 50.0), (61, 50.0))).historical.tolist() == [True, False]


def of_format_1(frozen: Frozen) -> Frozen:
    """The same state as it was before cells knew of their history."""
    del frozen.tree.parts["_resampler"].parts["_open"].parts["cell_historical"]  # type: ignore[union-attr]
    return Frozen(1, frozen.tree, frozen.arrays)


@pytest.mark.parametrize("past", [of_format_1, lambda frozen: frozen])
def test_a_saved_cell_is_finished_also_one_of_the_format_before(past: Callable[[Frozen], Frozen]) -> None:
    before, after = Grid(fleet_of(FAST_PLUG)), Grid(fleet_of(FAST_PLUG))
    push(before, seconds((0, 50.0), (20, 50.0)))
    thaw(after, past(freeze(before)))
    assert rows(push(after, seconds((31, 50.0)))) == rows(push(before, seconds((31, 50.0))))


@pytest.mark.parametrize(
    ("before_s", "after_s", "ends_s"),
    [(60.0, 30.0, [180, 210, 240]), (30.0, 60.0, [240]), (60.0, 5.0, [180, 210, 240])],
)
def test_a_plug_put_on_another_grid_begins_a_window_there_and_keeps_its_value(
    before_s: float, after_s: float, ends_s: list[int]
) -> None:
    def paced(interval_s: float) -> DeviceRecord:
        return DeviceRecord(site="home", device="d0", **(ON_CHANGE | {"interval_s": interval_s}))

    fleet = Fleet([paced(before_s)])
    grid = Grid(fleet)
    push(grid, seconds((0, 80.0), (160, 90.0)))
    fleet.update(paced(after_s))
    grid.refresh(0)
    grid.restart(0)
    samples = push(grid, seconds((250, 10.0)))
    assert samples.ts_ms.tolist() == [START_MS + end_s * 1000 for end_s in ends_s]
    assert samples.power_w.tolist() == pytest.approx([90.0] * len(samples), rel=2e-4)
    assert samples.count.tolist() == list(range(1, len(samples) + 1))


@settings(deadline=None, max_examples=80)
@given(STREAMS)
def test_site_time_changes_when_cells_end_not_what_they_hold(stream: list[tuple[int, int, int]]) -> None:
    readings = [row for row in timed(stream) if row[0] == 2]
    whole, ticked = Grid(mixed()), Grid(mixed())
    expected, got = [], []
    for row in readings:
        ticked.reserve()
        got += rows(advance(ticked, row[1] - 500, 3))
        got += rows(push(ticked, batch_of([row])))
        expected += rows(push(whole, batch_of([row])))
    if readings:
        end_ms = readings[-1][1] + 10_000_000
        got += rows(advance(ticked, end_ms, 3))
        expected += rows(advance(whole, end_ms, 3))
    assert got == expected


@settings(deadline=None, max_examples=60)
@given(STREAMS)
def test_energy_is_kept_where_readings_are_dense(stream: list[tuple[int, int, int]]) -> None:
    clock, readings = 0, []
    for _, step, watts in stream:
        readings.append((0, START_MS + clock * 1000, float(watts)))
        clock += min(step, 9)
    samples = push(Grid(fleet_of(FAST_PLUG)), batch_of(readings))
    for ts_ms, power_w in zip(samples.ts_ms.tolist(), samples.power_w.tolist(), strict=True):
        total = 0.0
        for (_, a, w), (_, b, _) in itertools.pairwise(readings):
            total += w * max(0, min(b, ts_ms) - max(a, ts_ms - GRID_MS))
        covered = min(ts_ms, readings[-1][1]) - max(ts_ms - GRID_MS, readings[0][1])
        assert power_w == pytest.approx(total / covered, rel=2e-4, abs=0.06)
