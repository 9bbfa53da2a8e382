"""The simulated home as a source of readings: sixteen meters at the pace of the clock, without any hardware."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.device import Fleet
from kilowatch.core.events import WIRE_V, Reading
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms
from kilowatch.observability.metrics import Metrics
from kilowatch.sim.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import SimConfig
    from kilowatch.links.source import OnDevices, Put

log = logging.getLogger("kilowatch.sim")
_LOOK_S = 1.0
_AT_ONCE_MS = 60_000
"""What was not told within a minute is a gap, as it is of a plug that is polled: a laptop may have slept."""


class SimSource:
    """At most once. The home's life began with this year: whoever starts it again this year finds it where it is.

    clock_ms: wall clock, UTC; readings have its times.
    """

    def __init__(
        self,
        config: SimConfig,
        site: SiteConfig,
        *,
        on_devices: OnDevices = lambda _: None,
        metrics: Metrics | None = None,
        clock_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.name = "sim"
        self._config, self._site = config, site
        self._on_devices = on_devices
        self._messages = (metrics or Metrics()).counter("kilowatch_source_messages_total").labels(self.name)
        self._clock_ms = clock_ms
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, put: Put) -> None:
        """Let the home live."""
        self._thread = threading.Thread(target=self._live, args=(put,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _live(self, put: Put) -> None:
        config, at_ms = self._config, self._clock_ms()
        home = Home(config.seed, _year_of(at_ms), self._site.time_zone, self._site.name, config.interval_s)
        fleet = Fleet(home.records())
        self._on_devices(list(fleet.records))
        log.info("a simulated home of %d meters lives here: nothing of it is real", len(fleet))
        while not self._stopping.wait(_LOOK_S):
            now_ms = self._clock_ms()
            # A clock that is set back goes through those times again, as the plugs of a real home do.
            for reading in self._told(home, fleet, max(min(at_ms, now_ms), now_ms - _AT_ONCE_MS), now_ms):
                self._messages.inc()
                put(SourceMessage(self.name, msgspec.json.encode(reading), None, now_ms))
            at_ms = now_ms

    def _told(self, home: Home, fleet: Fleet, from_ms: int, to_ms: int) -> Iterator[Reading]:
        for batch in home.readings(fleet, to_ms, since_ms=from_ms):
            for row, slot in enumerate(batch.slot.tolist()):
                yield Reading(
                    v=WIRE_V,
                    site=home.site,
                    device=fleet.records.devices[slot],
                    ts_ms=int(batch.ts_ms[row]),
                    power_w=float(batch.power_w[row]),
                    energy_wh=None if batch.energy_wh is None else round(float(batch.energy_wh[row]), 1),
                    on=None if batch.on is None else bool(batch.on[row]),
                    source=self.name,
                )


def _year_of(now_ms: int) -> int:
    """Return the beginning of the year, ms UTC."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    return int(datetime(now.year, 1, 1, tzinfo=UTC).timestamp() * 1000)
