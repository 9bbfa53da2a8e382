"""The state of an appliance over time: what its faults do to its physics, and when its plug was off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.sim.faults import Fault, FaultSpec

if TYPE_CHECKING:
    from collections.abc import Callable


class Part(StrEnum):
    """What draws the power in a phase."""

    MOTOR = "motor"
    HEATER = "heater"
    ELECTRONICS = "electronics"


@dataclass(frozen=True, slots=True)
class Condition:
    """Factors on a healthy appliance.

    gain: heat exchange with the room · drive: heat moved per watt · band: distance between the thermostat's
    switching points · motor, heater: power of those parts · stretch: length of programme phases · stuck_on,
    dead: the switch no longer obeys the thermostat.
    """

    gain: float = 1.0
    drive: float = 1.0
    band: float = 1.0
    motor: float = 1.0
    heater: float = 1.0
    stretch: float = 1.0
    stuck_on: bool = False
    dead: bool = False

    def power(self, part: Part) -> float:
        """Return the factor on a part's power."""
        return {Part.MOTOR: self.motor, Part.HEATER: self.heater, Part.ELECTRONICS: 1.0}[part]


HEALTHY = Condition()
_WORSEN: dict[Fault, Callable[[Condition, float], Condition]] = {
    Fault.DOOR_OPEN: lambda c, s: replace(c, gain=c.gain * (1 + 5 * s)),
    Fault.DOOR_SEAL_LEAK: lambda c, s: replace(c, gain=c.gain * (1 + 0.8 * s)),
    Fault.REFRIGERANT_LOSS: lambda c, s: replace(c, drive=c.drive / (1 + 0.8 * s)),
    Fault.COMPRESSOR_FAILED: lambda c, _: replace(c, dead=True),
    Fault.THERMOSTAT_STUCK: lambda c, _: replace(c, stuck_on=True),
    Fault.SHORT_CYCLING: lambda c, s: replace(c, band=c.band / (1 + 3 * s)),
    Fault.BEARING_WEAR: lambda c, s: replace(c, motor=c.motor * (1 + 0.4 * s)),
    Fault.HEATING_ELEMENT_DEGRADED: lambda c, s: replace(c, heater=c.heater / (1 + 0.43 * s)),
    Fault.BLOCKED_FILTER: lambda c, s: replace(c, stretch=c.stretch * (1 + 0.6 * s)),
}
"""Strength 1 of each: DOOR_OPEN lifts the equilibrium over the switching point, 1 / 1.43 is 30 % less."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One device's faults, and the spans in which its plug was off."""

    faults: tuple[FaultSpec, ...] = ()
    off: tuple[tuple[int, int | None], ...] = ()

    def at(self, ts_ms: float) -> Condition:
        """Return the condition at ts_ms; without power nothing runs."""
        condition = HEALTHY
        for fault in self.faults:
            if fault.name in _WORSEN and fault.active(ts_ms):
                condition = _WORSEN[fault.name](condition, fault.strength)
        unplugged = any(start <= ts_ms and (end is None or ts_ms < end) for start, end in self.off)
        return replace(condition, dead=True) if unplugged else condition

    def active(self, name: Fault, ts_ms: float) -> bool:
        """Whether there is such a fault at ts_ms."""
        return any(fault.name is name and fault.active(ts_ms) for fault in self.faults)

    def edges(self, from_ms: int, to_ms: int) -> list[int]:
        """Return when the condition changes in from_ms < t < to_ms."""
        ends = [(fault.start_ms, fault.end_ms) for fault in self.faults if fault.name in _WORSEN]
        times = {time for span in (*ends, *self.off) for time in span if time is not None}
        return sorted(time for time in times if from_ms < time < to_ms)
