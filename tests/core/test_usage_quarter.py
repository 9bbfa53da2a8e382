from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.usage_streams import cut_at, days_of, home, readings
from kilowatch.core.usage import NO_FLOOR_MW, Quantity

LENGTH = 120


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, LENGTH), max_size=40))
def test_quarters_do_not_depend_on_cuts(seed: int, places: list[int]) -> None:
    power_w = np.random.default_rng(seed).integers(0, 3000, LENGTH) / 10
    batch = readings(np.arange(LENGTH) * 60.0, power_w)
    _, days = days_of(home(1), cut_at(batch, places))
    means = power_w[: LENGTH // 15 * 15].reshape(-1, 15).mean(axis=1)[:-1]
    np.testing.assert_allclose(days.of(Quantity.DEMAND_MW)[0], 1000 * means.max(), atol=1)
    np.testing.assert_allclose(days.of(Quantity.FLOOR_MW)[0], 1000 * means.min(), atol=1)


def test_a_quarter_with_too_much_silence_does_not_count() -> None:
    _, days = days_of(home(1), [readings([0, 60, 400, 900, 960], [5.0] * 5)])
    assert days.of(Quantity.FLOOR_MW)[0] == NO_FLOOR_MW
