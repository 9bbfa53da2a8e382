"""Watts as uint16 on a logarithmic scale: one rounding, on entering the ring, in every mode alike.

Code 0 is zero; codes 1..65535 run from 0.1 W to 10 MW in equal ratios, so the worst rounding error
is half a step: 0.014 % (CONTRACTS, identity and time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST_W = 0.1
HIGHEST_W = 1e7
_STEPS = 65_534
_LOG_LOW = np.log(LOWEST_W)
_PER_STEP = (np.log(HIGHEST_W) - _LOG_LOW) / _STEPS

_TABLE = np.zeros(65_536, dtype=np.float32)
_TABLE[1:] = np.exp(_LOG_LOW + _PER_STEP * np.arange(_STEPS + 1))
_TABLE.setflags(write=False)


def encode_watts(power_w: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return uint16 codes of watts; under half of 0.1 W is zero, over 10 MW is clipped. NaN is not allowed."""
    # In float32 the logarithm is off by some thousandths of a step, and codes near a border would flip.
    watts = np.asarray(power_w, dtype=np.float64)
    codes = np.rint((np.log(np.maximum(watts, LOWEST_W)) - _LOG_LOW) / _PER_STEP) + 1.0
    codes[watts < LOWEST_W / 2] = 0.0
    return np.minimum(codes, 65_535.0).astype(np.uint16)


def decode_watts(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return float32 watts of uint16 codes."""
    return _TABLE[codes]
