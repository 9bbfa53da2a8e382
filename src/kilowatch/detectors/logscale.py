"""Positive numbers in one byte, in equal ratios: spreads and durations need a few per cent, not four bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LogScale:
    """Codes 1..255 from `low` to `high`; code 0 is unknown and decodes to NaN."""

    low: float
    high: float
    _values: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = np.full(256, np.nan)
        values[1:] = np.geomspace(self.low, self.high, 255)
        object.__setattr__(self, "_values", values)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the nearest codes; values beyond the ends are clipped, NaN becomes unknown."""
        share = np.log(np.clip(values, self.low, self.high) / self.low) / np.log(self.high / self.low)
        return np.where(np.isnan(share), 0, np.rint(np.nan_to_num(share) * 254) + 1).astype(np.uint8)

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the values of codes, NaN where unknown."""
        return self._values[codes]


WATTS = LogScale(0.1, 1e7)
"""Steps of 7.5 %."""
SECONDS = LogScale(10.0, 1e7)
"""Steps of 5.6 %, up to four months."""
