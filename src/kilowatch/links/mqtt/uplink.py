"""An MQTT broker as upstream: readings and incidents at QoS 1, each told of once the broker has it."""

from __future__ import annotations

import logging
import queue
from typing import TYPE_CHECKING

from kilowatch.errors import ComponentError
from kilowatch.links.mqtt.client import Session
from kilowatch.links.mqtt.post import INCIDENTS, topic_of
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.config.sources import MqttConfig
    from kilowatch.errors import KilowatchError

log = logging.getLogger("kilowatch.upstream")
READINGS = "readings"


class MqttUplink:
    """Keeps `kilowatch.links.uplink.Uplink`. label: the broker's name in the settings. Not for several threads."""

    def __init__(self, label: str, config: MqttConfig, site: str) -> None:
        self._presence = Presence(log, "upstream")
        self._name = f"mqtt:{label}"
        # the library tells on its own thread, holding a lock that `publish` wants: nothing here may wait for another
        self._told: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._waiting: dict[int, Callable[[KilowatchError | None], None]] = {}
        self._session = Session(
            config,
            f"{config.client_id or f'kilowatch-{site}-{label}'}-upstream",
            topic_of(site, "upstream"),
            topics=list,
            on_message=lambda _epoch, _message: None,
            on_state=self._broker_is,
            on_sent=lambda number, why: self._told.put((number, why)),
        )
        self._session.start()

    def send_readings(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        """Hand readings of a site over."""
        # Noted in time even where the broker is quicker: its word waits for `poll`, which is called on this thread.
        self._waiting[self._session.publish(topic_of(site, READINGS), message)] = delivered

    def send_incident(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        """Hand an incident event over."""
        self._waiting[self._session.publish(topic_of(site, INCIDENTS), message)] = delivered

    def poll(self, timeout_s: float) -> None:
        """Tell senders what became of their messages; waits at most timeout_s for the first."""
        try:
            number, why = self._told.get(timeout=timeout_s)
        except queue.Empty:
            return
        while True:
            delivered = self._waiting.pop(number, None)
            if delivered is not None:
                delivered(_refused(self._name, why) if why else None)
            try:
                number, why = self._told.get_nowait()
            except queue.Empty:
                return

    def close(self) -> None:
        """End the connection; what was not acknowledged is nobody's but the sender's."""
        self._session.stop()

    def _broker_is(self, there: bool, why: str) -> None:
        if there:
            self._presence.back(self._name)
        else:
            self._presence.lost(self._name, why)


def _refused(name: str, why: str) -> ComponentError:
    return ComponentError(f"The broker {name} would not take a message: {why}.", "May its user write to kilowatch/#?")
