"""What `--json` prints: one object a command, named by its schema and version, and kept stable."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class ReplayOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch replay --json` prints."""

    schema: Literal["kilowatch.replay"] = "kilowatch.replay"
    version: Literal[1] = 1
    readings: Annotated[int, Meta(ge=0, description="rows read")]
    accepted: Annotated[int, Meta(ge=0)]
    repaired: Annotated[int, Meta(ge=0)]
    rejected: Annotated[int, Meta(ge=0)]
    devices: Annotated[int, Meta(ge=0)]
    learning_days: Annotated[float, Meta(ge=0, description="before a device is watched")]
    watched_device_weeks: Annotated[float, Meta(ge=0, description="in watching; learning does not count")]
    incidents: Annotated[int, Meta(ge=0, description="opened; silent devices are not among them")]
    incident_open_share: Annotated[float, Meta(ge=0, le=1, description="of the watched time")]
    alarms_per_device_week: Annotated[float | None, Meta(description="null where nothing was watched")]
    seconds: Annotated[float, Meta(ge=0, description="wall-clock time of the replay, s")]


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What one rate of alarms that was asked for would have brought."""

    requested_per_device_week: float
    incidents: Annotated[int, Meta(ge=0, description="opened; silent devices are not among them")]
    alarms_per_device_week: Annotated[float | None, Meta(description="null where nothing was watched")]


class RehearseOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch rehearse --json` prints."""

    schema: Literal["kilowatch.rehearse"] = "kilowatch.rehearse"
    version: Literal[1] = 1
    devices: Annotated[int, Meta(ge=0)]
    watched_device_weeks: Annotated[float, Meta(ge=0, description="in watching; learning does not count")]
    sensitivities: list[Sensitivity]


class BenchRow(msgspec.Struct, frozen=True, kw_only=True):
    """One figure."""

    name: str
    value: float | None
    unit: str


class BenchOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch bench NAME --json` prints."""

    schema: Literal["kilowatch.bench"] = "kilowatch.bench"
    version: Literal[1] = 1
    machine: Annotated[str, Meta(description="processor, cores and memory, in words")]
    rows: list[BenchRow]
