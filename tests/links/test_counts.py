from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.links.files import counts
from kilowatch.links.files.counts import ValueCounts, median, rounded

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(-60_000, 60_000)), min_size=1, max_size=200)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.integers(1, 50))
def test_medians_of_small_integers_are_exact(rows: list[tuple[int, int]], size: int) -> None:
    slot, values = (np.array(column) for column in zip(*rows, strict=True))
    counted = ValueCounts()
    for start in range(0, len(slot), size):
        counted.add(slot[start : start + size].astype(np.int32), values[start : start + size].astype(np.int64))
    for device in range(5):
        own = np.sort(values[slot == device])
        found = median(*counted.of(device))
        assert found == (own[len(own) // 2] if len(own) else None)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-(2**42), 2**42), min_size=1, max_size=50))
def test_large_values_keep_five_digits(values: list[int]) -> None:
    exact = np.array(values, dtype=np.int64)
    np.testing.assert_allclose(rounded(exact), exact, rtol=1.6e-5, atol=0)


def test_counts_stay_small_when_merged() -> None:
    counted = ValueCounts()
    rng = np.random.default_rng(0)
    for _ in range(30):
        values = rng.integers(0, 2**40, 60_000)
        counted.add(np.zeros(len(values), np.int32), values)
    held = sum(len(keys) for keys in counted._keys)
    assert held <= 25 * 2**15 + 2 * counts._PENDING
    values, times = counted.of(0)
    assert len(values) <= 25 * 2**15
    assert times.sum() == 30 * 60_000
    assert counted.of(3)[0].tolist() == []
