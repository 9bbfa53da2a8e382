"""Events of incidents and steps of actions for the tests of what people are told."""

from __future__ import annotations

import msgspec

from kilowatch.core.device import ActsBy
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, EventKind, IncidentEvent, Severity, Want
from links.incidents import OPENED


def event(
    incident: str,
    version: int = 1,
    kind: EventKind = EventKind.OPENED,
    *,
    severity: Severity = Severity.CRITICAL,
    ts_ms: int = OPENED.ts_ms,
    historical: bool = False,
) -> IncidentEvent:
    changes = {"id": incident, "version": version, "kind": kind, "severity": severity, "ts_ms": ts_ms}
    return msgspec.structs.replace(OPENED, **changes, historical=historical)


def evident(before: IncidentEvent, **evidence: bool) -> IncidentEvent:
    return msgspec.structs.replace(before, evidence=msgspec.structs.replace(before.evidence, **evidence))


def step(state: ActionState, version: int = 3, incident: str = "i1", ts_ms: int = OPENED.ts_ms) -> ActionEvent:
    return ActionEvent(
        v=WIRE_V,
        id=incident,
        version=version,
        site="home",
        device="tv",
        state=state,
        want=Want.SWITCH_OFF,
        acts_by=ActsBy.EDGE,
        attempt=1,
        ts_ms=ts_ms,
        wall_ms=ts_ms,
        why="the plug says that it is on",
    )
