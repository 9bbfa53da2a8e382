"""Tasmota: SENSOR (energy in kWh, every 300 s by default), STATE, POWER and LWT; times on the plug's wall clock."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kilowatch.links.decode.report import (
    Availability,
    Report,
    Told,
    UndecodableError,
    json_object,
    number,
    switched,
    text,
)
from kilowatch.links.decode.times import local_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_PREFIXES = ("tele", "stat")
_WORDS = {"Online": True, "Offline": False}
FULL_TOPIC = "%prefix%/%topic%/"


def decode(topic: str, payload: bytes, received_ms: int, zone: ZoneInfo, full_topic: str = FULL_TOPIC) -> Told:
    """Return what a message says, nothing where it is of another kind; `UndecodableError` with the reason."""
    found = _pattern(full_topic).fullmatch(topic)
    if not found:
        return []
    device, what = found["topic"], found["what"]
    if what == "LWT":
        return _availability(device, text(payload))
    if what in {"SENSOR", "STATE", "RESULT"}:
        return _object(device, what, json_object(payload), received_ms, zone)
    if what in {"POWER", "POWER1"}:
        return [Report(device, on=switched(text(payload), "POWER"), is_reading=False)]
    return []


def sensor(device: str, said: dict[str, Any], ts_ms: int | None = None) -> Report:
    """Return what an ENERGY object says. Meters of three phases list a value for each."""
    return Report(
        device,
        ts_ms,
        power_w=_sum(said.get("Power"), "Power"),
        energy_wh=number(_whole(said.get("Total")), "energy", 1000.0),
        voltage_v=_first(said.get("Voltage"), "Voltage"),
        current_a=_sum(said.get("Current"), "Current"),
    )


def _object(device: str, what: str, said: dict[str, Any], received_ms: int, zone: ZoneInfo) -> list[Report]:
    ts_ms = local_time(said.get("Time"), zone, received_ms)
    energy = said.get("ENERGY")
    if isinstance(energy, dict) and what == "SENSOR":
        return [sensor(device, energy, ts_ms)]
    # Firmware for one relay says POWER, the same with more outputs POWER1; other outlets are not followed.
    power = said.get("POWER", said.get("POWER1"))
    return [] if power is None else [Report(device, ts_ms, on=switched(power, "POWER"), is_reading=False)]


def _availability(device: str, word: str) -> Told:
    if word not in _WORDS:
        raise UndecodableError("LWT is neither Online nor Offline")
    return [Availability(device, _WORDS[word])]


def _sum(value: Any, name: str) -> float | None:
    if not isinstance(value, list):
        return number(value, name)
    parts = [number(part, name) for part in value[:3]]
    return sum(part for part in parts if part is not None) if parts else None


def _first(value: Any, name: str) -> float | None:
    return number(value[0] if isinstance(value, list) and value else value, name) if value != [] else None


def _whole(value: Any) -> Any:
    return value if not isinstance(value, list) else None


@lru_cache(maxsize=16)
def _pattern(full_topic: str) -> re.Pattern[str]:
    words = re.escape(full_topic.rstrip("/"))
    prefix = f"(?:{'|'.join(_PREFIXES)})"
    words = words.replace(re.escape("%prefix%"), prefix).replace(re.escape("%topic%"), "(?P<topic>[^/]+)", 1)
    return re.compile(f"{words}/(?P<what>[A-Z0-9]+)")
