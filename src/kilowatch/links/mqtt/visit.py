"""A short visit to a broker, which leaves nothing behind: does it let us in, and who speaks there?

The lasting session of `Session` is not touched, nor its status topic: a kilowatch that runs goes on undisturbed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kilowatch.core.localtime import zone
from kilowatch.errors import MissingExtraError
from kilowatch.links.decode.report import Availability, UndecodableError
from kilowatch.links.mqtt.client import let_in
from kilowatch.links.mqtt.vendors import Vendors
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import MqttConfig
    from kilowatch.core.device import DeviceRecord

_CONNECT_S = 5.0


@dataclass(slots=True)
class Visit:
    """How a visit went. problem: why the broker could not be spoken to, empty where it could."""

    problem: str = ""
    devices: dict[str, DeviceRecord] = field(default_factory=dict)


def visit(config: MqttConfig, site: SiteConfig, listen_s: float = 0.0) -> Visit:
    """Connect, listen for a while to who announces itself or speaks, and leave.

    `MissingExtraError` where paho-mqtt is not installed, `ConfigError` for certificates that cannot be read.
    """
    guest = _Guest(config, site)
    return guest.stay(listen_s)


class _Guest:
    def __init__(self, config: MqttConfig, site: SiteConfig) -> None:
        self._config = config
        self._vendors = Vendors(config, site.name, "mqtt", zone(site.time_zone))
        self._visit = Visit(problem="no answer")
        self._let_in = threading.Event()

    def stay(self, listen_s: float) -> Visit:
        client = self._client()
        try:
            client.connect_async(self._config.host, self._config.port)
            client.loop_start()
            if self._let_in.wait(_CONNECT_S) and not self._visit.problem and listen_s > 0:
                # QoS 0: the broker keeps nothing for a guest, and a guest acknowledges nothing.
                client.subscribe([(topic, 0) for topic in self._vendors.topics()])
                threading.Event().wait(listen_s)
        finally:
            client.disconnect()
            client.loop_stop()
        return self._visit

    def _client(self) -> Any:
        try:
            from paho.mqtt import client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise MissingExtraError("paho-mqtt", "mqtt") from error
        # No name of its own: with that of the running kilowatch the broker would throw that one out.
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        let_in(client, self._config)
        client.on_connect = self._connected
        client.on_message = self._heard
        return client

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._visit.problem = f"it refused us: {reason}" if reason.is_failure else ""
        self._let_in.set()

    def _heard(self, client: Any, _data: Any, message: Any) -> None:
        try:
            said = self._vendors.decode(message.topic, bytes(message.payload), wall_ms())
        except UndecodableError:
            return
        for record in said.devices:
            self._visit.devices[record.device] = record
        for report in said.reports:
            if not isinstance(report, Availability) and report.device not in self._visit.devices:
                self._visit.devices[report.device] = self._vendors.record(report.device, said)
        if said.subscribe:
            client.subscribe([(topic, 0) for topic in said.subscribe])
