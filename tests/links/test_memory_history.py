"""History in memory: what a device is asked to learn from, whatever batches its samples came in."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import GRID_MS, PER_DAY, START_MS, Arrivals, record_of
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.core.samples import Series

DAY_MS = PER_DAY * GRID_MS
EVER = (0, np.iinfo(np.int64).max)


def kept(arrivals: Arrivals, cuts: Iterable[int] = (), history: MemoryHistory | None = None) -> MemoryHistory:
    history = history or MemoryHistory()
    edges = sorted({0, len(arrivals), *(cut for cut in cuts if cut < len(arrivals))})
    for start, end in itertools.pairwise(edges):
        history.append(arrivals.batch(start, end)[1])
    return history


def past(history: MemoryHistory, slot: int = 0, span: tuple[int, int] = EVER) -> Series:
    return history.series(slot, record_of(), *span)


def rows(series: Series) -> list[tuple[Any, ...]]:
    columns = (series.ts_ms, series.local_ms, series.code, series.count, series.usable)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def three_devices() -> Arrivals:
    return Arrivals.mixed(
        [
            Arrivals.of(np.arange(20.0), gaps=[8], held=[3, 4]),
            Arrivals.of(np.arange(15.0), slot=1, start_ms=START_MS + 7),
            Arrivals.of(np.arange(4.0), slot=5),
        ]
    )


def test_a_device_gets_back_its_own_samples_and_learns_from_none_that_was_held() -> None:
    series = past(kept(three_devices()))
    assert series.power_w.tolist() == pytest.approx(np.arange(20.0), rel=2e-4, abs=0.06)
    assert series.count.tolist() == [*range(1, 9), *range(1, 13)]
    assert np.flatnonzero(~series.usable).tolist() == [3, 4]
    assert len(past(kept(three_devices()), slot=5)) == 4


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(1, 38)), st.integers(-2, 45), st.integers(-2, 45))
def test_a_span_holds_its_start_and_not_its_end_whatever_the_batches(cuts: set[int], first: int, last: int) -> None:
    span = (START_MS + first * GRID_MS, START_MS + last * GRID_MS)
    whole, pieces = kept(three_devices()), kept(three_devices(), cuts)
    for slot in (0, 1, 5):
        everything = rows(past(whole, slot))
        assert rows(past(pieces, slot)) == everything
        assert rows(past(pieces, slot, span)) == [row for row in everything if span[0] <= row[0] < span[1]]


def test_samples_that_come_after_a_question_are_in_the_next_answer() -> None:
    history = kept(Arrivals.of([1.0, 2.0]))
    assert len(past(history)) == 2
    kept(Arrivals.of([3.0], start_ms=START_MS + 2 * GRID_MS), history=history)
    assert past(history).power_w.tolist() == pytest.approx([1, 2, 3], rel=2e-4)


def test_a_device_that_nobody_has_met_has_no_past() -> None:
    series = past(MemoryHistory(), slot=9)
    assert len(series) == 0
    assert series.code.dtype == np.uint16
    assert series.usable.dtype == np.bool_


def test_what_is_older_than_anyone_will_ask_for_is_dropped() -> None:
    history = MemoryHistory(keep_ms=2 * DAY_MS)
    for day in range(6):
        kept(Arrivals.of(np.ones(PER_DAY), start_ms=START_MS + day * DAY_MS), history=history)
        series = past(history)
        assert series.ts_ms[0] == START_MS + max(0, (day - 1) * DAY_MS - GRID_MS)
        assert series.ts_ms[-1] == START_MS + (day + 1) * DAY_MS - GRID_MS


def test_sample_by_sample_history_stays_in_few_pieces() -> None:
    history = kept(Arrivals.of(np.ones(1500)), cuts=range(1500))
    assert len(history._chunks[0]) <= 256
    assert len(past(history)) == 1500


@pytest.mark.parametrize("cuts", [(), (5,), (4, 5, 6)])
def test_where_a_clock_went_back_its_past_stays_in_order(cuts: tuple[int, ...]) -> None:
    arrivals = Arrivals.of(np.arange(9.0))
    arrivals.ts_ms[4] += 400 * DAY_MS
    series = past(kept(arrivals, cuts))
    assert series.power_w.tolist() == pytest.approx([0, 1, 2, 3, 5, 6, 7, 8], rel=2e-4)
    assert (np.diff(series.ts_ms) > 0).all()


def test_asking_changes_nothing_for_the_next_who_asks() -> None:
    history = kept(three_devices())
    past(history).usable[:] = False
    assert past(history).usable.sum() == 18
