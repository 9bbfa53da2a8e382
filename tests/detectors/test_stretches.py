"""Running states over cut batches against the same thing written as a loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import Arrivals
from kilowatch.core.segments import Segments
from kilowatch.detectors.stretches import Stretches, cut, leaky_sum

_ROWS = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(-9, 9)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(_ROWS, st.lists(st.integers(0, 20), min_size=4, max_size=4))
def test_leaky_sums_are_the_loop(rows: list[tuple[int, bool, int]], state: list[int]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    slot, restart, value = (np.array(column) for column in zip(*rows, strict=True))
    stretches = Stretches.at(Segments.of_sorted(slot.astype(np.int32)), restart)
    before = stretches.before(np.array(state, dtype=np.int64))
    level, expected = dict(enumerate(state)), []
    for device, fresh, change in rows:
        level[device] = max(0, (0 if fresh else level[device]) + change)
        expected.append(level[device])
    assert leaky_sum(stretches.segments, value.astype(np.int64), before).tolist() == expected


def test_pieces_keep_their_device() -> None:
    segments = Segments.of_sorted(np.array([2, 2, 2, 5, 5], dtype=np.int32))
    pieces = cut(segments, np.array([False, False, True, False, True]))
    assert pieces.slot.tolist() == [2, 2, 5, 5]
    assert pieces.starts.tolist() == [0, 2, 3, 4]
    assert pieces.lengths.tolist() == [2, 1, 1, 1]
    assert pieces.of_row.tolist() == [0, 0, 1, 2, 3]


def test_nothing_is_cut_where_every_row_is_a_device() -> None:
    segments = Segments.of_sorted(np.array([1, 4, 9], dtype=np.int32))
    assert cut(segments, np.ones(3, dtype=np.bool_)) is segments


def test_a_fresh_stretch_forgets_the_state() -> None:
    _, samples = Arrivals.of(np.ones(6), gaps=(4,)).batch(2)
    stretches = Stretches.of(samples)
    assert stretches.before(np.array([7])).tolist() == [7, 0]
    assert stretches.before(np.array([7]), np.array([1, 2])).tolist() == [7, 2]
