"""A real metric processor that serves a switch-off that failed over HTTP, for Prometheus to scrape."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import start_http_server

from app.metrics.streams import ACTIONS, ANOMALIES, READINGS, Log, MemoryCheckpoint, service_on
from core.messages import EVENT, EXAMPLES
from kilowatch.app.metrics.collector import UsageCollector
from kilowatch.core.events import ActionEvent, ActionState, EventKind
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def exporter() -> Iterator[int]:
    """Give the port of a /metrics that lives as long as the block."""
    service, log = service_on(MemoryCheckpoint(), save_every_s=1e9), Log()
    service.assigned([READINGS, ANOMALIES, ACTIONS])
    log.append(ANOMALIES, msgspec.structs.replace(EVENT, id="i0", kind=EventKind.OPENED, version=1, historical=False))
    action = next(one for one in EXAMPLES if isinstance(one, ActionEvent))
    log.append(ACTIONS, msgspec.structs.replace(action, id="i0", state=ActionState.UNCONFIRMED, version=1))
    service.step(log)
    metrics = Metrics()
    metrics.registry.register(UsageCollector(service, "EUR"))
    server, thread = start_http_server(0, addr="127.0.0.1", registry=metrics.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
