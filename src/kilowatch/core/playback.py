"""A device's past run through a detector as if it were live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.phase import phase_of
from kilowatch.core.samples import Samples
from kilowatch.core.segments import Segments
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector, Scores
    from kilowatch.core.samples import Series


def as_samples(series: Series, slot: int = 0) -> Samples:
    """Return a series as one batch of samples; the window restarts wherever rows are missing."""
    size = len(series)
    slots = np.full(size, slot, dtype=np.int32)
    # What was held is not `usable` in the series; to a detector it is a sample like any other.
    none = np.zeros(size, dtype=np.bool_)
    return Samples(
        segments=Segments.of_sorted(slots),
        slot=slots,
        ts_ms=series.ts_ms,
        local_ms=series.local_ms,
        code=series.code,
        count=_unbroken_counts(series.count),
        phase=np.full(size, phase_of(series.record.site, series.record.device), dtype=np.uint32),
        grid_ms=np.full(size, series.grid_ms, dtype=np.int64),
        held=none,
        historical=none,
    )


def _unbroken_counts(count: NDArray[np.int64]) -> NDArray[np.int64]:
    place = np.arange(len(count))
    starts = np.ones(len(count), dtype=np.bool_)
    starts[1:] = count[1:] != count[:-1] + 1
    return place - np.maximum.accumulate(np.where(starts, place, 0)) + 1


def play(detector: Detector, series: Series) -> Scores:
    """Return the scores of a series from a detector that was fitted on slot 0."""
    samples = as_samples(series)
    ring = WindowRing()
    ring.reserve(1)
    return detector.score(samples, ring.view(samples))
