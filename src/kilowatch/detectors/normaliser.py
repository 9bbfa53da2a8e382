"""Scores of different methods on one scale: how seldom a score that high is on the device's own normal days.

A score becomes the share of the way, in logarithms of frequency, to what the method gives about once a week: 0 is
common, 1 is weekly. Beyond that it goes on with the logarithm of its ratio to the weekly score. Frequencies come from
scores of days that did not fit the method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.blocks import BLOCKS_PER_WEEK, block_maxima
from kilowatch.core.device import grown
from kilowatch.detectors.columns import PerDevice

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARES = np.array([0.3, 0.1, 0.03, 0.01, 0.003, 0.001])
_BEYOND = 2.0
_CLEARLY_RARER = 0.5
_LEAST = 1e-6
_MOST_SHARE = 0.5
"""A score that never changes is passed always, and the logarithm of that is no scale."""


class Normaliser(PerDevice):
    """For each method the scores that given shares of samples pass, and its weekly one; 32 bytes a device and method.

    methods: how many. fine: False keeps the weekly score alone, 4 bytes, and goes straight to it from 0. A method
    that was never calibrated for a device has no marks and normalises to NaN.
    """

    def __init__(self, methods: int, *, fine: bool = True) -> None:
        super().__init__()
        self._shares = _SHARES if fine else _SHARES[:0]
        self._size = len(self._shares) + 1
        self.marks = np.zeros((0, methods * self._size), dtype=np.float32)
        self.weekly_share = np.zeros((0, methods if fine else 0), dtype=np.float32)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones are not calibrated."""
        self.marks = grown(self.marks, devices)
        self.weekly_share = grown(self.weekly_share, devices)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        return {"marks": self.marks, "weekly_share": self.weekly_share}

    def calibrate(self, slot: int, method: int, raw: NDArray[np.float32], ts_ms: NDArray[np.int64]) -> None:
        """Set one method's marks from its scores on normal days, float32[n] with NaN where unknown."""
        known = raw[~np.isnan(raw)]
        peaks = np.sort(block_maxima(raw, ts_ms).peak)[::-1]
        marks = np.zeros(self._size)
        share = 0.0
        if len(peaks):
            weekly = max(float(peaks[min(round(len(peaks) / BLOCKS_PER_WEEK), len(peaks) - 1)]), _LEAST)
            # A weekly score lifted to the least may be reached by none: half a sample keeps the logarithm finite.
            share = min(max(float((known >= weekly).mean()), 0.5 / len(known)), _MOST_SHARE)
            marks[:] = weekly
            # A share about as rare as the weekly score says nothing of its own: its mark stays at the weekly one.
            rarer = _CLEARLY_RARER * self._shares > share
            marks[:-1][rarer] = np.minimum(np.quantile(known, 1 - self._shares[rarer]), weekly)
        self.marks[slot, method * self._size : (method + 1) * self._size] = marks
        if self.weekly_share.shape[1]:
            self.weekly_share[slot, method] = share

    def weekly(self, slots: NDArray[np.integer], method: int) -> NDArray[np.float32]:
        """Return the score that a method gives about once a week, float32[n]; 0 where it has no marks."""
        return self.marks[slots, (method + 1) * self._size - 1]

    def normalise(self, slots: NDArray[np.int32], method: int, raw: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return raw scores float32[n] on the common scale, NaN where unknown."""
        weekly, score = self.weekly(slots, method).astype(np.float64), raw.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = score / weekly
            out = self._below(slots, method, score) if len(self._shares) else ratio
            rare = np.flatnonzero(ratio > 1)
            out[rare] = 1 + _BEYOND * np.log(ratio[rare])
        out[weekly == 0] = np.nan
        return out

    def _below(self, slots: NDArray[np.int32], method: int, score: NDArray[np.float64]) -> NDArray[np.float64]:
        marks = self.marks[slots, method * self._size : (method + 1) * self._size].astype(np.float64)
        share = self.weekly_share[slots, method].astype(np.float64)
        heights = np.minimum(np.log(self._shares) / np.log(share)[:, None], 1.0)
        return _between(score, marks, heights)


def _between(
    score: NDArray[np.float64], marks: NDArray[np.float64], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the height of each score, straight between its row's marks and from nothing to the first."""
    low, low_height = np.zeros(len(score)), np.zeros(len(score))
    out = np.where(np.isnan(score), np.nan, 0.0)
    # Each row has marks of its own, so there is no one table to search: a pass over the few marks takes all rows.
    for mark in range(marks.shape[1]):
        high = marks[:, mark]
        height = heights[:, mark] if mark < heights.shape[1] else np.ones(len(score))
        share = (score - low) / (high - low)
        out = np.where((score >= low) & (score < high), low_height + share * (height - low_height), out)
        low, low_height = high, height
    return np.where(score >= low, 1.0, out)
