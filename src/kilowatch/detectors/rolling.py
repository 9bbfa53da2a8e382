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

    columns: ClassVar[Mapping[str, Column]] = {"rolling_dw": Column(np.uint32)}
    rolling_dw: NDArray[np.uint32]

    def advance(self, samples: Samples, view: WindowView) -> NDArray[np.float64]:
        """Return each sample's mean in watts, NaN until the five minutes are full, and move past them."""
        span = span_of(samples)
        stretches = Stretches.of(samples)
        change = samples.deciwatts - _deciwatts(_leaving(view, span))
        total = stretches.segments.running_sum(change, stretches.before(self.rolling_dw).astype(np.int64))
        self.rolling_dw[samples.segments.slot] = total[samples.segments.ends]
        return np.where(samples.count >= span, total / (span * 10.0), np.nan)


def span_of(samples: Samples) -> NDArray[np.int64]:
    """Return how many samples of each device make five minutes, int64[n], at least one."""
    return np.maximum(1, (SPAN_MS + samples.grid_ms // 2) // samples.grid_ms)


def share_in_hour(samples: Samples) -> NDArray[np.float64]:
    """Return which part of each sample's five minutes lies in its own hour, float64[n]; below 1 as an hour begins."""
    since_ms = samples.local_ms % HOUR_MS
    return np.minimum((since_ms // samples.grid_ms + 1) / span_of(samples), 1.0)


def _leaving(view: WindowView, span: NDArray[np.int64]) -> NDArray[np.uint16]:
    spans = np.unique(span) if len(span) and span.min() != span.max() else span[:1]
    codes = np.zeros(len(span), dtype=np.uint16)
    for steps in spans.tolist():
        np.copyto(codes, view.lagged(steps), where=span == steps)
    return codes


def _deciwatts(codes: NDArray[np.uint16]) -> NDArray[np.int64]:
    return np.rint(decode_watts(codes) * np.float64(10)).astype(np.int64)
