"""A stage for the actor: a book in memory that can die at any write, a world, plugs that do as they are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from core.messages import EVENT
from kilowatch.app.actor.actor import Actor
from kilowatch.core.acting import FINAL
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import ActionEvent, ActionState, EventKind, IncidentEvent
from kilowatch.core.policy import Moment, PolicyRules
from kilowatch.core.ports import PlugReading
from kilowatch.errors import PlugError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.core.records import AuditEntry

NOW_MS = 1_767_225_600_000
HEATER = DeviceRecord(
    site="home",
    device="heater",
    kind=Kind.HEATER,
    protected=False,
    stage=Stage.ARMED,
    acts_by=ActsBy.EDGE,
    plug="sim://heater",
)
ODD = msgspec.structs.replace(
    EVENT,
    id="odd-1",
    device="heater",
    kind=EventKind.UPDATED,
    ts_ms=NOW_MS,
    last_ms=NOW_MS,
    first_ms=NOW_MS - 3_600_000,
    observed_w=2000.0,
    evidence=msgspec.structs.replace(EVENT.evidence, on_since_ms=NOW_MS - 7_200_000),
)


class DiedError(Exception):
    """The process is gone."""


@dataclass
class MemoryBook:
    """Dies just before or just after its n-th write, where it is told to."""

    actions: dict[tuple[str, int], ActionEvent] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    rearmed: int | None = None
    dies_at: int | None = None
    dies_before: bool = False
    writes: int = 0

    def write(self, action: ActionEvent | None, entry: AuditEntry | None) -> bool:
        if action is not None and (action.id, action.version) in self.actions:
            return False
        self.writes += 1
        is_last = self.dies_at is not None and self.writes >= self.dies_at
        if is_last and self.dies_before:
            raise DiedError
        if action is not None:
            self.actions.setdefault((action.id, action.version), action)
        if entry is not None:
            self.audit.append(entry)
        if is_last:
            raise DiedError
        return True

    def steps(self, incident: str) -> list[ActionEvent]:
        return [step for (name, _), step in sorted(self.actions.items()) if name == incident]

    def lasts(self) -> list[ActionEvent]:
        return [self.steps(name)[-1] for name in {name for name, _ in self.actions}]

    def unfinished(self) -> list[ActionEvent]:
        return [step for step in self.lasts() if step.state not in FINAL]

    def of_site(self, site: str, since_ms: int) -> list[ActionEvent]:
        return [step for step in self.lasts() if step.site == site and step.ts_ms >= since_ms]

    def rearmed_ms(self, site: str, device: str) -> int | None:
        return self.rearmed

    def last_word(self, site: str, device: str, incident: str) -> AuditEntry | None:
        return next((line for line in reversed(self.audit) if line.incident == incident), None)

    def states(self, incident: str = "odd-1") -> list[ActionState]:
        return [step.state for step in self.steps(incident)]


class StagedWorld:
    def __init__(self, *records: DeviceRecord) -> None:
        self.records = {(record.site, record.device): record for record in records}
        self.events: dict[str, IncidentEvent] = {}
        self.site_ms = NOW_MS
        self.stale = False

    def incident(self, incident: str) -> IncidentEvent | None:
        return self.events.get(incident)

    def record(self, site: str, device: str) -> DeviceRecord | None:
        return self.records.get((site, device))

    def moment(self, site: str, device: str) -> Moment:
        return Moment(self.site_ms, self.stale)


@dataclass
class StagedPlug:
    """A plug with a relay and a meter; deaf: how many calls it does not answer, stuck: it never opens."""

    on: bool = True
    load_w: float = 2000.0
    deaf: int = 0
    stuck: bool = False
    leaks: bool = False
    changed_ms: int | None = None
    told: int = 0
    on_told: Callable[[], None] | None = None

    def read(self) -> PlugReading:
        self._answer()
        return PlugReading(
            on=self.on, power_w=self.load_w if self.on or self.leaks else 0.0, changed_ms=self.changed_ms
        )

    def switch_off(self) -> None:
        self._answer()
        self.told += 1
        self.on = self.on and self.stuck
        if self.on_told is not None:
            self.on_told()

    def switch_on(self) -> None:
        self.on = True

    def close(self) -> None:
        return

    def _answer(self) -> None:
        if self.deaf > 0:
            self.deaf -= 1
            raise PlugError("The plug does not answer.")


@dataclass
class StagedClock:
    ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def pause(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@dataclass
class Told:
    actions: list[ActionEvent] = field(default_factory=list)
    escalated: list[ActionEvent] = field(default_factory=list)

    def action(self, event: ActionEvent) -> None:
        self.actions.append(event)

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        self.escalated.append(event)


class Staging:
    """Everything that an actor needs, and a new one over the same book after a crash."""

    def __init__(self, record: DeviceRecord = HEATER, **rules: object) -> None:
        self.book, self.plug, self.clock, self.told = MemoryBook(), StagedPlug(), StagedClock(), Told()
        self.world = StagedWorld(record)
        self.has_plug = True
        self.rules = replace(PolicyRules(side=ActsBy.EDGE, dry_run=False), **rules)  # type: ignore[arg-type]

    def actor(self) -> Actor:
        return Actor(self.book, self.world, self, self.told, self.clock, self.rules)

    def plug_of(self, record: DeviceRecord) -> StagedPlug | None:
        return self.plug if self.has_plug else None

    def hear(self, event: IncidentEvent = ODD, actor: Actor | None = None) -> list[ActionState]:
        """Let an actor hear of an incident and carry out what comes of it; return the states that were written."""
        self.world.events[event.id] = event
        actor = actor or self.actor()
        actor.hear(event)
        actor.wait()
        return self.book.states(event.id)
