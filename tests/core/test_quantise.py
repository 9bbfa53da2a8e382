"""Watts survive the ring within the error that the contract states."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kilowatch.core.quantise import HIGHEST_W, LOWEST_W, decode_watts, encode_watts


@given(st.lists(st.floats(LOWEST_W, HIGHEST_W), min_size=1, max_size=50))
def test_the_error_is_at_most_0_015_percent(watts: list[float]) -> None:
    exact = np.array(watts)
    back = decode_watts(encode_watts(exact)).astype(np.float64)
    assert (np.abs(back / exact - 1) <= 1.5e-4).all()


def test_encoding_twice_changes_nothing() -> None:
    codes = np.arange(65_536, dtype=np.uint16)
    assert (encode_watts(decode_watts(codes)) == codes).all()


def test_the_ends_of_the_scale() -> None:
    watts = np.array([0.0, 0.04, 0.06, 1e7, 5e8])
    assert encode_watts(watts).tolist() == [0, 0, 1, 65_535, 65_535]
    assert decode_watts(np.array([0], dtype=np.uint16))[0] == 0
