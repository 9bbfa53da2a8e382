"""Shelly Gen2 and later: `PREFIX/status/switch:N`, `PREFIX/events/rpc` with partial status, `PREFIX/online`.

Energies are Wh, power W. A NotifyStatus carries only what changed, and the plug's own time in seconds.
"""

from __future__ import annotations

import re
from typing import Any

from kilowatch.links.decode.report import (
    Availability,
    Report,
    Told,
    UndecodableError,
    bounded,
    json_object,
    number,
    switched,
    text,
)
from kilowatch.links.decode.times import unix_seconds

_METERED = re.compile(r"(?:switch|pm1|cover|light):(\d{1,3})")
_NOTIFICATIONS = frozenset({"NotifyStatus", "NotifyFullStatus"})
_STATUS, _EVENTS, _ONLINE = "/status/", "/events/rpc", "/online"


def decode(topic: str, payload: bytes) -> Told:
    """Return what a message says of each of its switches, nothing where it is of another kind.

    Raises `UndecodableError` with the reason.
    """
    if topic.endswith(_EVENTS):
        return _notification(topic.removesuffix(_EVENTS), payload)
    prefix, found, component = topic.partition(_STATUS)
    if found and _METERED.fullmatch(component):
        return [status(_device(prefix, component), json_object(payload))]
    if topic.endswith(_ONLINE):
        return [Availability(topic.removesuffix(_ONLINE), switched(text(payload), "online") is True)]
    return []


def status(device: str, said: dict[str, Any], ts_ms: int | None = None) -> Report:
    """Return what a status object says, whole or partial, as over MQTT, WebSocket or HTTP."""
    energy = said.get("aenergy")
    if energy is not None and not isinstance(energy, dict):
        raise UndecodableError("aenergy is not an object")
    return Report(
        device,
        ts_ms,
        power_w=number(said.get("apower"), "apower"),
        energy_wh=None if energy is None else _energy(energy),
        voltage_v=number(said.get("voltage"), "voltage"),
        current_a=number(said.get("current"), "current"),
        on=switched(said.get("output"), "output"),
    )


def _energy(energy: dict[str, Any]) -> float | None:
    total = number(energy.get("total"), "energy")
    return None if total is None else bounded(total, "energy")


def _notification(prefix: str, payload: bytes) -> list[Report]:
    frame = json_object(payload)
    if frame.get("method") not in _NOTIFICATIONS:
        return []
    params = frame.get("params")
    if not isinstance(params, dict):
        raise UndecodableError("the notification has no params")
    ts_ms = unix_seconds(params.get("ts"))
    reports = [
        status(_device(prefix, component), said, ts_ms)
        for component, said in params.items()
        if _METERED.fullmatch(component) and isinstance(said, dict)
    ]
    # One that tells a temperature alone is no news of the power: it must not repeat the last reading.
    return [report for report in reports if report.says_something()]


def _device(prefix: str, component: str) -> str:
    """Return the device's name: the first channel is the plug itself."""
    channel = component.partition(":")[2]
    return prefix if channel == "0" else f"{prefix}:{channel}"
