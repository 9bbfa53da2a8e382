"""The feed: time order across files, file order within, nothing lost, and no clock that holds the others back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.homes import DAY_MS, HOUR_MS, START_MS
from kilowatch.app.feed import BATCH_ROWS, Feed, in_time_order, places, slice_for
from kilowatch.core.clean_values import LATEST_MS
from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

YEAR_2100_MS = LATEST_MS
YEAR_1970_MS = 1000
YEAR_2036_MS = 2_086_000_000_000


def source_of(slot: int, ts_ms: Iterable[int], rows: int = 7) -> list[ReadingBatch]:
    """One file's readings, numbered by their power, in batches of so many rows."""
    times = np.array(list(ts_ms), dtype=np.int64)
    whole = ReadingBatch(np.full(len(times), slot, dtype=np.int32), times, np.arange(len(times), dtype=np.float64))
    return [whole.take(slice(at, at + rows)) for at in range(0, len(times), rows)]


def steps(slot: int, count: int, step_s: int = 30, start_ms: int = START_MS, rows: int = 7) -> list[ReadingBatch]:
    return source_of(slot, range(start_ms, start_ms + count * step_s * 1000, step_s * 1000), rows)


def with_stray(slot: int, count: int, at: int, stray_ms: int) -> list[ReadingBatch]:
    times = [START_MS + 30_000 * row for row in range(count)]
    times.insert(at, stray_ms)
    return source_of(slot, times)


def numbers(batches: Iterable[ReadingBatch], slot: int) -> list[float]:
    return [power for batch in batches for power in batch.power_w[batch.slot == slot].tolist()]


def ends_ms(batches: Iterable[ReadingBatch], slot: int) -> list[int]:
    """The latest time of one source in each batch that holds it."""
    return [int(batch.ts_ms[batch.slot == slot].max()) for batch in batches if (batch.slot == slot).any()]


TIMES = st.lists(
    st.one_of(
        st.integers(0, 3 * 86_400).map(lambda s: START_MS + 1000 * s),
        st.sampled_from([YEAR_1970_MS, YEAR_2036_MS, YEAR_2100_MS, YEAR_2100_MS + DAY_MS]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, max_size=4), st.integers(1, 9), st.sampled_from([HOUR_MS, DAY_MS]))
def test_nothing_is_lost_or_doubled_and_each_file_keeps_its_order(
    files: list[list[int]], rows: int, slice_ms: int
) -> None:
    batches = list(in_time_order([source_of(slot, times, rows) for slot, times in enumerate(files)], slice_ms))
    for slot, times in enumerate(files):
        assert numbers(batches, slot) == list(range(len(times)))
    assert all(len(batch) for batch in batches)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 200_000), max_size=60).map(sorted), min_size=1, max_size=4),
    st.integers(1, 20),
)
def test_sound_files_come_in_time_order_whatever_their_batches(files: list[list[int]], rows: int) -> None:
    sources = [source_of(slot, [START_MS + 1000 * s for s in times], rows) for slot, times in enumerate(files)]
    batches = list(in_time_order(sources, HOUR_MS))
    seen_ms = 0
    for batch in batches:
        assert int(batch.ts_ms.min()) >= seen_ms
        seen_ms = int(batch.ts_ms.max())
        assert seen_ms - int(batch.ts_ms.min()) < HOUR_MS


def test_no_source_runs_ahead_of_another_by_more_than_a_slice() -> None:
    sources = [steps(0, 4000), steps(1, 2000, step_s=60), steps(2, 100, start_ms=START_MS + 5 * HOUR_MS)]
    for batch in in_time_order(sources, HOUR_MS):
        assert np.ptp(batch.ts_ms // HOUR_MS) == 0


def ahead_of(batches: list[ReadingBatch]) -> int:
    """By how much the second source's sound readings lie ahead of the first's at most, within a batch or after it."""
    behind_ms = START_MS
    worst = 0
    for batch in batches:
        sound = (batch.ts_ms > START_MS - 1) & (batch.ts_ms < YEAR_2036_MS)
        mine, other = batch.ts_ms[(batch.slot == 0) & sound], batch.ts_ms[(batch.slot == 1) & sound]
        behind_ms = int(mine.max()) if len(mine) else behind_ms
        worst = max(worst, int(other.max()) - behind_ms if len(other) else 0)
    return worst


def test_a_stray_clock_neither_jumps_the_queue_nor_holds_its_file_back() -> None:
    for stray_ms in (YEAR_1970_MS, YEAR_2036_MS, YEAR_2100_MS):
        for at in (0, 1, 6, 7, 500, 999, 1000):
            batches = list(in_time_order([with_stray(0, 1000, at, stray_ms), steps(1, 1000)], HOUR_MS))
            assert numbers(batches, 0) == list(range(1001))
            assert ahead_of(batches) <= HOUR_MS, (stray_ms, at)


def test_a_clock_astray_arrives_when_it_is_its_turn_and_no_other_reading_is_touched() -> None:
    (batch,) = in_time_order([with_stray(0, 50, 20, YEAR_2036_MS)], HOUR_MS)
    assert batch.received_ms is not None
    assert batch.received_ms[20] == batch.ts_ms[21]
    assert np.delete(batch.received_ms, 20).tolist() == np.delete(batch.ts_ms, 20).tolist()
    (sound,) = in_time_order([steps(0, 50)], HOUR_MS)
    assert sound.received_ms is None


def test_a_time_of_arrival_that_a_source_gives_is_kept() -> None:
    (whole,) = with_stray(0, 5, 2, YEAR_2036_MS)
    given = replace(whole, received_ms=whole.ts_ms + 5)
    (batch,) = in_time_order([[given]], HOUR_MS)
    assert batch.received_ms is not None
    assert batch.received_ms.tolist() == (whole.ts_ms + 5).tolist()


def test_a_file_of_nothing_but_unset_clocks_goes_first_and_whole() -> None:
    batches = list(in_time_order([steps(0, 20), source_of(1, [YEAR_2100_MS] * 20)], HOUR_MS))
    assert numbers(batches[:1], 1) == list(range(20))
    assert numbers(batches, 0) == list(range(20))


class Counted:
    """A source that knows how many of its rows were asked for."""

    def __init__(self, batches: list[ReadingBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[ReadingBatch]:
        for batch in self._batches:
            self.rows += len(batch)
            yield batch


def most_in_hand(times: Iterable[int], rows: int) -> int:
    """The most rows that the feed had read and not yet given on."""
    source = Counted(source_of(0, times, rows))
    given, worst = 0, 0
    for batch in in_time_order([source], HOUR_MS):
        worst = max(worst, source.rows - given)
        given += len(batch)
    assert given == source.rows
    return worst


def test_no_file_is_ever_read_in_whole() -> None:
    size, rows = 4 * BATCH_ROWS, 8192
    within = range(START_MS, START_MS + size * 10, 10)
    assert most_in_hand(within, rows) <= BATCH_ROWS + rows
    assert most_in_hand([START_MS] * size, rows) <= BATCH_ROWS + rows
    assert most_in_hand([YEAR_2100_MS] * size, rows) <= BATCH_ROWS + rows
    assert most_in_hand([YEAR_2036_MS, YEAR_2036_MS, *within], rows) <= BATCH_ROWS + rows
    assert most_in_hand(reversed(within), rows) <= BATCH_ROWS + rows


def test_only_what_a_slice_needs_is_read() -> None:
    near, far = Counted(steps(0, 2000)), Counted(steps(1, 2000, start_ms=START_MS + 3 * DAY_MS))
    next(iter(in_time_order([near, far], HOUR_MS)))
    assert near.rows <= 120 + 7
    assert far.rows == 7


def test_a_place_is_that_of_the_file_not_of_a_clock_that_went_astray() -> None:
    hours = [1, 2, 60, 3, 5, 4, 6, 90]
    times = START_MS + HOUR_MS * np.array(hours)
    times = np.insert(times, [0, 5], [YEAR_2100_MS, YEAR_1970_MS])

    def turns(passed_ms: int, *, is_end: bool) -> list[int]:
        return ((places(times, passed_ms, is_end=is_end) - START_MS) // HOUR_MS).tolist()

    assert turns(START_MS, is_end=True) == [0, 1, 2, 3, 3, 5, 5, 5, 6, 90]
    assert turns(START_MS + 4 * HOUR_MS, is_end=True) == [4, 4, 4, 4, 4, 5, 5, 5, 6, 90]
    assert turns(START_MS, is_end=False) == [0, 1, 2, 3, 3, 5, 5, 5, 6, 6]


def test_a_feed_hands_out_what_lies_before_a_time() -> None:
    feed = Feed(steps(0, 10, rows=4))
    assert feed.has_more()
    assert feed.take(START_MS) is None
    assert feed.fill(START_MS + 150_000) == START_MS + 150_000
    taken = feed.take(START_MS + 150_000)
    assert taken is not None
    assert len(taken) == 5
    assert feed.head_ms == START_MS + 150_000


def test_no_source_and_empty_sources_give_nothing() -> None:
    assert list(in_time_order([], HOUR_MS)) == []
    assert list(in_time_order([[], source_of(0, [])], HOUR_MS)) == []


def test_slices_hold_about_one_batch() -> None:
    assert slice_for(65_536 / 7200) == 2 * HOUR_MS
    assert slice_for(1e9) == HOUR_MS
    assert slice_for(0.0) == 30 * DAY_MS
