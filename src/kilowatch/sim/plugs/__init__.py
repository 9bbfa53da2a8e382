"""Simulated smart plugs: real HTTP servers on loopback, with the simulated home's appliances behind them."""

from kilowatch.sim.plugs.clock import SimClock
from kilowatch.sim.plugs.host import PlugHost
from kilowatch.sim.plugs.outlet import Outlet, PlugFault, Seen
from kilowatch.sim.plugs.plug import Make, SimPlug

__all__ = ["Make", "Outlet", "PlugFault", "PlugHost", "Seen", "SimClock", "SimPlug"]
