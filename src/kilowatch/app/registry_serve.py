"""The registry as a service: the database of the settings, joined to Kafka."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from kilowatch.app.begin_anew import again_and_again, endpoint, patiently, require_topics
from kilowatch.app.kafka_access import access_of
from kilowatch.app.registry import Registry
from kilowatch.app.registry_service import RegistryService
from kilowatch.app.stores import database_settings
from kilowatch.config.devices import device_records
from kilowatch.links.database import Database
from kilowatch.links.wall import wall_ms
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from kilowatch.config.sections import Config
    from kilowatch.links.kafka.place import Place


def serve_registry(config: Config, stop: threading.Event) -> None:
    """Bring the database up to date and keep the books until told to stop; where Kafka fails begin anew."""
    require_topics(config.kafka)
    metrics, health, group = Metrics(), Health(), f"{config.kafka.group}-registry"
    stop = health.pulse(stop)

    def tell(lag: Mapping[Place, int]) -> None:
        gauge = metrics.gauge("kilowatch_consumer_lag_messages")
        gauge.clear()
        health.lag(lag.values())
        for place, messages in lag.items():
            gauge.labels(group, place.topic, str(place.partition)).set(messages)

    with endpoint(metrics, config.metrics, health), closing(Database(database_settings(config))) as database:
        registry = Registry(database)

        def prepare() -> None:
            database.upgrade()
            registry.discover(device_records(config), wall_ms())

        patiently("registry", prepare, stop)
        access, partitions = access_of(config.kafka), config.kafka.partitions

        def work() -> None:
            health.begins("it joins the group")
            RegistryService(registry, database, access, partitions, wall_ms, tell).run(stop, group)

        again_and_again("registry", work, stop)
