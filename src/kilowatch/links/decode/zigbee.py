"""Zigbee2MQTT: `BASE/NAME` as JSON (energy in kWh), `BASE/NAME/availability`, `BASE/bridge/state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kilowatch.links.decode.report import (
    Availability,
    Report,
    Told,
    UndecodableError,
    json_object,
    json_value,
    number,
    switched,
)
from kilowatch.links.decode.times import any_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_NOT_STATES = ("/set", "/get")
_AVAILABILITY = "/availability"


def decode(topic: str, payload: bytes, received_ms: int, zone: ZoneInfo, base: str = "zigbee2mqtt") -> Told:
    """Return what a message says, nothing where it is of another kind; `UndecodableError` with the reason."""
    name = topic.removeprefix(f"{base}/")
    if name == topic or not name:
        return []
    if name == "bridge/state":
        return [Availability("", _is_online(payload))]
    if name.startswith("bridge/") or name.endswith(_NOT_STATES):
        return []
    if name.endswith(_AVAILABILITY):
        return [Availability(name.removesuffix(_AVAILABILITY), _is_online(payload))]
    if not payload:
        return []  # an empty retained message only clears the one before
    report = _state(name, json_object(payload), received_ms, zone)
    return [report] if report.says_something() else []


def _state(name: str, said: dict[str, Any], received_ms: int, zone: ZoneInfo) -> Report:
    power_w = number(said.get("power"), "power")
    return Report(
        name,
        _last_seen(said.get("last_seen"), received_ms, zone),
        power_w=power_w,
        energy_wh=number(said.get("energy"), "energy", 1000.0),
        # Devices on a battery tell its voltage under the same name, in mV.
        voltage_v=number(said.get("voltage"), "voltage") if power_w is not None else None,
        current_a=number(said.get("current"), "current"),
        on=_switch(said.get("state")),
    )


def _last_seen(value: Any, received_ms: int, zone: ZoneInfo) -> int | None:
    """Return when the device spoke; the bridge may send its words again later, so a wrong time is no reason to fail."""
    if value is None:
        return None
    try:
        return any_time(value, zone, received_ms)
    except UndecodableError:
        return None


def _switch(value: Any) -> bool | None:
    """Return on or off; covers and locks have states of other words."""
    try:
        return switched(value)
    except UndecodableError:
        return None


def _is_online(payload: bytes) -> bool:
    word: Any = payload.decode(errors="replace")
    if payload.startswith(b"{"):
        word = json_value(payload)
        word = word.get("state") if isinstance(word, dict) else None
    if word not in {"online", "offline"}:
        raise UndecodableError("it is neither online nor offline")
    return word == "online"
