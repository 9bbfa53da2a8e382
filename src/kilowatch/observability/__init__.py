"""What kilowatch says of itself while it runs: log lines and Prometheus metrics."""

from kilowatch.observability.logs import LogFormat, LogLevel, set_up_logging
from kilowatch.observability.metrics import Metric, Metrics, MetricType
from kilowatch.observability.presence import Presence
from kilowatch.observability.table import TABLE

__all__ = ["TABLE", "LogFormat", "LogLevel", "Metric", "MetricType", "Metrics", "Presence", "set_up_logging"]
