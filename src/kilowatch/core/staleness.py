"""Silence as an incident of its own: a device that stops speaking is told once, and cleared when it speaks again.

Silence is judged by gaps between readings, so a gap within a batch and one that site time uncovers open the same
incident at the same instant: the last reading plus the device's limit. It is historical where that reading was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core import explain
from kilowatch.core.device import grown
from kilowatch.core.events import EventKind, IncidentEvent, Severity
from kilowatch.core.incident_book import FORGET_MS, Incident, IncidentBook
from kilowatch.core.incident_rules import IncidentRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.segments import Segments

STALE = "stale"
"""The rule of these incidents."""

SETTLED_LIMITS = 10
SETTLED_MS = 3_600_000
"""A device must have spoken for ten times its limit and an hour before its silence means anything."""

_UNKNOWN = -1
_NEVER = np.iinfo(np.int64).max


def limit_ms(interval_ms: NDArray[np.int64], hold_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how long a device may be silent, int64[slots]: 3 intervals, and 1.5 times what its value holds."""
    return np.maximum(3 * interval_ms, hold_ms + hold_ms // 2)


class StalenessTracker:
    """When every device of a fleet spoke first and last, and who is silent."""

    def __init__(self, fleet: Fleet, rules: IncidentRules | None = None) -> None:
        self._fleet = fleet
        self._merge_ms = round((rules or IncidentRules()).merge_s * 1000)
        self._book = IncidentBook(fleet)
        self._first_ms = np.empty(0, dtype=np.int64)
        self._last_ms = np.empty(0, dtype=np.int64)
        self._historical = np.empty(0, dtype=np.bool_)
        self._silent = np.empty(0, dtype=np.bool_)
        self._due_ms = np.empty(0, dtype=np.int64)

    @property
    def open(self) -> Mapping[int, Incident]:
        """The open silences by slot."""
        return self._book.open()

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Which devices are silent now, bool[slots]."""
        self._reserve()
        return self._silent[: len(self._fleet)]

    def observe(
        self, segments: Segments, ts_ms: NDArray[np.int64], historical: NDArray[np.bool_]
    ) -> list[IncidentEvent]:
        """Take the readings of a batch, sorted by device and in event order within each; return what changes."""
        if segments.size == 0:
            return []
        self._reserve()
        slot = segments.slot
        # A clock that went back is no silence: gaps count from the latest time that was heard.
        latest = segments.running_max(ts_ms, self._last_ms[slot])
        gaps = _Gaps(
            slot=slot[segments.of_row],
            before_ms=segments.shift(latest, self._last_ms[slot]),
            ts_ms=ts_ms,
            historical=segments.shift(historical, self._historical[slot]),
        )
        new = self._first_ms[slot] == _UNKNOWN
        self._first_ms[slot[new]] = ts_ms[segments.starts[new]]
        self._last_ms[slot], self._historical[slot] = latest[segments.ends], historical[segments.ends]
        rows = np.flatnonzero(self._is_break(segments, gaps))
        events = [event for row in rows.tolist() for event in self._break(gaps, row)]
        # Last, because who is silent now has nothing planned.
        self._plan(slot)
        return sorted(events, key=_event_time)

    def advance(self, now_ms: NDArray[np.int64] | int) -> list[IncidentEvent]:
        """Open an incident for who has been silent too long by now_ms: one time, or int64[slots].

        No reading of a device may follow that is older than its now_ms.
        """
        self._reserve()
        slots = np.flatnonzero(self._due_ms[: len(self._fleet)] <= now_ms)
        events = [self._open(slot, int(self._last_ms[slot]), bool(self._historical[slot])) for slot in slots.tolist()]
        for slot in self._book.due(now_ms):
            self._book.forget(slot)
        return sorted(events, key=_event_time)

    def retire(self, slot: int, ts_ms: int) -> list[IncidentEvent]:
        """Forget a device that a person has deleted: its silence means nothing; return the end of one."""
        self._reserve()
        self._first_ms[slot], self._last_ms[slot] = _UNKNOWN, _UNKNOWN
        self._silent[slot], self._due_ms[slot] = False, _NEVER
        return self._book.retire(slot, ts_ms)

    def acknowledge(self, incident_id: str, ts_ms: int) -> list[IncidentEvent]:
        """Note that a person has seen a silence; nothing where it is not open."""
        slot = self._book.acknowledge(incident_id)
        return [] if slot is None else [self._tell(slot, EventKind.UPDATED, int(self._last_ms[slot]), ts_ms)]

    def _limit_ms(self, slots: NDArray[np.integer]) -> NDArray[np.int64]:
        return limit_ms(self._fleet.interval_ms[slots], self._fleet.hold_ms[slots])

    def _settled(self, slots: NDArray[np.integer], last_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        needed = np.maximum(SETTLED_LIMITS * self._limit_ms(slots), SETTLED_MS)
        return self._fleet.paced[slots] & (last_ms - self._first_ms[slots] >= needed)

    def _plan(self, slots: NDArray[np.integer]) -> None:
        """Set when the silence of these devices falls due; a record's new interval counts from the next reading."""
        last_ms = self._last_ms[slots]
        listens = self._settled(slots, last_ms) & ~self._silent[slots]
        self._due_ms[slots] = np.where(listens, last_ms + self._limit_ms(slots), _NEVER)

    def _is_break(self, segments: Segments, gaps: _Gaps) -> NDArray[np.bool_]:
        too_long = gaps.ts_ms - gaps.before_ms >= self._limit_ms(gaps.slot)
        breaks = too_long & (gaps.before_ms != _UNKNOWN) & self._settled(gaps.slot, gaps.before_ms)
        # Whatever its time, the first reading of a silent device ends the silence.
        breaks[segments.starts] |= self._silent[segments.slot]
        return breaks

    def _break(self, gaps: _Gaps, row: int) -> list[IncidentEvent]:
        slot, before_ms = int(gaps.slot[row]), int(gaps.before_ms[row])
        opened = [] if self._silent[slot] else [self._open(slot, before_ms, bool(gaps.historical[row]))]
        return [*opened, self._clear(slot, before_ms, int(gaps.ts_ms[row]))]

    def _open(self, slot: int, last_ms: int, historical: bool) -> IncidentEvent:
        since_ms = last_ms + int(self._limit_ms(np.array([slot]))[0])
        incident, kind = self._book.latest.get(slot), EventKind.UPDATED
        if incident is None or since_ms >= incident.last_ms + self._merge_ms:
            incident, kind = self._new(slot, since_ms, historical), EventKind.STALE
        else:
            incident.reopen(since_ms)
        incident.windows, incident.last_ms = incident.windows + 1, since_ms
        self._silent[slot], self._due_ms[slot] = True, _NEVER
        # Time ends no silence, only a reading does.
        self._book.put(slot, incident, _NEVER)
        return self._tell(slot, kind, last_ms, since_ms)

    def _new(self, slot: int, since_ms: int, historical: bool) -> Incident:
        record = self._fleet.records[slot]
        incident = Incident.begun(record, STALE, since_ms, threshold=1.0, historical=historical)
        incident.severity, incident.score, incident.peak = Severity.WARN, 1.0, 1.0
        incident.leading_rule, incident.phrase = STALE, f"usually speaks every {explain.duration(self._every_ms(slot))}"
        return incident

    def _clear(self, slot: int, before_ms: int, ts_ms: int) -> IncidentEvent:
        incident = self._book.latest[slot]
        incident.cleared_ms = incident.last_ms = max(ts_ms, incident.since_ms)
        self._silent[slot] = False
        self._book.put(slot, incident, incident.cleared_ms + self._merge_ms + FORGET_MS)
        return self._tell(slot, EventKind.CLEARED, before_ms, incident.cleared_ms)

    def _tell(self, slot: int, kind: EventKind, spoke_ms: int, ts_ms: int) -> IncidentEvent:
        record, incident = self._fleet.records[slot], self._book.latest[slot]
        if kind is EventKind.CLEARED:
            words = explain.speaks_again(record.device, ts_ms - spoke_ms)
        else:
            since = explain.clock(spoke_ms, record.time_zone, ts_ms)
            words = explain.silent(record.device, since, self._every_ms(slot))
        return incident.tell(kind, ts_ms, words, record)

    def _every_ms(self, slot: int) -> int:
        return int((self._fleet.hold_ms if self._fleet.on_change[slot] else self._fleet.interval_ms)[slot])

    def _reserve(self) -> None:
        if len(self._fleet) <= len(self._due_ms):
            return
        room = len(self._fleet) + len(self._fleet) // 4 + 8
        self._first_ms = grown(self._first_ms, room, _UNKNOWN)
        self._last_ms = grown(self._last_ms, room, _UNKNOWN)
        self._historical = grown(self._historical, room, fill=False)
        self._silent = grown(self._silent, room, fill=False)
        self._due_ms = grown(self._due_ms, room, _NEVER)


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The way from the reading before to each row: historical says whether the reading before was history."""

    slot: NDArray[np.int32]
    before_ms: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    historical: NDArray[np.bool_]


def _event_time(event: IncidentEvent) -> int:
    return event.ts_ms
