"""Messages to and from the other tier by an MQTT broker: each is acknowledged once it has been dealt with."""

from __future__ import annotations

import logging
import queue
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from kilowatch.links.mqtt.client import Session
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import MQTTMessage

    from kilowatch.config.sources import MqttConfig

log = logging.getLogger("kilowatch.post")
INTENTS, ACTIONS, INCIDENTS = "intents", "actions", "incidents"
# Wildcards, the mark of what is written out, and what brokers take for a broken message and hang up on.
_NO_TOPIC = re.compile(r"[%+#\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that has come, and what is needed to acknowledge it."""

    topic: str
    payload: bytes
    epoch: int
    message: MQTTMessage


def topic_of(site: str, what: str) -> str:
    """Return the topic on which messages of a site travel: what no topic may hold is written out, + as %2B."""
    return f"kilowatch/{_NO_TOPIC.sub(lambda found: quote(found[0], safe=''), site)}/{what}"


def topic_of_all(what: str) -> str:
    """Return the filter for messages of every site."""
    return f"kilowatch/+/{what}"


class MqttPost:
    """A lasting session of its own beside that of the readings. client_id: the broker keeps what comes under it.

    label: the broker's name in the settings. What is sent while the broker is away leaves when it is back, as long as
    this process lives.
    """

    def __init__(self, label: str, config: MqttConfig, client_id: str, topics: Sequence[str]) -> None:
        self._presence = Presence(log, "broker")
        self._name = f"mqtt:{label}"
        self._arrived: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self._connected = threading.Event()
        self._session = Session(
            config,
            client_id,
            f"kilowatch/post/{client_id}",
            topics=lambda: topics,
            on_message=self._took,
            on_state=self._broker_is,
        )

    def start(self) -> None:
        """Begin to connect; a broker that is away is waited for."""
        self._session.start()

    def letters(self) -> list[Letter]:
        """Return what has come since the last time."""
        # As many as there are now: a broker that sends without end must not keep the loop here.
        return [self._arrived.get_nowait() for _ in range(self._arrived.qsize())]

    def done(self, letter: Letter) -> None:
        """Let the broker forget a message."""
        self._session.ack(letter.epoch, letter.message)

    def send(self, topic: str, payload: bytes, expires_s: int | None = None) -> None:
        """Hand a message over. topic: of `topic_of`."""
        self._session.publish(topic, payload, expires_s)

    def is_back(self) -> bool:
        """Return whether the broker has come back since the last time this was asked."""
        was = self._connected.is_set()
        self._connected.clear()
        return was

    def close(self) -> None:
        """End the connection; what was not acknowledged comes again."""
        self._session.stop()

    def _took(self, epoch: int, message: MQTTMessage) -> None:
        self._arrived.put(Letter(message.topic, bytes(message.payload), epoch, message))

    def _broker_is(self, there: bool, why: str) -> None:
        if there:
            self._connected.set()
            self._presence.back(self._name)
        else:
            self._presence.lost(self._name, why)
