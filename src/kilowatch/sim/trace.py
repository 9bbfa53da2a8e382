"""One appliance's life so far: grown day by day when somebody asks, and the same whoever asks in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.sim.days import days_from
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kilowatch.sim.appliance import Appliance
    from kilowatch.sim.condition import Timeline
    from kilowatch.sim.days import LocalDay
    from kilowatch.sim.load import Step
    from kilowatch.sim.noise import Streams

_PHANTOM_W = 40.0


class Trace:
    """What one appliance draws at its socket from the start of the home's first local day on."""

    def __init__(self, appliance: Appliance, start_ms: int, zone: str, streams: Streams, timeline: Timeline) -> None:
        self.appliance = appliance
        self.timeline = timeline
        self._key = streams.key(appliance.name)
        self._lived = appliance.live(self._days(days_from(start_ms, zone)), timeline, streams)
        self._grown: list[Load] = []
        self._end_ms = start_ms - 1
        self._load = Load.of([])
        self._at_starts = np.zeros(0)

    def _days(self, days: Iterator[LocalDay]) -> Iterator[LocalDay]:
        for day in days:
            self._end_ms = day.end_ms
            yield day

    def _grow(self, until_ms: int) -> None:
        # At least one day is lived, also where somebody asks of a time before it: else nothing could be looked up.
        if self._grown and until_ms < self._end_ms:
            return
        while not self._grown or until_ms >= self._end_ms:
            self._grown.append(Load.of(next(self._lived)))
        self._grown = [Load.join(self._grown)]
        self._load = self._grown[0]
        # Laid over the unaltered life each time: a fault without an end reaches as far as that has grown.
        for fault in self.timeline.faults:
            self._load = _altered(self._load, fault, self.appliance.left_on, self._end_ms)
        self._at_starts = self._load.energy_at_starts()

    def watts(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the draw at each time, float64[n]; nothing while the plug is off."""
        if len(ts_ms) == 0:
            return np.zeros(0)
        self._grow(int(ts_ms.max()))
        return self._load.watts(ts_ms, self._key) * self.powered(ts_ms)

    def energy_wh(self, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the energy drawn since the first local midnight, Wh, float64[n]."""
        if len(ts_ms) == 0:
            return np.zeros(0)
        self._grow(int(ts_ms.max()))
        energy = self._load.energy_wh(ts_ms, self._at_starts)
        for start, end in self.timeline.off:
            # What would have been drawn while the plug was off, up to each time, does not go through the register.
            inside = np.stack([np.minimum(ts_ms, start), ts_ms if end is None else np.minimum(ts_ms, end)])
            undrawn = np.diff(self._load.energy_wh(inside, self._at_starts), axis=0)[0]
            energy -= np.maximum(undrawn, 0.0)
        return energy

    def powered(self, ts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the plug is on at each time, bool[n]."""
        on = np.ones(len(ts_ms), dtype=np.bool_)
        for start, end in self.timeline.off:
            on &= (ts_ms < start) if end is None else (ts_ms < start) | (ts_ms >= end)
        return on


def _altered(load: Load, fault: FaultSpec, left_on: Step, horizon_ms: int) -> Load:
    """Return the load as a fault changes it by itself, whatever the appliance does."""
    from_ms, to_ms = max(fault.start_ms, int(load.start_ms[0])), fault.until(horizon_ms)
    if to_ms <= from_ms:
        return load
    if fault.name is Fault.LEFT_ON:
        return load.changed(from_ms, to_ms, lambda _: Load.of([left_on._replace(start_ms=from_ms)]))
    if fault.name is Fault.PHANTOM_LOAD:
        return load.changed(from_ms, to_ms, lambda part: part.lifted(_PHANTOM_W * fault.strength))
    if fault.name is Fault.DOUBLE_DRAW:
        return load.changed(from_ms, to_ms, lambda part: part.lifted(part.level_w * fault.strength))
    return load
