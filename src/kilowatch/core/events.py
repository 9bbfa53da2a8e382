"""What travels between the parts, as typed structs; `docs/contracts.md` is generated from them.

Types and required fields are strict. Fields that nobody knows are ignored, so that a part may be upgraded before
its neighbours. Optional fields are left out where they say nothing; a number that is not known is null.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from kilowatch.core.device import ActsBy

WIRE_V = 1
"""The major version of every message below."""

MAX_BATCH_READINGS = 10_000
"""Above this a batch no longer fits a message of `wire.MAX_MESSAGE_BYTES`."""

_LATEST_MS = 253_402_300_799_999  # the end of the year 9999
_BOUND_W = 1e9
_BOUND_WH = 1e15

Version = Annotated[int, Meta(ge=1, description="major version of the message")]
Site = Annotated[str, Meta(min_length=1, max_length=128, description="the home or meter; no NUL")]
Device = Annotated[str, Meta(min_length=1, max_length=128, description="the device, unique within its site; no NUL")]
EventTime = Annotated[int, Meta(ge=0, le=_LATEST_MS, description="event time, ms UTC")]
ReceivedTime = Annotated[
    int, Meta(ge=0, le=_LATEST_MS, description="when the first part of ours saw it, ms UTC; stamped there")
]
Power = Annotated[float, Meta(ge=-_BOUND_W, le=_BOUND_W, description="W")]
Voltage = Annotated[float, Meta(ge=-1e6, le=1e6, description="V")]
Current = Annotated[float, Meta(ge=-1e6, le=1e6, description="A")]
Energy = Annotated[float, Meta(ge=-_BOUND_WH, le=_BOUND_WH, description="Wh, a register that only counts up")]
Switched = Annotated[bool, Meta(description="the switch is on")]
Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1, description="the sender's own count of readings")]
Source = Annotated[str, Meta(max_length=256, description="the kind of plug, file or broker it came from; no NUL")]
Backfill = Annotated[bool, Meta(description="the sender says that it is history")]
IncidentId = Annotated[str, Meta(min_length=1, max_length=64, description="the incident's id")]
Columns = Meta(min_length=1, max_length=MAX_BATCH_READINGS)


# gc=False: it holds no container, so it can be in no cycle that the collector would have to look for.
class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One device's power at one instant. Known by site, device, ts_ms and, where given, seq."""

    v: Version
    site: Site
    device: Device
    ts_ms: EventTime
    received_ms: ReceivedTime | None = None
    power_w: Power
    voltage_v: Voltage | None = None
    current_a: Current | None = None
    energy_wh: Energy | None = None
    on: Switched | None = None
    seq: Sequence | None = None
    source: Source | None = None
    backfill: Backfill = False


class ReadingColumns(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Readings of one site in columns of equal length; null in an optional column is a value not reported."""

    v: Version
    site: Site
    device: Annotated[list[Device], Columns]
    ts_ms: Annotated[list[EventTime], Columns]
    received_ms: Annotated[list[ReceivedTime], Columns] | None = None
    power_w: Annotated[list[Power], Columns]
    voltage_v: Annotated[list[Voltage | None], Columns] | None = None
    current_a: Annotated[list[Current | None], Columns] | None = None
    energy_wh: Annotated[list[Energy | None], Columns] | None = None
    on: Annotated[list[Switched | None], Columns] | None = None
    seq: Annotated[list[Sequence | None], Columns] | None = None
    source: Annotated[list[Source | None], Columns] | None = None
    backfill: Annotated[list[Backfill], Columns] | None = None

    def __post_init__(self) -> None:
        size = len(self.ts_ms)
        for name in self.__struct_fields__:
            column = getattr(self, name)
            if isinstance(column, list) and len(column) != size:
                # msgspec makes its own ValidationError of it; `wire` knows it by its first two words.
                raise ValueError(f"Columns differ in length: {name} has {len(column)} rows, ts_ms has {size}")


class LabelWord(StrEnum):
    """A person's word on an incident."""

    REAL = "real"
    HARMLESS = "harmless"
    WRONG = "wrong"


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="control", tag="tick"):
    """Carries site time where no reading does."""

    v: Version
    received_ms: ReceivedTime


class PersonalWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="control"):
    """What the controls that a person makes have in common."""

    v: Version
    id: Annotated[str, Meta(min_length=1, max_length=64, description="this control's own id")]
    version: Annotated[int, Meta(ge=1, description="of the record or label it belongs to, counting up")]
    site: Site
    device: Device
    ts_ms: EventTime
    who: Annotated[str, Meta(max_length=256, description="the person, as they signed in")] | None = None


class Label(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="label"):
    """A person says what an incident was."""

    incident: IncidentId
    label: LabelWord


class Undo(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="undo"):
    """A person takes the label of an incident back."""

    incident: IncidentId


class Acknowledge(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="ack"):
    """A person has seen the incident: no more notifications of it, and no switching."""

    incident: IncidentId


class Mute(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="mute"):
    """A person wants no notifications of a device for a while."""

    until_ms: Annotated[int, Meta(ge=0, le=_LATEST_MS, description="when the mute ends, ms UTC; 0 ends it now")]


class Rearm(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="rearm"):
    """A person allows switching again after they had switched the device on themselves."""


class RecordChanged(PersonalWord, frozen=True, kw_only=True, omit_defaults=True, tag="device"):
    """The device's record has a new version in `IoTRegistry`."""

    gone: Annotated[bool, Meta(description="a person has deleted it: judges forget what they learnt of it")] = False


class Learnt(msgspec.Struct, frozen=True, kw_only=True, tag_field="control", tag="learnt"):
    """A detector tells the registry that a device has been learnt and is watched from now on."""

    v: Version
    site: Site
    device: Device
    ts_ms: EventTime


Control: TypeAlias = Tick | Label | Undo | Acknowledge | Mute | Rearm | RecordChanged | Learnt
Message: TypeAlias = Reading | ReadingColumns | Control


class RejectReason(StrEnum):
    """Why a message could not become readings."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    VERSION = "version"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_BOUNDS = "out_of_bounds"
    UNEQUAL_COLUMNS = "unequal_columns"
    UNDECODABLE = "undecodable"
    """It broke the contract of the vendor or mapping that its topic belongs to."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that could not be read, kept so that it can be sent through again after an upgrade."""

    v: Version
    source: Source
    reason: RejectReason
    received_ms: ReceivedTime
    raw: Annotated[bytes, Meta(description="the message, base64")]
    topic: (
        Annotated[str, Meta(max_length=65_535, description="of a vendor's message, by which it is decoded")] | None
    ) = None
    retained: Annotated[bool, Meta(description="its broker had kept it, nobody knows for how long")] = False
    why: Annotated[str, Meta(max_length=256, description="the decoder's own words")] | None = None


class Severity(StrEnum):
    """How odd, by the ratio of score to threshold."""

    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"


class EventKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    UPDATED = "updated"
    CLEARED = "cleared"
    STALE = "stale"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind the sentence."""

    phrase: Annotated[str, Meta(description="the detector's own words")]
    rule: Annotated[str, Meta(description="the detector that leads now; the event's rule opened the incident")]
    peak: Annotated[float, Meta(description="highest score of one window alone")]
    windows: Annotated[int, Meta(description="windows at or over the threshold so far")]
    bursts: Annotated[int, Meta(description="1, and one more for each time it came back before `merge_s` was over")]
    muted: Annotated[bool, Meta(description="a person wanted no notifications at ts_ms")]
    acknowledged: Annotated[bool, Meta(description="a person has seen it")]
    on_since_ms: Annotated[int, Meta(description="start of its run, ms UTC; null where it is off")] | None = None


class IncidentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an incident. Readers upsert by (id, version)."""

    v: Version
    id: IncidentId
    version: Annotated[int, Meta(ge=1, description="counts the incident's events up from 1")]
    site: Site
    device: Device
    rule: Annotated[str, Meta(description="the detector that opened it, or `stale`")]
    kind: Annotated[EventKind, Meta(description="what happened; `stale` opens a silence")]
    ts_ms: EventTime
    first_ms: Annotated[int, Meta(description="first odd reading, ms UTC")]
    last_ms: Annotated[int, Meta(description="last odd reading so far, ms UTC")]
    severity: Annotated[Severity, Meta(description="by the score: 1, 1.5, 2.5")]
    score: Annotated[float, Meta(description="highest confirmed score so far; 1.0 is the edge of expected")]
    threshold: Annotated[float, Meta(description="the score at which it opened")]
    expected_low_w: Annotated[float, Meta(description="W; null where there is no expected band")] | None
    expected_high_w: Annotated[float, Meta(description="W; null where there is no expected band")] | None
    observed_w: Annotated[float, Meta(description="at the last window at or over the threshold, W")] | None
    sentence: Annotated[str, Meta(description="plain words, for people")]
    evidence: Evidence
    historical: Annotated[bool, Meta(description="opened on backfill: never makes an intent")]
    model: Annotated[str, Meta(description="hash of the model artifact")]


class Want(StrEnum):
    """What policy would do."""

    NOTIFY = "notify"
    SWITCH_OFF = "switch_off"
    NONE = "none"


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What policy wants done about an open incident, and why; worth nothing after expires_ms."""

    v: Version
    id: IncidentId
    site: Site
    device: Device
    want: Want
    why: Annotated[str, Meta(description="a plain sentence")]
    blocked: Annotated[tuple[str, ...], Meta(description="every interlock that forbids switching off, by name")]
    expires_ms: Annotated[int, Meta(description="site time, ms UTC")]
    incident: (
        Annotated[IncidentEvent, Meta(description="the evidence, where it travels to the side that acts")] | None
    ) = None


class ActionState(StrEnum):
    """How far an action has come."""

    CLAIMED = "claimed"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"


class ActionEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an action; one action per incident, so that its id is the incident's."""

    v: Version
    id: IncidentId
    version: Annotated[int, Meta(ge=1, description="counts the action's events up from 1")]
    site: Site
    device: Device
    state: ActionState
    want: Want
    acts_by: Annotated[ActsBy, Meta(description="the side that owns the switch and wrote this")]
    attempt: Annotated[int, Meta(ge=0, description="0 before the first is sent")]
    ts_ms: EventTime
    wall_ms: Annotated[int, Meta(description="wall clock at this step, ms UTC: plugs are timed by it")]
    why: Annotated[str, Meta(description="a plain sentence")]
    power_w: Annotated[float, Meta(description="read back from the plug, W")] | None = None
    avoided_wh: Annotated[float, Meta(description="energy that a confirmed off saved, Wh, an estimate")] | None = None
