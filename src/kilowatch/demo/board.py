"""What the audience is to see: kept as the edge and the actor tell it, read by whoever draws it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.core.device import Stage
from kilowatch.core.events import ActionState, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.device import DeviceRecord, Fleet
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.core.records import AuditEntry

_LINES = 400
_STANDS_S = 1.5
"""A reason for leaving a device alone is told once it has stood so long: the first odd window alone says little."""
_BECAUSE_DRY = "this is a dry run"


class LineKind(StrEnum):
    """What a line tells of."""

    STAGE = "stage"
    INCIDENT = "incident"
    OVER = "over"
    SWITCHED = "switched"
    LEFT_ON = "left on"
    NOT_YET = "not yet"
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
        self.open: dict[str, set[str]] = {}
        """The open incidents of each device that has any, by their ids."""
        self.found: set[str] = set()
        self.fleet: Fleet | None = None
        self._clock = clock
        self._since_start = since_start
        self._fresh: deque[Line] = deque(maxlen=_LINES)
        self._pending: dict[str | None, tuple[float, LineKind, str]] = {}
        self._reasons: dict[str | None, str] = {}
        self._lock = threading.Lock()

    def say(self, kind: LineKind, words: str) -> None:
        """Add a line."""
        with self._lock:
            self._fresh.append(Line(self._clock(), kind, words))

    def fresh(self) -> list[Line]:
        """Return the lines that nobody has seen yet, oldest first."""
        for incident, (noted_s, kind, words) in list(self._pending.items()):
            if self._since_start() - noted_s >= _STANDS_S:
                del self._pending[incident]
                self._give_reason(incident, kind, words)
        with self._lock:
            lines = list(self._fresh)
            self._fresh.clear()
        return lines

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Tell of incidents that open and end."""
        for event in events:
            if event.kind is EventKind.CLEARED:
                self._closed(event)
                self.say(LineKind.OVER, event.sentence)
                continue
            self.open.setdefault(event.device, set()).add(event.id)
            # One that comes back after its end goes on counting: it is the same incident.
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
            call = "" if event.attempt == 1 else f", call {event.attempt}"
            self.say(LineKind.SWITCHED, f"{event.device}: armed, so its plug is told to switch off{call}.")
        elif event.state is ActionState.CONFIRMED:
            self.tally.confirmed.add(event.id)
            watts = "" if event.power_w is None else f", {event.power_w:.1f} W"
            self.say(LineKind.SWITCHED, f"{event.device}: read back, its plug says off{watts}.")
        elif event.state is ActionState.REFUSED:
            self.say(LineKind.LEFT_ON, f"{event.device}: left on, {event.why}.")

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Tell that a person is needed."""
        del incident
        self.say(LineKind.ALARM, f"{event.device}: {event.why}. Somebody must look: a real home would be told now.")

    def decided(self, entry: AuditEntry, record: DeviceRecord) -> None:
        """Tell why nothing is switched, unless that has changed a moment later; belongs to whoever calls `fresh`."""
        if entry.incident not in self.tally.claimed:
            self._pending[entry.incident] = self._since_start(), *_reason(entry, record)

    def _give_reason(self, incident: str | None, kind: LineKind, words: str) -> None:
        if self._reasons.get(incident) != words:
            self._reasons[incident] = words
            self.say(kind, words)

    def _closed(self, event: IncidentEvent) -> None:
        still_open = self.open.get(event.device, set()) - {event.id}
        if still_open:
            self.open[event.device] = still_open
        else:
            self.open.pop(event.device, None)

    def _opened(self, event: IncidentEvent) -> None:
        self.tally.incidents += 1
        self.found.add(event.device)
        if self.tally.first_incident_s is None:
            self.tally.first_incident_s = round(self._since_start(), 1)
        self.say(LineKind.INCIDENT, event.sentence)


def _reason(entry: AuditEntry, record: DeviceRecord) -> tuple[LineKind, str]:
    """Say first what decides: a device that is protected is left alone, whatever else there is to say of it."""
    # `core/policy.py` says what it would do, ", but" and what stands against it: here the second half is told.
    device, shut = record.device, entry.why.partition(", but ")[2].rstrip(".") or entry.why
    if record.protected:
        return LineKind.LEFT_ON, f"{device}: it is protected, so its plug is never told to switch."
    if record.stage is not Stage.ARMED:
        return LineKind.LEFT_ON, f"{device}: nobody has armed it, so its plug is not told to switch."
    if shut == _BECAUSE_DRY:
        return LineKind.LEFT_ON, f"{device}: it would be switched off now, but {shut}."
    return LineKind.NOT_YET, f"{device}: armed, but so far {shut}."
