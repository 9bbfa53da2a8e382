"""Finds a client that Kafka answers no more, though it answers others.

The library can come to know no broker at all: while one shuts down it may tell of none, the client forgets those it
knew, and from then on it neither connects nor complains (librdkafka issue 5301, seen in 2.16.0 as the only broker was
replaced). Nothing but a new client helps.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kilowatch.links.kafka.client import kafka

if TYPE_CHECKING:
    from kilowatch.links.kafka.settings import Access

SILENT_S = 60.0
"""Who has heard nothing for so long asks whether there still is anybody."""
_ASKED_S = 3.0


class Silence:
    """How long nothing has come. Not for several threads."""

    def __init__(self) -> None:
        self._since_s = time.monotonic()

    def ends(self) -> None:
        """Take note that something came, or that nothing is due."""
        self._since_s = time.monotonic()

    def is_long(self) -> bool:
        """Return whether it has lasted for `SILENT_S`; the count begins anew where it has."""
        if time.monotonic() - self._since_s <= SILENT_S:
            return False
        self.ends()
        return True


def is_forsaken(client: Any, access: Access) -> bool:
    """Return whether a fresh client gets an answer and this one gets none; takes some seconds where it does not.

    Where nobody gets one Kafka is away, and the client is as good as any.
    """
    quiet = {"error_cb": lambda error: None, "log_level": 2}  # noqa: ARG005 - what it says is in the answer
    return not _is_answered(client) and _is_answered(kafka().admin.AdminClient(access.options() | quiet))


def _is_answered(client: Any) -> bool:
    try:
        return bool(client.list_topics(timeout=_ASKED_S).brokers)
    except kafka().KafkaException:
        return False
