"""One robust spread for values about zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAD_TO_SD = 1.4826
_TAILS = (0.02, 0.98)
_TAILS_TO_SD = 4.107
"""The distance of the 2 % and 98 % quantiles of a normal distribution, in standard deviations."""


def robust_spread(values: NDArray[np.float64]) -> float:
    """Return the wider of the median absolute value and the tails, as a standard deviation.

    The median alone is 0 for a device that is idle half of the time.
    """
    low, high = np.quantile(values, _TAILS)
    return max(_MAD_TO_SD * float(np.median(np.abs(values))), float(high - low) / _TAILS_TO_SD)
