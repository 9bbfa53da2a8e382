"""What brokers and plugs tell of themselves: names, addresses and how often they speak, as device records."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from kilowatch.core.device import Reporting, first_seen
from kilowatch.links.decode.report import UndecodableError, json_object, json_value

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord

TASMOTA_INTERVAL_S = 300.0
"""TelePeriod, where nobody changed it."""
QUIET_HEARTBEAT_S = 25 * 3600.0
"""Bridges that tell themselves when a device is gone: a steady value may stay unsaid for most of a day, and
Zigbee2MQTT gives sleeping devices so long before it calls them offline."""
SHELLY1_INTERVAL_S = 30.0

_TASMOTA = re.compile(r"tasmota/discovery/[^/]+/config")
_SHELLY = re.compile(r"(?:shellies|(?P<prefix>.+))/announce")


def shelly_announced(site: str, source: str, topic: str, payload: bytes) -> list[DeviceRecord]:
    """Return the device of `shellies/announce` (both generations) or `PREFIX/announce` (Gen2)."""
    found = _SHELLY.fullmatch(topic)
    if not found:
        return []
    said = json_object(payload)
    identity = said.get("id")
    if not isinstance(identity, str):
        raise UndecodableError("the announcement has no id")
    address = _address(said.get("ip"))
    # Both generations announce themselves under shellies/announce; only the second says which it is.
    if isinstance(said.get("gen"), int):
        name = found["prefix"] or identity
        plug = None if address is None else f"shelly2://{address}/0"
        return [first_seen(site, name, reporting=Reporting.ON_CHANGE, plug=plug, source=source)]
    plug = None if address is None else f"shelly1://{address}/0"
    return [first_seen(site, identity, interval_s=SHELLY1_INTERVAL_S, plug=plug, source=source)]


def tasmota_announced(site: str, source: str, topic: str, payload: bytes) -> list[DeviceRecord]:
    """Return the device of `tasmota/discovery/MAC/config`."""
    if not _TASMOTA.fullmatch(topic):
        return []
    said = json_object(payload)
    name, address = said.get("t"), _address(said.get("ip"))
    if not isinstance(name, str) or not name:
        raise UndecodableError("the announcement has no topic")
    plug = None if address is None else f"tasmota://{address}/1"
    return [first_seen(site, name, interval_s=TASMOTA_INTERVAL_S, plug=plug, source=source)]


def zigbee_announced(
    site: str, source: str, topic: str, payload: bytes, base: str = "zigbee2mqtt"
) -> list[DeviceRecord]:
    """Return the devices of `BASE/bridge/devices` that measure power."""
    if topic != f"{base}/bridge/devices":
        return []
    said = json_value(payload)
    if not isinstance(said, list):
        raise UndecodableError("the list of devices is no list")
    return [_zigbee_record(site, source, device) for device in said if _measures(device)]


def _zigbee_record(site: str, source: str, device: dict[str, Any]) -> DeviceRecord:
    name = str(device["friendly_name"])
    return first_seen(site, name, reporting=Reporting.ON_CHANGE, heartbeat_s=QUIET_HEARTBEAT_S, source=source)


def _measures(device: Any) -> bool:
    """Whether a Zigbee device tells its power."""
    if not isinstance(device, dict) or not isinstance(device.get("friendly_name"), str) or not device["friendly_name"]:
        return False
    definition = device.get("definition")
    exposes = definition.get("exposes") if isinstance(definition, dict) else None
    if device.get("disabled") or not isinstance(exposes, list):
        return False
    return any(isinstance(part, dict) and part.get("property", part.get("name")) == "power" for part in exposes)


def _address(value: Any) -> str | None:
    """Return an IP address as it stands in a URL; what a message claims is checked before it becomes one."""
    try:
        address = ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if address is None:
        return None
    return f"[{address}]" if address.version == 6 else str(address)
