"""What people ask services to do, and what came of it: the JSON of the `jobs` table, a struct for each kind of job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.core.device import Kind

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of a model artifact")]


class JobKind(StrEnum):
    """The jobs that there are."""

    REHEARSE = "rehearse"
    SWITCH = "switch"
    CHOOSE_MODEL = "choose_model"


# Wishes are strict where messages are not: one with a field that nobody knows would be misread.
class RehearseWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many alarms would recorded history have brought at each sensitivity? site, device: null for all of them."""

    days: Annotated[float, Meta(gt=0, le=28, description="how far back; the first of them are learnt from")] = 28.0
    site: Name | None = None
    device: Name | None = None


class JobProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job that still runs: how much of its work is done."""

    share: Annotated[float, Meta(ge=0, le=1)]


class SwitchWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person wants a plug switched; not after expires_ms, the home's time, ms UTC."""

    site: Name
    device: Name
    on: bool
    expires_ms: int


class SwitchDone(msgspec.Struct, frozen=True, kw_only=True):
    """What the plug said when it was read back. power_w: null where it has no meter."""

    on: bool
    power_w: float | None


class ModelWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person chose which models judge a kind: kept so that the choice before can be found again."""

    kind: Kind
    live: Sha256 | None
    shadow: Sha256 | None


class JobFailure(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job that failed: what happened, and what to do next."""

    error: str
    hint: str
