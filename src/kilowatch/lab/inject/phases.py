"""On-phases of an appliance: where a trace is on, found from its own levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENOUGH = 20_000
"""Readings that the threshold is found from: more move it by less than the levels differ."""


@dataclass(frozen=True, slots=True)
class Phases:
    """On-phases in order, intp[p]: first row and the first row after; `after` of one is below `first` of the next."""

    first: NDArray[np.intp]
    after: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, power_w: NDArray[np.float64]) -> Phases:
        """Return the runs above the trace's own threshold; a missing reading is off."""
        edge = np.diff(np.greater(power_w, threshold_w(power_w)).astype(np.int8), prepend=0, append=0)
        return cls(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1))

    def where(self, mask: NDArray[np.bool_]) -> Phases:
        """Return the phases where mask is True."""
        return Phases(self.first[mask], self.after[mask])


def threshold_w(power_w: NDArray[np.float64]) -> float:
    """Return the watts that part off from on best, NaN where the trace has one level.

    Otsu, "A Threshold Selection Method from Gray-Level Histograms" (IEEE Transactions on Systems, Man, and Cybernetics
    9(1), 1979), on log(1 + x), so that an inrush of 1,500 W does not hide a compressor of 90 W.
    """
    finite = np.maximum(power_w[np.isfinite(power_w)], 0.0)
    levels = np.log1p(np.sort(finite[:: max(1, len(finite) // _ENOUGH)]))
    if len(levels) < 2 or levels[0] == levels[-1]:
        return float("nan")
    below = np.arange(1, len(levels))
    total = np.cumsum(levels)
    mean_below = total[:-1] / below
    mean_above = (total[-1] - total[:-1]) / (len(levels) - below)
    between = below * (len(levels) - below) * (mean_above - mean_below) ** 2
    # Between equal readings there is no level that could part them.
    between[levels[1:] == levels[:-1]] = -1.0
    best = int(np.argmax(between))
    return float(np.expm1((levels[best] + levels[best + 1]) / 2))


def levels_w(power_w: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median watts while off and while on; the median of all for both where the trace has one level."""
    on = power_w > threshold_w(power_w)
    off_w = float(np.median(power_w[~on]))
    return off_w, float(np.median(power_w[on])) if on.any() else off_w
