"""One example of everything that travels; its golden file in `golden/` has the struct's name."""

from __future__ import annotations

import msgspec

from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import (
    WIRE_V,
    Acknowledge,
    ActionEvent,
    ActionState,
    EventKind,
    Evidence,
    IncidentEvent,
    Intent,
    Label,
    LabelWord,
    Learnt,
    Mute,
    Reading,
    ReadingColumns,
    Rearm,
    RecordChanged,
    Rejected,
    RejectReason,
    Severity,
    Tick,
    Undo,
    Want,
)
from kilowatch.core.outputs import BenchOutput, BenchRow, ReplayOutput

AT_MS = 1_767_225_600_000
INCIDENT = "d7c4e3b1a09f8e7d"

READING = Reading(
    v=WIRE_V,
    site="home",
    device="fridge",
    ts_ms=AT_MS,
    received_ms=AT_MS + 120,
    power_w=92.5,
    voltage_v=229.8,
    current_a=0.41,
    energy_wh=10433.2,
    on=True,
    seq=17,
    source="shelly",
    backfill=True,
)

COLUMNS = ReadingColumns(
    v=WIRE_V,
    site="home",
    device=["fridge", "tv"],
    ts_ms=[AT_MS, AT_MS + 30_000],
    received_ms=[AT_MS + 120, AT_MS + 30_120],
    power_w=[92.5, 0.4],
    energy_wh=[10433.2, None],
)

EVENT = IncidentEvent(
    v=WIRE_V,
    id=INCIDENT,
    version=2,
    site="home",
    device="fridge",
    rule="on_time",
    kind=EventKind.UPDATED,
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
        on_since_ms=1_767_223_140_000,
    ),
    historical=False,
    model="5f1d7a84db00d2fc",
)

_WORD = {"v": WIRE_V, "id": "c-81", "version": 1, "site": "home", "device": "fridge", "ts_ms": AT_MS, "who": "anna"}

EXAMPLES: tuple[msgspec.Struct, ...] = (
    READING,
    COLUMNS,
    Rejected(
        v=WIRE_V,
        source="mqtt:home",
        reason=RejectReason.UNDECODABLE,
        received_ms=AT_MS,
        raw=b"on fire",
        topic="plug/status/switch:0",
        retained=True,
        why="it is not JSON",
    ),
    Tick(v=WIRE_V, received_ms=AT_MS),
    msgspec.convert(_WORD | {"control": "label", "incident": INCIDENT, "label": LabelWord.HARMLESS}, Label),
    msgspec.convert(_WORD | {"control": "undo", "incident": INCIDENT}, Undo),
    msgspec.convert(_WORD | {"control": "ack", "incident": INCIDENT}, Acknowledge),
    msgspec.convert(_WORD | {"control": "mute", "until_ms": AT_MS + 3_600_000}, Mute),
    msgspec.convert(_WORD | {"control": "rearm"}, Rearm),
    msgspec.convert(_WORD | {"control": "device", "version": 4}, RecordChanged),
    Learnt(v=WIRE_V, site="home", device="fridge", ts_ms=AT_MS),
    EVENT,
    Intent(
        v=WIRE_V,
        id=INCIDENT,
        site="home",
        device="fridge",
        want=Want.NOTIFY,
        why="Would switch fridge off, but it is protected; nobody armed it; this is a dry run.",
        blocked=("protected", "not_armed", "dry_run"),
        expires_ms=AT_MS + 120_000,
    ),
    ActionEvent(
        v=WIRE_V,
        id=INCIDENT,
        version=3,
        site="home",
        device="heater",
        state=ActionState.CONFIRMED,
        want=Want.SWITCH_OFF,
        acts_by=ActsBy.EDGE,
        attempt=1,
        ts_ms=AT_MS,
        wall_ms=AT_MS + 1200,
        why="Heater is switched off: on for 9 h; usually off after 2.1 h.",
        power_w=0.0,
    ),
    DeviceRecord(
        site="home",
        device="heater",
        version=4,
        kind=Kind.HEATER,
        rating_w=2000.0,
        interval_s=10.0,
        time_zone="Europe/Berlin",
        acts_by=ActsBy.EDGE,
        protected=False,
        stage=Stage.ARMED,
        source="shelly",
    ),
    ReplayOutput(
        readings=20160,
        accepted=20151,
        repaired=7,
        rejected=2,
        devices=1,
        learning_days=7.0,
        watched_device_weeks=1.0,
        incidents=1,
        incident_open_share=0.0042,
        alarms_per_device_week=1.0,
        seconds=0.41,
    ),
    BenchOutput(machine="2 cores, 24 GiB", rows=[BenchRow(name="replay", value=1_250_000.0, unit="readings/s")]),
)
