"""What one message says of one device, and how single values are taken out of strange JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENERGY_LIMIT_WH = 1e15
_POWER_LIMIT_W = 1e9


class UndecodableError(ValueError):
    """A message is not what its topic or vendor promises; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one message says of one device. None: it says nothing of that.

    ts_ms: event time where the message carries one, ms UTC. power_w W, energy_wh Wh, voltage_v V, current_a A.
    is_reading: with the power known, this is a reading; False where it only completes the next one.
    """

    device: str
    ts_ms: int | None = None
    power_w: float | None = None
    energy_wh: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    on: bool | None = None
    is_reading: bool = True

    def says_something(self) -> bool:
        """Whether it tells any value."""
        return any(getattr(self, name) is not None for name in VALUES)


VALUES = ("power_w", "energy_wh", "voltage_v", "current_a", "on")


@dataclass(frozen=True, slots=True)
class Availability:
    """A device's word, or its broker's, on whether it is there. device: None for a bridge that many hang on."""

    device: str
    is_there: bool


Told: TypeAlias = "Sequence[Report | Availability]"
"""What one message tells, of as many devices as it speaks of."""


def json_object(payload: bytes) -> dict[str, Any]:
    """Return a JSON object; `UndecodableError` for anything else."""
    value = json_value(payload)
    if not isinstance(value, dict):
        raise UndecodableError("it is JSON, but not an object")
    return value


def json_value(payload: bytes) -> Any:
    """Return any JSON value; `UndecodableError` where it is none."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableError("it is not JSON") from error


def number(value: Any, name: str, scale: float = 1.0) -> float | None:
    """Return a finite number times scale, None where there is no value; `UndecodableError` for what is no number."""
    if value is None:
        return None
    # True is an int to Python, and no number of watts.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UndecodableError(f"{name} is not a number")
    return bounded(value, name, scale)


def number_text(payload: bytes | str, name: str, scale: float = 1.0) -> float:
    """Return the number that a text says; `UndecodableError` where it says none."""
    try:
        value = float(payload)
    except ValueError as error:
        raise UndecodableError(f"{name} is not a number") from error
    return bounded(value, name, scale)


def bounded(value: float, name: str, scale: float = 1.0) -> float:
    """Return value times scale; `UndecodableError` where no contract allows it."""
    try:
        scaled = float(value) * scale
    # JSON knows whole numbers of any length, a float does not.
    except OverflowError as error:
        raise UndecodableError(f"{name} is out of bounds") from error
    limit = _ENERGY_LIMIT_WH if name == "energy" else _POWER_LIMIT_W
    if not math.isfinite(scaled) or abs(scaled) > limit:
        raise UndecodableError(f"{name} is out of bounds")
    return scaled


def switched(value: Any, name: str = "the switch") -> bool | None:
    """Return on or off from true, "ON", "on", 1 and their opposites; None where there is no value."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in {"on", "true", "1"}:
        return True
    if word in {"off", "false", "0"}:
        return False
    raise UndecodableError(f"{name} is neither on nor off")


def text(payload: bytes) -> str:
    """Return a short text; `UndecodableError` where it is none."""
    try:
        return payload[:256].decode().strip()
    except UnicodeDecodeError as error:
        raise UndecodableError("it is not text") from error
