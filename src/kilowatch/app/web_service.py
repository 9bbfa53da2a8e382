"""What the page of a cluster stands on: the database, and a listener on Kafka that begins anew where it fails."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kilowatch.app.begin_anew import again_and_again, patiently
from kilowatch.app.consumer_lag import lag_teller
from kilowatch.app.kafka_access import access_of
from kilowatch.app.listening import Listening
from kilowatch.app.stores import database_settings
from kilowatch.links.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.app.listening import Hearing
    from kilowatch.config.sections import Config
    from kilowatch.core.device import Fleet
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health


@contextmanager
def cluster_database(config: Config, stop: threading.Event) -> Iterator[Database]:
    """Open the database of a cluster, waiting for its owner to bring its schema up to date."""
    database = Database(database_settings(config))
    try:
        patiently("page", database.check, stop)
        yield database
    finally:
        database.close()


@contextmanager
def listening(config: Config, fleet: Fleet, hearing: Hearing, metrics: Metrics, health: Health) -> Iterator[None]:
    """Let a page hear what Kafka carries while the block runs; it is ready once what lay there has been heard.

    Where Kafka is away the page stays, with what the database tells, and is not ready.
    """
    ended = threading.Event()
    tell = lag_teller(metrics, f"{config.kafka.group}-page", health, is_alone=True)
    listener = Listening(access_of(config.kafka), config.kafka.group, fleet, hearing, tell)

    def work() -> None:
        health.begins("it joins the group")
        listener.run(health.pulse(ended))

    thread = threading.Thread(
        target=lambda: again_and_again("page's listener", work, health.pulse(ended)), name="listener", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
