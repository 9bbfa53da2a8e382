"""Windows read from the ring and the batch together are the device's last values, whatever the batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS, batch_of, fleet_of, sorted_by_device
from kilowatch.core.grid import Grid
from kilowatch.core.quantise import decode_watts
from kilowatch.core.window import WindowRing

METERS: list[dict[str, Any]] = [{"interval_s": 30.0}] * 3
LENGTH = 6


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 500), st.booleans()), min_size=1, max_size=60),
    st.lists(st.integers(1, 60), max_size=5),
)
def test_windows_hold_the_last_values(stream: list[tuple[int, int, bool]], cuts: list[int]) -> None:
    grid, ring = Grid(fleet_of(*METERS)), WindowRing(LENGTH)
    grid.reserve()
    ring.reserve(3)
    clock, readings, past = [0, 0, 0], [], {0: [], 1: [], 2: []}  # type: ignore[var-annotated]
    for slot, watts, gap in stream:
        clock[slot] += 5000 if gap else 30
        readings.append((slot, START_MS + clock[slot] * 1000, float(watts)))
    edges = sorted({0, len(readings), *(cut for cut in cuts if cut < len(readings))})
    for start, end in itertools.pairwise(edges):
        batch, segments = sorted_by_device(batch_of(readings[start:end]))
        samples = grid.push(batch, segments, np.zeros(len(batch), dtype=np.bool_))
        view = ring.view(samples)
        lag2 = view.lagged(2)
        whole = np.flatnonzero(view.has(LENGTH))
        windows = dict(zip(whole.tolist(), view.matrix(whole, LENGTH), strict=True))
        for row, (slot, code, count) in enumerate(
            zip(samples.slot.tolist(), samples.code.tolist(), samples.count.tolist(), strict=True)
        ):
            if count == 1:
                past[slot].clear()
            past[slot].append(code)
            assert lag2[row] == (past[slot][-3] if count > 2 else 0)
            assert (row in windows) == (count >= LENGTH)
            if row in windows:
                expected = decode_watts(np.array(past[slot][-LENGTH:], dtype=np.uint16))
                assert windows[row].tolist() == expected.tolist()
        ring.commit(view)


def test_reading_a_view_leaves_the_ring_alone() -> None:
    grid, ring = Grid(fleet_of(METERS[0])), WindowRing(LENGTH)
    grid.reserve()
    ring.reserve(1)
    batch, segments = sorted_by_device(batch_of([(0, START_MS, 5.0)]))
    view = ring.view(grid.push(batch, segments, np.zeros(1, dtype=np.bool_)))
    view.lagged(1)
    assert not ring.codes.any()
    ring.commit(view)
    assert ring.codes[0].tolist() == pytest.approx([0, view.samples.code[0], 0, 0, 0, 0])
