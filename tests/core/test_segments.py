"""Segment operations equal the obvious loop over one device after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIXES = st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 50)), min_size=1, max_size=60)
FAST = settings(deadline=None, max_examples=60)


def columns(rows: list[tuple[int, int]]) -> tuple[NDArray[np.int32], NDArray[np.int64], Segments]:
    slot = np.array([row[0] for row in rows], dtype=np.int32)
    values = np.array([row[1] for row in rows], dtype=np.int64)
    order, segments = Segments.sort(slot)
    return slot[order], values[order], segments


def by_device(segments: Segments) -> list[slice]:
    return [slice(s, s + n) for s, n in zip(segments.starts, segments.lengths, strict=True)]


@FAST
@given(MIXES)
def test_sorting_keeps_each_devices_order(rows: list[tuple[int, int]]) -> None:
    slot, values, segments = columns(rows)
    for part, device in zip(by_device(segments), segments.slot, strict=True):
        assert (slot[part] == device).all()
        assert values[part].tolist() == [value for owner, value in rows if owner == device]
    assert segments.offset.tolist() == [i for n in segments.lengths for i in range(n)]


@FAST
@given(MIXES)
def test_running_operations_equal_a_loop(rows: list[tuple[int, int]]) -> None:
    _, values, segments = columns(rows)
    before = np.arange(len(segments), dtype=np.int64) * 7 - 11
    known = values % 3 == 0
    shifted = segments.shift(values, before)
    total = segments.running_sum(values, before)
    highest = segments.running_max(values, before)
    filled = segments.fill_forward(values, known, before)
    for number, part in enumerate(by_device(segments)):
        last, best, running, fill = before[number], before[number], before[number], before[number]
        for row in range(part.start, part.stop):
            assert shifted[row] == last
            last = values[row]
            best, running = max(best, last), running + last
            fill = last if known[row] else fill
            assert (highest[row], total[row], filled[row]) == (best, running, fill)


def test_running_max_survives_a_span_too_wide_to_lift() -> None:
    segments = Segments.of_sorted(np.array([0, 0, 1, 1], dtype=np.int32))
    values = np.array([2**61, 5, -(2**61), 3], dtype=np.int64)
    before = np.array([0, -(2**62)], dtype=np.int64)
    assert segments.running_max(values, before).tolist() == [2**61, 2**61, -(2**61), 3]


@pytest.mark.parametrize("length", [1, 5, 63, 64, 65, 400])
def test_a_scan_is_the_same_in_rounds_and_in_one_long_loop(length: int) -> None:
    values = np.random.default_rng(length).normal(size=2 * length)
    segments = Segments.of_sorted(np.repeat(np.array([3, 9], dtype=np.int32), length))
    before = np.array([0.5, -2.0])

    def step(state: float, value: float) -> float:
        return state + 0.3 * (value - state)

    out = segments.scan(values, before, step)
    for number in range(2):
        state = before[number]
        for row in range(number * length, (number + 1) * length):
            state = step(state, values[row])
            assert out[row] == state


def test_an_empty_batch_has_no_segments() -> None:
    order, segments = Segments.sort(np.zeros(0, dtype=np.int32))
    assert len(order) == len(segments) == segments.size == 0
    assert len(segments.running_max(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))) == 0
