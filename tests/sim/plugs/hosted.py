"""A small simulated home on plugs, for the tests of plugs and of what speaks to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.sim.home import Home
from kilowatch.sim.household import HEATER, KETTLE, ROUTER, TV
from kilowatch.sim.plugs import Make, Outlet, PlugHost, SimClock
from kilowatch.sim.plugs.shelly1 import Shelly1Plug
from kilowatch.sim.plugs.shelly2 import Shelly2Plug
from kilowatch.sim.plugs.tasmota import TasmotaPlug

if TYPE_CHECKING:
    from kilowatch.sim.plugs import SimPlug

START_MS = 1_767_567_600_000
MAKES: dict[Make, type[SimPlug]] = {
    Make.SHELLY2: Shelly2Plug,
    Make.SHELLY1: Shelly1Plug,
    Make.TASMOTA: TasmotaPlug,
}


def plug_of(make: Make, device: str = "router", password: str | None = None, speed: float = 1.0) -> SimPlug:
    """Return a plug of a make, before its host has started it. A router draws about 11 W day and night."""
    home = Home(1, START_MS, appliances=(ROUTER, TV, KETTLE, HEATER))
    return MAKES[make](Outlet(home, device, SimClock(START_MS + 43_200_000, speed)), password)


def host_of(*plugs: SimPlug) -> PlugHost:
    return PlugHost(plugs)
