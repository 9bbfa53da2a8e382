"""Each accepted reading beside the one before: gaps, and values that stand still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_reasons import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean_past import Past
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.segments import Segments

FROZEN_AFTER_MS = 6 * 3_600_000
FROZEN_HABITS = 3
FROZEN_HOLDS = 20
"""A value is called frozen after 6 h, three times the device's longest run and 20 heartbeats, whichever is last."""
_LONGEST_MS = np.iinfo(np.uint32).max


@dataclass(frozen=True, slots=True)
class Pairs:
    """n accepted readings, sorted by device, with what stood before each.

    before_ms int64[n], before_w float64[n]: time and power of the reading before, 0 where there is none.
    near bool[n]: it is later than the reading before, by no longer than the device's values hold.
    """

    segments: Segments
    before_ms: NDArray[np.int64]
    before_w: NDArray[np.float64]
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, readings: ReadingBatch, segments: Segments, past: Past, hold_ms: NDArray[np.int64]) -> Pairs:
        """Pair the readings up; hold_ms is int64[n]. Watts are compared as float32, the precision that is kept."""
        before_ms = segments.shift(readings.ts_ms, past.newest_ms[segments.slot])
        before_w = segments.shift(readings.power_w.astype(np.float32), past.power_w[segments.slot])
        step_ms = readings.ts_ms - before_ms
        near = (step_ms > 0) & (step_ms <= hold_ms)
        return cls(segments, before_ms, before_w.astype(np.float64), near)


def find_frozen(
    readings: ReadingBatch, pairs: Pairs, past: Past, hold_ms: NDArray[np.int64], counts_on: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """Return the reasons uint8[n], `FROZEN` where one value above zero outlasts the device's habit.

    The habit is the longest run that has ended, so a load that is steady by nature is marked ever more seldom; and a
    meter whose register counts on is alive, however steady its load: counts_on bool[n], None without registers.
    """
    segments, slot = pairs.segments, pairs.segments.slot
    # Zero is left out: what is switched off repeats it for weeks.
    same = pairs.near & (readings.power_w.astype(np.float32) == pairs.before_w) & (readings.power_w > 0)
    if counts_on is not None:
        same &= ~counts_on
    # Kept is the length of a run and not its start: four bytes a device, not eight.
    began_ms = past.newest_ms[slot] - past.held_ms[slot]
    since_ms = segments.fill_forward(readings.ts_ms, ~same, began_ms)
    held_ms = np.minimum(readings.ts_ms - since_ms, _LONGEST_MS)
    ended_ms = np.where(same, 0, segments.shift(held_ms, past.held_ms[slot].astype(np.int64)))
    habit_ms = segments.running_max(ended_ms, past.habit_ms[slot].astype(np.int64))
    past.held_ms[slot], past.habit_ms[slot] = held_ms[segments.ends], habit_ms[segments.ends]
    limit_ms = np.maximum(np.maximum(FROZEN_AFTER_MS, FROZEN_HABITS * habit_ms), FROZEN_HOLDS * hold_ms)
    return np.where(held_ms > limit_ms, np.uint8(Reason.FROZEN), np.uint8(Reason.NONE))
