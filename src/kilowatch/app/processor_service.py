"""The stream data processor as a service: the sources of the settings in, Kafka out."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from kilowatch.app.begin_anew import again_and_again, endpoint, patiently, require_topics
from kilowatch.app.discoveries import Discoveries
from kilowatch.app.kafka_access import access_of
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.processor import TICK_S, Processor
from kilowatch.app.registry import Registry
from kilowatch.app.sources import sources_of
from kilowatch.app.stores import database_settings
from kilowatch.config.devices import device_records
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.wall import wall_ms
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    import threading

    from kilowatch.app.sources import Simulated
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord

_TICKS_WITHIN_S = 4 * TICK_S
_log = logging.getLogger(__name__)


def serve_processor(config: Config, stop: threading.Event, simulated: Simulated | None = None) -> None:
    """Take readings in until told to stop; where Kafka refuses begin anew, and sources send again what is not safe.

    simulated: makes the simulated home where the settings want it.
    """
    patiently("processor", lambda: require_topics(config.kafka), stop)
    metrics, health = Metrics(), Health()
    stop = health.pulse(stop)
    with ExitStack() as stack:
        stack.enter_context(endpoint(metrics, config.metrics, health))
        database = stack.enter_context(closing(Database(database_settings(config))))
        registry = Registry(database)
        plugs = stack.enter_context(closing(PlugBook(config, metrics)))
        discoveries = stack.enter_context(closing(Discoveries(registry, wall_ms)))
        records = known_devices(config, registry)

        def work() -> None:
            sources = sources_of(config, records, plugs, discoveries.take, metrics, wall_ms, simulated)
            log = Writer(access_of(config.kafka))
            processor = Processor(sources, log, config.kafka.partitions, wall_ms, metrics)
            health.needs("what is sent to Kafka", lambda: processor.counts.ticks, _TICKS_WITHIN_S)
            processor.run(stop)

        again_and_again("processor", work, stop)


def known_devices(config: Config, registry: Registry) -> list[DeviceRecord]:
    """Return whom to poll: devices of the settings, and those that the registry knows where it can be asked."""
    found = {(record.site, record.device): record for record in device_records(config)}
    try:
        # The registry's over those of the settings: it has what people changed since.
        found |= {(record.site, record.device): record for record in registry.records()}
    except KilowatchError as error:
        _log.warning("Only devices of the settings are polled: %s %s", error, error.hint)
    return list(found.values())
