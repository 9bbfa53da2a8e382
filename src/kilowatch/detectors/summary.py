"""A device's last hours as eight whole numbers: level, spread, unrest and stillness on several scales.

Whole numbers throughout, on the logarithmic scale of the codes: sums of them are exact, so a stream may be cut
anywhere, and products of them are exact in float32, so distances do not hang on how many rows are compared at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples
    from kilowatch.core.window import WindowView

FEATURES = 8
"""Level now, over 10 and 60 samples; lowest and highest of 60 to 120; unrest over 20 and 120; stillness."""
LEVELS, UNREST = (10, 60), (20, 120)
_BLOCK = 60
_STILL = 2
"""Codes within which a value counts as unchanged: 0.06 %."""
_STILL_MOST = 600
_STILLNESS = np.rint(np.log(np.arange(_STILL_MOST + 1) + 5.0) * (65_534 / np.log(1e8))).astype(np.int64)
_UNREST_SHARE = 0.2
"""The floor of what changes, as a share of the floor of what is drawn."""


class Summary(PerDevice):
    """Running sums, extremes and runs of each device; 44 bytes a device."""

    columns: ClassVar[Mapping[str, Column]] = {
        "level_short_dw": Column(np.int64),
        "level_long_dw": Column(np.int64),
        "unrest_short_dw": Column(np.int64),
        "unrest_long_dw": Column(np.int64),
        "low_now": Column(np.uint16),
        "low_before": Column(np.uint16),
        "high_now": Column(np.uint16),
        "high_before": Column(np.uint16),
        "still": Column(np.uint32),
    }

    def advance(self, samples: Samples, view: WindowView, floor_w: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return int64[n, FEATURES] and move past the samples.

        floor_w: float[n], watts below which differences mean little.
        """
        last = view.lagged(1)
        moved_dw = np.where(samples.count > 1, np.abs(samples.deciwatts - _deciwatts(last)), 0)
        columns = [samples.power_w.astype(np.float64) + floor_w]
        for name, span in zip(("level_short_dw", "level_long_dw"), LEVELS, strict=True):
            leaving = _deciwatts(view.lagged(span))
            columns.append(self._mean_w(name, samples, samples.deciwatts - leaving, span) + floor_w)
        columns += [decode_watts(codes).astype(np.float64) + floor_w for codes in self._extremes(samples)]
        for name, span in zip(("unrest_short_dw", "unrest_long_dw"), UNREST, strict=True):
            before = _deciwatts(view.lagged(span)) - _deciwatts(view.lagged(span + 1))
            # A window of k samples has k - 1 steps: the first one to leave does so a sample later than the first value.
            change = moved_dw - np.where(samples.count > span + 1, np.abs(before), 0)
            columns.append(self._mean_w(name, samples, change, span) + _UNREST_SHARE * floor_w)
        still = self._stillness(samples, last)
        return np.column_stack([*(encode_watts(column).astype(np.int64) for column in columns), still])

    def _mean_w(self, name: str, samples: Samples, change: NDArray[np.int64], span: int) -> NDArray[np.float64]:
        stretches = Stretches.of(samples)
        state = getattr(self, name)
        total = stretches.segments.running_sum(change, stretches.before(state))
        state[samples.segments.slot] = total[samples.segments.ends]
        return total / (10.0 * np.minimum(samples.count, span))

    def _extremes(self, samples: Samples) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return lowest and highest code of the present block of `_BLOCK` samples and the one before it."""
        code = samples.code.astype(np.int64)
        # The lowest is kept upside down: both are running maxima then, and 0 is nothing seen yet for both.
        low = -self._highest("low", samples, 65_535 - code) + 65_535
        return low.astype(np.uint16), self._highest("high", samples, code).astype(np.uint16)

    def _highest(self, name: str, samples: Samples, values: NDArray[np.int64]) -> NDArray[np.int64]:
        now, before = getattr(self, f"{name}_now"), getattr(self, f"{name}_before")
        blocks = Stretches.at(samples.segments, samples.count % _BLOCK == 1)
        highest = blocks.segments.running_max(values, blocks.before(now).astype(np.int64))
        segments = samples.segments
        ended = segments.shift(highest, now[segments.slot].astype(np.int64))
        begins = samples.count % _BLOCK == 1
        ended[samples.count == 1] = 0
        earlier = segments.fill_forward(ended, begins, before[segments.slot].astype(np.int64))
        now[segments.slot] = highest[segments.ends]
        before[segments.slot] = earlier[segments.ends]
        return np.maximum(highest, earlier)

    def _stillness(self, samples: Samples, last: NDArray[np.uint16]) -> NDArray[np.int64]:
        apart = np.abs(samples.code.astype(np.int64) - last)
        changed = (apart > _STILL) | (samples.count == 1)
        segments, place = samples.segments, np.arange(len(samples))
        state: NDArray[Any] = self.state()["still"]
        # A run from an earlier batch begins so many places before this one, where need be below 0.
        begin = segments.fill_forward(place, changed, segments.starts - state[segments.slot].astype(np.int64) - 1)
        run = place - begin
        state[segments.slot] = np.minimum(run[segments.ends], 2**31)
        return _STILLNESS[np.minimum(run, _STILL_MOST)]


def _deciwatts(codes: NDArray[np.uint16]) -> NDArray[np.int64]:
    return np.rint(decode_watts(codes) * np.float64(10)).astype(np.int64)
