"""Meters: when they are read, what they report, and what they do when they fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from kilowatch.core.samples import HOUR_MS
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.noise import normal, uniform

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kilowatch.sim.trace import Trace

MISSED = 4e-4
"""tracebase: the median of 16 plugs has 1.2 gaps over a minute a day; COMBED has 0.0001 a reading."""
_JITTER_MS = 400
"""COMBED: the step is 30 s, and 31 s one time in fourteen."""
_OUTAGE_AN_HOUR = 0.002
_OUTAGE_MS = 480_000
_ERROR = 0.003
_REGISTER_WH = 0.1
_FIRST_REGISTER_WH = 2e6


class Supply(Protocol):
    """What a meter measures."""

    def watts(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the draw at each time."""

    def energy_wh(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the energy drawn so far at each time."""

    def powered(self, ts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the switch is on at each time."""


@dataclass(frozen=True, slots=True)
class Mains:
    """The whole home: the sum of all its appliances, metered or not."""

    traces: Sequence[Trace]

    def watts(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sum of all draws."""
        return _summed(trace.watts(ts_ms) for trace in self.traces)

    def energy_wh(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sum of all energies."""
        return _summed(trace.energy_wh(ts_ms) for trace in self.traces)

    def powered(self, ts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """A main meter cannot be switched."""
        return np.ones(len(ts_ms), dtype=np.bool_)


def _summed(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    # One after another: the order of addition must not depend on the number of rows.
    total: NDArray[np.float64] = np.zeros(1)
    for part in parts:
        total = total + part
    return total


@dataclass(frozen=True, slots=True)
class Clock:
    """When a meter is read: every interval_ms, a little early or late, and now and then not at all."""

    key: np.uint64
    start_ms: int
    interval_ms: int

    def between(self, from_ms: int, to_ms: int) -> NDArray[np.int64]:
        """Return the times of reading in from_ms <= t < to_ms, int64[n], in order."""
        # Ticks -1 here and -2 below are nobody else's: polls count from 0 up, and ~hour of our years lies far below.
        phase = int(uniform(self.key, np.array([-1]))[0] * self.interval_ms)
        first = self.start_ms + phase
        low, high = ((ms - first) // self.interval_ms for ms in (from_ms, to_ms))
        # One poll more on either side: its jitter may carry it into the span.
        poll = np.arange(max(low - 1, 0), high + 2)
        # At most a quarter of the interval, so that readings never change places.
        jitter = min(_JITTER_MS, self.interval_ms // 4)
        ts_ms = first + poll * self.interval_ms + np.rint((2 * uniform(self.key, poll) - 1) * jitter).astype(np.int64)
        heard = (ts_ms >= max(from_ms, self.start_ms)) & (ts_ms < to_ms)
        heard &= uniform(~self.key, poll) >= MISSED
        return ts_ms[heard & ~self._outage(ts_ms)]

    def _outage(self, ts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        hour = ts_ms // HOUR_MS
        struck = uniform(self.key, ~hour) < _OUTAGE_AN_HOUR
        length_ms = uniform(~self.key, ~hour) * _OUTAGE_MS
        return struck & (ts_ms - hour * HOUR_MS < length_ms)


class Polled(NamedTuple):
    """One meter's readings: int64, float64, float64 and int8 [n]."""

    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float64]
    energy_wh: NDArray[np.float64]
    on: NDArray[np.int8]


def polled(supply: Supply, clock: Clock, from_ms: int, to_ms: int, faults: Sequence[FaultSpec]) -> Polled:
    """Return a meter's readings of from_ms <= t < to_ms: whole watts, and a register in tenths of a Wh."""
    ts_ms = clock.between(from_ms, to_ms)
    seen_ms = ts_ms
    for fault in faults:
        during = (ts_ms >= fault.start_ms) & (ts_ms < fault.until(to_ms))
        if fault.name is Fault.METER_SILENT:
            ts_ms, seen_ms = ts_ms[~during], seen_ms[~during]
        elif fault.name is Fault.METER_FROZEN:
            seen_ms = np.where(during, max(fault.start_ms, clock.start_ms), seen_ms)
    # The meter's error too is that of seen_ms, so that a frozen one repeats itself to the watt.
    watts = supply.watts(seen_ms) * (1 + _ERROR * normal(clock.key, seen_ms))
    first_wh = uniform(clock.key, np.array([-2]))[0] * _FIRST_REGISTER_WH
    register = np.floor((first_wh + supply.energy_wh(seen_ms)) / _REGISTER_WH) * _REGISTER_WH
    return Polled(ts_ms, np.rint(watts), register, supply.powered(seen_ms).astype(np.int8))
