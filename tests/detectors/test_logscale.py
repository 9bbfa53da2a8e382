"""One byte for a spread or a duration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.detectors.logscale import SECONDS, WATTS, LogScale


@pytest.mark.parametrize("scale", [WATTS, SECONDS])
@settings(deadline=None, max_examples=50)
@given(st.floats(10, 1e7))
def test_the_rounding_is_half_a_step_at_most(scale: LogScale, value: float) -> None:
    step = (scale.high / scale.low) ** (1 / 254)
    found = float(scale.decode(scale.encode(np.array([value])))[0])
    assert 1 / step**0.51 < found / value < step**0.51


def test_beyond_the_ends_is_the_end() -> None:
    codes = WATTS.encode(np.array([0.0, 1e-9, 1e9]))
    assert codes.tolist() == [1, 1, 255]
    np.testing.assert_allclose(WATTS.decode(codes), [0.1, 0.1, 1e7])


def test_unknown_stays_unknown() -> None:
    assert WATTS.encode(np.array([np.nan])).tolist() == [0]
    assert np.isnan(WATTS.decode(np.zeros(1, dtype=np.uint8))).all()
