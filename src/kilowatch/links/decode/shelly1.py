"""Shelly Gen1: `shellies/ID/relay/N`, `.../power` in W, `.../energy` in watt-minutes, `shellies/ID/online`.

A plug sends one topic after another every 30 s: the power makes the reading, energy and switch complete it.
"""

from __future__ import annotations

import re
from typing import Any

from kilowatch.links.decode.report import (
    Availability,
    Report,
    Told,
    UndecodableError,
    number,
    number_text,
    switched,
    text,
)

WH_OF_WATT_MINUTE = 1 / 60
_RELAY = re.compile(r"shellies/([^/]+)/relay/(\d{1,3})(?:/(power|energy))?")
_ONLINE = re.compile(r"shellies/([^/]+)/online")


def decode(topic: str, payload: bytes) -> Told:
    """Return what a message says, nothing where it is of another kind; `UndecodableError` with the reason."""
    relay = _RELAY.fullmatch(topic)
    if relay:
        return [_relay(relay[1], relay[2], relay[3], payload)]
    online = _ONLINE.fullmatch(topic)
    if online:
        return [Availability(online[1], switched(text(payload), "online") is True)]
    return []


def _relay(plug: str, channel: str, what: str | None, payload: bytes) -> Report:
    device = plug if channel == "0" else f"{plug}:{channel}"
    if what == "power":
        return Report(device, power_w=number_text(payload, "power"))
    if what == "energy":
        return Report(device, energy_wh=number_text(payload, "energy", WH_OF_WATT_MINUTE), is_reading=False)
    word = text(payload)
    # An overpower cut-out has switched the relay off.
    return Report(device, on=word != "overpower" and switched(word, "the relay"), is_reading=False)


def relay_and_meter(device: str, relay: dict[str, Any], meter: dict[str, Any]) -> Report:
    """Return what the answers of /relay/N and /meter/N say together; a meter that says so is not believed."""
    is_valid = meter.get("is_valid") is not False
    total = number(meter.get("total"), "energy", WH_OF_WATT_MINUTE)
    on = switched(relay.get("ison"), "ison")
    if on is None:
        raise UndecodableError("ison is missing")
    return Report(device, power_w=number(meter.get("power"), "power") if is_valid else None, energy_wh=total, on=on)
