"""How far a consumer is behind, as every service tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.links.kafka.place import Place
    from kilowatch.observability import Metrics


def show_lag(metrics: Metrics, group: str, lag: Mapping[Place, int]) -> None:
    """Set how many messages lie ahead in each partition of a group; partitions that went elsewhere are gone."""
    gauge = metrics.gauge("kilowatch_consumer_lag_messages")
    gauge.clear()
    for place, messages in lag.items():
        gauge.labels(group, place.topic, str(place.partition)).set(messages)
