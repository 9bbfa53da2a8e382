"""An MQTT broker as a source of readings.

A message is acknowledged (PUBACK) only when whoever took it says that it is safe; until then the broker keeps it and
sends it again after a break. So readings may come twice, never less than once; twins are told apart by site, device
and ts_ms. What says no reading (availability, announcements, halves of a reading) is acknowledged at once.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING

from kilowatch.core.localtime import zone
from kilowatch.links.decode.overlay import Overlay, encoded
from kilowatch.links.decode.report import Availability, Report, UndecodableError
from kilowatch.links.mqtt.catalog import Catalog
from kilowatch.links.mqtt.client import Session
from kilowatch.links.mqtt.vendors import Said, Vendors
from kilowatch.links.mqtt.waiting import Arrived, Waiting
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms
from kilowatch.observability.metrics import Metrics
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import MQTTMessage

    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import MqttConfig
    from kilowatch.core.events import Reading
    from kilowatch.links.source import OnDevices, Put

log = logging.getLogger("kilowatch.mqtt")
_BRIDGE = "zigbee2mqtt"


class MqttSource:
    """Readings from one broker. label: its name in the settings. clock_ms: stamps received_ms."""

    def __init__(
        self,
        label: str,
        config: MqttConfig,
        site: SiteConfig,
        *,
        on_devices: OnDevices | None = None,
        metrics: Metrics | None = None,
        clock_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.name = f"mqtt:{label}"
        self._clock_ms = clock_ms
        self._metrics = metrics or Metrics()
        self._vendors = Vendors(config, site.name, self.name, zone(site.time_zone))
        self._overlay = Overlay(site.name, self.name)
        self._catalog = Catalog(on_devices)
        self._waiting = Waiting(config.queue)
        self._brokers = Presence(log, "broker", self._source_is)
        self._devices = Presence(log, "device", self._device_is)
        self._thread: threading.Thread | None = None
        self._session = Session(
            config,
            config.client_id or f"kilowatch-{site.name}-{label}",
            f"kilowatch/{site.name}/status",
            topics=self._vendors.topics,
            on_message=self._arrived,
            on_state=self._broker_is,
        )
        self._metrics.gauge("kilowatch_source_waiting_messages").labels(self.name).set_function(self._waiting.__len__)

    def start(self, put: Put) -> None:
        """Connect, and hand over what comes; a broker that is away is waited for."""
        self._thread = threading.Thread(target=self._work, args=(put,), name=self.name, daemon=True)
        self._thread.start()
        self._session.start()

    def stop(self) -> None:
        """Hand over nothing more and leave; what was not acknowledged stays with the broker."""
        self._waiting.close()
        if self._thread is not None:
            self._thread.join()
        self._session.stop()

    def _arrived(self, epoch: int, message: MQTTMessage) -> None:
        self._metrics.counter("kilowatch_source_messages_total").labels(self.name).inc()
        if not self._waiting.put(Arrived(epoch, message, self._clock_ms())):
            self._metrics.counter("kilowatch_source_dropped_total").labels(self.name).inc()

    def _work(self, put: Put) -> None:
        while (arrived := self._waiting.take()) is not None:
            message = self._judged(arrived)
            if message is None:
                self._ack(arrived)
            else:
                put(message)

    def _judged(self, arrived: Arrived) -> SourceMessage | None:
        """Return what is to be handed over for a message, None where it is no reading."""
        topic, payload, ack = "", bytes(arrived.message.payload), partial(self._ack, arrived)
        try:
            topic = arrived.message.topic
            said = self._vendors.decode(topic, payload, arrived.received_ms)
            readable = payload if said.is_raw else self._readings(said, arrived)
        except UndecodableError as error:
            why = str(error)
        # What nobody thought of in one message must not end the source: some brokers pass on topics that are no UTF-8.
        except Exception as error:
            log.debug("A message could not be decoded.", exc_info=True)
            why = f"its decoding failed: {error!r}"
        else:
            return None if readable is None else SourceMessage(self.name, readable, None, arrived.received_ms, ack)
        self._metrics.counter("kilowatch_source_refused_total").labels(self.name).inc()
        return SourceMessage(self.name, payload, why, arrived.received_ms, ack, topic, arrived.message.retain)

    def _readings(self, said: Said, arrived: Arrived) -> bytes | None:
        readings: list[Reading] = []
        for report in said.reports:
            if isinstance(report, Availability):
                self._available(report)
            elif (reading := self._reading(report, said, arrived)) is not None:
                readings.append(reading)
        self._catalog.tell(said.devices)
        self._session.subscribe(said.subscribe)
        return encoded(readings) if readings else None

    def _reading(self, report: Report, said: Said, arrived: Arrived) -> Reading | None:
        reading = self._overlay.reading(report, arrived.received_ms, is_retained=arrived.message.retain)
        # Who never tells its power is no meter: a bare switch is not taken in.
        if report.power_w is not None and report.device not in self._catalog:
            self._catalog.meet(self._vendors.record(report.device, said))
        # What the broker had kept says nothing of whether the device is there now.
        if not arrived.message.retain:
            self._devices.back(report.device)
        return reading

    def _available(self, said: Availability) -> None:
        device = said.device or _BRIDGE
        if said.is_there:
            self._devices.back(device)
        else:
            self._devices.lost(device, "its broker says that it is offline")

    def _ack(self, arrived: Arrived) -> None:
        self._session.ack(arrived.epoch, arrived.message)

    def _broker_is(self, there: bool, why: str) -> None:
        if there:
            self._brokers.back(self.name)
            # Presence tells of changes alone, and the first connection is none.
            self._source_is(self.name, there=True)
        else:
            self._brokers.lost(self.name, why)

    def _source_is(self, name: str, there: bool) -> None:
        self._metrics.gauge("kilowatch_source_up").labels(name).set(there)

    def _device_is(self, device: str, there: bool) -> None:
        self._metrics.gauge("kilowatch_device_up").labels(self.name, device).set(there)
