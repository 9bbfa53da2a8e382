"""Whose messages a broker carries: which topics to subscribe to, and what each message says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kilowatch.config.sources import MqttConfig, Vendor
from kilowatch.core.device import Reporting, first_seen
from kilowatch.links.decode import announced, discovery, generic, shelly1, shelly2, statestream, tasmota, zigbee

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any
    from zoneinfo import ZoneInfo

    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.decode.announced import AnnouncedValue
    from kilowatch.links.decode.report import Availability, Report

READINGS = "kilowatch/{site}/readings"
_QUIET = {"reporting": Reporting.ON_CHANGE, "heartbeat_s": discovery.QUIET_HEARTBEAT_S}


@dataclass(slots=True)
class Said:
    """All that one message says. subscribe: topics that it announces. raw: the message is a reading as it stands."""

    reports: list[Report | Availability] = field(default_factory=list)
    devices: list[DeviceRecord] = field(default_factory=list)
    subscribe: list[str] = field(default_factory=list)
    traits: dict[str, Any] = field(default_factory=dict)
    is_raw: bool = False


class Vendors:
    """Decodes what one broker carries. Remembers the units and topics that were announced."""

    def __init__(self, config: MqttConfig, site: str, source: str, zone: ZoneInfo) -> None:
        self._config = config
        self._site = site
        self._source = source
        self._zone = zone
        self._units: dict[str, str] = {}
        self._announced: dict[str, list[AnnouncedValue]] = {}
        known: dict[Vendor, Callable[[str, bytes, int], Said | None]] = {
            Vendor.SHELLY1: self._shelly1,
            Vendor.SHELLY2: self._shelly2,
            Vendor.TASMOTA: self._tasmota,
            Vendor.ZIGBEE2MQTT: self._zigbee,
            Vendor.STATESTREAM: self._statestream,
            Vendor.DISCOVERY: self._discovery,
            Vendor.KILOWATCH: self._own,
        }
        # Gen1 topics end like those of Gen2, so Gen1 is asked first.
        self._ask = [known[vendor] for vendor in known if vendor in config.vendors] + [self._mapped]

    def topics(self) -> list[str]:
        """Return the filters to subscribe to, those announced so far among them."""
        config = self._config
        base, entities = config.zigbee2mqtt_base, config.statestream_base
        tele = [config.tasmota_full_topic.replace("%topic%", "+").replace("%prefix%", p) for p in ("tele", "stat")]
        gen2 = ("status/+", "events/rpc", "online", "announce")
        of_vendor = {
            Vendor.SHELLY2: [f"{prefix}/{end}" for prefix in config.shelly2_prefixes for end in gen2],
            Vendor.SHELLY1: ["shellies/+/relay/#", "shellies/+/online", "shellies/announce"],
            Vendor.TASMOTA: [*(f"{topic.rstrip('/')}/+" for topic in tele), "tasmota/discovery/+/config"],
            Vendor.ZIGBEE2MQTT: [f"{base}/#"],
            Vendor.STATESTREAM: [f"{entities}/+/+/state", f"{entities}/+/+/unit_of_measurement"],
            Vendor.DISCOVERY: [
                f"{config.discovery_base}/sensor/+/config",
                f"{config.discovery_base}/sensor/+/+/config",
            ],
            Vendor.KILOWATCH: [READINGS.format(site=self._site)],
        }
        chosen = [topic for vendor in config.vendors for topic in of_vendor[vendor]]
        mapped = [generic.topic_filter(mapping.topic) for mapping in config.mappings.values()]
        # Once each: a filter that is subscribed to twice brings its retained messages twice.
        return list(dict.fromkeys([*chosen, *mapped, *self._announced]))

    def decode(self, topic: str, payload: bytes, received_ms: int) -> Said:
        """Return what a message says; `UndecodableError` where it breaks its vendor's contract."""
        for ask in self._ask:
            said = ask(topic, payload, received_ms)
            if said is not None:
                return said
        # Nobody reads it: filters are wider than what we understand, and this is no fault of the message.
        return Said()

    def record(self, device: str, said: Said) -> DeviceRecord:
        """Return the record of a device that nobody announced."""
        return first_seen(self._site, device, source=self._source, **said.traits)

    def _shelly1(self, topic: str, payload: bytes, _: int) -> Said | None:
        if not topic.startswith("shellies/"):
            return None
        devices = discovery.shelly_announced(self._site, self._source, topic, payload)
        return _said(shelly1.decode(topic, payload), devices, interval_s=discovery.SHELLY1_INTERVAL_S)

    def _shelly2(self, topic: str, payload: bytes, _: int) -> Said | None:
        devices = discovery.shelly_announced(self._site, self._source, topic, payload)
        return _said(shelly2.decode(topic, payload), devices, reporting=Reporting.ON_CHANGE)

    def _tasmota(self, topic: str, payload: bytes, received_ms: int) -> Said | None:
        told = tasmota.decode(topic, payload, received_ms, self._zone, self._config.tasmota_full_topic)
        devices = discovery.tasmota_announced(self._site, self._source, topic, payload)
        return _said(told, devices, interval_s=discovery.TASMOTA_INTERVAL_S)

    def _zigbee(self, topic: str, payload: bytes, received_ms: int) -> Said | None:
        base = self._config.zigbee2mqtt_base
        told = zigbee.decode(topic, payload, received_ms, self._zone, base)
        devices = discovery.zigbee_announced(self._site, self._source, topic, payload, base)
        return _said(told, devices, **_QUIET)

    def _statestream(self, topic: str, payload: bytes, _: int) -> Said | None:
        rest = topic.removeprefix(f"{self._config.statestream_base}/")
        levels = rest.split("/")
        entity = statestream.entity_of(levels[0], levels[1], self._config.entities) if len(levels) == 3 else None
        if entity is None or rest == topic:
            return None
        name = "/".join(levels[:2])
        if levels[2] == "unit_of_measurement":
            self._units[name] = statestream.decode_unit(payload)
            return Said()
        if levels[2] != "state":
            return None
        told = statestream.decode_state(entity, payload, self._units.get(name))
        return _said([told], [], **_QUIET)

    def _discovery(self, topic: str, payload: bytes, _: int) -> Said | None:
        value = announced.announced_value(topic, payload, self._config.discovery_base)
        if value is not None:
            values = self._announced.setdefault(value.topic, [])
            # Kept by the broker, an announcement comes again with every connection.
            if value not in values:
                values.append(value)
            device = first_seen(self._site, value.device, reporting=Reporting.ON_CHANGE, source=self._source)
            return Said(devices=[device], subscribe=[value.topic])
        values = self._announced.get(topic, [])
        told = [announced.decode(value, payload) for value in values]
        return _said(told, [], reporting=Reporting.ON_CHANGE)

    def _mapped(self, topic: str, payload: bytes, received_ms: int) -> Said | None:
        for mapping in self._config.mappings.values():
            told = generic.decode(mapping, topic, payload, received_ms, self._zone)
            if told:
                return _said(told, [])
        return None

    def _own(self, topic: str, _payload: bytes, _received_ms: int) -> Said | None:
        return Said(is_raw=True) if topic == READINGS.format(site=self._site) else None


def _said(told: Sequence[Report | Availability], devices: list[DeviceRecord], **traits: Any) -> Said | None:
    """Return what was said, None where it was nothing and another vendor may be asked."""
    return Said(list(told), devices, traits=traits) if told or devices else None
