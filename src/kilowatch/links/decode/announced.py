"""Home Assistant's MQTT discovery: sensors of any make that say themselves where their values are.

Only templates that take one value out of a message are understood; a template is never run as code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kilowatch.links.decode.generic import WHOLE, value_at
from kilowatch.links.decode.report import Report, UndecodableError, json_object, json_value
from kilowatch.links.decode.statestream import scale_of

_CONFIG = re.compile(r"(?P<component>[a-z_]+)/(?:[^/]+/)?[^/]+/config")
_TEMPLATE = re.compile(
    r"\{\{\s*(value_json|value)((?:\.\w+|\[\s*(?:'[^']*'|\"[^\"]*\"|\d+)\s*\])*)\s*(?:\|[^{}]*)?\}\}"
)
_STEP = re.compile(r"\.(\w+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")
_NO_TOPIC = re.compile(r"[+#\x00\ud800-\udfff]")
_LONGEST_TOPIC = 65_535
_ROLES = frozenset({"power", "energy", "voltage", "current"})
_ABBREVIATED = {
    "state_topic": "stat_t",
    "value_template": "val_tpl",
    "unit_of_measurement": "unit_of_meas",
    "device_class": "dev_cla",
    "device": "dev",
}


@dataclass(frozen=True, slots=True)
class AnnouncedValue:
    """Where one value of a device is told: the topic, the path in its message, and what one of its units is."""

    topic: str
    device: str
    role: str
    path: str
    scale: float


def announced_value(topic: str, payload: bytes, base: str) -> AnnouncedValue | None:
    """Return what a discovery message announces, None where it is no power, energy, voltage or current.

    Raises `UndecodableError` with the reason.
    """
    found = _CONFIG.fullmatch(topic.removeprefix(f"{base}/"))
    if not found or not topic.startswith(f"{base}/") or found["component"] != "sensor" or not payload:
        return None
    said = json_object(payload)
    role, state_topic = _get(said, "device_class"), _get(said, "state_topic")
    if role not in _ROLES or not isinstance(state_topic, str):
        return None
    device = _device(_get(said, "device"))
    path = _path(_get(said, "value_template"))
    if device is None or path is None:
        return None
    announced = _based(state_topic, said)
    if _NO_TOPIC.search(announced) or not 0 < len(announced.encode()) <= _LONGEST_TOPIC:
        # a client that is told to subscribe to nonsense raises, and a wildcard would bring us everybody's messages
        raise UndecodableError("the topic that it announces is none")
    return AnnouncedValue(announced, device, role, path, scale_of(_unit(said), role))


def decode(value: AnnouncedValue, payload: bytes) -> Report:
    """Return what a message of an announced topic says; the power makes the reading, the rest completes it."""
    said = json_value(payload)
    figure = value_at(said, value.path, value.role, value.scale)
    if value.role == "power":
        return Report(value.device, power_w=figure)
    if value.role == "energy":
        return Report(value.device, energy_wh=figure, is_reading=False)
    if value.role == "voltage":
        return Report(value.device, voltage_v=figure, is_reading=False)
    return Report(value.device, current_a=figure, is_reading=False)


def _get(said: dict[str, Any], name: str) -> Any:
    return said.get(name, said.get(_ABBREVIATED[name]))


def _device(said: Any) -> str | None:
    name = said.get("name") if isinstance(said, dict) else None
    return name if isinstance(name, str) and name else None


def _unit(said: dict[str, Any]) -> str | None:
    unit = _get(said, "unit_of_measurement")
    if unit is not None and not isinstance(unit, str):
        raise UndecodableError("the unit is no text")
    return unit


def _path(template: Any) -> str | None:
    """Return the dotted path of a template that takes one value out, None for any other."""
    if template is None:
        return WHOLE
    # Bounded first: a stranger on the network wrote the text that the pattern is tried on.
    found = _TEMPLATE.fullmatch(template.strip()) if isinstance(template, str) and len(template) < 500 else None
    if found is None:
        return None
    steps = ["".join(parts) for parts in _STEP.findall(found[2])]
    # A key with a point in it would be taken for two steps of a path.
    if any("." in step for step in steps) or (found[1] == "value" and steps):
        return None
    return ".".join(steps) or WHOLE


def _based(topic: str, said: dict[str, Any]) -> str:
    base = said.get("~")
    # Home Assistant lets an announcement name what its topics begin with once, as "~".
    return topic.replace("~", base) if isinstance(base, str) else topic
