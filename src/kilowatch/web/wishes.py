"""What a caller of the API may ask for, beside what `kilowatch.core.jobs` and `DeviceEdit` have."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.core.events import LabelWord
from kilowatch.core.jobs import Sha256

Until = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="the home's time, ms UTC; 0 ends it now")]


class ProtectWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Protect a device for good, or take that away."""

    protected: bool


class MuteWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Be told nothing of a device until then."""

    until_ms: Until


class PlugWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Switch a device's plug."""

    on: bool


class LabelWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what an incident was."""

    label: LabelWord


class PromoteWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choose the models of a kind; null for none."""

    live: Sha256 | None
    shadow: Sha256 | None = None
