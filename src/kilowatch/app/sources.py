"""The sources that the settings name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError
from kilowatch.links.plugs import PollSource
from kilowatch.links.wall import wall_ms
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.plug_book import PlugBook
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import OnDevices, Source
    from kilowatch.observability import Metrics

_log = logging.getLogger("kilowatch.poll")


def sources_of(
    config: Config,
    records: list[DeviceRecord],
    plugs: PlugBook,
    on_devices: OnDevices,
    metrics: Metrics | None = None,
    clock: Callable[[], int] = wall_ms,
) -> list[Source]:
    """Return them, not started; `ConfigError` where there is none. records: known devices, of which ours are polled."""
    chosen = config.sources
    sources: list[Source] = []
    for label, broker in chosen.mqtt.items():
        from kilowatch.links.mqtt import MqttSource

        sources.append(MqttSource(label, broker, config.site, on_devices=on_devices, metrics=metrics, clock_ms=clock))
    if chosen.push.enabled:
        from kilowatch.links.push import PushSource

        sources.append(PushSource(chosen.push, metrics=metrics, clock_ms=clock))
    ours = [record for record in records if record.site == config.site.name]
    polled = plugs.polled(ours, chosen.poll.interval_s) if chosen.poll.enabled else []
    if polled:
        most_s, presence = chosen.poll.backoff_most_s, _plugs_up([one.device for one in polled], metrics)
        sources.append(PollSource(config.site.name, polled, presence=presence, clock_ms=clock, backoff_most_s=most_s))
    if not sources:
        raise ConfigError(
            "The settings name no source of readings.",
            "Add [sources.mqtt.NAME] or a device with a plug: kilowatch init writes a start, docs/config.md has all.",
        )
    return sources


def _plugs_up(devices: list[str], metrics: Metrics | None) -> Presence:
    """Return who says when a polled plug is lost and back, in the log and where metrics are kept."""
    if metrics is None:
        return Presence(_log, "plug")
    up = metrics.gauge("kilowatch_device_up")
    # Presence tells changes alone, and takes everybody to be there at first.
    for device in devices:
        up.labels("poll", device).set(1)
    return Presence(_log, "plug", lambda device, there: up.labels("poll", device).set(there))
