"""Home Assistant's statestream: `BASE/DOMAIN/OBJECT/state` as plain text, `.../unit_of_measurement` as JSON text.

Which device an entity belongs to is told by its name (`sensor.tv_power`, `switch.tv`) or by the settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.links.decode.report import (
    Availability,
    Report,
    UndecodableError,
    json_value,
    number_text,
    switched,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES = ("power", "energy", "voltage", "current", "on")
# Lazily up to the role, so that "washing_machine_power" keeps the underscores of its device.
_SENSOR = re.compile(r"(?P<device>.+?)_(?:active_|electric_)?(?P<role>power|energy|voltage|current)(?:_consumption)?")
_GONE = frozenset({"unavailable", "unknown"})
_SCALES = {
    "power": {"W": 1.0, "kW": 1e3, "MW": 1e6, "mW": 1e-3},
    "energy": {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6, "mWh": 1e-3},
    "voltage": {"V": 1.0, "mV": 1e-3, "kV": 1e3},
    "current": {"A": 1.0, "mA": 1e-3},
}
_USUAL = {"power": "W", "energy": "kWh", "voltage": "V", "current": "A"}


@dataclass(frozen=True, slots=True)
class Entity:
    """What an entity tells of which device. role: one of ROLES."""

    device: str
    role: str


def entity_of(domain: str, name: str, chosen: Mapping[str, str]) -> Entity | None:
    """Return what an entity stands for, None where it is of no concern. chosen: "sensor.x" to "tv.power"."""
    # What a person has set comes before any name, also to say that an entity is of no concern.
    wanted = chosen.get(f"{domain}.{name}")
    if wanted is not None:
        device, _, role = wanted.rpartition(".")
        return Entity(device, role) if device and role in ROLES else None
    if domain == "switch":
        return Entity(name, "on")
    found = _SENSOR.fullmatch(name) if domain == "sensor" else None
    return Entity(found["device"], found["role"]) if found else None


def decode_state(entity: Entity, payload: bytes, unit: str | None) -> Report | Availability:
    """Return what a state says; the power makes the reading, the rest completes it. Raises `UndecodableError`."""
    word = text(payload)
    if word in _GONE:
        return Availability(entity.device, is_there=False)
    if entity.role == "on":
        return Report(entity.device, on=switched(word), is_reading=False)
    value = number_text(word, entity.role, scale_of(unit, entity.role))
    if entity.role == "power":
        return Report(entity.device, power_w=value)
    if entity.role == "energy":
        return Report(entity.device, energy_wh=value, is_reading=False)
    if entity.role == "voltage":
        return Report(entity.device, voltage_v=value, is_reading=False)
    return Report(entity.device, current_a=value, is_reading=False)


def decode_unit(payload: bytes) -> str:
    """Return the unit that an attribute's message names; `UndecodableError` where it names none."""
    unit = json_value(payload)
    if not isinstance(unit, str):
        raise UndecodableError("the unit is no text")
    return unit


def scale_of(unit: str | None, role: str) -> float:
    """Return how many W, Wh, V or A one of a unit is; without a unit Home Assistant's usual one is meant."""
    scales = _SCALES[role]
    scale = scales.get(_USUAL[role] if unit is None else unit)
    if scale is None:
        raise UndecodableError(f"{unit} is no unit of {role}")
    return scale
