"""Devices, scores and incidents in Home Assistant by themselves: what its MQTT discovery wants to be told.

Contract: Home Assistant's "MQTT Discovery"; configurations and states are retained, availability is a last will.
Names of devices are data: topics and ids are made of letters, digits and a hash, templates hold no name.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.core.device import Stage
from kilowatch.core.explain import label
from kilowatch.core.notices import one_line
from kilowatch.links.mqtt.client import Session
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paho.mqtt.client import MQTTMessage

    from kilowatch.config.sources import MqttConfig

_log = logging.getLogger("kilowatch.announce")
_LISTED = 20
# A plain name that ends like a hash of ours is hashed too, else it could be that of another name.
_HASHED = re.compile(r"_[0-9a-f]{8}$")


class OddNow(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that is open."""

    id: str
    device: str
    severity: str
    sentence: str
    since_ms: int


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a device: the state and the attributes of its entities."""

    device: str
    kind: str
    stage: Stage
    score: float | None
    power_w: float | None
    expected_low_w: float | None
    expected_high_w: float | None
    incident: OddNow | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a site's messages go. base: of Home Assistant's discovery."""

    site: str
    base: str

    @property
    def node(self) -> str:
        """The site's name as a level of topics."""
        return f"kilowatch_{level(self.site)}"

    @property
    def status(self) -> str:
        """Online or offline, retained."""
        return f"kilowatch/{level(self.site)}/announcer"

    def state(self, name: str) -> str:
        """The topic of a device's state; the site's own has an empty name."""
        return f"kilowatch/{level(self.site)}/{f'shown/{level(name)}' if name else 'shown'}"

    def config(self, component: str, name: str, what: str) -> str:
        """The topic of an entity's configuration."""
        return f"{self.base}/{component}/{self.node}/{f'{level(name)}_{what}' if name else what}/config"


def level(name: str) -> str:
    """Return a name as one level of a topic, and as part of an id: never that of another name."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:40].lower()
    is_itself = plain == name and plain and not _HASHED.search(plain)
    return plain if is_itself else f"{plain or 'x'}_{sha256(name.encode()).hexdigest()[:8]}"


def retained(places: Places, devices: Iterable[DeviceState]) -> dict[str, bytes]:
    """Return all that is retained, by topic: configurations first, then states."""
    told = sorted(devices, key=lambda one: one.device)
    messages = _site_config(places)
    for one in told:
        messages |= _device_configs(places, one)
    states = {places.state(one.device): msgspec.json.encode(one) for one in told}
    odd = [one.incident for one in told if one.incident is not None]
    site = {"open": len(odd), "incidents": sorted(odd, key=lambda one: one.since_ms, reverse=True)[:_LISTED]}
    return {**messages, **states, places.state(""): msgspec.json.encode(site)}


def _device_configs(places: Places, one: DeviceState) -> dict[str, bytes]:
    identity = f"{places.node}_{level(one.device)}"
    about = {
        "identifiers": [identity],
        "name": one_line(label(one.device)) or identity,
        "manufacturer": "kilowatch",
        "model": one.kind,
        "via_device": places.node,
    }
    return dict(
        _entity(places, component, one.device, what, {**entity, "device": about})
        for (component, what), entity in _entities(places.state(one.device)).items()
    )


def _entities(state: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a device shows, by component and what it is; state: the topic that all of it is read from."""
    return {
        ("sensor", "oddness"): {
            "name": "Oddness",
            "value_template": "{{ value_json.score }}",
            "json_attributes_topic": state,
            "state_class": "measurement",
            "suggested_display_precision": 2,
            "icon": "mdi:chart-bell-curve",
        },
        ("binary_sensor", "incident"): {
            "name": "Incident",
            "value_template": "{{ 'ON' if value_json.incident else 'OFF' }}",
            "json_attributes_topic": state,
            "json_attributes_template": "{{ (value_json.incident or {}) | tojson }}",
            "device_class": "problem",
        },
        ("sensor", "stage"): {
            "name": "Stage",
            "value_template": "{{ value_json.stage }}",
            "device_class": "enum",
            "options": [stage.value for stage in Stage],
            "entity_category": "diagnostic",
        },
    }


def _site_config(places: Places) -> dict[str, bytes]:
    entity = {
        "name": "Open incidents",
        "value_template": "{{ value_json.open }}",
        "json_attributes_topic": places.state(""),
        "state_class": "measurement",
        "icon": "mdi:alert-outline",
        "device": {
            "identifiers": [places.node],
            "name": one_line(f"kilowatch {places.site}"),
            "manufacturer": "kilowatch",
        },
    }
    return dict([_entity(places, "sensor", "", "open", entity)])


def _entity(places: Places, component: str, name: str, what: str, entity: Mapping[str, Any]) -> tuple[str, bytes]:
    identity = f"{places.node}_{level(name)}_{what}" if name else f"{places.node}_{what}"
    common = {
        "unique_id": identity,
        "object_id": identity,
        "state_topic": places.state(name),
        "availability_topic": places.status,
        "origin": {"name": "kilowatch", "sw_version": version("kilowatch")},
    }
    return places.config(component, name, what), msgspec.json.encode({**common, **entity})


class _Keeping(Session):
    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to what others have said: what we say ourselves need not come back."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        self._client.subscribe([(topic, SubscribeOptions(qos=1, noLocal=True)) for topic in topics])

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish a message that the broker retains; an empty one ends that."""
        self._client.publish(topic, payload, qos=1, retain=True)


class Announcer:
    """A broker's retained messages, kept as they are to be: what changed is told, what is gone is taken back.

    While the broker is away nothing piles up; when it is back all is told again.
    """

    def __init__(self, name: str, config: MqttConfig, places: Places) -> None:
        self._name = name
        self._presence = Presence(_log, "broker")
        self._lock = threading.Lock()
        self._is_there = False
        self._told: dict[str, bytes] = {}
        self._found: set[str] = set()
        self._session = _Keeping(
            config,
            f"{config.client_id or f'kilowatch-{places.site}-{name}'}-announcer",
            places.status,
            topics=lambda: [f"{places.base}/+/{places.node}/+/config"],
            on_message=self._heard,
            on_state=self._broker_is,
        )
        self._session.start()

    def show(self, wanted: Mapping[str, bytes]) -> int:
        """Let the broker keep these, and nothing else of ours; return how many messages that took."""
        with self._lock:
            # The client would queue all of it for a broker that is away, once more with every change.
            if not self._is_there:
                return 0
            # Found: what an earlier process told of devices that nobody knows now, and that the broker still keeps.
            gone = (set(self._told) | self._found) - set(wanted)
            news = {topic: payload for topic, payload in wanted.items() if self._told.get(topic) != payload}
            self._told = dict(wanted)
            self._found -= gone
        self._tell([*((topic, b"") for topic in gone), *news.items()])
        return len(gone) + len(news)

    def close(self) -> None:
        """Say that we are offline, and end the connection; what was told stays."""
        self._session.stop()

    def _tell(self, messages: Sequence[tuple[str, bytes]]) -> None:
        for topic, payload in messages:
            self._session.keep(topic, payload)

    def _heard(self, epoch: int, message: MQTTMessage) -> None:
        if message.payload:
            with self._lock:
                self._found.add(message.topic)
        self._session.ack(epoch, message)

    def _broker_is(self, there: bool, why: str) -> None:
        with self._lock:
            self._is_there = there
            # A broker that was away may have lost what it kept: all counts as untold.
            self._told.clear()
        if there:
            self._presence.back(self._name)
        else:
            self._presence.lost(self._name, why)
