"""Since when each device has been drawing power: what a compressor's minimum run rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.segments import Segments

OFF = -1
"""In place of a time: the device draws nothing."""


class OnSince:
    """The start of each device's present run, int64[slots]; of one met while on, the first that was seen of it."""

    def __init__(self) -> None:
        self._since_ms = np.zeros(0, dtype=np.int64)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self._since_ms = grown(self._since_ms, devices, OFF)

    def observe(self, segments: Segments, ts_ms: NDArray[np.int64], on: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return since when each row's device has been on at that row, ms UTC, int64[n]; OFF where it is off.

        ts_ms int64[n] and on bool[n], sorted by device and in event order within each.
        """
        before_ms = self._since_ms[segments.slot]
        begins = on & ~segments.shift(on, before_ms != OFF)
        since_ms = np.where(on, segments.fill_forward(ts_ms, begins, before_ms), OFF)
        self._since_ms[segments.slot] = since_ms[segments.ends]
        return since_ms
