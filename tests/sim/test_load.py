from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.sim.load import Load, Step
from kilowatch.sim.noise import Streams

KEY = Streams(1).key("test")
MINUTE = 60_000


@st.composite
def loads(draw: st.DrawFn, noisy: bool = False) -> Load:
    start, steps = 0, []
    for _ in range(draw(st.integers(1, 6))):
        level = draw(st.floats(40, 3_000))
        surge, tau = draw(st.floats(0, 500)), draw(st.floats(2_000, 200_000))
        unrest = (level * 0.1, level * 0.1, level * 0.5) if noisy else (0.0, 0.0, 0.0)
        steps.append(Step(start, level, surge, tau, *unrest))
        start += draw(st.integers(1, 30 * MINUTE))
    return Load.of(steps)


@given(load=loads())
@settings(max_examples=40, deadline=None)
def test_energy_is_the_integral_of_the_draw(load: Load) -> None:
    middles = np.arange(250, 2 * 3_600_000, 500, dtype=np.int64)
    summed_wh = np.cumsum(load.watts(middles, KEY)) * 500 / 3_600_000
    energy_wh = load.energy_wh(middles + 250, load.energy_at_starts())
    assert np.abs(energy_wh - summed_wh).max() < 0.5 + 2e-3 * energy_wh[-1]
    assert np.diff(energy_wh).min() >= 0


@given(load=loads(noisy=True))
@settings(max_examples=10, deadline=None)
def test_unrest_averages_to_what_the_register_counts(load: Load) -> None:
    day = np.arange(0, 24 * 3_600_000, 1_000, dtype=np.int64)
    energy_wh = load.energy_wh(day[-1:], load.energy_at_starts())[0]
    assert load.watts(day, KEY).sum() / 3_600 == pytest.approx(energy_wh, rel=0.02)


@given(load=loads(noisy=True), at_ms=st.integers(0, 3 * 3_600_000))
@settings(max_examples=40, deadline=None)
def test_a_cut_changes_neither_draw_nor_energy(load: Load, at_ms: int) -> None:
    ts_ms = np.arange(0, 4 * 3_600_000, 7_919, dtype=np.int64)
    cut = load.cut(at_ms)
    assert at_ms in cut.start_ms
    assert np.allclose(cut.watts(ts_ms, KEY), load.watts(ts_ms, KEY), rtol=1e-9)
    uncut_wh = load.energy_wh(ts_ms, load.energy_at_starts())
    assert np.allclose(cut.energy_wh(ts_ms, cut.energy_at_starts()), uncut_wh, rtol=1e-9)


def test_changed_touches_the_span_alone() -> None:
    load = Load.of([Step(0, 100.0), Step(10 * MINUTE, 200.0), Step(20 * MINUTE, 0.0)])
    changed = load.changed(5 * MINUTE, 15 * MINUTE, lambda part: part.lifted(50.0))
    minutes = np.array([4, 5, 9, 10, 14, 15, 19, 20]) * MINUTE
    assert changed.watts(minutes, KEY).tolist() == [100, 150, 150, 250, 250, 200, 200, 0]
    assert load.watts(minutes, KEY).tolist() == [100, 100, 100, 200, 200, 200, 200, 0]


def test_a_step_revokes_those_planned_after_it() -> None:
    load = Load.of([Step(0, 1.0), Step(10, 2.0), Step(30, 3.0), Step(20, 4.0)])
    assert load.start_ms.tolist() == [0, 10, 20]
    joined = Load.join([Load.of([Step(0, 1.0), Step(50, 2.0)]), Load.of([]), Load.of([Step(40, 3.0)])])
    assert joined.level_w.tolist() == [1.0, 3.0]


def test_energy_up_to_a_time_does_not_depend_on_what_comes_later() -> None:
    steps = [Step(i * 777_777, 100.0 + i, 30.0, 5_000.0) for i in range(200)]
    long, short = Load.of(steps), Load.of(steps[:120])
    assert np.array_equal(long.energy_at_starts()[:120], short.energy_at_starts())


def test_a_resting_drum_draws_less_in_one_beat_of_three() -> None:
    load = Load.of([Step(0, 150.0, rest_w=147.0)])
    watts = load.watts(np.arange(0, 24 * 3_600_000, 5_000, dtype=np.int64), KEY)
    assert set(watts.tolist()) == {150.0, 3.0}
    assert (watts == 3.0).mean() == pytest.approx(1 / 3, abs=0.02)


def test_the_draw_is_never_negative() -> None:
    load = Load.of([Step(0, 1.0, ripple_w=5.0)])
    watts = load.watts(np.arange(0, 3_600_000, 1_000, dtype=np.int64), KEY)
    assert watts.min() == 0.0
    assert watts.max() > 5.0
