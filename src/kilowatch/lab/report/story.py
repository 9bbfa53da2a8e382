"""What a report tells: one story for each device, one for each incident."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilowatch.app.trace import Trace
    from kilowatch.core.device import DeviceRecord


@dataclass(frozen=True, slots=True)
class IncidentStory:
    """An incident as it stood last, and what policy would have done about it."""

    id: str
    site: str
    device: str
    rule: str
    severity: str
    score: float
    first_ms: int
    opened_ms: int
    last_ms: int
    is_open: bool
    historical: bool
    sentence: str
    would: str


@dataclass(frozen=True, slots=True)
class DeviceStory:
    """A device's course with its incidents; watching_since_ms is None where it never stopped learning."""

    record: DeviceRecord
    trace: Trace
    incidents: list[IncidentStory]
    watching_since_ms: int | None
    readings: int
    cleaned: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReportStory:
    """Everything a report shows; facts are pairs of a label and a value, in order."""

    title: str
    facts: list[tuple[str, str]]
    devices: list[DeviceStory]
    notes: list[str]
