"""The table of all metrics; `docs/metrics.md` is made from it by scripts/make_metrics_docs.py."""

from __future__ import annotations

from kilowatch.observability.metric import Metric, MetricType
from kilowatch.observability.table_services import DETECTORS, NOTICES, OUTBOX, STREAMS
from kilowatch.observability.table_usage import DEVICES, FLEET, INCIDENTS, TOP

__all__ = ["TABLE", "Metric", "MetricType"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

SOURCES = (
    Metric(
        "kilowatch_source_messages_total",
        MetricType.COUNTER,
        "Messages that came in from a source, readable or not.",
        ("source",),
        "Sources",
    ),
    Metric(
        "kilowatch_source_refused_total",
        MetricType.COUNTER,
        "Messages that no decoder could read.",
        ("source",),
        "Sources",
    ),
    Metric(
        "kilowatch_source_dropped_total",
        MetricType.COUNTER,
        "Messages that promised nothing (QoS 0) and were dropped because the queue was full.",
        ("source",),
        "Sources",
    ),
    Metric(
        "kilowatch_source_waiting_messages",
        MetricType.GAUGE,
        "Messages received and not yet handed on.",
        ("source",),
        "Sources",
    ),
    Metric("kilowatch_source_up", MetricType.GAUGE, "1 while the source is connected, else 0.", ("source",), "Sources"),
    Metric(
        "kilowatch_device_up",
        MetricType.GAUGE,
        "1 while the device answers or its broker says that it is online, else 0.",
        ("source", "device"),
        "Sources",
    ),
    Metric(
        "kilowatch_plug_request_seconds",
        MetricType.HISTOGRAM,
        "Time that a plug took to answer over HTTP.",
        ("source",),
        "Sources",
        _SECONDS,
    ),
    Metric(
        "kilowatch_push_requests_total",
        MetricType.COUNTER,
        "Requests to the push endpoint by HTTP status.",
        ("source", "status"),
        "Sources",
    ),
)

TABLE: tuple[Metric, ...] = (*SOURCES, *STREAMS, *DETECTORS, *OUTBOX, *NOTICES, *FLEET, *INCIDENTS, *TOP, *DEVICES)
"""All metrics. A service adds its own group here."""
