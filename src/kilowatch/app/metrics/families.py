"""Prometheus families made from the table of metrics, so that nothing is served that it does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from kilowatch.errors import ConfigError
from kilowatch.observability.metric import MetricType
from kilowatch.observability.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily
_TABLE = {metric.name: metric for metric in TABLE}


def family(name: str, samples: Iterable[tuple[Sequence[str], float]]) -> Family:
    """Return a metric of the table with its samples (labels, value); `ConfigError` where there is none of that name."""
    metric = _TABLE.get(name)
    if metric is None:
        raise ConfigError(f"There is no metric {name!r} in the table.", "Add it to kilowatch.observability.")
    made: Family
    if metric.kind is MetricType.COUNTER:
        made = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    else:
        made = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def single(name: str, value: float) -> Family:
    """Return a metric without labels."""
    return family(name, [((), value)])
