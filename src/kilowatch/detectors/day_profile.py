"""The mean of each hour of the day, weekdays and weekends apart, in one byte each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.samples import HOUR_MS, hour_of_week
from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.detectors.blocks import Blocks

_SATURDAY = 120
_PRIOR_DAYS = 1.0
"""A day of its own kind weighs as much as all other days at that hour."""


class DayProfile(PerDevice):
    """Means as 255ths of the highest; 52 bytes a device."""

    columns: ClassVar[Mapping[str, Column]] = {"share": Column(np.uint8, 48), "peak_w": Column(np.float32)}
    share: NDArray[np.uint8]
    peak_w: NDArray[np.float32]

    def fit(self, slot: int, hours: Blocks) -> None:
        """Learn one device from the means of its hours."""
        mean_w = _shrunk_means(kind_of_hour(hours.index), hours.mean_w)
        self.peak_w[slot] = mean_w.max()
        # A past of zeros alone has no highest mean to divide by.
        self.share[slot] = np.rint(255 * mean_w / max(mean_w.max(), 1e-9))

    def watts(self, slot: NDArray[np.int32] | int, hour: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the usual mean in watts at hours since 1970 on the wall clock; slot and hour broadcast."""
        return self.share[slot, kind_of_hour(hour)] * (self.peak_w[slot] / np.float64(255))


def kind_of_hour(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0..23 for the hours of weekdays, 24..47 for those of weekends, of hours since 1970."""
    of_week = hour_of_week(hour * HOUR_MS)
    return of_week % 24 + np.where(of_week >= _SATURDAY, 24, 0)


def _shrunk_means(kind: NDArray[np.int64], mean_w: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.full(24, mean_w.mean())
    any_day = _drawn_to(whole, kind % 24, mean_w)
    return _drawn_to(np.tile(any_day, 2), kind, mean_w)


def _drawn_to(
    coarse: NDArray[np.float64], group: NDArray[np.int64], mean_w: NDArray[np.float64]
) -> NDArray[np.float64]:
    days = np.bincount(group, minlength=len(coarse))
    total = np.bincount(group, weights=mean_w, minlength=len(coarse))
    return (total + _PRIOR_DAYS * coarse) / (days + _PRIOR_DAYS)
