"""The events of one incident, from its opening to its end."""

from __future__ import annotations

import msgspec

from kilowatch.core.events import WIRE_V, EventKind, Evidence, IncidentEvent, Severity

AT_MS = 1_767_225_600_000

OPENED = IncidentEvent(
    v=WIRE_V,
    id="d7c4e3b1a09f8e7d",
    version=1,
    site="home",
    device="fridge",
    rule="on_time",
    kind=EventKind.OPENED,
    ts_ms=AT_MS,
    first_ms=AT_MS - 1_500_000,
    last_ms=AT_MS,
    severity=Severity.CRITICAL,
    score=2.6,
    threshold=1.0,
    expected_low_w=0.0,
    expected_high_w=4.0,
    observed_w=92.5,
    sentence="Fridge: on for 41 min; usually off after 18 min; since 00:35, as of 01:00 "
    "(drawing 92 W, expected 0 to 4 W)",
    evidence=Evidence(
        phrase="on for 41 min; usually off after 18 min",
        rule="on_time",
        peak=2.9,
        windows=48,
        bursts=1,
        muted=False,
        acknowledged=False,
    ),
    historical=False,
    model="5f1d7a84db00d2fc",
)


def told(version: int, kind: EventKind, ts_ms: int) -> IncidentEvent:
    return msgspec.structs.replace(OPENED, version=version, kind=kind, ts_ms=ts_ms)


STORY = [
    OPENED,
    told(2, EventKind.UPDATED, AT_MS + 60_000),
    told(3, EventKind.CLEARED, AT_MS + 900_000),
]
