"""Writes messages that are acknowledged by every in-sync copy, in order, none twice."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from kilowatch.errors import FullError
from kilowatch.links.kafka.client import kafka, kafka_errors, translated
from kilowatch.links.kafka.forsaken import Silence, is_forsaken
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.settings import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.errors import KilowatchError
    from kilowatch.links.kafka.settings import Access, Pace

Delivered: TypeAlias = "Callable[[KilowatchError | None], None]"
"""Told once what became of a message: None once Kafka has it for good."""

ANY_PARTITION = -1
"""Let the key decide."""
_ROOM_POLL_S = 0.1
_CLOSE_S = 1.0
_log = logging.getLogger(__name__)


class Writer:
    """An idempotent producer. `send` may be called by several threads, `poll` by one. who: we, in the log."""

    def __init__(self, access: Access, pace: Pace | None = None, who: str = "writer") -> None:
        self._access, self._pace, self._who = access, pace, who
        self._outage = Outage(who)
        self._silence = Silence()
        self._producer = self._connected()

    def _connected(self) -> Any:
        with kafka_errors("connecting"):
            return kafka().Producer(writing(self._access, self._pace) | self._outage.options())

    def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        delivered: Delivered | None = None,
        *,
        partition: int = ANY_PARTITION,
        timeout_s: float | None = None,
    ) -> None:
        """Hand a message over; where the queue is full wait for room, at most timeout_s, then `FullError`.

        value: None deletes the key in a compacted topic. partition: -1 leaves it to the key.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        told = self._hearing(delivered)
        while not is_taken(self._producer, topic, key, value, partition, told):
            if deadline is not None and time.monotonic() > deadline:
                raise FullError(
                    f"Kafka has taken nothing for {timeout_s:g} s and the queue is full.", "See that the broker runs."
                )
            self._producer.poll(_ROOM_POLL_S)

    def poll(self, timeout_s: float = 0.0) -> int:
        """Tell senders what became of their messages; waits at most timeout_s, and returns how much came.

        Where Kafka answers others and this client no more, what waits is told to have failed and a new one is made.
        """
        with kafka_errors("writing"):
            came = int(self._producer.poll(timeout_s))
        self._renew_where_forsaken()
        return came

    def _hearing(self, delivered: Delivered | None) -> Delivered:
        """Return who takes note that a broker has answered: the library's own count holds its complaints as well."""

        def told(error: KilowatchError | None) -> None:
            if error is None:
                self._outage.heard()
                self._silence.ends()
            if delivered is not None:
                delivered(error)

        return told

    def flush(self, timeout_s: float) -> int:
        """Wait until every message is acknowledged, and return how many still are not."""
        with kafka_errors("writing"):
            left = int(self._producer.flush(timeout_s))
        self._renew_where_forsaken()
        return left

    def _renew_where_forsaken(self) -> None:
        if not len(self._producer):
            self._silence.ends()
        elif self._silence.is_long() and is_forsaken(self._producer, self._access):
            _log.error("Kafka answers, and this client of it no more (%s): a new one takes over", self._who)
            self.close()
            self._producer = self._connected()

    def close(self) -> None:
        """Drop what nobody has acknowledged and end the connection."""
        self._producer.purge()
        with kafka_errors("closing"):
            # Also what was purged is told to its sender, and the library tells within poll and flush alone.
            self._producer.flush(_CLOSE_S)

    def __len__(self) -> int:
        """Return how many messages wait for their acknowledgement."""
        return len(self._producer)


def is_taken(
    producer: Any, topic: str, key: str | bytes | None, value: bytes | None, partition: int, delivered: Delivered | None
) -> bool:
    """Hand a message to the library, and return whether its queue had room."""
    told = None if delivered is None else _telling(delivered)
    try:
        producer.produce(str(topic), value=value, key=key, partition=partition, on_delivery=told)
    except BufferError:
        return False
    except kafka().KafkaException as error:
        raise translated(error.args[0], f"writing to {topic}") from error
    return True


def _telling(delivered: Delivered) -> Callable[[Any, Any], None]:
    def tell(error: Any, message: Any) -> None:
        delivered(None if error is None else translated(error, f"writing to {message.topic()}"))

    return tell
