"""JSON of any shape, by a mapping that says where each value stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kilowatch.links.decode.report import Report, UndecodableError, json_value, number, number_text, switched
from kilowatch.links.decode.times import any_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from kilowatch.config.sources import MappingConfig

DEVICE_LEVEL = "{device}"
WHOLE = "."


def topic_filter(topic: str) -> str:
    """Return the MQTT filter of a mapping's topic."""
    return topic.replace(DEVICE_LEVEL, "+")


@lru_cache(maxsize=256)
def topic_pattern(topic: str) -> re.Pattern[str]:
    """Return what the topics of a mapping look like; the device's level is the group `device`."""
    levels = re.escape(topic).replace(re.escape(DEVICE_LEVEL), "(?P<device>[^/]+)", 1)
    return re.compile(levels.replace(r"\+", "[^/]+").replace(r"\#", ".*").replace("#", ".*"))


def decode(mapping: MappingConfig, topic: str, payload: bytes, received_ms: int, zone: ZoneInfo) -> list[Report]:
    """Return what a message says, nothing where the topic is another; `UndecodableError` with the reason."""
    found = topic_pattern(mapping.topic).fullmatch(topic)
    if not found:
        return []
    said = json_value(payload)
    power_w = value_at(said, mapping.power, "power", mapping.power_scale)
    if power_w is None:
        raise UndecodableError(f"it has no {mapping.power}")
    when = None if mapping.time is None else at(said, mapping.time)
    return [
        Report(
            _device(mapping, said, found.groupdict().get("device"), topic),
            None if when is None else any_time(when, zone, received_ms),
            power_w=power_w,
            energy_wh=value_at(said, mapping.energy, "energy", mapping.energy_scale),
            voltage_v=value_at(said, mapping.voltage, "voltage"),
            current_a=value_at(said, mapping.current, "current"),
            on=None if mapping.on is None else switched(at(said, mapping.on)),
        )
    ]


def at(said: Any, path: str) -> Any:
    """Return what stands at a dotted path, None where nothing does; numbers in a path count into lists."""
    if path == WHOLE:
        return said
    for step in path.split("."):
        if isinstance(said, dict):
            said = said.get(step)
        # Short ones alone: Python refuses to read a number of thousands of digits.
        elif isinstance(said, list) and step.isdecimal() and len(step) < 6:
            said = said[int(step)] if int(step) < len(said) else None
        else:
            return None
    return said


def value_at(said: Any, path: str | None, name: str, scale: float = 1.0) -> float | None:
    """Return the number at a path, also where it is written as text; None where there is none."""
    value = None if path is None else at(said, path)
    return number_text(value, name, scale) if isinstance(value, str) else number(value, name, scale)


def _device(mapping: MappingConfig, said: Any, from_topic: str | None, topic: str) -> str:
    name = from_topic if mapping.device is None else at(said, mapping.device)
    # A mapping that names no device is of one topic, one device.
    if name is None and mapping.device is None:
        return topic
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name):
        raise UndecodableError(f"it has no {mapping.device}")
    return str(name)
