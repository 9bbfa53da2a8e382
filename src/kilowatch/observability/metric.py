"""What a metric is: its name with prefix and base unit, its type, labels and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricType(StrEnum):
    """How Prometheus sees it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. name: with prefix and base unit; counters end in _total. group: its heading in the docs."""

    name: str
    kind: MetricType
    help: str
    labels: tuple[str, ...] = ()
    group: str = ""
    buckets: tuple[float, ...] = ()


def gauge(name: str, help_: str, *labels: str, group: str) -> Metric:
    """Return a gauge."""
    return Metric(name, MetricType.GAUGE, help_, labels, group)


def counter(name: str, help_: str, *labels: str, group: str) -> Metric:
    """Return a counter."""
    return Metric(name, MetricType.COUNTER, help_, labels, group)
