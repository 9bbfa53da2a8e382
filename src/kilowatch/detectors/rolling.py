"""The mean of the last five minutes, exact however the stream is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.quantise import decode_watts
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples
    from kilowatch.core.window import WindowView

SPAN_MS = 300_000
LONGEST = 10
"""Samples of five minutes on the finest grid, 30 s."""


class RollingMean(PerDevice):
    """Running sums in whole deciwatts over the last five minutes of each device; at least one sample."""

    # Ten samples of 10 MW are 1e9 deciwatts: four bytes hold them.
    columns: ClassVar[Mapping[str, Column]] = {"rolling_dw": Column(np.uint32)}
    rolling_dw: NDArray[np.uint32]

    def advance(self, samples: Samples, view: WindowView) -> NDArray[np.float64]:
        """Return each sample's mean in watts, NaN until the five minutes are full, and move past them."""
        span = span_of(samples)
        stretches = Stretches.of(samples)
        # Until the five minutes are full `lagged` gives code 0, which is 0 W: nothing leaves the sum.
        change = samples.deciwatts - _deciwatts(_leaving(view, span))
        total = stretches.segments.running_sum(change, stretches.before(self.rolling_dw).astype(np.int64))
        self.rolling_dw[samples.segments.slot] = total[samples.segments.ends]
        mean_w = total / (span * 10.0)
        mean_w[samples.count < span] = np.nan
        return mean_w


def span_of(samples: Samples) -> NDArray[np.float64]:
    """Return how many samples of each device make five minutes, a whole float64[n], at least one."""
    return np.maximum(np.rint(SPAN_MS / samples.grid_ms), 1.0)


def share_in_hour(samples: Samples, hour: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return which part of each sample's five minutes lies in its own hour, float64[n]; below 1 as an hour begins.

    hour: int64[n], the hour since 1970 of each sample on the wall clock.
    """
    steps = np.floor((samples.local_ms - hour * HOUR_MS) / samples.grid_ms)
    return np.minimum((steps + 1) / span_of(samples), 1.0)


def _leaving(view: WindowView, span: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return the code that leaves the five minutes of each sample, uint16[n]."""
    if len(span) and span.min() == span.max():
        return view.lagged(int(span[0]))
    codes = np.zeros(len(span), dtype=np.uint16)
    for steps in np.unique(span).tolist():
        np.copyto(codes, view.lagged(int(steps)), where=span == steps)
    return codes


def _deciwatts(codes: NDArray[np.uint16]) -> NDArray[np.int64]:
    return np.rint(decode_watts(codes) * np.float64(10)).astype(np.int64)
