"""What the database keeps beside devices and incidents, as the rows that pages, commands and services see."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kilowatch.core.device import PROTECTED_KINDS, ActsBy, DeviceRecord, Kind, Reporting, Stage
from kilowatch.core.events import IncidentEvent, LabelWord
from kilowatch.core.localtime import zone

Positive = Annotated[float, Meta(gt=0)]


class DeviceEdit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person changes about a device; what is left out stays as it is."""

    kind: Kind | UnsetType = UNSET
    rating_w: Positive | UnsetType | None = UNSET
    off_below_w: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    interval_s: Positive | UnsetType | None = UNSET
    reporting: Reporting | UnsetType = UNSET
    heartbeat_s: Positive | UnsetType | None = UNSET
    time_zone: str | UnsetType = UNSET
    acts_by: ActsBy | UnsetType = UNSET
    protected: bool | UnsetType = UNSET
    stage: Stage | UnsetType = UNSET
    plug: str | UnsetType | None = UNSET
    alarms_per_week: Positive | UnsetType = UNSET
    min_w: Annotated[float, Meta(ge=0)] | UnsetType | None = UNSET
    muted_until: int | UnsetType | None = UNSET

    @property
    def said(self) -> frozenset[str]:
        """The names of the fields that the person spoke of."""
        return frozenset(name for name in self.__struct_fields__ if getattr(self, name) is not UNSET)

    def apply(self, record: DeviceRecord, earlier: frozenset[str] = frozenset()) -> DeviceRecord:
        """Return the record as the person wants it, one version on; `ConfigError` for an unknown time zone.

        Who names the kind says by that whether it is protected, unless they spoke of protection now or `earlier`.
        """
        if isinstance(self.time_zone, str):
            # For its error alone: refused here, an unknown zone cannot stop the pipeline that takes the record over.
            zone(self.time_zone)
        changed = msgspec.structs.replace(record, **{name: getattr(self, name) for name in self.said})
        if isinstance(self.kind, Kind) and "protected" not in self.said | earlier:
            changed = msgspec.structs.replace(changed, protected=self.kind in PROTECTED_KINDS)
        return record if changed == record else msgspec.structs.replace(changed, version=record.version + 1)


# What a plug can know of itself; the rest is for people to decide.
_DISCOVERABLE = frozenset(
    {"kind", "rating_w", "interval_s", "reporting", "heartbeat_s", "time_zone", "acts_by", "source", "plug"}
)


def discovered(record: DeviceRecord, found: DeviceRecord, edited: frozenset[str]) -> DeviceRecord:
    """Return a known record with what a source says of it, one version on where that is news.

    A field at its default says nothing. What a person edited stands for good. Discovery may protect a device,
    never take protection away, and has no say in stage, mute or alarm rate.
    """
    default = DeviceRecord(site=found.site, device=found.device)
    told = {
        name: getattr(found, name)
        for name in _DISCOVERABLE - edited
        if getattr(found, name) not in (getattr(default, name), getattr(record, name))
    }
    if told.get("kind") in PROTECTED_KINDS and "protected" not in edited:
        told["protected"] = True
    return msgspec.structs.replace(record, **told, version=record.version + 1) if told else record


class KnownDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device's record, the fields that a person decided, and when it was first seen."""

    record: DeviceRecord
    edited: frozenset[str]
    first_ms: int


class DevicesOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch device list --json` and `device show --json` print."""

    schema: Literal["kilowatch.devices"] = "kilowatch.devices"
    version: Literal[1] = 1
    devices: list[KnownDevice]


class KnownIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident's latest event, when it opened and cleared (ms UTC), and a person's word on it."""

    event: IncidentEvent
    opened_ms: int
    cleared_ms: int | None
    label: LabelWord | None = None


class LabelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a person's word on an incident; label is None where they took it back."""

    incident: str
    version: int
    site: str
    device: str
    label: LabelWord | None
    who: str
    ts_ms: int


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which artifacts, by SHA-256, a kind of device is judged by: what `IoTModels` carries."""

    kind: Kind
    version: int
    live: str | None
    shadow: str | None = None


class Offset(msgspec.Struct, frozen=True, kw_only=True):
    """The next message that a reader of a partition wants."""

    topic: str
    partition: int
    next: int


class OutboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that left with a database transaction. site places it; value is None for a tombstone."""

    id: int
    topic: str
    site: str
    key: str
    value: bytes | None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit: what was done or said, by whom, why, and the evidence that it rests on.

    avoided_wh: energy that a switch-off saved, Wh, an estimate.
    """

    ts_ms: int
    what: str
    who: str
    why: str
    site: str
    device: str
    incident: str | None = None
    score: float | None = None
    threshold: float | None = None
    model: str | None = None
    window_from_ms: int | None = None
    window_to_ms: int | None = None
    avoided_wh: float | None = None


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person asked a service to do: its wish and its result are JSON of the kind's own structs."""

    id: int
    kind: str
    state: JobState
    who: str
    asked_ms: int
    wish: bytes
    result: bytes | None = None
