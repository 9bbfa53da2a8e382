"""Where on begins: thresholds that physics would set, runs that end where they end."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.samples import DAY_MS, PER_DAY, fridge, office, series_of, television
from kilowatch.core.quantise import decode_watts
from kilowatch.detectors.cycles import START, START_EDGE, off_edge_s, on_edges_s, starts_edge
from kilowatch.detectors.switching import Switch, find_runs, find_switch, states


def watts_of(switch: Switch) -> tuple[float, float]:
    down, up = decode_watts(np.array([switch.down, switch.up], dtype=np.uint16)).tolist()
    return down, up


@pytest.mark.parametrize(("watts", "off_w", "on_w"), [(fridge(7), 2.0, 80.0), (television(14), 2.0, 85.0)])
def test_the_switch_lies_between_off_and_on(watts: np.ndarray, off_w: float, on_w: float) -> None:
    switch = find_switch(series_of(watts))
    assert switch is not None
    down, up = watts_of(switch)
    assert off_w < down < up < on_w


@pytest.mark.parametrize(
    "watts",
    [
        np.zeros(PER_DAY),
        np.full(PER_DAY, 300.0),
        np.random.default_rng(0).normal(300, 60, PER_DAY).clip(0),
        np.random.default_rng(0).uniform(0, 300, PER_DAY),
        1000 + office(7),
    ],
)
def test_one_heap_is_no_switch(watts: np.ndarray) -> None:
    assert find_switch(series_of(watts)) is None


def test_noise_below_off_is_off() -> None:
    standby = np.random.default_rng(0).choice([0.0, 0.1, 0.4, 1.6], PER_DAY)
    assert find_switch(series_of(standby)) is None
    switch = find_switch(series_of(np.append(standby, np.full(300, 60.0))))
    assert switch is not None
    assert watts_of(switch)[0] > 2.0


@pytest.mark.parametrize(("heater_minutes", "heater_counts"), [(60, True), (2, False)])
def test_the_switch_is_where_most_energy_goes(heater_minutes: int, heater_counts: bool) -> None:
    watts = np.concatenate([np.zeros(2000), np.full(480, 100.0), np.full(2 * heater_minutes, 2000.0)])
    switch = find_switch(series_of(watts))
    assert switch is not None
    assert (watts_of(switch)[0] > 100) is heater_counts


def test_between_the_thresholds_the_state_stays() -> None:
    code = np.array([50, 10, 50, 90, 50, 10, 90, 50], dtype=np.uint16)
    fresh = np.array([1, 0, 0, 0, 0, 0, 0, 1], dtype=np.bool_)
    assert states(code, Switch(80, 20), fresh).tolist() == [False, False, False, True, True, False, True, False]


def test_runs_end_where_the_state_turns_and_at_gaps() -> None:
    on = np.array([0, 0, 1, 1, 1, 0, 0, 0], dtype=np.bool_)
    fresh = np.array([1, 0, 0, 0, 1, 0, 0, 0], dtype=np.bool_)
    runs = find_runs(on, fresh)
    assert runs.on.tolist() == [False, True, True, False]
    assert runs.samples.tolist() == [2, 2, 1, 3]
    assert runs.begin.tolist() == [0, 2, 4, 5]


def test_few_runs_leave_more_room() -> None:
    few, many = (on_edges_s(np.full(size, 600.0), np.zeros(size, dtype=np.int64)) for size in (5, 500))
    assert (few > 1.3 * many).all()
    np.testing.assert_allclose(many, 600.0, rtol=0.05)


def test_only_what_cycles_by_itself_has_to_start_again() -> None:
    steady = np.random.default_rng(0).normal(1800, 120, 300)
    assert 1800 < off_edge_s(steady, days=10) < 2700
    assert np.isnan(off_edge_s(steady, days=100))
    assert np.isnan(off_edge_s(np.append(steady, np.full(30, 20_000.0)), days=10))


@pytest.mark.parametrize("burst", [1, 6])
def test_the_edge_of_starts_lies_above_every_burst_of_the_past(burst: int) -> None:
    rows = np.sort(np.concatenate([np.arange(0, 28_800, 1440) + 4 * k for k in range(burst)]))
    pace, edge = starts_edge(rows, DAY_MS // 3000)
    level, highest = 0.0, 0.0
    for apart in np.diff(rows, prepend=rows[0]):
        level = max(0.0, level - pace * apart) + START
        highest = max(highest, level)
    assert edge * START_EDGE > 1.4 * highest
    assert edge * START_EDGE < 1.6 * highest + 2.5 * START
