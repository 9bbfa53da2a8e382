"""Traces: what is drawn keeps every extreme and every device, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.homes import START_MS
from app.judgements import GRID_MS, judged_of
from kilowatch.app.trace import Trace, TraceRecorder

if TYPE_CHECKING:
    from kilowatch.core.judged import Judged

WATTS = st.lists(st.integers(0, 3000), min_size=1, max_size=200)


def recorded(*parts: Judged, row_limit: int = 400_000) -> TraceRecorder:
    recorder = TraceRecorder(row_limit)
    for part in parts:
        recorder.add(part)
    return recorder


def in_pieces(power_w: list[int], size: int) -> list[Judged]:
    return [
        judged_of(power_w[at : at + size], start_ms=START_MS + GRID_MS * at, score=np.array(power_w[at : at + size]))
        for at in range(0, len(power_w), size)
    ]


def test_every_sample_is_kept_while_there_is_room() -> None:
    trace = recorded(*in_pieces([5, 15, 25, 35, 45], 2)).trace(0)
    assert trace.ts_ms.tolist() == [START_MS + GRID_MS * row for row in range(5)]
    assert trace.low_power_w == pytest.approx(trace.high_power_w)
    assert trace.high_power_w.tolist() == pytest.approx([5, 15, 25, 35, 45], rel=2e-4)
    assert trace.score.tolist() == [5, 15, 25, 35, 45]
    assert set(trace.band_low_w.tolist()) == {10.0}
    assert set(trace.band_high_w.tolist()) == {20.0}


@settings(deadline=None, max_examples=60)
@given(WATTS, st.integers(1, 40), st.integers(4, 60))
def test_thinning_keeps_the_extremes_and_the_bound(power_w: list[int], size: int, limit: int) -> None:
    recorder = recorded(*in_pieces(power_w, size), row_limit=limit)
    trace = recorder.trace(0)
    whole = recorded(*in_pieces(power_w, len(power_w))).trace(0)
    assert len(trace) <= limit
    assert trace.low_power_w.min() == whole.low_power_w.min()
    assert trace.high_power_w.max() == whole.high_power_w.max()
    assert trace.score.max() == whole.score.max()
    assert (np.diff(trace.ts_ms) > 0).all()
    assert trace.ts_ms[0] == whole.ts_ms[0]


@settings(deadline=None, max_examples=60)
@given(WATTS, st.integers(1, 50))
def test_a_row_stands_for_the_samples_up_to_the_next(power_w: list[int], rows: int) -> None:
    whole = recorded(*in_pieces(power_w, len(power_w))).trace(0)
    thin = whole.thinned(rows)
    assert len(thin) <= rows
    ends = np.append(thin.ts_ms[1:], np.iinfo(np.int64).max)
    for row, end_ms in enumerate(ends):
        own = whole.rows((whole.ts_ms >= thin.ts_ms[row]) & (whole.ts_ms < end_ms))
        assert thin.low_power_w[row] == own.low_power_w.min()
        assert thin.high_power_w[row] == own.high_power_w.max()


def test_what_is_not_known_stays_unknown_and_hides_nothing() -> None:
    part = judged_of([1, 2, 3, 4], score=np.array([np.nan, 7, np.nan, np.nan]))
    thin = recorded(part).trace(0).thinned(2)
    assert thin.score[0] == 7
    assert np.isnan(thin.score[1])


def test_devices_of_one_recorder_do_not_mix() -> None:
    recorder = recorded(judged_of([1, 2]), judged_of([100, 200, 300], slot=3))
    assert len(recorder.trace(0)) == 2
    assert recorder.trace(3).high_power_w.max() == pytest.approx(300, rel=2e-4)
    assert len(recorder.trace(1)) == 0


def test_all_traces_together_are_bounded_the_longest_gives_way() -> None:
    recorder = TraceRecorder(row_limit=100, total_limit=130)
    for _ in range(2):
        recorder.add(judged_of(np.arange(90.0)))
        recorder.add(judged_of(np.arange(40.0), slot=1))
    assert len(recorder) <= 130
    assert len(recorder.trace(1)) == 80
    assert recorder.trace(0).high_power_w.max() == pytest.approx(89, rel=2e-4)


def test_sample_by_sample_costs_no_more_than_in_one_piece() -> None:
    recorder = recorded(*in_pieces(list(range(2000)), 1))
    assert len(recorder._parts[0]) <= 256
    assert len(recorder.trace(0)) == 2000


def test_a_trace_that_is_short_enough_stays_itself() -> None:
    trace = recorded(judged_of([1, 2, 3])).trace(0)
    assert trace.thinned(3) is trace
    empty = Trace.join([trace.rows(slice(0, 0))])
    assert len(empty.thinned(10)) == 0
