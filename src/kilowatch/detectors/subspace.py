"""What of the last hour does not lie in the few shapes that normal hours are made of.

Sub-PCA, the winner among univariate methods on TSB-AD (Liu & Paparrizos, "The Elephant in the Room", NeurIPS 2024),
but fitted on the device's past alone, and by its reconstruction error: what principal components of normal windows
leave over. Each value is reconstructed by every window that holds it and has ended, and their mean counts: averaging
over overlapping windows is worth more than most changes of a model (arXiv 2606.09874); no window looks ahead.

Residual and averaging are linear in the last values, so both are one matrix a device. Its entries and the values
are whole numbers small enough that every product sums exactly in float64, however rows are batched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.training import training_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

LENGTH = 64
SPAN = 2 * LENGTH - 1
"""Values that the windows over the last `LENGTH` values reach back."""
_MOST_SHAPES = LENGTH // 4
_EXPLAINED = 0.95
_LEAST_WINDOWS = 400
_MOST_WINDOWS = 8000
_UNIT = 1000
"""One spread of the device's values, in whole numbers."""
# 127 products of at most 2**20 by 2**15 stay under 2**42, and float64 adds whole numbers exactly up to 2**53.
_MOST = 2**20
_WEIGHT_UNIT = 2**14
_RARE = 0.99
_LEAST_ERROR = 5.0
"""Thousandths of a spread: below it lies the rounding of watts."""
_CHUNK = 4096


class Subspace(PerDevice):
    """Root mean square of the averaged residuals over the last hour, over what 1 % of the past exceeds; 16 kB."""

    name = "subspace"
    needs = SPAN
    columns: ClassVar[Mapping[str, Column]] = {
        "residual": Column(np.int16, LENGTH * SPAN),
        "zero_w": Column(np.float32),
        "spread_w": Column(np.float32),
        "usual": Column(np.float32),
    }
    residual: NDArray[np.int16]
    zero_w: NDArray[np.float32]
    spread_w: NDArray[np.float32]
    usual: NDArray[np.float32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the shapes of one device's normal hours; too short a past leaves it as it was."""
        past = history.part(history.usable)
        windows_w = training_windows(past, SPAN, _MOST_WINDOWS)
        if len(windows_w) < _LEAST_WINDOWS:
            return
        low_w, high_w = np.quantile(past.power_w, (0.01, 0.99))
        floor_w = max(history.record.off_below_w, 0.005 * high_w)
        self.zero_w[slot], self.spread_w[slot] = windows_w.mean(dtype=np.float64), high_w - low_w + floor_w
        whole = self._whole(slot, windows_w)
        left_over = _averaged(_residual(whole[:, -LENGTH:]))
        self.residual[slot] = np.rint(left_over * _WEIGHT_UNIT).ravel()
        self.usual[slot] = max(float(np.quantile(self._errors(slot, windows_w), _RARE)), _LEAST_ERROR)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the error over the usual one."""
        due = (samples.count >= SPAN) & (self.usual[samples.slot] > 0)
        raw = np.full(len(samples), np.nan, dtype=np.float32)
        # Device by device: each has a matrix of its own.
        for segment in np.unique(samples.segments.of_row[due]):
            start = samples.segments.starts[segment]
            rows = start + np.flatnonzero(due[start : start + samples.segments.lengths[segment]])
            slot = int(samples.slot[start])
            for first in range(0, len(rows), _CHUNK):
                part = rows[first : first + _CHUNK]
                raw[part] = self._errors(slot, view.matrix(part, SPAN)) / self.usual[slot]
        return Scores(raw, facts={"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws."""
        return f"its last hour is not made of what its hours are made of, at {watts(facts['power_w'])} now"

    def clone(self) -> Subspace:
        """Return the same method without devices."""
        return Subspace()

    def _whole(self, slot: int, windows_w: NDArray[np.float32]) -> NDArray[np.float64]:
        scaled = (windows_w - self.zero_w[slot]).astype(np.float64) * (_UNIT / np.float64(self.spread_w[slot]))
        return np.clip(np.rint(scaled), -_MOST, _MOST)

    def _errors(self, slot: int, windows_w: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the error of windows float32[n, SPAN] in thousandths of a spread, float64[n]."""
        matrix = self.residual[slot].astype(np.float64).reshape(LENGTH, SPAN)
        left_over = np.rint(self._whole(slot, windows_w) @ matrix.T / _WEIGHT_UNIT).astype(np.int64)
        # In int64: left over is at most 2**28, so 64 squares stay under 2**63 and add up in any order.
        squares = (left_over * left_over).sum(axis=1)
        return np.sqrt(squares / LENGTH)


def _residual(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix float64[LENGTH, LENGTH] that takes from a window what its leading shapes explain."""
    variance, shapes = np.linalg.eigh(windows.T @ windows)
    strongest = np.cumsum(variance[::-1])
    enough = int(np.searchsorted(strongest, _EXPLAINED * strongest[-1])) + 1
    leading = shapes[:, ::-1][:, : min(enough, _MOST_SHAPES)]
    return np.eye(LENGTH) - leading @ leading.T


def _averaged(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[LENGTH, SPAN]: row i is the value i steps ago less its mean reconstruction by windows so far.

    The value i steps ago lies in the windows that ended 0 to i steps ago, oldest first in columns.
    """
    out = np.zeros((LENGTH, SPAN))
    for steps in range(LENGTH):
        for ended in range(steps + 1):
            place = LENGTH - 1 - steps + ended
            out[steps, LENGTH - 1 - ended : SPAN - ended] += residual[place] / (steps + 1)
    return out
