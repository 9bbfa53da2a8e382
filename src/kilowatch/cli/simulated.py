"""The simulated home as a source, loaded by whoever has none of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.config import Config
    from kilowatch.links.source import OnDevices, Source
    from kilowatch.observability import Metrics


def simulated(config: Config, on_devices: OnDevices, metrics: Metrics | None, clock: Callable[[], int]) -> Source:
    """Return the home that the settings ask for, not started."""
    from kilowatch.demo.simulated import SimSource

    return SimSource(config.sources.sim, config.site, on_devices=on_devices, metrics=metrics, clock_ms=clock)
