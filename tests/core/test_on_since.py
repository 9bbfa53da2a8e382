"""Since when a device has been on, for any cut of its readings."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.on_since import OFF, OnSince
from kilowatch.core.segments import Segments


def observed(tracker: OnSince, slots: list[int], ts_ms: list[int], on: list[bool]) -> list[int]:
    order, segments = Segments.sort(np.array(slots, dtype=np.int32))
    since = np.empty(len(slots), dtype=np.int64)
    since[order] = tracker.observe(
        segments, np.array(ts_ms, dtype=np.int64)[order], np.array(on, dtype=np.bool_)[order]
    )
    return since.tolist()


def fresh(devices: int = 3) -> OnSince:
    tracker = OnSince()
    tracker.reserve(devices)
    return tracker


def test_a_run_begins_with_its_first_reading_and_ends_with_the_first_that_is_off() -> None:
    on = [False, True, True, False, True]
    assert observed(fresh(), [0] * 5, [10, 20, 30, 40, 50], on) == [OFF, 20, 20, OFF, 50]


def test_a_device_met_while_on_has_been_so_since_it_was_met() -> None:
    tracker = fresh()
    assert observed(tracker, [1], [70], [True]) == [70]
    assert observed(tracker, [1], [80], [True]) == [70]


def test_room_that_grows_keeps_what_is_known() -> None:
    tracker = fresh(1)
    observed(tracker, [0], [70], [True])
    tracker.reserve(200)
    assert observed(tracker, [0, 199], [80, 80], [True, False]) == [70, OFF]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30), st.integers(0, 30))
def test_any_cut_says_what_a_loop_says(rows: list[tuple[int, bool]], cut: int) -> None:
    slots, on = [row[0] for row in rows], [row[1] for row in rows]
    times = list(range(1, len(rows) + 1))
    plain: dict[int, int] = {}
    expected = []
    for slot, ts_ms, is_on in zip(slots, times, on, strict=True):
        plain[slot] = (plain.get(slot, OFF) if plain.get(slot, OFF) != OFF else ts_ms) if is_on else OFF
        expected.append(plain[slot])
    tracker = fresh()
    parts = [(slots[:cut], times[:cut], on[:cut]), (slots[cut:], times[cut:], on[cut:])]
    assert [since for part in parts for since in observed(tracker, *part)] == expected
