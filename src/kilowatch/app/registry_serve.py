"""The registry as a service: the database of the settings, joined to Kafka."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from kilowatch.app.begin_anew import again_and_again, endpoint, patiently, require_topics
from kilowatch.app.consumer_lag import lag_teller
from kilowatch.app.kafka_access import access_of
from kilowatch.app.notifying import notifier_of
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
    from collections.abc import Iterator

    from kilowatch.app.notifying import Notifier
    from kilowatch.config.sections import Config


def serve_registry(config: Config, stop: threading.Event) -> None:
    """Bring the database up to date and keep the books until told to stop; where Kafka fails begin anew."""
    patiently("registry", lambda: require_topics(config.kafka), stop)
    metrics, health, group = Metrics(), Health(), f"{config.kafka.group}-registry"
    stop, tell = health.pulse(stop), lag_teller(metrics, group, health)

    with ExitStack() as stack:
        stack.enter_context(endpoint(metrics, config.metrics, health))
        database = stack.enter_context(closing(Database(database_settings(config))))
        registry = Registry(database)

        def prepare() -> None:
            database.upgrade()
            registry.discover(device_records(config), wall_ms())

        # Before the first reading: a device of the settings is met as what they say it is.
        patiently("registry", prepare, stop)
        notifier = stack.enter_context(_telling(config, database, metrics))
        heard = None if notifier is None else notifier.told
        access, partitions = access_of(config.kafka), config.kafka.partitions

        def work() -> None:
            health.begins("it joins the group")
            RegistryService(registry, database, access, partitions, wall_ms, tell, heard, health.begins).run(
                stop, group
            )

        again_and_again("registry", work, stop)


@contextmanager
def _telling(config: Config, database: Database, metrics: Metrics) -> Iterator[Notifier | None]:
    """Let people be told while the block runs; None where the settings name no channel."""
    notifier = notifier_of(config, database, metrics)
    if notifier is None:
        yield None
        return
    notifier.start()
    try:
        yield notifier
    finally:
        notifier.close()
