"""Which readings are history: marked so by their sender, or too old on arrival for the device's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_past import UNKNOWN_AGE_MS
from kilowatch.core.clean_values import AHEAD_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean_past import Past
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.segments import Segments

DAY_MS = 86_400_000


def is_history(readings: ReadingBatch, segments: Segments, past: Past, late_after_ms: int) -> NDArray[np.bool_]:
    """Return bool[n]: backfill, by its mark or by its age on arrival (CONTRACTS, identity and time).

    The age is `received_ms - ts_ms`, less the device's clock offset: its smallest age of the day of arrival and
    of the day with readings before. An age above late_after_ms counts for it only where readings arrive at the pace
    of their own times, within a factor of two: a drained outbox would otherwise pass for a slow clock.
    """
    history = np.zeros(segments.size, dtype=np.bool_) if readings.backfill is None else readings.backfill
    if readings.received_ms is not None:
        # Ages are kept in int32: a clock more than 24 days slow is not believed.
        age_ms = np.clip(readings.received_ms - readings.ts_ms, -UNKNOWN_AGE_MS, UNKNOWN_AGE_MS)
        telling = (age_ms <= late_after_ms) | _keeps_pace(readings.ts_ms, readings.received_ms, segments, past)
        # How long a reading lay in an outbox says nothing of the clock that stamped it.
        telling &= (age_ms >= -AHEAD_MS) & ~history
        offset_ms = _offset(readings.received_ms, np.where(telling, age_ms, UNKNOWN_AGE_MS), segments, past)
        history = history | (age_ms - offset_ms > late_after_ms)
        past.seen_received_ms[segments.slot] = readings.received_ms[segments.ends]
    past.seen_ms[segments.slot] = readings.ts_ms[segments.ends]
    return history


def _keeps_pace(
    ts_ms: NDArray[np.int64], received_ms: NDArray[np.int64], segments: Segments, past: Past
) -> NDArray[np.bool_]:
    seen_ms = segments.shift(ts_ms, past.seen_ms[segments.slot])
    step_ms = ts_ms - seen_ms
    waited_ms = received_ms - segments.shift(received_ms, past.seen_received_ms[segments.slot])
    return (seen_ms > 0) & (step_ms > 0) & (step_ms <= 2 * waited_ms) & (waited_ms <= 2 * step_ms)


def _offset(
    received_ms: NDArray[np.int64], age_ms: NDArray[np.int64], segments: Segments, past: Past
) -> NDArray[np.int64]:
    if segments.size == 0:
        return age_ms
    # Days since 1970 fit two bytes until 2149.
    arrived = np.clip(received_ms // DAY_MS, 0, np.iinfo(np.uint16).max)
    days = segments.running_max(arrived, past.day[segments.slot].astype(np.int64))
    if days.min() == days.max():
        return _offset_of_day(days[0], age_ms, segments, past)
    offset_ms = np.zeros(segments.size, dtype=np.int64)
    # Seldom more than two: live batches span midnight at most.
    for day in np.unique(days):
        rows = days == day
        offset_ms[rows] = _offset_of_day(day, age_ms[rows], segments.keep(rows), past)
    return offset_ms


def _offset_of_day(day: np.int64, age_ms: NDArray[np.int64], segments: Segments, past: Past) -> NDArray[np.int64]:
    slot = segments.slot
    low_ms, earlier_ms = past.low_ms[slot], past.earlier_low_ms[slot]
    rolled = past.day[slot] < day
    # A day on which no age told anything leaves the one before it in force.
    earlier_ms = np.where(rolled & (low_ms < UNKNOWN_AGE_MS), low_ms, earlier_ms)
    start_ms = np.where(rolled, UNKNOWN_AGE_MS, low_ms).astype(np.int64)
    # Segments know a running maximum only: the minimum is that of the negated.
    smallest_ms = -segments.running_max(-age_ms, -start_ms)
    past.low_ms[slot], past.earlier_low_ms[slot], past.day[slot] = smallest_ms[segments.ends], earlier_ms, day
    best_ms = np.minimum(smallest_ms, earlier_ms[segments.of_row])
    return np.where(best_ms < UNKNOWN_AGE_MS, best_ms, 0)
