"""History for people: sums that do not depend on cuts, levels that know their age, on the edge and in PostgreSQL."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.history import (
    DAY_MS,
    FIVE_MINUTES_MS,
    Buckets,
    HistoryRows,
    NamedBuckets,
    Retention,
    bucketed,
    coarse_step_for,
    step_for,
)
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.history import EdgeHistory
from kilowatch.links.history.postgres import DatabaseHistory, add_buckets
from links.disks import no_file_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.core.ports import History

START_MS = 1_767_571_200_000
NAMES = (("home", "fridge"), ("home", "tv"))
GRID_MS = 30_000


def rows_of(count: int, *, start_ms: int = START_MS, keep: tuple[int, ...] = (), step_ms: int = GRID_MS) -> HistoryRows:
    """Two devices in turn: the fridge draws its number, the tv twice that."""
    device = np.tile(np.array([0, 1], dtype=np.int32), count)
    number = np.repeat(np.arange(count), 2)
    power_w = (number * (1 + device)).astype(np.float32)
    nothing = np.full(2 * count, np.nan, dtype=np.float32)
    return HistoryRows(
        NAMES,
        device,
        start_ms + (number + 1) * step_ms,
        power_w,
        np.where(number % 7 == 0, np.nan, number / 10).astype(np.float32),
        nothing,
        power_w + 5,
        np.isin(number, keep),
    )


def part(rows: HistoryRows, start: int, end: int) -> HistoryRows:
    columns = (rows.device, rows.ts_ms, rows.power_w, rows.score, rows.low_w, rows.high_w, rows.keep)
    return HistoryRows(rows.names, *(column[start:end] for column in columns))  # type: ignore[arg-type]


@pytest.fixture(params=["edge", pytest.param("postgres", marks=pytest.mark.postgres)])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "edge":
        edge = EdgeHistory(tmp_path / "history")
        yield Kept(edge, edge.append)
        edge.close()
        return
    database = Database(DatabaseSettings(request.getfixturevalue("empty_database")))
    database.upgrade()

    def add(rows: HistoryRows) -> None:
        with database.begin() as books:
            add_buckets(books, NamedBuckets(rows.names, bucketed(rows)))

    yield Kept(DatabaseHistory(database), add)
    database.close()


@dataclass(frozen=True)
class Kept:
    """A history, and how what it keeps comes into it."""

    past: History
    add: Callable[[HistoryRows], None]


def columns(buckets: Buckets) -> list[NDArray[Any]]:
    return [buckets.start_ms, buckets.samples, buckets.total_dw, buckets.min_w, buckets.max_w, buckets.score]


def assert_same(one: Buckets, other: Buckets) -> None:
    for left, right in zip(columns(one), columns(other), strict=True):
        np.testing.assert_array_equal(left, right)


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(1, 59)), st.integers(1, 5))
def test_any_cut_of_the_samples_makes_the_same_buckets(cuts: set[int], wider: int) -> None:
    rows = rows_of(30)
    edges = sorted({0, 60, *cuts})
    parts = [bucketed(part(rows, start, end)) for start, end in itertools.pairwise(edges)]
    whole = bucketed(rows)
    assert_same(Buckets.join(parts).grouped(FIVE_MINUTES_MS), whole)
    assert_same(Buckets.join(parts).grouped(wider * FIVE_MINUTES_MS), bucketed(rows, wider * FIVE_MINUTES_MS))
    assert whole.samples.sum() == 60


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(2, 500))
def test_no_span_has_more_buckets_than_asked_for(from_ms: int, length: int, points: int) -> None:
    for step_ms in (step_for(from_ms, from_ms + length, points), coarse_step_for(from_ms, from_ms + length, points)):
        assert (from_ms + length - 1) // step_ms - from_ms // step_ms + 1 <= points


def test_a_bucket_tells_mean_extremes_score_and_band() -> None:
    (fridge, tv) = (bucketed(rows_of(10)).grouped(FIVE_MINUTES_MS) for _ in range(2))
    assert fridge.samples.tolist() == [10, 10]
    assert fridge.mean_w.tolist() == [4.5, 9.0]
    assert (fridge.min_w.tolist(), fridge.max_w.tolist()) == ([0, 0], [9, 18])
    assert fridge.score.tolist() == pytest.approx([0.9, 0.9])
    assert np.isnan(fridge.low_w).all()
    assert fridge.high_w.tolist() == [14, 23]
    assert_same(fridge, tv)


def test_a_day_is_told_in_as_many_points_as_asked_for(history: Kept) -> None:
    rows = rows_of(2880)
    for start in range(0, len(rows), 500):
        history.add(part(rows, start, start + 500))
    series = history.past.query("home", "tv", START_MS, START_MS + DAY_MS, 50)
    assert len(series.buckets) <= 50
    assert series.step_ms % FIVE_MINUTES_MS == 0
    assert series.buckets.samples.sum() == 2880
    assert series.buckets.total_dw.sum() == 20 * sum(range(2880))
    assert series.buckets.max_w.max() == 2 * 2879
    inner = history.past.query("home", "tv", START_MS + FIVE_MINUTES_MS, START_MS + 2 * FIVE_MINUTES_MS, 1)
    assert inner.buckets.samples.sum() <= 20
    assert len(history.past.query("home", "toaster", START_MS, START_MS + DAY_MS, 50).buckets) == 0


def test_a_device_that_is_deleted_is_gone(history: Kept) -> None:
    history.add(rows_of(2880, keep=(7,)))
    history.past.erase("home", "tv")
    for points in (10, 5000):
        assert len(history.past.query("home", "tv", START_MS, START_MS + DAY_MS, points).buckets) == 0
        assert len(history.past.query("home", "fridge", START_MS, START_MS + DAY_MS, points).buckets) > 0


def test_each_level_is_kept_as_long_as_it_says(history: Kept) -> None:
    for day in range(6):
        history.add(rows_of(288, start_ms=START_MS + day * DAY_MS, keep=(5,), step_ms=FIVE_MINUTES_MS))
    now_ms = START_MS + 40 * DAY_MS
    history.past.expire(now_ms)
    old = history.past.query("home", "tv", START_MS, START_MS + DAY_MS // 24, 1000)
    assert old.step_ms >= FIVE_MINUTES_MS
    assert old.buckets.samples.sum() == 12
    history.past.expire(START_MS + 900 * DAY_MS)
    assert len(history.past.query("home", "tv", START_MS, START_MS + DAY_MS, 10).buckets) == 0


def test_on_the_edge_what_was_worth_keeping_is_told_one_by_one(tmp_path: Path) -> None:
    history = EdgeHistory(tmp_path)
    history.append(rows_of(2880, keep=tuple(range(1000, 1010))))
    span = START_MS + 1000 * GRID_MS, START_MS + 1011 * GRID_MS
    series = history.query("home", "fridge", *span, 200)
    assert series.step_ms < GRID_MS
    assert set(range(1000, 1010)) <= set(series.buckets.max_w.tolist())


def test_on_the_edge_a_closed_day_has_its_file_and_what_led_to_an_incident(tmp_path: Path) -> None:
    history = EdgeHistory(tmp_path, Retention(lead_s=600))
    for day in range(4):
        history.append(rows_of(2880, start_ms=START_MS + day * DAY_MS, keep=(1000,)))
    closed = sorted(path.stem for path in (tmp_path / "five_minutes").glob("*.parquet"))
    assert closed == ["2026-01-05", "2026-01-06", "2026-01-07"][: len(closed)]
    assert len(closed) >= 2
    near = history.query("home", "tv", START_MS + 900 * GRID_MS, START_MS + 1101 * GRID_MS, 1000)
    assert near.buckets.max_w.tolist() == [2 * number for number in range(980, 1001)]
    before = history.query("home", "tv", START_MS, START_MS + 4 * DAY_MS, 400)
    history.close()
    again = EdgeHistory(tmp_path, Retention(lead_s=600)).query("home", "tv", START_MS, START_MS + 4 * DAY_MS, 400)
    assert_same(before.buckets, again.buckets)
    assert before.buckets.samples.sum() == 4 * 2880


def test_on_the_edge_samples_that_come_again_after_a_crash_count_once(tmp_path: Path) -> None:
    history = EdgeHistory(tmp_path)
    rows = rows_of(2000)
    history.append(rows)
    history.append(part(rows, 3000, 4000))
    series = history.query("home", "fridge", START_MS, START_MS + DAY_MS, 100)
    assert series.buckets.samples.sum() == 2000


def test_on_the_edge_a_full_disk_leaves_the_day_in_memory(tmp_path: Path) -> None:
    history = EdgeHistory(tmp_path)
    with no_file_over(2000):
        for day in range(4):
            history.append(rows_of(288, start_ms=START_MS + day * DAY_MS, step_ms=FIVE_MINUTES_MS))
    assert history.unsaved_rows > 0
    assert history.query("home", "tv", START_MS, START_MS + 5 * DAY_MS, 100).buckets.samples.sum() == 4 * 288
