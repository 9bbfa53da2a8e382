"""Prometheus metrics made from one table, so that none has two meanings and all are documented."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, overload

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from kilowatch.errors import ConfigError
from kilowatch.observability.table import TABLE, Metric, MetricType

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["Metric", "MetricType", "Metrics"]


class Metrics:
    """The metrics of one process, each made when it is first asked for."""

    def __init__(self, table: tuple[Metric, ...] = TABLE) -> None:
        # Not the library's global one: a process may make several of these, and a name may be there once.
        self.registry = CollectorRegistry()
        self._table = {metric.name: metric for metric in table}
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self._lock = threading.Lock()

    def counter(self, name: str) -> Counter:
        """Return a counter of the table; `ConfigError` where there is none of that name."""
        return self._get(name, MetricType.COUNTER)

    def gauge(self, name: str) -> Gauge:
        """Return a gauge of the table; `ConfigError` where there is none of that name."""
        return self._get(name, MetricType.GAUGE)

    def histogram(self, name: str) -> Histogram:
        """Return a histogram of the table; `ConfigError` where there is none of that name."""
        return self._get(name, MetricType.HISTOGRAM)

    def exposition(self) -> bytes:
        """Return all of them in Prometheus's text format."""
        return generate_latest(self.registry)

    @overload
    def _get(self, name: str, kind: Literal[MetricType.COUNTER]) -> Counter: ...
    @overload
    def _get(self, name: str, kind: Literal[MetricType.GAUGE]) -> Gauge: ...
    @overload
    def _get(self, name: str, kind: Literal[MetricType.HISTOGRAM]) -> Histogram: ...
    def _get(self, name: str, kind: MetricType) -> Counter | Gauge | Histogram:
        metric = self._table.get(name)
        if metric is None or metric.kind is not kind:
            raise ConfigError(f"There is no {kind} {name!r} in the table of metrics.", "See docs/metrics.md.")
        # The registry refuses a name the second time, and threads may ask for one at the same moment.
        with self._lock:
            if name not in self._made:
                self._made[name] = _make(metric, self.registry)
            return self._made[name]


def _make(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind is MetricType.COUNTER:
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    if metric.kind is MetricType.GAUGE:
        return Gauge(metric.name, metric.help, metric.labels, registry=registry)
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
