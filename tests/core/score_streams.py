"""Streams of scores, and what thresholds make of them, for the tests of confirmation, thresholds and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.fleets import START_MS
from kilowatch.core.calibrate import openings_at
from kilowatch.core.samples import Samples
from kilowatch.core.segments import Segments
from kilowatch.core.threshold import Thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP_MS = 30_000
HOUR_MS = 3_600_000
DAY_STEPS = 2880
WEEK_STEPS = 7 * DAY_STEPS


def steps_ms(size: int, first: int = 0, step_ms: int = STEP_MS) -> NDArray[np.int64]:
    return START_MS + step_ms * np.arange(first, first + size, dtype=np.int64)


def samples_of(
    ts_ms: NDArray[Any], slot: NDArray[Any] | None = None, count: NDArray[Any] | None = None, grid_ms: int = STEP_MS
) -> Samples:
    """Return samples sorted by slot; count, where not given, as if every device's window began with its first row."""
    slots = np.zeros(len(ts_ms), dtype=np.int32) if slot is None else slot.astype(np.int32)
    order, segments = Segments.sort(slots)
    none = np.zeros(len(slots), dtype=np.bool_)
    ts_ms = np.asarray(ts_ms, dtype=np.int64)[order]
    return Samples(
        segments=segments,
        slot=slots[order],
        ts_ms=ts_ms,
        local_ms=ts_ms,
        code=np.zeros(len(slots), dtype=np.uint16),
        count=segments.offset + 1 if count is None else count[order].astype(np.int64),
        phase=slots.astype(np.uint32),
        grid_ms=np.full(len(slots), grid_ms, dtype=np.int64),
        held=none,
        historical=none,
    )


def bursty(seed: int, steps: int) -> NDArray[np.float32]:
    """Return scores whose neighbours are alike: a lognormal course that forgets in half an hour."""
    rng = np.random.default_rng(seed)
    knots = rng.standard_normal(steps // 30 + 2)
    course = np.interp(np.arange(steps) / 30, np.arange(len(knots)), knots)
    return np.exp(0.6 * course + 0.1 * rng.standard_normal(steps)).astype(np.float32)


def thresholds_for(score: NDArray[np.float32], alarms_per_week: float = 1.0) -> Thresholds:
    """Return thresholds of one device that has learnt from these scores, which end at START_MS."""
    thresholds = Thresholds()
    thresholds.reserve(1)
    thresholds.fit(0, score, steps_ms(len(score), -len(score)), np.ones(len(score), dtype=np.bool_), alarms_per_week)
    return thresholds


def openings(score: NDArray[np.float32], level: NDArray[np.float32], ts_ms: NDArray[np.int64]) -> int:
    """Return how many alarms a threshold that moves gives."""
    return openings_at(score / level, ts_ms, 1.0)
