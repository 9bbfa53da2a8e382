from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from kilowatch.errors import ReadingError
from kilowatch.lab.inject import Injection, Trace, inject_many, place
from lab.made_traces import DAY_MS, START_MS, fridge, meter

WEEK = meter(days=7)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from([Injection.H1, Injection.STUCK, Injection.SPIKE]), max_size=8),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 6),
    st.floats(0, 4),
)
def test_places_lie_inside_and_apart(chosen: list[Injection], seed: int, hours: float, gap_h: float) -> None:
    from_ms = START_MS + 2 * DAY_MS
    specs = place(WEEK, chosen, seed, hours=(hours, 2 * hours), from_ms=from_ms, gap_s=gap_h * 3600)
    assert sorted(one.kind for one in specs) == sorted(chosen)
    assert all(from_ms <= one.start_ms < one.end_ms <= WEEK.end_ms for one in specs)
    assert all(b.start_ms - a.end_ms >= (gap_h * 3600 - 60) * 1000 for a, b in pairwise(specs))
    assert place(WEEK, chosen, seed, hours=(hours, 2 * hours), from_ms=from_ms, gap_s=gap_h * 3600) == specs
    inject_many(WEEK, specs, seed)


def test_durations_are_the_kinds_own_unless_given() -> None:
    specs = place(WEEK, [Injection.H1, Injection.SPIKE], seed=1)
    lasting_h = {one.kind: (one.end_ms - one.start_ms) / 3_600_000 for one in specs}
    assert 12 <= lasting_h[Injection.H1] <= 48
    assert lasting_h[Injection.SPIKE] == pytest.approx(1 / 60)


def test_places_are_drawn_from_the_whole_series() -> None:
    starts = [place(WEEK, [Injection.H1], seed, hours=(1, 1))[0].start_ms for seed in range(300)]
    day = (np.array(starts) - START_MS) // DAY_MS
    assert (np.bincount(day, minlength=7) > 20).all()


def test_a_strength_is_handed_on() -> None:
    assert place(WEEK, [Injection.H1], 0, strength=0.3)[0].strength == 0.3


def test_real_steps_and_gaps_are_no_obstacle() -> None:
    rng = np.random.default_rng(0)
    steps = rng.choice([29_000, 30_000, 31_000, 61_000], 20_000, p=[0.01, 0.9, 0.08, 0.01])
    steps[5000] = 40 * 3_600_000
    trace = Trace(START_MS + np.cumsum(steps), rng.random(20_000) * 100, 30.0)
    specs = place(trace, [Injection.H1] * 6, 3, hours=(0.5, 8), gap_s=600)
    injected = inject_many(trace, specs, 3)
    assert len(injected.specs) == 6
    assert len(injected.events) == 6


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "interval_s"), [("combed/academic_block_lifts_0", 30.0), ("tracebase/lamp_dev_c3e6d1", 5.0)]
)
def test_every_kind_can_be_placed_in_real_series(name: str, interval_s: float) -> None:
    path = Path(os.environ.get("KILOWATCH_DATA", Path(__file__).parents[3] / "shared" / "data")) / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"no {path.name}: set KILOWATCH_DATA")
    table = parquet.read_table(path)
    ts_ms = table["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    trace = Trace(ts_ms, table["power_w"].to_numpy().astype(np.float64), interval_s).in_time_order()
    chosen = [kind for kind in Injection if kind is not Injection.INRUSH]
    learning_ms = int(trace.ts_ms[len(trace) // 4])
    specs = place(trace, chosen, seed=1, hours=(0.5, 3), gap_s=600, from_ms=learning_ms)
    injected = inject_many(trace, specs, seed=1)
    assert len(injected.specs) + len(injected.invisible) == len(chosen)
    assert len(injected.specs) > 0.4 * len(chosen)
    np.testing.assert_array_equal(injected.trace.power_w[~injected.mask], trace.power_w[~injected.mask])


def test_too_much_for_the_series_is_refused() -> None:
    with pytest.raises(ReadingError, match="need 8640 readings, the series has 1440"):
        place(fridge(days=1), [Injection.H1] * 6, 0, hours=(24, 24), gap_s=0)
    with pytest.raises(ReadingError, match="the series has 0"):
        place(fridge(days=1), [Injection.H1], 0, from_ms=START_MS + 9 * DAY_MS)
    with pytest.raises(ReadingError, match="longer than 0 h"):
        place(fridge(days=1), [Injection.H1], 0, hours=(0, 1))
