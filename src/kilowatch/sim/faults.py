"""What can go wrong with an appliance, with its habits or with its meter, and for which kinds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.core.device import Kind
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Fault(StrEnum):
    """What goes wrong; strength 1 is a plain case, 0.3 a slight one."""

    DOOR_OPEN = "door_open"
    """Warm air pours in: the compressor runs and does not get there."""
    DOOR_SEAL_LEAK = "door_seal_leak"
    """Heat leaks in: longer runs, shorter pauses."""
    REFRIGERANT_LOSS = "refrigerant_loss"
    """Less cooling for the same power: longer runs."""
    COMPRESSOR_FAILED = "compressor_failed"
    """The compressor never starts."""
    THERMOSTAT_STUCK = "thermostat_stuck"
    """The thermostat's contact has welded: on without end."""
    SHORT_CYCLING = "short_cycling"
    """The switching band has shrunk: many short runs."""
    BEARING_WEAR = "bearing_wear"
    """The motor draws 40 % more."""
    HEATING_ELEMENT_DEGRADED = "heating_element_degraded"
    """The element gives 30 % less, so heating takes longer."""
    BLOCKED_FILTER = "blocked_filter"
    """Air or water passes badly: every phase of the programme takes 60 % longer."""
    LEFT_ON = "left_on"
    """Somebody leaves it on from start to end."""
    NIGHT_USE = "night_use"
    """It runs at three in the morning, every night that lies in the span."""
    PHANTOM_LOAD = "phantom_load"
    """40 W more at all times."""
    DOUBLE_DRAW = "double_draw"
    """It draws twice as much."""
    METER_FROZEN = "meter_frozen"
    """The meter repeats its last reading; the appliance is well."""
    METER_SILENT = "meter_silent"
    """The meter says nothing; the appliance is well."""


METER_FAULTS = frozenset({Fault.METER_FROZEN, Fault.METER_SILENT})
_COLD = {
    Fault.DOOR_OPEN,
    Fault.DOOR_SEAL_LEAK,
    Fault.REFRIGERANT_LOSS,
    Fault.COMPRESSOR_FAILED,
    Fault.THERMOSTAT_STUCK,
    Fault.SHORT_CYCLING,
    Fault.BEARING_WEAR,
}
_BOILER = {Fault.THERMOSTAT_STUCK, Fault.SHORT_CYCLING, Fault.HEATING_ELEMENT_DEGRADED}
_WET = {Fault.HEATING_ELEMENT_DEGRADED, Fault.BEARING_WEAR, Fault.BLOCKED_FILTER, Fault.NIGHT_USE, Fault.PHANTOM_LOAD}
_HOT = {Fault.HEATING_ELEMENT_DEGRADED, Fault.LEFT_ON, Fault.NIGHT_USE, Fault.PHANTOM_LOAD}
_SCREEN = {Fault.LEFT_ON, Fault.NIGHT_USE, Fault.PHANTOM_LOAD}

_OWN: dict[Kind, set[Fault]] = {
    Kind.FRIDGE: _COLD,
    Kind.FREEZER: _COLD,
    Kind.WATER_HEATER: _BOILER,
    Kind.WASHER: _WET,
    Kind.DISHWASHER: _WET,
    Kind.DRYER: _WET,
    Kind.KETTLE: _HOT,
    Kind.COFFEE: _HOT,
    Kind.HEATER: _HOT,
    Kind.OVEN: _HOT,
    Kind.MICROWAVE: {Fault.NIGHT_USE, Fault.PHANTOM_LOAD},
    Kind.TV: _SCREEN,
    Kind.SCREEN: _SCREEN,
    Kind.COMPUTER: _SCREEN,
    Kind.LAMP: _SCREEN,
    Kind.ROUTER: {Fault.DOUBLE_DRAW, Fault.PHANTOM_LOAD},
}

FAULTS_BY_KIND: Mapping[Kind, frozenset[Fault]] = MappingProxyType(
    {kind: METER_FAULTS | _OWN.get(kind, set()) for kind in Kind}
)
"""The faults that make sense for a kind; those of the meter do for all."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault of one device from start_ms until end_ms, or for good; UTC ms."""

    name: Fault
    device: str
    start_ms: int
    end_ms: int | None = None
    strength: float = 1.0

    def overlaps(self, from_ms: int, to_ms: int) -> bool:
        """Whether it is there at any time in from_ms <= t < to_ms."""
        return self.start_ms < to_ms and (self.end_ms is None or self.end_ms > from_ms)

    def active(self, ts_ms: float) -> bool:
        """Whether it is there at ts_ms."""
        return self.start_ms <= ts_ms and (self.end_ms is None or ts_ms < self.end_ms)

    def until(self, horizon_ms: int) -> int:
        """Return its end, horizon_ms at the latest."""
        return horizon_ms if self.end_ms is None else min(self.end_ms, horizon_ms)


def check(faults: Sequence[FaultSpec], kinds: Mapping[str, Kind]) -> None:
    """Raise `ConfigError` for a device that is not there, a fault that its kind cannot have, or an empty span."""
    for fault in faults:
        if fault.device not in kinds:
            raise ConfigError(f"The home has no device {fault.device!r}.", f"It has: {', '.join(kinds)}.")
        kind = kinds[fault.device]
        if fault.name not in FAULTS_BY_KIND[kind]:
            known = ", ".join(sorted(FAULTS_BY_KIND[kind]))
            raise ConfigError(f"A {kind} cannot have the fault {fault.name}.", f"It can have: {known}.")
        if fault.strength <= 0 or (fault.end_ms is not None and fault.end_ms <= fault.start_ms):
            raise ConfigError(f"Fault {fault.name} of {fault.device} has no span or no strength.", "Give end > start.")
