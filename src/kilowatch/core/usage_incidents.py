"""Incidents and actions beside the readings: what is open at which device, and how often people were alarmed.

An alarm is an incident opened by a detector. Silences are counted as incidents, not as alarms; history that was
drained late is counted apart, because nobody was alarmed when it happened.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, ClassVar

import msgspec

from kilowatch.core.events import ActionEvent, ActionState, EventKind, IncidentEvent, Severity, Want

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEK_MS = 7 * 86_400_000


class OpenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that has not been cleared, as its latest event tells it."""

    version: int
    site: str
    device: str
    rule: str
    severity: Severity
    first_ms: int
    score: float
    historical: bool


class ClosedIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that has been cleared, kept so that a repeated event does not open it again."""

    version: int
    ts_ms: int


class LatestAction(msgspec.Struct, frozen=True, kw_only=True):
    """How far the action of an incident has come."""

    version: int
    site: str
    device: str
    state: ActionState
    want: Want
    ts_ms: int


class Correlation:
    """Open incidents and actions by device, and counts of all there ever were.

    opened: incidents by (rule, severity at opening, historical) · steps: action events by (want, state).
    avoided_wh: energy that confirmed switch-offs saved, by their own estimates.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("alarms_ever", "avoided_wh")
    frozen_types: ClassVar[tuple[type, ...]] = (OpenIncident, ClosedIncident, LatestAction, Severity, Want, ActionState)

    def __init__(self) -> None:
        self.open: dict[str, OpenIncident] = {}
        self.closed: dict[str, ClosedIncident] = {}
        self.actions: dict[str, LatestAction] = {}
        self.opened: defaultdict[tuple[str, Severity, bool], int] = defaultdict(int)
        self.steps: defaultdict[tuple[Want, ActionState], int] = defaultdict(int)
        self.alarms_ever = 0
        self.avoided_wh = 0.0
        self._alarms: dict[tuple[str, str], deque[int]] = {}

    def note_incident(self, event: IncidentEvent) -> None:
        """Take an incident event in; one older than the latest known of its incident is passed over."""
        known = self.open.get(event.id) or self.closed.get(event.id)
        if known is not None and event.version <= known.version:
            return
        if event.kind in {EventKind.OPENED, EventKind.STALE}:
            self._count(event)
        if event.kind is EventKind.CLEARED:
            self.open.pop(event.id, None)
            self.actions.pop(event.id, None)
            self.closed[event.id] = ClosedIncident(version=event.version, ts_ms=event.ts_ms)
            return
        self.closed.pop(event.id, None)
        self.open[event.id] = OpenIncident(
            version=event.version,
            site=event.site,
            device=event.device,
            rule=event.rule,
            severity=event.severity,
            first_ms=event.first_ms,
            score=event.score,
            historical=event.historical,
        )

    def note_action(self, event: ActionEvent) -> None:
        """Take an action event in; one older than the latest known of its action is passed over."""
        known = self.actions.get(event.id)
        if known is not None and event.version <= known.version:
            return
        self.steps[event.want, event.state] += 1
        self.avoided_wh += event.avoided_wh or 0.0
        self.actions[event.id] = LatestAction(
            version=event.version,
            site=event.site,
            device=event.device,
            state=event.state,
            want=event.want,
            ts_ms=event.ts_ms,
        )

    def forget(self, before_ms: int) -> None:
        """Let go of cleared incidents, actions whose incident nobody has cleared, and alarms, from before a time."""
        self.closed = {key: closed for key, closed in self.closed.items() if closed.ts_ms >= before_ms}
        self.actions = {key: action for key, action in self.actions.items() if action.ts_ms >= before_ms}
        for device, times in list(self._alarms.items()):
            while times and times[0] < before_ms:
                times.popleft()
            if not times:
                del self._alarms[device]

    def open_counts(self) -> Mapping[tuple[str, Severity], int]:
        """Return how many current incidents are open by rule and severity; those of history are left out."""
        return Counter((one.rule, one.severity) for one in self.open.values() if not one.historical)

    def of_device(self, site: str, device: str) -> list[OpenIncident]:
        """Return a device's open incidents, the oldest first."""
        mine = [one for one in self.open.values() if (one.site, one.device) == (site, device)]
        return sorted(mine, key=lambda one: one.first_ms)

    def alarms(self, now_ms: int) -> dict[tuple[str, str], int]:
        """Return each device's alarms in the week up to now_ms."""
        since_ms = now_ms - WEEK_MS
        counts = {device: sum(since_ms < at <= now_ms for at in times) for device, times in self._alarms.items()}
        return {device: count for device, count in counts.items() if count}

    def _count(self, event: IncidentEvent) -> None:
        self.opened[event.rule, event.severity, event.historical] += 1
        if event.kind is EventKind.OPENED and not event.historical:
            self.alarms_ever += 1
            self._alarms.setdefault((event.site, event.device), deque()).append(event.first_ms)
