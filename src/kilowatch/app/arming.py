"""Arming a device: what must be so before kilowatch may ever switch it, and a person's word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.records import DeviceEdit
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.app.registry import Registry
    from kilowatch.core.device import DeviceRecord


def arm(registry: Registry, site: str, device: str, who: str, ts_ms: int, side: ActsBy = ActsBy.EDGE) -> DeviceRecord:
    """Allow kilowatch to switch a device off, and return its record; also after a person had switched it on again.

    `ConfigError`, with what to do first, while it is learning, while it is protected, or where it has no plug.
    """
    record = known(registry, site, device)
    refusal = why_not(record)
    if refusal is not None:
        raise refusal
    owner = side if record.acts_by is ActsBy.NONE else record.acts_by
    # In this order: cut between the two, a device that a person had switched on stays on.
    armed = registry.edit(site, device, DeviceEdit(stage=Stage.ARMED, acts_by=owner), who, ts_ms)
    registry.rearm(site, device, who, ts_ms)
    return armed


def disarm(registry: Registry, site: str, device: str, who: str, ts_ms: int) -> DeviceRecord:
    """Forbid switching a device, which is watched on; nothing changes where it was not armed."""
    record = known(registry, site, device)
    if record.stage is not Stage.ARMED:
        return record
    return registry.edit(site, device, DeviceEdit(stage=Stage.WATCHING), who, ts_ms)


def protect(
    registry: Registry, site: str, device: str, who: str, ts_ms: int, *, protected: bool = True
) -> DeviceRecord:
    """Protect a device for good, or take that away; what is protected is never switched, armed or not."""
    return registry.edit(site, device, DeviceEdit(protected=protected), who, ts_ms)


def why_not(record: DeviceRecord) -> ConfigError | None:
    """Return what stands against arming a device, None where nothing does."""
    name = f"{record.site} {record.device}"
    if record.protected:
        return ConfigError(
            f"{record.device} is protected ({record.kind}) and is not armed.",
            f"If it may really lose its power at any moment: kilowatch device unprotect {name}",
        )
    if record.stage is Stage.LEARNING:
        return ConfigError(
            f"{record.device} is still being learnt: what is odd for it is not known yet.",
            f"See how far it is with: kilowatch doctor. Its kind can be set: kilowatch device set {name} kind=...",
        )
    if record.plug is None:
        return ConfigError(
            f"{record.device} has no plug that could be switched.",
            f"Name it: kilowatch device set {name} plug=shelly2://192.168.1.20/0",
        )
    return None


def known(registry: Registry, site: str, device: str) -> DeviceRecord:
    """Return a device's record; `ConfigError` where there is none."""
    for record in registry.records():
        if (record.site, record.device) == (site, device):
            return record
    raise ConfigError(f"Device {device} of site {site} is not known.", "List them with: kilowatch device list.")
