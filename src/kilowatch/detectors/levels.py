"""Watts at which a device almost never was: the surprise of each value, averaged over ten samples.

A compressor draws 0, 70 or 350 W and nothing between; a bypass that takes a share, or a fault that adds a load, puts
it where its histogram is empty, whatever the hour. The score is the mean of -log of the histogram's density, a
box-kernel estimate on the logarithm of power.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.quantise import encode_watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_SPAN = 10
_LEAST_SAMPLES = 1000
_BIN = 256
"""Codes a bin: 7 % of power."""
_BINS = 65_536 // _BIN
# What was never seen is 11.5 nats: not endless, and within the byte.
_NEVER = 1e-5
_UNIT = 16
"""Parts of a nat: one byte holds up to 15.9."""
_FLOOR_OF_TOP = 0.01
"""Below a hundredth of the 99 % quantile all power is one level."""


class Levels(PerDevice):
    """Mean surprise of the last ten values; 263 bytes a device."""

    name = "levels"
    needs = _SPAN
    columns: ClassVar[Mapping[str, Column]] = {
        "surprise": Column(np.uint8, _BINS),
        "least": Column(np.uint16),
        "surprise_sum": Column(np.uint16),
        "is_new": Column(np.bool_),
    }
    surprise: NDArray[np.uint8]
    least: NDArray[np.uint16]
    surprise_sum: NDArray[np.uint16]
    is_new: NDArray[np.bool_]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the histogram of one device; too short a past leaves it as it was."""
        code = history.code[history.usable]
        if len(code) < _LEAST_SAMPLES:
            return
        top_w = float(np.quantile(history.power_w[history.usable], 0.99))
        least = encode_watts(np.array([max(history.record.off_below_w, _FLOOR_OF_TOP * top_w)]))[0]
        counts = np.bincount(np.maximum(code, least) // _BIN, minlength=_BINS).astype(np.float64)
        density = np.convolve(counts / len(code), np.ones(3), mode="same") / 3
        self.least[slot] = least
        self.surprise[slot] = np.rint(-np.log(density + _NEVER) * _UNIT)
        self.is_new[slot] = True

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the mean surprise in nats."""
        self._add_up_anew(samples, view)
        change = self._surprise(samples.slot, samples.code)
        leaving = self._surprise(samples.slot, view.lagged(_SPAN))
        stretches = Stretches.of(samples)
        # Where the window is shorter `lagged` gives code 0, which has a surprise of its own: there nothing leaves yet.
        total = stretches.segments.running_sum(
            change - np.where(samples.count > _SPAN, leaving, 0), stretches.before(self.surprise_sum).astype(np.int64)
        )
        self.surprise_sum[samples.segments.slot] = total[samples.segments.ends]
        known = (self.least[samples.slot] > 0) & (samples.count >= self.needs)
        raw = np.where(known, total / (_SPAN * _UNIT), np.nan)
        return Scores(raw.astype(np.float32), facts={"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws."""
        return f"draws {watts(facts['power_w'])}, where it almost never was"

    def clone(self) -> Levels:
        """Return the same method without devices."""
        return Levels()

    def _add_up_anew(self, samples: Samples, view: WindowView) -> None:
        """Sum the last values before the batch by the histograms of devices that have just learnt another."""
        fresh = self.is_new[samples.segments.slot]
        if not fresh.any():
            return
        rows, owner = samples.segments.starts[fresh], samples.segments.slot[fresh]
        total = np.zeros(len(rows), dtype=np.int64)
        for lag in range(1, _SPAN + 1):
            before = self._surprise(owner, view.lagged(lag)[rows])
            total += np.where(samples.count[rows] > lag, before, 0)
        self.surprise_sum[owner], self.is_new[owner] = total, False

    def _surprise(self, slot: NDArray[np.int32], code: NDArray[np.uint16]) -> NDArray[np.int64]:
        return self.surprise[slot, np.maximum(code, self.least[slot]) // _BIN].astype(np.int64)
