"""What a detector costs the person who lives with it: false alarms, and time that incidents stand open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.measure.intervals import Rate
from kilowatch.lab.measure.times import HOUR_MS, EventTimes, IncidentTimes

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OpenTime:
    """How long at least one incident stood open, of the time watched; devices pool by `+`."""

    open_ms: int
    watched_ms: int

    @property
    def share(self) -> float:
        """Open over watched time, NaN where nothing was watched."""
        return self.open_ms / self.watched_ms if self.watched_ms else math.nan

    def __add__(self, other: OpenTime) -> OpenTime:
        return OpenTime(self.open_ms + other.open_ms, self.watched_ms + other.watched_ms)


def declustered(open_ms: NDArray[np.int64], within_ms: int = HOUR_MS) -> NDArray[np.int64]:
    """Return the alarms that count: one counts unless another that counts came less than `within_ms` before it.

    Merging chains of alarms instead would let a detector that alarms every 59 minutes count as one alarm a year.
    """
    times = np.sort(open_ms)
    kept = []
    place = 0
    while place < len(times):
        kept.append(times[place])
        place = int(np.searchsorted(times, times[place] + within_ms))
    return np.array(kept, dtype=np.int64)


def false_alarms(incidents: IncidentTimes, start_ms: int, end_ms: int, within_ms: int = HOUR_MS) -> Rate:
    """Return declustered alarms per device-week of one device watched from start to end without any event.

    Only real data without injections may be given. Alarms before `start_ms` fell into learning and do not count.
    """
    _refuse_empty(start_ms, end_ms)
    inside = (incidents.open_ms >= start_ms) & (incidents.open_ms < end_ms)
    return Rate.over(len(declustered(incidents.open_ms[inside], within_ms)), end_ms - start_ms)


def open_time(incidents: IncidentTimes, start_ms: int, end_ms: int) -> OpenTime:
    """Return for how long of the watched time at least one incident stood open."""
    _refuse_empty(start_ms, end_ms)
    opened, closed = np.clip(incidents.open_ms, start_ms, end_ms), np.clip(incidents.close_ms, start_ms, end_ms)
    # Sorted by opening: what any earlier incident still covers is not counted again.
    covered = np.maximum.accumulate(np.concatenate(([start_ms], closed)))[:-1]
    return OpenTime(int(np.maximum(closed - np.maximum(opened, covered), 0).sum()), end_ms - start_ms)


def faulty_days_found(incidents: IncidentTimes, clean: IncidentTimes, days: EventTimes) -> NDArray[np.bool_]:
    """Return which faulty days were found, bool[d]: an incident opens that day, and none on its clean twin.

    incidents: of the series with faults. clean: of the same days without them.
    """
    return _opens_in(incidents, days) & ~_opens_in(clean, days)


def _opens_in(incidents: IncidentTimes, days: EventTimes) -> NDArray[np.bool_]:
    before = np.searchsorted(incidents.open_ms, days.start_ms)
    return np.searchsorted(incidents.open_ms, days.end_ms) > before


def _refuse_empty(start_ms: int, end_ms: int) -> None:
    if end_ms <= start_ms:
        raise ReadingError(f"Nothing was watched between {start_ms} and {end_ms}.", "Give the end after the start.")
