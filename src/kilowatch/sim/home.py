"""A home of simulated appliances behind plugs and one main meter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import DeviceRecord, Fleet, Kind, first_seen
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.samples import HOUR_MS
from kilowatch.errors import ConfigError
from kilowatch.sim.condition import Timeline
from kilowatch.sim.days import DAY_MS
from kilowatch.sim.faults import METER_FAULTS, FaultSpec, check
from kilowatch.sim.household import default_home
from kilowatch.sim.metering import Clock, Mains, Polled, Supply, polled
from kilowatch.sim.noise import Streams
from kilowatch.sim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kilowatch.sim.appliance import Appliance

MAINS = "mains"
MAINS_RATING_W = 24_000.0
"""Three phases of 35 A at 230 V."""


class Home:
    """Appliances, their plugs and the main meter, from start_ms on.

    Everything is a function of the seed, the faults, the switching and time: asking again, in other pieces or in
    another order gives the same answer, and a fault changes nothing before its start and nothing on other plugs.
    `interval_s` is that of all meters, or of each by name (30 s where not named).
    """

    def __init__(
        self,
        seed: int,
        start_ms: int,
        time_zone: str = "Europe/Berlin",
        site: str = "home",
        interval_s: float | Mapping[str, float] = 30.0,
        appliances: Sequence[Appliance] | None = None,
    ) -> None:
        self.start_ms = start_ms
        self.time_zone = time_zone
        self.site = site
        self.appliances = tuple(default_home() if appliances is None else appliances)
        self._intervals = interval_s
        self._streams = Streams(seed)
        self._off: dict[str, list[tuple[int, int | None]]] = {}
        self._traces: dict[str, Trace] = {}
        metered = [appliance for appliance in self.appliances if appliance.metered]
        self.kinds: dict[str, Kind] = {appliance.name: appliance.kind for appliance in metered} | {MAINS: Kind.METER}
        if len(self.kinds) <= len(metered) or len({a.name for a in self.appliances}) < len(self.appliances):
            raise ConfigError("Two devices of the home have the same name.", f"The main meter is called {MAINS}.")

    def interval_s(self, device: str) -> float:
        """Return how often a device's meter is read, s."""
        return self._intervals if isinstance(self._intervals, int | float) else self._intervals.get(device, 30.0)

    def records(self) -> list[DeviceRecord]:
        """Return the record of every plug and of the main meter, as first seen."""
        ratings = {appliance.name: appliance.rating_w for appliance in self.appliances} | {MAINS: MAINS_RATING_W}
        return [
            first_seen(
                self.site,
                device,
                kind,
                rating_w=ratings[device],
                interval_s=self.interval_s(device),
                time_zone=self.time_zone,
                source="sim",
            )
            for device, kind in self.kinds.items()
        ]

    def switch(self, device: str, on: bool, ts_ms: int) -> None:
        """Switch a plug at ts_ms; `ConfigError` for the main meter or a time before the last switching."""
        if device not in self.kinds or device == MAINS:
            raise ConfigError(f"The home has no plug {device!r}.", f"It has: {', '.join(self.kinds)}.")
        spans = self._off.setdefault(device, [])
        last_ms = max((time for span in spans for time in span if time is not None), default=ts_ms)
        if ts_ms < last_ms:
            raise ConfigError(f"Plug {device} was switched later than that already.", "Switch in order of time.")
        is_on = not spans or spans[-1][1] is not None
        if is_on and not on:
            spans.append((ts_ms, None))
        elif on and not is_on:
            spans[-1] = (spans[-1][0], ts_ms)

    def power_at(self, device: str, ts_ms: NDArray[np.int64], faults: Sequence[FaultSpec] = ()) -> NDArray[np.float64]:
        """Return what a device draws at each time, W, float64[n]: the load itself, before its meter."""
        check(faults, self.kinds)
        return self._supply(device, faults).watts(np.atleast_1d(np.asarray(ts_ms, dtype=np.int64)))

    def energy_at(self, device: str, ts_ms: NDArray[np.int64], faults: Sequence[FaultSpec] = ()) -> NDArray[np.float64]:
        """Return what a device has drawn since the first local midnight, Wh, float64[n]."""
        check(faults, self.kinds)
        return self._supply(device, faults).energy_wh(np.atleast_1d(np.asarray(ts_ms, dtype=np.int64)))

    def readings(
        self, fleet: Fleet, until_ms: int, faults: Sequence[FaultSpec] = (), since_ms: int | None = None
    ) -> Iterator[ReadingBatch]:
        """Yield the readings of since_ms <= t < until_ms (from the start where None), a batch an hour, in event order.

        Devices that the fleet does not know are left out; `ConfigError` where it knows none.
        """
        check(faults, self.kinds)
        slots = {device: slot for device in self.kinds if (slot := fleet.slot(self.site, device)) is not None}
        if not slots:
            raise ConfigError(f"The fleet knows no device of site {self.site}.", "Build it from home.records().")
        from_ms = max(self.start_ms, self.start_ms if since_ms is None else since_ms)
        while from_ms < until_ms:
            # A day at a time: that bounds the memory, and lives are grown by days anyway.
            to_ms = min(until_ms, (from_ms // DAY_MS + 1) * DAY_MS)
            yield from _hours(self._block(slots, from_ms, to_ms, faults))
            from_ms = to_ms

    def _block(self, slots: Mapping[str, int], from_ms: int, to_ms: int, faults: Sequence[FaultSpec]) -> ReadingBatch:
        parts: list[Polled] = []
        for device in slots:
            own = [fault for fault in faults if fault.device == device and fault.name in METER_FAULTS]
            clock = Clock(self._streams.key(f"{device}/clock"), self.start_ms, round(self.interval_s(device) * 1000))
            parts.append(polled(self._supply(device, faults), clock, from_ms, to_ms, own))
        slot = np.repeat(np.array(list(slots.values()), dtype=np.int32), [len(part.ts_ms) for part in parts])
        ts_ms, power_w, energy_wh, on = (np.concatenate(column) for column in zip(*parts, strict=True))
        # By slot where times are equal: the order must not depend on the order in which devices were named.
        order = np.lexsort((slot, ts_ms))
        return ReadingBatch(slot, ts_ms, power_w, energy_wh=energy_wh, on=on).take(order)

    def _supply(self, device: str, faults: Sequence[FaultSpec]) -> Supply:
        if device == MAINS:
            return Mains([self._trace(appliance, faults) for appliance in self.appliances])
        for appliance in self.appliances:
            if appliance.name == device:
                return self._trace(appliance, faults)
        raise ConfigError(f"The home has no device {device!r}.", f"It has: {', '.join(self.kinds)}.")

    def _trace(self, appliance: Appliance, faults: Sequence[FaultSpec]) -> Trace:
        # Without the meter's faults: the appliance is well, and its life need not be lived anew.
        own = tuple(fault for fault in faults if fault.device == appliance.name and fault.name not in METER_FAULTS)
        timeline = Timeline(own, tuple(self._off.get(appliance.name, ())))
        # One life is kept for each; other faults or a switched plug mean that all its days are lived again.
        known = self._traces.get(appliance.name)
        if known is None or known.timeline != timeline:
            known = Trace(appliance, self.start_ms, self.time_zone, self._streams, timeline)
            self._traces[appliance.name] = known
        return known


def _hours(block: ReadingBatch) -> Iterator[ReadingBatch]:
    cuts = np.flatnonzero(np.diff(block.ts_ms // HOUR_MS)) + 1
    for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(block)], strict=True):
        if end > start:
            yield block.take(slice(start, end))
