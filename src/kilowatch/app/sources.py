"""The sources that the settings name."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from kilowatch.app.stores import data_folder
from kilowatch.errors import ConfigError
from kilowatch.links.plugs import PollSource
from kilowatch.links.wall import wall_ms
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.app.plug_book import PlugBook
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import OnDevices, Source
    from kilowatch.observability import Metrics

Simulated: TypeAlias = "Callable[[Config, OnDevices, Metrics | None, Callable[[], int]], Source]"
"""Makes the simulated home, which only the command line knows; clock: wall clock, ms UTC."""

_log = logging.getLogger("kilowatch.poll")


def sources_of(
    config: Config,
    records: list[DeviceRecord],
    plugs: PlugBook,
    on_devices: OnDevices,
    metrics: Metrics | None = None,
    clock: Callable[[], int] = wall_ms,
    simulated: Simulated | None = None,
) -> list[Source]:
    """Return them, not started; `ConfigError` where there is none. records: known devices, of which ours are polled.

    simulated: makes the simulated home where the settings want it.
    """
    chosen = config.sources
    sources: list[Source] = []
    for label, broker in chosen.mqtt.items():
        # Imported where it is wanted: a source may need an extra that this machine does without.
        from kilowatch.links.mqtt import MqttSource

        sources.append(MqttSource(label, broker, config.site, on_devices=on_devices, metrics=metrics, clock_ms=clock))
    if chosen.push.enabled:
        from kilowatch.links.push import PushSource

        sources.append(PushSource(chosen.push, metrics=metrics, clock_ms=clock))
    sources += _files(config, partial(_of_unnamed, config, on_devices), metrics, clock)
    if chosen.sim.enabled and simulated is not None:
        sources.append(simulated(config, partial(_of_unnamed, config, on_devices), metrics, clock))
    sources += _polled(config, records, plugs, metrics, clock)
    if not sources:
        raise ConfigError(
            "The settings name no source of readings.",
            "Add [sources.mqtt.NAME], a device with a plug, or [sources.sim]: kilowatch init writes a start.",
        )
    return sources


def _files(
    config: Config, on_devices: OnDevices, metrics: Metrics | None, clock: Callable[[], int]
) -> Iterator[Source]:
    for label, files in config.sources.files.items():
        from kilowatch.links.follow import FilesSource

        places = data_folder(config).files / f"{quote(label, safe='')}.json"
        yield FilesSource(label, files, config.site, places, on_devices=on_devices, metrics=metrics, clock_ms=clock)


def _polled(
    config: Config, records: list[DeviceRecord], plugs: PlugBook, metrics: Metrics | None, clock: Callable[[], int]
) -> Iterator[Source]:
    poll = config.sources.poll
    # Plugs of other sites are out of reach: whoever runs there reads them.
    ours = [record for record in records if record.site == config.site.name]
    polled = plugs.polled(ours, poll.interval_s) if poll.enabled else []
    if polled:
        presence = _plugs_up([one.device for one in polled], metrics)
        most_s = poll.backoff_most_s
        yield PollSource(config.site.name, polled, presence=presence, clock_ms=clock, backoff_most_s=most_s)


def _of_unnamed(config: Config, on_devices: OnDevices, found: list[DeviceRecord]) -> None:
    """Pass on what a source guesses of devices that the settings do not name: these know better."""
    told = [one for one in found if one.site != config.site.name or one.device not in config.devices]
    if told:
        on_devices(told)


def _plugs_up(devices: list[str], metrics: Metrics | None) -> Presence:
    """Return who says when a polled plug is lost and back, in the log and where metrics are kept."""
    if metrics is None:
        return Presence(_log, "plug")
    up = metrics.gauge("kilowatch_device_up")
    # Presence tells changes alone, and takes everybody to be there at first.
    for device in devices:
        up.labels("poll", device).set(1)
    return Presence(_log, "plug", lambda device, there: up.labels("poll", device).set(there))
