"""One lasting MQTT session: what the broker keeps for us while we are away comes when we are back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.properties import Properties

    from kilowatch.config.sources import MqttConfig

SESSION_S = 7 * 86_400
"""The broker keeps messages so long: as long as `IoTDevices` does."""
_KEEPALIVE_S = 30
_LONGEST_PAUSE_S = 60
_QOS = 1


class Session:
    """A connection that is made again whenever it breaks, with pauses of 1 s doubling to a minute.

    Messages are handed to on_message as (epoch, message) and acknowledged by `ack` with the same epoch: one that came
    over an earlier connection is not, because the broker has sent it again, perhaps under another message id.
    on_state: told whether the broker is there, and why not. status_topic: retained, online or offline. on_sent: told
    the number of a message of ours that the broker has, and why it would not have it, empty where it has.
    """

    def __init__(
        self,
        config: MqttConfig,
        client_id: str,
        status_topic: str,
        *,
        topics: Callable[[], Sequence[str]],
        on_message: Callable[[int, MQTTMessage], None],
        on_state: Callable[[bool, str], None],
        on_sent: Callable[[int, str], None] | None = None,
    ) -> None:
        self._config = config
        self._status_topic = status_topic
        self._topics = topics
        self._on_message = on_message
        self._on_state = on_state
        self._on_sent = on_sent
        self._epoch = 0
        self._lock = threading.Lock()
        self._client = self._made(client_id)

    def start(self) -> None:
        """Begin to connect; a broker that is not there is waited for."""
        self._client.connect_async(
            self._config.host, self._config.port, _KEEPALIVE_S, clean_start=False, properties=self._lasting()
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Say farewell and end the thread; the session stays at the broker."""
        # Said by ourselves: a connection that is ended in order takes its last will with it.
        self._client.publish(self._status_topic, "offline", qos=0, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def ack(self, epoch: int, message: MQTTMessage) -> None:
        """Tell the broker that a message is safe, where it came over this connection."""
        # Held over both: with a break in between the id could be that of another message.
        with self._lock:
            if epoch == self._epoch:
                self._client.ack(message.mid, message.qos)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to more topics."""
        if topics:
            self._client.subscribe([(topic, _QOS) for topic in topics])

    def publish(self, topic: str, payload: bytes, expires_s: int | None = None) -> int:
        """Hand a message over at QoS 1 and return its number; it is sent again after each break until it is there.

        expires_s: the broker drops it where nobody has fetched it by then.
        """
        properties = None if expires_s is None else _expiring(expires_s)
        return self._client.publish(topic, payload, qos=_QOS, properties=properties).mid

    def _made(self, client_id: str) -> Client:
        mqtt = _paho()
        client: Client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, manual_ack=True
        )
        let_in(client, self._config)
        no_answer = "no answer, or no certificate that we trust" if self._config.tls else "no answer"
        # The broker says it for us where we vanish without a farewell, so nobody trusts a dead kilowatch.
        client.will_set(self._status_topic, "offline", qos=_QOS, retain=True)
        client.reconnect_delay_set(1, _LONGEST_PAUSE_S)
        client.on_connect = self._connected
        client.on_connect_fail = lambda *_: self._on_state(False, no_answer)  # noqa: FBT003
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        # No lock: messages and breaks come on one thread of the library, so the epoch is that of the connection.
        client.on_message = lambda _client, _data, message: self._on_message(self._epoch, message)
        return client

    def _lasting(self) -> Properties:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        # So many may be unacknowledged: the bound of our queue for QoS 1, which is never dropped. It has 16 bits.
        properties.ReceiveMaximum = min(self._config.queue, 65_535)
        lasting: Properties = properties
        return lasting

    def _connected(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._on_state(False, f"it refused us: {reason}")  # noqa: FBT003
            return
        # Each time, even into a session that goes on: a broker may have lost it, and topics were announced since.
        self.subscribe(self._topics())
        client.publish(self._status_topic, "online", qos=_QOS, retain=True)
        self._on_state(True, "")  # noqa: FBT003

    def _published(self, _client: Client, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        if self._on_sent is not None:
            self._on_sent(number, str(reason) if reason.is_failure else "")

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            self._epoch += 1
        # Our own farewell is no news.
        if reason.is_failure:
            self._on_state(False, f"the connection broke: {reason}")  # noqa: FBT003


def _expiring(seconds: int) -> Properties:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = seconds
    expiring: Properties = properties
    return expiring


def let_in(client: Client, config: MqttConfig) -> None:
    """Give a client its login and its encryption; `ConfigError` for certificates that cannot be read."""
    if config.username is not None:
        client.username_pw_set(config.username, None if config.password is None else config.password.reveal())
    if config.tls:
        try:
            client.tls_set(ca_certs=config.ca_file)
        except (OSError, ValueError) as error:
            what = f"{config.ca_file} holds no certificates: {error}."
            raise ConfigError(what, "Give a PEM file as ca_file.") from error


# Asked for late: readings may come another way, and the package is an extra.
def _paho() -> Any:
    try:
        import paho.mqtt.client as mqtt
    except ImportError as error:
        raise MissingExtraError("paho-mqtt", "mqtt") from error
    return mqtt
