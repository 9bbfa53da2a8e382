"""A sink that keeps what a source hands over, and a device that publishes to a real broker."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from kilowatch.config.secret import Secret
from kilowatch.config.sources import MqttConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.mosquitto import Mosquitto

    from kilowatch.links.source import SourceMessage


class Sink:
    """Keeps messages; is_safe: acknowledges each at once. hold: blocks the source as a full queue would."""

    def __init__(self, *, is_safe: bool = True) -> None:
        self.messages: list[SourceMessage] = []
        self.hold = threading.Event()
        self.hold.set()
        self._is_safe = is_safe

    def put(self, message: SourceMessage) -> None:
        self.hold.wait()
        self.messages.append(message)
        if self._is_safe:
            message.ack()

    def readings(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(message.payload) for message in self.messages if message.reason is None]


def until(is_so: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Wait until something is so; fail where it never is."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


def config_of(broker: Mosquitto, **changes: Any) -> MqttConfig:
    known: dict[str, Any] = {"host": broker.host, "port": broker.port, "username": broker.user}
    return MqttConfig(**{**known, "password": Secret(broker.password), **changes})


class Device:
    """A client that publishes at QoS 1 and waits for the broker's word. inflight: how many may be on their way."""

    def __init__(
        self, broker: Mosquitto, name: str = "device", will: tuple[str, str] | None = None, inflight: int = 20
    ) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{name}")
        self.client.username_pw_set(broker.user, broker.password)
        self.client.max_inflight_messages_set(inflight)
        if will is not None:
            self.client.will_set(will[0], will[1], qos=1, retain=True)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def publish(self, topic: str, payload: str | bytes, qos: int = 1, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(10)

    def vanish(self) -> None:
        """Break the connection without a farewell, so that the broker tells the last will."""
        socket = self.client.socket()
        self.client.loop_stop()
        assert socket is not None
        socket.close()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
