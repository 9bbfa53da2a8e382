"""The table of metrics keeps Prometheus's conventions, and nothing outside it can be counted."""

from __future__ import annotations

import re

import pytest

from kilowatch.errors import ConfigError
from kilowatch.observability import TABLE, Metric, Metrics, MetricType


def test_names_are_unique_and_prefixed() -> None:
    names = [metric.name for metric in TABLE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"kilowatch_[a-z0-9_]+", name) for name in names)


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_each_has_help_a_group_and_the_ending_of_its_type(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert metric.group
    assert (metric.kind is MetricType.COUNTER) == metric.name.endswith("_total")
    assert bool(metric.buckets) == (metric.kind is MetricType.HISTOGRAM)
    assert len(set(metric.labels)) == len(metric.labels)


def test_all_of_the_table_can_be_made_and_read() -> None:
    metrics = Metrics()
    for metric in TABLE:
        made = getattr(metrics, metric.kind.value)(metric.name)
        assert made is getattr(metrics, metric.kind.value)(metric.name)
    text = metrics.exposition().decode()
    for metric in TABLE:
        assert f"# HELP {metric.name} " in text or f"# HELP {metric.name.removesuffix('_total')} " in text


def test_two_processes_in_one_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.counter("kilowatch_source_messages_total").labels("mqtt:home").inc(3)
    assert b'kilowatch_source_messages_total{source="mqtt:home"} 3.0' in one.exposition()
    assert b"mqtt:home" not in other.exposition()


@pytest.mark.parametrize("name", ["kilowatch_nonsense_total", "kilowatch_source_up"])
def test_what_is_not_in_the_table_cannot_be_counted(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Metrics().counter(name)
