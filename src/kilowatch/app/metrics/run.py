"""The metric processor as a service: Kafka in, database beside, Prometheus out."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kilowatch.app.begin_anew import again_and_again, patiently
from kilowatch.app.consumer_lag import lag_teller
from kilowatch.app.detector_service import KafkaRecords
from kilowatch.app.kafka_access import access_of
from kilowatch.app.metrics.checkpoint import DatabaseCheckpoint
from kilowatch.app.metrics.collector import MetricsOptions, UsageCollector
from kilowatch.app.metrics.service import SAVE_EVERY_S, TOPICS, MetricService
from kilowatch.app.metrics.tariffs import tariff_of
from kilowatch.app.metrics.units import Readings
from kilowatch.app.stores import database_settings
from kilowatch.errors import ComponentError, StateError
from kilowatch.links.database import Database
from kilowatch.links.history.postgres import DatabaseHistory
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.wall import wall_ms
from kilowatch.observability import Metrics
from kilowatch.observability.endpoint import exposed
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    import threading

    from kilowatch.config.sections import Config

_log = logging.getLogger(__name__)
_LAG_EVERY_S = 5.0
_EXPIRE_EVERY_S = 3600.0


def serve_metrics(
    config: Config, stop: threading.Event, options: MetricsOptions | None = None, save_every_s: float = SAVE_EVERY_S
) -> None:
    """Add up and serve until told to stop; where Kafka or the database fails begin anew, from what is saved."""
    with closing(Database(database_settings(config))) as database:
        _serve(config, database, stop, options, save_every_s)


def _serve(
    config: Config, database: Database, stop: threading.Event, options: MetricsOptions | None, save_every_s: float
) -> None:
    tariff, access = tariff_of(config.tariff), access_of(config.kafka)
    records = KafkaRecords(access, config.kafka.partitions)
    new_readings = partial(Readings, tariff, records, keeps_past=True)
    checkpoint = patiently("metric processor", lambda: DatabaseCheckpoint(database), stop)
    service = MetricService(checkpoint, new_readings, time.monotonic, save_every_s)
    metrics, health = Metrics(), Health()
    stop = health.pulse(stop)
    metrics.registry.register(UsageCollector(service, tariff.currency, options))
    hooks = Hooks(service.assigned, service.revoked, service.lost)
    group = f"{config.kafka.group}-metrics"
    token = None if config.metrics.token is None else config.metrics.token.reveal()

    def work() -> None:
        health.begins("it joins the group")
        duties = _Duties(metrics, health, DatabaseHistory(database))
        try:
            _run(service, Reader(access, group, TOPICS, hooks), duties, stop)
        except (ComponentError, StateError):
            # What was added since the last save is read again from there: what is kept here would count twice.
            service.forget_all()
            raise

    # Around the loop: what is served stays, and says so, while Kafka is away.
    with exposed(metrics, config.metrics.bind, config.metrics.port, token, health) as port:
        _log.info("Metrics are served on http://%s:%d/metrics.", config.metrics.bind, port)
        again_and_again("metric processor", work, stop, (ComponentError, StateError))


@dataclass(slots=True)
class _Duties:
    """What is done now and then, and when it is due, monotonic s."""

    metrics: Metrics
    health: Health
    history: DatabaseHistory
    lag_due_s: float = 0.0
    expiry_due_s: float = 0.0

    def turn(self, service: MetricService, reader: Reader) -> None:
        """Do what is due."""
        now_s = time.monotonic()
        if now_s >= self.lag_due_s:
            self.lag_due_s = now_s + _LAG_EVERY_S
            _tell_of_itself(service, reader, self.metrics, self.health)
        if now_s >= self.expiry_due_s:
            self.expiry_due_s = now_s + _EXPIRE_EVERY_S
            self.history.expire(wall_ms())


def _run(service: MetricService, reader: Reader, duties: _Duties, stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            service.step(reader)
            duties.turn(service, reader)
    finally:
        reader.close()


def _tell_of_itself(service: MetricService, reader: Reader, metrics: Metrics, health: Health) -> None:
    lag_teller(metrics, reader.group, health)(reader.lag())
    metrics.gauge("kilowatch_checkpoint_timestamp_seconds").labels("metrics").set(time.time() - service.unsaved_s())
