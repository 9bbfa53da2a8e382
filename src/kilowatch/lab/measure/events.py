"""The operating point as a person feels it: what was found, how late, and which alarms were true.

All figures are of *incidents*, at one threshold that was fixed before the test data were seen. Samples that a
detector missed are never counted as found because a neighbour was (Kim et al., AAAI 2022, show what that does).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.measure.intervals import Share
from kilowatch.lab.measure.times import HOUR_MS, EventTimes, IncidentTimes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class Credit(StrEnum):
    """What finds an event."""

    OPENS = "opens"
    """An incident opens for it: a new alarm. The figure to print."""
    STANDS = "stands"
    """An incident opens or already stands open: for events so close that one incident covers several."""


@dataclass(frozen=True, slots=True)
class Detection:
    """found: bool[e], for each event. delay_s: float64[e] from the event's start to the alarm, NaN where missed."""

    found: NDArray[np.bool_]
    delay_s: NDArray[np.float64]

    @classmethod
    def pool(cls, parts: Iterable[Detection]) -> Detection:
        """Return the events of several series as one."""
        detections = list(parts)
        return cls(
            np.concatenate([np.empty(0, dtype=np.bool_), *(one.found for one in detections)]),
            np.concatenate([np.empty(0), *(one.delay_s for one in detections)]),
        )

    @property
    def recall(self) -> Share:
        """Events found, of all."""
        return Share.of(self.found)

    def delay_quantile_s(self, q: float) -> float:
        """Return the q-quantile of the delay over *found* events, NaN where none was: print recall beside it."""
        return float(np.quantile(self.delay_s[self.found], q)) if self.found.any() else float("nan")

    @property
    def delay_median_s(self) -> float:
        """Median delay over found events."""
        return self.delay_quantile_s(0.5)

    @property
    def delay_p95_s(self) -> float:
        """95 % quantile of the delay over found events."""
        return self.delay_quantile_s(0.95)


def unlike_clean(incidents: IncidentTimes, clean: IncidentTimes, slack_ms: int = HOUR_MS) -> NDArray[np.bool_]:
    """Return which incidents the clean twin of the series does not give, bool[m].

    An incident is the twin's too if it opens while one of the twin's stands open, or within slack of that. The
    slack is the hour within which alarms count as one, so jitter does not turn a false alarm into a find.
    """
    if len(clean) == 0:
        return np.ones(len(incidents), dtype=np.bool_)
    # Sorted by opening, so an earlier one may close later: the latest close so far is what counts.
    standing_until = np.maximum.accumulate(clean.close_ms)
    before = np.searchsorted(clean.open_ms, incidents.open_ms + slack_ms, side="right") - 1
    return (before < 0) | (standing_until[before] < incidents.open_ms - slack_ms)


def detect(
    incidents: IncidentTimes,
    events: EventTimes,
    *,
    clean: IncidentTimes | None = None,
    grace_ms: int = 0,
    credit: Credit = Credit.OPENS,
) -> Detection:
    """Return which events were found, and when.

    An incident finds an event if it opens between the event's start and `grace_ms` after its end, or if its first
    odd reading lies inside the event (an incident needs several odd readings before it opens). Give the incidents
    of the series without its events as `clean`: what the twin gives too finds nothing.
    """
    if clean is not None:
        incidents = incidents.keep(unlike_clean(incidents, clean))
    alarm_ms = _first_alarm(incidents, events, grace_ms)
    if credit is Credit.STANDS:
        alarm_ms = np.where(_stands(incidents, events.start_ms), events.start_ms, alarm_ms)
    found = alarm_ms >= 0
    return Detection(found, np.where(found, (alarm_ms - events.start_ms) / 1000, np.nan))


def true_alarms(incidents: IncidentTimes, events: EventTimes, grace_ms: int = 0) -> NDArray[np.bool_]:
    """Return which incidents are about an event, by the rule of `detect`, bool[m]; `Share.of` it is alarm precision."""
    if len(events) == 0:
        return np.zeros(len(incidents), dtype=np.bool_)
    opened = np.searchsorted(events.start_ms, incidents.open_ms, side="right") - 1
    began = np.searchsorted(events.start_ms, incidents.first_ms, side="right") - 1
    # Before the first event the row is -1, which NumPy reads as the last one: that answer is thrown away.
    in_time = (opened >= 0) & (incidents.open_ms < events.end_ms[opened] + grace_ms)
    return in_time | ((began >= 0) & (incidents.first_ms < events.end_ms[began]))


def _first_alarm(incidents: IncidentTimes, events: EventTimes, grace_ms: int) -> NDArray[np.int64]:
    """Return when the first incident about each event opened, -1 where none did."""
    order = np.argsort(incidents.first_ms, kind="stable")
    opened, at = _next_at(incidents.open_ms, incidents.open_ms, events.start_ms)
    began_opened, began_at = _next_at(incidents.first_ms[order], incidents.open_ms[order], events.start_ms)
    late = np.where(began_at < events.end_ms, began_opened, -1)
    return np.where(at < events.end_ms + grace_ms, opened, late)


def _next_at(
    sorted_ms: NDArray[np.int64], value_ms: NDArray[np.int64], start_ms: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return value and time of the first entry at or after each start; the end of time where there is none."""
    never = np.iinfo(np.int64).max
    # Where nothing follows, the place is one past the end, and there stands the entry for none.
    place = np.searchsorted(sorted_ms, start_ms)
    return np.append(value_ms, -1)[place], np.append(sorted_ms, never)[place]


def _stands(incidents: IncidentTimes, at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where an incident opened before each time and has not closed yet."""
    if len(incidents) == 0:
        return np.zeros(len(at_ms), dtype=np.bool_)
    before = np.searchsorted(incidents.open_ms, at_ms) - 1
    return (before >= 0) & (np.maximum.accumulate(incidents.close_ms)[before] > at_ms)
