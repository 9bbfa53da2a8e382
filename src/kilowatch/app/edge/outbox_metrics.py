"""How the outbox stands, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilowatch.links.outbox import OutboxState
    from kilowatch.observability import Metrics


class OutboxMetrics:
    """Keeps the outbox's metrics of the table. limit_bytes: of readings."""

    def __init__(self, metrics: Metrics, limit_bytes: int) -> None:
        self._waiting = metrics.gauge("kilowatch_outbox_messages")
        self._size = metrics.gauge("kilowatch_outbox_bytes")
        self._dropped = metrics.counter("kilowatch_outbox_dropped_total")
        self._known = 0
        metrics.gauge("kilowatch_outbox_limit_bytes").set(limit_bytes)

    def show(self, state: OutboxState) -> None:
        """Take in how the outbox stands; what was dropped counts since the outbox was made."""
        self._waiting.set(state.readings + state.incidents)
        self._size.set(state.size)
        self._dropped.inc(state.dropped - self._known)
        self._known = state.dropped
