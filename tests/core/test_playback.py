"""Playback: a past scored as if it were live, with its gaps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.spies import Plain
from detectors.samples import GRID_MS, Arrivals, Watch, series_of
from kilowatch.core.playback import as_samples, play


def test_samples_say_what_the_series_says() -> None:
    series = series_of([10.0, 20.0, 30.0])
    samples = as_samples(series, slot=4)
    assert samples.slot.tolist() == [4, 4, 4]
    assert samples.ts_ms.tolist() == series.ts_ms.tolist()
    assert samples.code.tolist() == series.code.tolist()
    assert set(samples.grid_ms.tolist()) == {GRID_MS}
    assert not samples.held.any()
    assert not samples.historical.any()
    assert samples.segments.lengths.tolist() == [3]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.sets(st.integers(1, 39)))
def test_a_window_restarts_where_the_past_does_and_wherever_rows_are_missing(kept: list[bool], gaps: set[int]) -> None:
    live = Arrivals.of(np.arange(len(kept), dtype=np.float64), gaps=[gap for gap in gaps if gap < len(kept)])
    series = series_of(np.arange(len(kept), dtype=np.float64))
    series.count[:] = live.count
    mask = np.array(kept)
    count = as_samples(series.part(mask)).count
    rows = np.flatnonzero(mask)
    expected: list[int] = []
    last = -2
    for row in rows.tolist():
        goes_on = row == last + 1 and live.count[row] != 1
        expected.append(expected[-1] + 1 if goes_on else 1)
        last = row
    broken = np.diff(rows, prepend=-2) > 1
    # A cut that leaves the next count standing by chance is the one case that rows alone do not show.
    chance = broken & (live.count[rows] == np.append(-1, live.count[rows][:-1]) + 1)
    if not chance.any():
        assert count.tolist() == expected


def test_an_empty_past_is_survived() -> None:
    series = series_of([1.0, 2.0]).part(slice(0, 0))
    assert len(as_samples(series)) == 0
    detector = Plain()
    detector.reserve(1)
    assert len(play(detector, series).raw) == 0


def test_a_past_played_scores_as_it_would_have_live() -> None:
    power_w = np.random.default_rng(0).uniform(0, 100, 300)
    series = series_of(power_w)
    watch = Watch.over(Plain())
    watch.detector.fit(0, series)
    live = watch.feed(Arrivals.of(power_w), cuts=[7, 100, 250])
    assert play(watch.detector, series).raw.tolist() == live.tolist()
