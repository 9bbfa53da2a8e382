"""Notices as JSON to a broker, QoS 1 and not retained."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import ComponentError
from kilowatch.links.mqtt.client import Session
from kilowatch.links.notify.channel import TIMEOUT_S

if TYPE_CHECKING:
    from kilowatch.config.sources import MqttConfig
    from kilowatch.core.notices import Notice


class MqttNotices:
    """Keeps `Channel`, for one thread. label: the broker's name in the settings. topic: where notices go."""

    def __init__(self, label: str, config: MqttConfig, site: str, topic: str) -> None:
        self._label, self._topic = label, topic
        self._change = threading.Condition()
        self._taken: dict[int, str] = {}
        self._problem: str | None = "it has not answered yet"
        self._session = Session(
            config,
            f"{config.client_id or f'kilowatch-{site}-{label}'}-notices",
            f"kilowatch/{site}/notifier",
            topics=list,
            on_message=lambda _epoch, _message: None,
            on_state=self._broker_is,
            on_sent=self._broker_has,
        )
        self._session.start()

    def send(self, notice: Notice) -> None:
        """Publish a notice and wait for the broker's word; `ComponentError` where there is none.

        Nothing is handed to a connection that is away: it would come twice, once tried again.
        """
        with self._change:
            self._change.wait_for(lambda: self._problem is None, TIMEOUT_S)
            if self._problem is not None:
                raise self._failed(self._problem)
            # Words that came too late, and of other messages: numbers come round again, and would confirm this one.
            self._taken.clear()
        # Without our lock: the library calls `_broker_has` while it holds one that `publish` wants.
        number = self._session.publish(self._topic, msgspec.json.encode(notice))
        with self._change:
            if not self._change.wait_for(lambda: number in self._taken, TIMEOUT_S):
                raise self._failed("it did not say that it has the message")
            why = self._taken.pop(number)
        if why:
            raise self._failed(why)

    def close(self) -> None:
        """End the connection."""
        self._session.stop()

    def _failed(self, why: str) -> ComponentError:
        return ComponentError(f"The broker {self._label} has not taken a notice: {why}.", "Check sources.mqtt.")

    def _broker_is(self, there: bool, why: str) -> None:
        with self._change:
            self._problem = None if there else why
            self._change.notify_all()

    def _broker_has(self, number: int, why: str) -> None:
        with self._change:
            self._taken[number] = why
            self._change.notify_all()
