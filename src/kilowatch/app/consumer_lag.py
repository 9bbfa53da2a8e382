"""How far a consumer is behind, as every service tells it: to Prometheus, and to its own probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kilowatch.links.kafka.place import Place
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health


def lag_teller(
    metrics: Metrics, group: str, health: Health | None = None, *, is_alone: bool = False
) -> Callable[[Mapping[Place, int]], None]:
    """Return what takes how many messages lie ahead in each partition; partitions that went elsewhere are gone.

    is_alone: nobody else is in the group, so whoever has no partition has not heard anything yet.
    """
    gauge = metrics.gauge("kilowatch_consumer_lag_messages")

    def tell(lag: Mapping[Place, int]) -> None:
        if health is not None and (lag or not is_alone):
            health.lag(lag.values())
        gauge.clear()
        for place, messages in lag.items():
            gauge.labels(group, place.topic, str(place.partition)).set(messages)

    return tell
