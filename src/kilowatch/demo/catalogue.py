"""What can be made to go wrong while the demo runs: with appliances, and with the plugs themselves."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError
from kilowatch.sim.faults import FAULTS_BY_KIND, Fault, FaultSpec
from kilowatch.sim.plugs import PlugFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.core.device import Kind
    from kilowatch.sim.plugs import Outlet

MEANT: Mapping[Fault, str] = {
    Fault.LEFT_ON: "somebody leaves it on",
    Fault.DOOR_OPEN: "its door stays open",
    Fault.DOOR_SEAL_LEAK: "its seal leaks: longer runs",
    Fault.REFRIGERANT_LOSS: "it cools less: longer runs",
    Fault.COMPRESSOR_FAILED: "its compressor never starts again",
    Fault.THERMOSTAT_STUCK: "its thermostat has welded: on without end",
    Fault.SHORT_CYCLING: "it switches far too often",
    Fault.BEARING_WEAR: "its motor draws 40 % more",
    Fault.HEATING_ELEMENT_DEGRADED: "its element heats 30 % less",
    Fault.BLOCKED_FILTER: "every phase takes 60 % longer",
    Fault.NIGHT_USE: "it runs at three in the morning",
    Fault.PHANTOM_LOAD: "40 W more at all times",
    Fault.DOUBLE_DRAW: "it draws twice as much",
}
QUICK: Mapping[tuple[str, Fault], int] = {
    ("kettle", Fault.LEFT_ON): 12,
    ("kettle", Fault.PHANTOM_LOAD): 5,
    ("router", Fault.DOUBLE_DRAW): 3,
    ("router", Fault.PHANTOM_LOAD): 3,
    ("microwave", Fault.PHANTOM_LOAD): 6,
    ("washer", Fault.PHANTOM_LOAD): 30,
    ("water_heater", Fault.THERMOSTAT_STUCK): 45,
    ("fridge", Fault.DOOR_OPEN): 60,
    ("fridge", Fault.THERMOSTAT_STUCK): 60,
    ("heater", Fault.LEFT_ON): 75,
}
"""Minutes of the home's time within which the demo promises to find it; seconds of ours."""
PLUG_FAULTS: Mapping[str, tuple[PlugFault, str]] = {
    "plug-silent": (PlugFault.DEAD, "its plug answers nobody"),
    "plug-stuck": (PlugFault.STUCK, "its plug says yes and stays on"),
    "plug-welded": (PlugFault.WELDED, "its plug says off and power flows on"),
}


@dataclass(frozen=True, slots=True)
class NamedFault:
    """One thing that can be made to go wrong: of the appliance, or else of its plug."""

    device: str
    name: str
    meaning: str
    appliance: Fault | None = None
    plug: PlugFault | None = None

    @property
    def within_min(self) -> int | None:
        """Minutes of the home's time within which it is found, None where nobody promises."""
        return None if self.appliance is None else QUICK.get((self.device, self.appliance))

    def begin(self, outlet: Outlet, now_ms: int) -> None:
        """Let it happen; belongs into the plugs' own thread."""
        if self.appliance is not None:
            outlet.faults = [*outlet.faults, FaultSpec(self.appliance, self.device, now_ms)]
        if self.plug is not None:
            outlet.fault = self.plug


def faults_of(kinds: Mapping[str, Kind]) -> list[NamedFault]:
    """Return all that can go wrong with some devices, what is found soonest first."""
    out = []
    for device, kind in kinds.items():
        fitting = [fault for fault in Fault if fault in FAULTS_BY_KIND[kind] and fault in MEANT]
        out += [NamedFault(device, dashed(fault), MEANT[fault], appliance=fault) for fault in fitting]
        out += [NamedFault(device, name, what, plug=fault) for name, (fault, what) in PLUG_FAULTS.items()]
    return sorted(out, key=lambda fault: (fault.within_min is None, fault.within_min or 0))


def named(kinds: Mapping[str, Kind], device: str, fault: str) -> NamedFault:
    """Return a device's fault by name; `ConfigError` with the nearest names where there is none."""
    if device not in kinds:
        raise ConfigError(f"The demo has no device {device!r}.", f"It has: {', '.join(kinds)}.")
    own = {one.name: one for one in faults_of(kinds) if one.device == device}
    found = own.get(fault.replace("_", "-"))
    if found is None:
        near = get_close_matches(fault, own, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ConfigError(f"A {device} cannot have the fault {fault!r}.", f"{hint}It can have: {', '.join(own)}.")
    return found


def dashed(fault: Fault) -> str:
    """Return a fault's name as people type it."""
    return fault.value.replace("_", "-")
