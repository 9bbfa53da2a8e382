"""On and off: the threshold between them learnt from what a device draws, and the runs of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.quantise import decode_watts, encode_watts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series

_BIN = 256
"""Codes per bin of the histogram: steps of 7 %."""
_LEAST_SEPARATION = 0.8
"""Share of the variance of log power that lies between on and off; one broad heap split in two reaches 0.64."""
_LEAST_RATIO = 3.0
"""On draws at least this many times what off draws."""
_LEAST_SHARE = 0.001
_HYSTERESIS = 0.15
"""Part of the way from the threshold to either level in which the state stays what it was."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On from code `up`, off down to code `down`; between them it stays what it was."""

    up: int
    down: int


def find_switch(history: Series) -> Switch | None:
    """Return the switch of a device that is clearly either on or off, None where it is not.

    Otsu's threshold (IEEE Trans. SMC 9(1), 1979) on the logarithm of power: codes are logarithmic already. All
    below off_below_w counts as that.
    """
    least = int(encode_watts(np.array([max(history.record.off_below_w, 0.1)]))[0])
    code = np.maximum(history.code[history.usable], least)
    if not len(code):
        return None
    counts = np.bincount(code // _BIN, minlength=256).astype(np.float64)
    level = (np.arange(256) + 0.5) * _BIN
    split = _otsu(counts, level)
    low, high = np.average(level[:split], weights=counts[:split] + 1e-9), np.average(
        level[split:], weights=counts[split:] + 1e-9
    )
    ...
    return None
