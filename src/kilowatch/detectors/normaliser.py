"""Scores of different methods on one scale: how seldom a score that high is on the device's own normal days.

A score becomes the share of the way, in logarithms of frequency, to what the method gives about once a week: 0 is
common, 1 is weekly. Beyond that it goes on with the logarithm of its ratio to the weekly score. Frequencies come from
scores of days that did not fit the method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.blocks import BLOCKS_PER_WEEK, block_maxima
from kilowatch.core.device import grown
from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_SHARES = np.array([0.3, 0.1, 0.03, 0.01, 0.003, 0.001])
MARKS = len(_SHARES) + 1
_BEYOND = 2.0
_CLEARLY_RARER = 0.5
_LEAST = 1e-6


class Normaliser(PerDevice):
    """For each method the scores that given shares of samples pass, and its weekly one; 32 bytes a device and method.

    methods: how many. A method that was never calibrated for a device has no marks and normalises to NaN.
    """

    columns: ClassVar[Mapping[str, Column]] = {}

    def __init__(self, methods: int) -> None:
        self.methods = methods
        self.marks = np.zeros((0, methods * MARKS), dtype=np.float32)
        self.weekly_share = np.zeros((0, methods), dtype=np.float32)
        super().__init__()

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
        self.weekly_share[slot, method] = 0
        if not len(peaks):
            return
        weekly = max(float(peaks[min(round(len(peaks) / BLOCKS_PER_WEEK), len(peaks) - 1)]), _LEAST)
        share = max(float((known >= weekly).mean()), 0.5 / len(known))
        marks = np.full(MARKS, weekly)
        rarer = _CLEARLY_RARER * _SHARES > share
        marks[:-1][rarer] = np.minimum(np.quantile(known, 1 - _SHARES[rarer]), weekly)
        self.marks[slot, method * MARKS : (method + 1) * MARKS] = marks
        self.weekly_share[slot, method] = share

    def weekly(self, slots: NDArray[np.integer], method: int) -> NDArray[np.float32]:
        """Return the score that a method gives about once a week, float32[n]; 0 where it has no marks."""
        return self.marks[slots, (method + 1) * MARKS - 1]

    def is_calibrated(self, slots: NDArray[np.integer], method: int) -> NDArray[np.bool_]:
        """Return where a method has marks, bool[n]."""
        return self.weekly_share[slots, method] > 0

    def normalise(self, slots: NDArray[np.int32], method: int, raw: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return raw scores float32[n] on the common scale, NaN where unknown."""
        share = self.weekly_share[slots, method].astype(np.float64)
        marks = self.marks[slots, method * MARKS : (method + 1) * MARKS].astype(np.float64)
        score = raw.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            heights = np.minimum(np.log(_SHARES) / np.log(share)[:, None], 1.0)
            out = _between(score, marks, heights)
            beyond = score / marks[:, -1]
            out = np.where(beyond > 1, 1 + _BEYOND * np.log(beyond), out)
        return np.where(share > 0, out, np.nan)


def _between(
    score: NDArray[np.float64], marks: NDArray[np.float64], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the height of each score, straight between its row's marks and from nothing to the first."""
    low, low_height = np.zeros(len(score)), np.zeros(len(score))
    out = np.where(np.isnan(score), np.nan, 0.0)
    for mark in range(marks.shape[1]):
        high = marks[:, mark]
        height = heights[:, mark] if mark < heights.shape[1] else np.ones(len(score))
        share = (score - low) / (high - low)
        out = np.where((score >= low) & (score < high), low_height + share * (height - low_height), out)
        low, low_height = high, height
    return np.where(score >= low, 1.0, out)
