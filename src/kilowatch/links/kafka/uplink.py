"""Kafka as upstream: the edge's readings and incidents in the topics where a cluster has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from kilowatch.links.kafka.settings import Access
    from kilowatch.links.kafka.writer import Delivered


class KafkaUplink:
    """Keeps `kilowatch.links.uplink.Uplink`; the writer says in the log when the brokers are away, and back."""

    def __init__(self, access: Access) -> None:
        self._writer = Writer(access, who="upstream")

    def send_readings(self, site: str, message: bytes, delivered: Delivered) -> None:
        """Hand readings of a site over."""
        # No waiting for room: what is refused here is still in the outbox, and goes again later.
        self._writer.send(Topic.DEVICES, site, message, delivered, timeout_s=0.0)

    def send_incident(self, site: str, message: bytes, delivered: Delivered) -> None:
        """Hand an incident event over."""
        self._writer.send(Topic.ANOMALIES, site, message, delivered, timeout_s=0.0)

    def poll(self, timeout_s: float) -> None:
        """Tell senders what became of their messages; waits at most timeout_s for one."""
        self._writer.poll(timeout_s)

    def close(self) -> None:
        """End the connection; what was not acknowledged is nobody's but the sender's."""
        self._writer.close()
