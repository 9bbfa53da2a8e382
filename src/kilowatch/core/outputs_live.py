"""What `--json` prints of the live system: the demo, incidents, the audit, what was looked for and what is set up."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilowatch.core.records import AuditEntry, KnownIncident


class DemoOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch demo --json` prints."""

    schema: Literal["kilowatch.demo"] = "kilowatch.demo"
    version: Literal[1] = 1
    readings: Annotated[int, Meta(ge=0, description="read from plugs over HTTP, and judged")]
    incidents: Annotated[int, Meta(ge=0, description="opened")]
    actions: Annotated[int, Meta(ge=0, description="incidents for which a plug was told to switch off")]
    actions_confirmed: Annotated[int, Meta(ge=0, description="of them, read back as off and drawing nothing")]
    protected_switched: Annotated[int, Meta(ge=0, description="switch calls in the logs of protected plugs")]
    seconds_to_first_incident: Annotated[float | None, Meta(description="s since the start; null where there was none")]


class IncidentsOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch incident list --json` and `incident show --json` print."""

    schema: Literal["kilowatch.incidents"] = "kilowatch.incidents"
    version: Literal[1] = 1
    incidents: list[KnownIncident]


class AuditOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch audit show --json` prints: oldest first."""

    schema: Literal["kilowatch.audit"] = "kilowatch.audit"
    version: Literal[1] = 1
    entries: list[AuditEntry]


class Mark(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that doctor looked at; fix: what to do about it, empty where there is nothing."""

    name: str
    mark: Mark
    found: str
    fix: str = ""


class DoctorOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch doctor --json` prints."""

    schema: Literal["kilowatch.doctor"] = "kilowatch.doctor"
    version: Literal[1] = 1
    checks: list[Check]


class FoundPlug(msgspec.Struct, frozen=True, kw_only=True):
    """A plug that announced itself, and the lines of the settings that would name it."""

    name: str
    make: Annotated[str, Meta(description="shelly2, shelly1, tasmota, zigbee2mqtt; or how it announced itself")]
    by: Annotated[str, Meta(description="mqtt:NAME of the broker, or mdns")]
    address: Annotated[str | None, Meta(description="plug address for the settings; null where it did not say")] = None
    known: Annotated[bool, Meta(description="the settings or the database name it already")] = False


class DiscoverOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch discover --json` prints. missing: ways that could not be tried, and why."""

    schema: Literal["kilowatch.discover"] = "kilowatch.discover"
    version: Literal[1] = 1
    plugs: list[FoundPlug]
    missing: list[str]


class DemoFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be made to go wrong while the demo runs."""

    device: str
    fault: str
    meaning: str
    found_within_s: Annotated[float | None, Meta(description="s of the demo; null where nothing is promised")]


class DemoFaultsOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch demo faults --json` prints: what is found soonest first."""

    schema: Literal["kilowatch.demo-faults"] = "kilowatch.demo-faults"
    version: Literal[1] = 1
    faults: list[DemoFault]


class NoticeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many notices of a channel stand at one state."""

    channel: str
    state: str
    notices: Annotated[int, Meta(ge=1)]


class NotifyOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch notify status --json` prints."""

    schema: Literal["kilowatch.notify"] = "kilowatch.notify"
    version: Literal[1] = 1
    counts: list[NoticeCount]


class TopicsOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch topics check --json` prints."""

    schema: Literal["kilowatch.topics"] = "kilowatch.topics"
    version: Literal[1] = 1
    differences: Annotated[list[str], Meta(description="sentences; none where all topics are as agreed")]


class EdgeOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch edge status --json` prints."""

    schema: Literal["kilowatch.edge"] = "kilowatch.edge"
    version: Literal[1] = 1
    runs: Annotated[str | None, Meta(description="version that runs; null where none is installed")]
    before: Annotated[str | None, Meta(description="version that a rollback would run; null where there is none")]
    installed: list[str]
