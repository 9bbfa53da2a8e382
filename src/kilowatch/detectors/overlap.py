"""Reconstructions of overlapping windows averaged before they are compared with what was measured.

Each value lies in several windows that have ended; their mean reconstruction strays less than any of them
(arXiv 2606.09874). Nothing looks ahead: a window counts once it has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples


class OverlapMean(PerDevice):
    """Sums of the reconstructions of each device's last values; 5 bytes a value and device."""

    def __init__(self, window: int) -> None:
        # Of the instance, for their width hangs on the window; before `super`, which makes the arrays from them.
        self.columns = {  # type: ignore[misc]
            "overlap_sum": Column(np.float32, window),
            "overlap_times": Column(np.uint8, window),
            "overlap_count": Column(np.int64),
        }
        self.overlap_sum: NDArray[np.float32]
        self.overlap_times: NDArray[np.uint8]
        self.overlap_count: NDArray[np.int64]
        super().__init__()

    def errors(
        self,
        samples: Samples,
        rows: NDArray[np.intp],
        windows: NDArray[np.float32],
        reconstructed: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return mean absolute errors float32[n] of windows that end at rows, in the samples' order."""
        out = np.empty(len(rows), dtype=np.float32)
        segment = samples.segments.of_row[rows]
        first = np.flatnonzero(np.diff(segment, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
        # A turn holds at most one window of each device, so that no slot is written twice in one assignment.
        order = np.argsort(rank, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(rank[order])) + 1):
            out[part] = self._round(samples, rows[part], windows[part], reconstructed[part])
        return out

    def _round(
        self,
        samples: Samples,
        rows: NDArray[np.intp],
        windows: NDArray[np.float32],
        reconstructed: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Take one window of each device."""
        slot, count, width = samples.slot[rows], samples.count[rows], windows.shape[1]
        moved = count - self.overlap_count[slot]
        # A window that restarted has counted back, one a width further on shares nothing: both begin with empty sums.
        source = np.arange(width) + np.where((moved > 0) & (moved < width), moved, width)[:, None]
        still, at = source < width, np.minimum(source, width - 1)
        total = np.where(still, np.take_along_axis(self.overlap_sum[slot], at, axis=1), np.float32(0)) + reconstructed
        # A value lies in at most as many windows as a window has values, 200 by the ring: a byte counts them.
        times = np.where(still, np.take_along_axis(self.overlap_times[slot], at, axis=1), np.uint8(0)) + np.uint8(1)
        self.overlap_sum[slot], self.overlap_times[slot], self.overlap_count[slot] = total, times, count
        return np.abs(windows - total / times.astype(np.float32)).mean(axis=1)
