"""A real metric processor that serves a home over HTTP, and services' metrics that move, for Prometheus to scrape."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import start_http_server

from app.metrics.streams import ACTIONS, ANOMALIES, READINGS, Log, MemoryCheckpoint, People, service_on
from core.messages import EVENT, EXAMPLES
from kilowatch.app.metrics.collector import MetricsOptions, UsageCollector
from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, EventKind, Reading
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.app.metrics.service import MetricService

KINDS = {"meter": Kind.METER, "fridge": Kind.FRIDGE, "lamp": Kind.LAMP}
POWER_W = {"meter": 500.0, "fridge": 100.0, "lamp": 40.0}
STEP_MS = 5_000


@contextmanager
def exporter() -> Iterator[int]:
    """Give the port of a /metrics that lives as long as the block."""
    service, log = _home()
    metrics = Metrics()
    metrics.registry.register(UsageCollector(service, "EUR", MetricsOptions(each_device=True)))
    server, thread = start_http_server(0, addr="127.0.0.1", registry=metrics.registry)
    stop = threading.Event()
    mover = threading.Thread(target=_move, args=(service, log, metrics, stop))
    mover.start()
    try:
        yield server.server_port
    finally:
        stop.set()
        mover.join()
        server.shutdown()
        server.server_close()
        thread.join()


def _home() -> tuple[MetricService, Log]:
    people = People(
        {
            ("home", name): DeviceRecord(site="home", device=name, kind=kind, stage=Stage.WATCHING)
            for name, kind in KINDS.items()
        }
    )
    service, log = service_on(MemoryCheckpoint(), people, save_every_s=1e9), Log()
    service.assigned([READINGS, ANOMALIES, ACTIONS])
    began_ms = int(time.time() * 1000) - 3_600_000
    for at_ms in range(began_ms, began_ms + 3_600_000, STEP_MS):
        log.append(READINGS, *_readings(at_ms))
    log.append(ANOMALIES, *_incidents(0), msgspec.structs.replace(EVENT, id="s", rule="stale", kind=EventKind.STALE))
    action = next(one for one in EXAMPLES if isinstance(one, ActionEvent))
    log.append(ACTIONS, msgspec.structs.replace(action, id="i0", state=ActionState.UNCONFIRMED, version=1))
    service.step(log)
    return service, log


def _readings(at_ms: int) -> list[Reading]:
    return [
        Reading(v=WIRE_V, site="home", device=name, ts_ms=at_ms, power_w=power_w + at_ms % 7)
        for name, power_w in POWER_W.items()
    ]


def _incidents(number: int) -> list[msgspec.Struct]:
    return [msgspec.structs.replace(EVENT, id=f"i{number}", kind=EventKind.OPENED, version=1, historical=False)]


def _move(service: MetricService, log: Log, metrics: Metrics, stop: threading.Event) -> None:
    """Let readings and incidents come, and set what services beside this one tell of themselves."""
    metrics.gauge("kilowatch_source_up").labels("mqtt:home").set(1)
    metrics.gauge("kilowatch_consumer_lag_messages").labels("detector", "IoTDevices", "0").set(3)
    metrics.gauge("kilowatch_devices_drifting").set(1)
    metrics.gauge("kilowatch_model_created_timestamp_seconds").labels("fridge", "5f1d").set(time.time() - 1e6)
    metrics.gauge("kilowatch_checkpoint_timestamp_seconds").labels("metrics").set(time.time())
    metrics.gauge("kilowatch_outbox_messages").set(0)
    number = 1
    while not stop.wait(0.2):
        metrics.counter("kilowatch_source_messages_total").labels("mqtt:home").inc()
        metrics.counter("kilowatch_published_messages_total").labels("mqtt:home").inc()
        metrics.counter("kilowatch_rejected_messages_total").labels("mqtt:home", "not_json").inc(0.1)
        metrics.histogram("kilowatch_verdict_seconds").observe(0.1)
        log.append(READINGS, *_readings(int(time.time() * 1000)), _bad())
        log.append(ANOMALIES, *_incidents(number))
        service.step(log)
        number += 1


def _bad() -> Reading:
    return Reading(v=WIRE_V, site="home", device="lamp", ts_ms=int(time.time() * 1000) - 60_000, power_w=-50.0)
