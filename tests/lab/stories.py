"""Small stories for the tests of the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from kilowatch.app.trace import Trace
from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.lab.report.story import DeviceStory, IncidentStory, ReportStory

START_MS = 1_767_571_200_000
"""Monday 2026-01-05 00:00 UTC."""
STEP_MS = 30_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def trace_of(days: float, *, band: bool = True) -> Trace:
    """About 100 W with a spike to 2 kW at noon of each day."""
    ts_ms = START_MS + STEP_MS * np.arange(round(days * 2880), dtype=np.int64)
    power_w = (100 + 10 * np.sin(ts_ms / 3e6)).astype(np.float32)
    power_w[(ts_ms - START_MS) % DAY_MS == 12 * HOUR_MS] = 2000.0
    nothing = np.full(len(ts_ms), np.nan, dtype=np.float32)
    low_w, high_w = (power_w - 50, power_w + 50) if band else (nothing, nothing)
    return Trace(ts_ms, power_w, power_w, low_w, high_w, np.where(power_w > 1000, 3.0, 0.2).astype(np.float32))


def incident_of(hour: float, hours: float = 1.0, **changed: Any) -> IncidentStory:
    first_ms = START_MS + round(hour * HOUR_MS)
    facts: dict[str, Any] = {
        "id": f"id-{hour}",
        "site": "home",
        "device": "fridge",
        "rule": "on_time",
        "severity": "critical",
        "score": 2.6,
        "first_ms": first_ms,
        "opened_ms": first_ms + 60_000,
        "last_ms": first_ms + round(hours * HOUR_MS),
        "is_open": False,
        "historical": False,
        "sentence": f"Fridge: on for 41 min at hour {hour}",
        "would": "Armed, it would have been switched off at 12:05.",
    }
    return IncidentStory(**(facts | changed))


def device_of(device: str = "fridge", *incidents: IncidentStory, days: float = 3, **changed: Any) -> DeviceStory:
    record = DeviceRecord(site=changed.pop("site", "home"), device=device, kind=Kind.FRIDGE, time_zone="Europe/Berlin")
    facts: dict[str, Any] = {
        "record": record,
        "trace": trace_of(days),
        "incidents": list(incidents),
        "watching_since_ms": START_MS + DAY_MS,
        "readings": round(days * 2880),
    }
    return DeviceStory(**(facts | changed))


def report_of(*devices: DeviceStory, notes: tuple[str, ...] = ()) -> ReportStory:
    return ReportStory("kilowatch: a test", [("readings", "8,640"), ("incidents", "2")], list(devices), list(notes))
