"""The sources that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError
from kilowatch.links.plugs import PollSource
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.plug_book import PlugBook
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import OnDevices, Source
    from kilowatch.observability import Metrics


def sources_of(
    config: Config,
    records: list[DeviceRecord],
    plugs: PlugBook,
    on_devices: OnDevices,
    metrics: Metrics | None = None,
    clock: Callable[[], int] = wall_ms,
) -> list[Source]:
    """Return them, not started; `ConfigError` where there is none. records: the devices known now, for polling."""
    chosen = config.sources
    sources: list[Source] = []
    for label, broker in chosen.mqtt.items():
        from kilowatch.links.mqtt import MqttSource

        sources.append(MqttSource(label, broker, config.site, on_devices=on_devices, metrics=metrics, clock_ms=clock))
    if chosen.push.enabled:
        from kilowatch.links.push import PushSource

        sources.append(PushSource(chosen.push, metrics=metrics, clock_ms=clock))
    polled = plugs.polled(records, chosen.poll.interval_s) if chosen.poll.enabled else []
    if polled:
        most_s = chosen.poll.backoff_most_s
        sources.append(PollSource(config.site.name, polled, clock_ms=clock, backoff_most_s=most_s))
    if not sources:
        raise ConfigError(
            "The settings name no source of readings.",
            "Add [sources.mqtt.NAME] or a device with a plug; see docs/config.md.",
        )
    return sources
