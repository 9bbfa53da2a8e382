"""One appliance's outlet: the relay, the meter, what can go wrong with them, and who asked for what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.sim.faults import FaultSpec
    from kilowatch.sim.home import Home
    from kilowatch.sim.plugs.clock import SimClock

_WATTS_STEP = 10
"""The meter shows tenths of a watt."""


class PlugFault(StrEnum):
    """What can go wrong with the plug itself, as HTTP shows it; its appliance is well.

    By MQTT one that is dead or mute says nothing, and what spoils an answer alone changes nothing.
    """

    DEAD = "dead"
    """Every connection is cut off."""
    MUTE = "mute"
    """It takes the request and never answers."""
    SLOW = "slow"
    """It answers after `slow_s`."""
    STUCK = "stuck"
    """It says yes, and the relay stays as it is."""
    WELDED = "welded"
    """It says that it is off, and power flows on."""
    GARBAGE = "garbage"
    """It answers with what is no JSON."""
    REDIRECT = "redirect"
    """It points to another address."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the plug saw it: its own record, independent of whoever sent it.

    real_s: monotonic clock. sim_ms: the home's time. switched: what the relay was told, None where it was only read.
    """

    real_s: float
    sim_ms: int
    method: str
    path: str
    status: int
    switched: bool | None


class Outlet:
    """The relay and meter between an appliance and the wall. Lives in one thread."""

    def __init__(self, home: Home, device: str, clock: SimClock, faults: Sequence[FaultSpec] = ()) -> None:
        self.device = device
        self.fault: PlugFault | None = None
        self.slow_s = 5.0
        self.faults: Sequence[FaultSpec] = faults
        self.clock = clock
        self._home = home
        self._is_on = True
        self._frozen_ms = 0

    @property
    def is_on(self) -> bool:
        """What the plug says of its relay."""
        return self._is_on

    def switch(self, *, on: bool) -> bool:
        """Move the relay, where it can be moved; return how it stood before."""
        was_on = self._is_on
        if self.fault is PlugFault.STUCK or on == was_on:
            return was_on
        self._is_on = on
        if self.fault is not PlugFault.WELDED:
            self._home.switch(self.device, on, self._now_ms())
        return was_on

    def power_w(self) -> float:
        """Return the draw now, W, in tenths."""
        watts = self._home.power_at(self.device, np.array([self._now_ms()]), self._own())[0]
        return round(float(watts) * _WATTS_STEP) / _WATTS_STEP

    def energy_wh(self) -> float:
        """Return the register, Wh."""
        return self.energy_at([self._now_ms()])[0]

    def energy_at(self, times_ms: list[int]) -> list[float]:
        """Return the register at each time, Wh."""
        # Counters of the first minutes reach back to before the home began, where nothing was lived.
        ts_ms = np.maximum(np.array(times_ms, dtype=np.int64), self._home.start_ms)
        return [round(wh, 3) for wh in self._home.energy_at(self.device, ts_ms, self._own()).tolist()]

    def voltage_v(self) -> float:
        """Return the mains voltage, V: a little lower under load."""
        return round(231.0 - self.power_w() / 2000.0, 1)

    def _own(self) -> list[FaultSpec]:
        return [fault for fault in self.faults if fault.device == self.device]

    def _now_ms(self) -> int:
        """Return the home's time, which never runs back between two calls."""
        # The home refuses to be switched at a time before its last switching.
        self._frozen_ms = max(self._frozen_ms, self.clock.now_ms())
        return self._frozen_ms
