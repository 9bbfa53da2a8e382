"""What a detector says of itself to Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.app.consumer_lag import lag_teller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kilowatch.app.partition import Counts
    from kilowatch.links.kafka.place import Place
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health

_SERVICE = "detector"


class DetectorMetrics:
    """A `Watcher` that keeps the metrics of the table. health: told of the lag. now_s: Unix time."""

    def __init__(
        self, metrics: Metrics, group: str, now_s: Callable[[], float] = time.time, health: Health | None = None
    ) -> None:
        self._metrics = metrics
        self._now_s = now_s
        self._tell_lag = lag_teller(metrics, group, health)

    def judged(self, place: Place, counts: Counts, seconds: float, appended_ms: int) -> None:
        """Count samples and what cannot be read, and time readings that are news; the rest is for logs."""
        del place, seconds
        self._metrics.counter("kilowatch_scored_samples_total").inc(counts.samples)
        self._metrics.counter("kilowatch_unreadable_messages_total").inc(counts.refused)
        if not counts.replayed:
            self._metrics.histogram("kilowatch_verdict_seconds").observe(max(0.0, self._now_s() - appended_ms / 1000))

    def committed(self, place: Place, events: int, seconds: float) -> None:
        """Say nothing: incidents are counted by who reads them."""

    def saved(self, place: Place, size: int, seconds: float) -> None:
        """Note when a snapshot was written."""
        del place, size, seconds
        self._metrics.gauge("kilowatch_checkpoint_timestamp_seconds").labels(_SERVICE).set(self._now_s())

    def taken_over(self, place: Place, seconds: float, behind: int) -> None:
        """Say nothing: it stands in the log."""

    def lag(self, lag: Mapping[Place, int]) -> None:
        """Note how many messages lie ahead in each partition."""
        self._tell_lag(lag)
