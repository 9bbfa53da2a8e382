"""What the audience is to see: kept as the edge and the actor tell it, read by whoever draws it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.core.events import ActionState, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.device import Fleet
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.core.records import AuditEntry

_LINES = 400
_STANDS_S = 1.5
"""A reason for leaving a device alone is told once it has stood so long: the first odd window alone says little."""


class LineKind(StrEnum):
    """What a line tells of."""

    STAGE = "stage"
    INCIDENT = "incident"
    OVER = "over"
    SWITCHED = "switched"
    LEFT_ON = "left on"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ts_ms: the home's time."""

    ts_ms: int
    kind: LineKind
    words: str


@dataclass(slots=True)
class Tally:
    """What the demo's JSON counts."""

    readings: int = 0
    incidents: int = 0
    first_incident_s: float | None = None
    claimed: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)


class Board:
    """Keeps `kilowatch.app.edge.edge.Listener` and `kilowatch.app.actor.ports.Tell`; any thread may call it.

    clock: the home's time, ms. since_start: seconds of ours since the command began.
    """

    def __init__(self, clock: Callable[[], int], since_start: Callable[[], float]) -> None:
        self.tally = Tally()
        self.power_w: dict[str, float] = {}
        self.open: dict[str, IncidentEvent] = {}
        self.fleet: Fleet | None = None
        self._clock = clock
        self._since_start = since_start
        self._fresh: deque[Line] = deque(maxlen=_LINES)
        self._pending: dict[str | None, tuple[float, AuditEntry]] = {}
        self._lock = threading.Lock()

    def say(self, kind: LineKind, words: str) -> None:
        """Add a line."""
        with self._lock:
            self._fresh.append(Line(self._clock(), kind, words))

    def fresh(self) -> list[Line]:
        """Return the lines that nobody has seen yet, oldest first."""
        for incident, (noted_s, entry) in list(self._pending.items()):
            if self._since_start() - noted_s >= _STANDS_S:
                del self._pending[incident]
                self.say(LineKind.LEFT_ON, entry.why)
        with self._lock:
            lines = list(self._fresh)
            self._fresh.clear()
        return lines

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Tell of incidents that open and end."""
        for event in events:
            if event.kind is EventKind.CLEARED:
                self.open.pop(event.device, None)
                self.say(LineKind.OVER, event.sentence)
                continue
            self.open[event.device] = event
            if event.version == 1:
                self._opened(event)

    def stepped(self, result: StepResult) -> None:
        """Keep what each device draws."""
        readings = result.clean.readings
        self.tally.readings += len(readings)
        if self.fleet is not None:
            for slot, watts in zip(readings.slot.tolist(), readings.power_w.tolist(), strict=True):
                self.power_w[self.fleet.records[slot].device] = watts

    def action(self, event: ActionEvent) -> None:
        """Tell of a call that was made, and of what the plug said afterwards."""
        self.tally.claimed.add(event.id)
        if event.state is ActionState.SENT:
            self.tally.actions.add(event.id)
            self.say(LineKind.SWITCHED, f"{event.device}: told its plug to switch off (call {event.attempt}).")
        elif event.state is ActionState.CONFIRMED:
            self.tally.confirmed.add(event.id)
            watts = "" if event.power_w is None else f" and {event.power_w:.1f} W"
            self.say(LineKind.SWITCHED, f"{event.device}: the plug was read back and says off{watts}.")
        elif event.state is ActionState.REFUSED:
            self.say(LineKind.LEFT_ON, f"{event.device}: left on, {event.why}.")

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Tell that a person is needed."""
        del incident
        self.say(LineKind.ALARM, f"{event.device}: {event.why}. Somebody must look: a real home would be told now.")

    def decided(self, entry: AuditEntry) -> None:
        """Tell why nothing is switched, unless that has changed a moment later; belongs to whoever calls `fresh`."""
        if entry.incident not in self.tally.claimed:
            self._pending[entry.incident] = self._since_start(), entry

    def _opened(self, event: IncidentEvent) -> None:
        self.tally.incidents += 1
        if self.tally.first_incident_s is None:
            self.tally.first_incident_s = round(self._since_start(), 1)
        self.say(LineKind.INCIDENT, event.sentence)
