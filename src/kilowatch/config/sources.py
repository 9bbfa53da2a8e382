"""Settings of the sources that readings come from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret

Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0: any that is free")]


class Vendor(StrEnum):
    """Whose messages an MQTT broker carries."""

    SHELLY2 = "shelly2"
    SHELLY1 = "shelly1"
    TASMOTA = "tasmota"
    ZIGBEE2MQTT = "zigbee2mqtt"
    STATESTREAM = "statestream"
    DISCOVERY = "discovery"
    """Whatever Home Assistant's MQTT discovery announces."""
    KILOWATCH = "kilowatch"
    """Readings as docs/contracts.md has them, on kilowatch/SITE/readings."""


class MappingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Readings from JSON of any shape: where in a message each value stands, as a dotted path."""

    topic: Annotated[str, Meta(min_length=1, description="topic filter; a level written {device} names the device")]
    power: Annotated[str, Meta(min_length=1, description="path of the power; . is the whole message")]
    power_scale: Annotated[float, Meta(description="W for one of theirs: 1000 for kW")] = 1.0
    device: Annotated[str | None, Meta(description="path of the device's name; None: from the topic")] = None
    energy: Annotated[str | None, Meta(description="path of the energy register")] = None
    energy_scale: Annotated[float, Meta(description="Wh for one of theirs: 1000 for kWh")] = 1.0
    voltage: Annotated[str | None, Meta(description="path of the voltage, V")] = None
    current: Annotated[str | None, Meta(description="path of the current, A")] = None
    on: Annotated[str | None, Meta(description="path of the switch")] = None
    time: Annotated[str | None, Meta(description="path of the time: ISO 8601, or seconds or ms since 1970")] = None


class MqttConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An MQTT broker and what it carries."""

    host: Annotated[str, Meta(min_length=1, description="name or address of the broker")] = "127.0.0.1"
    port: Port = 1883
    tls: Annotated[bool, Meta(description="encrypt, and verify the broker's certificate")] = False
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    username: Annotated[str | None, Meta(description="user name")] = None
    password: Annotated[Secret | None, Meta(description="password")] = None
    password_file: Annotated[str | None, Meta(description="file that holds the password")] = None
    client_id: Annotated[
        str | None,
        Meta(description="known to the broker, which keeps our messages under it; None: kilowatch-SITE-NAME"),
    ] = None
    vendors: Annotated[list[Vendor], Meta(description="whose messages to read")] = msgspec.field(
        default_factory=lambda: [Vendor.SHELLY2, Vendor.SHELLY1, Vendor.TASMOTA, Vendor.ZIGBEE2MQTT]
    )
    shelly2_prefixes: Annotated[list[str], Meta(description="topic prefixes of Shelly Gen2 plugs")] = msgspec.field(
        # Their prefix is the id of each plug, and nobody should have to list those.
        default_factory=lambda: ["+"]
    )
    tasmota_full_topic: Annotated[
        str, Meta(pattern="%topic%", description="Tasmota's FullTopic, as set in the plugs")
    ] = "%prefix%/%topic%/"
    zigbee2mqtt_base: Annotated[str, Meta(min_length=1, description="Zigbee2MQTT's base topic")] = "zigbee2mqtt"
    statestream_base: Annotated[str, Meta(min_length=1, description="base topic of Home Assistant's statestream")] = (
        "homeassistant/statestream"
    )
    discovery_base: Annotated[str, Meta(min_length=1, description="base topic of Home Assistant's MQTT discovery")] = (
        "homeassistant"
    )
    entities: Annotated[
        dict[str, str],
        Meta(description='entity to device and value where names do not tell: {"sensor.x" = "tv.power"}'),
    ] = msgspec.field(default_factory=dict)
    mappings: Annotated[dict[str, MappingConfig], Meta(description="JSON of other makes, by a name of your own")] = (
        msgspec.field(default_factory=dict)
    )
    queue: Annotated[
        int, Meta(ge=1, le=1_000_000, description="messages that may wait; beyond it QoS 0 is dropped, counted")
    ] = 10_000


class PollConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking plugs over HTTP; which ones, the devices say."""

    enabled: Annotated[bool, Meta(description="ask every device that has a plug and no other source")] = True
    interval_s: Annotated[float, Meta(ge=0.1, description="how often, where a device does not say, s")] = 10.0
    backoff_most_s: Annotated[float, Meta(gt=0, description="longest pause while a plug does not answer, s")] = 60.0


class PushConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to which others send readings over HTTP."""

    enabled: Annotated[bool, Meta(description="serve it")] = False
    bind: Annotated[str, Meta(description="address to listen on; 0.0.0.0 lets the whole network in")] = "127.0.0.1"
    port: Port = 8090
    token: Annotated[Secret | None, Meta(description="what a sender must show; needed")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None
    most_bytes: Annotated[int, Meta(ge=1, le=1_048_576, description="of one request's body")] = 1_048_576
    most_waiting: Annotated[
        int, Meta(ge=1, le=100_000, description="requests not yet safe; beyond it senders get 503")
    ] = 256


class FileColumnsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns of a table: by header, or by number from 1 where a file has no header. What is not named is guessed."""

    time: Annotated[str | None, Meta(description="when")] = None
    power: Annotated[str | None, Meta(description="power")] = None
    energy: Annotated[str | None, Meta(description="energy register")] = None
    voltage: Annotated[str | None, Meta(description="voltage, V")] = None
    current: Annotated[str | None, Meta(description="current, A")] = None
    on: Annotated[str | None, Meta(description="the switch")] = None
    device: Annotated[str | None, Meta(description="the device's name, where a file holds several")] = None
    site: Annotated[str | None, Meta(description="the site's name; None: ours in every row")] = None


class FilesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of readings that are followed as a logger writes them: CSV, Parquet, or JSON lines of docs/contracts.md."""

    path: Annotated[str, Meta(min_length=1, description="a folder, a file, or a pattern such as logs/*.csv")]
    look_s: Annotated[float, Meta(ge=0.1, le=3600, description="how often to look for what is new, s")] = 2.0
    time_zone: Annotated[str | None, Meta(description="of times that carry none; None: the site's")] = None
    unit: Annotated[str, Meta(pattern="^(W|kW)$", description="of the power; None: by name or size")] | None = None
    day_first: Annotated[bool | None, Meta(description="settles 03/04/2026; None: by the other rows")] = None
    device: (
        Annotated[
            str, Meta(min_length=1, max_length=128, description="whose readings; None: as column or file is named")
        ]
        | None
    ) = None
    columns: FileColumnsConfig = FileColumnsConfig()


class SimConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A simulated home of sixteen meters, at the pace of the clock: to try kilowatch without any hardware."""

    enabled: Annotated[bool, Meta(description="let it live")] = False
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1, description="which home: the same seed lives the same life")] = 1
    interval_s: Annotated[float, Meta(ge=1.0, le=3600, description="how often each meter is read, s")] = 30.0


class HomeAssistantConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Home Assistant whose switches and sensors devices may name as plug."""

    url: Annotated[str, Meta(description="http://host:8123")] = ""
    token: Annotated[Secret | None, Meta(description="long-lived access token")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None


class SourcesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where readings come from. `kilowatch replay` reads files without watching anything."""

    mqtt: Annotated[dict[str, MqttConfig], Meta(description="brokers, each with a name of its own")] = msgspec.field(
        default_factory=dict
    )
    poll: PollConfig = PollConfig()
    push: PushConfig = PushConfig()
    files: Annotated[dict[str, FilesConfig], Meta(description="followed files, each with a name of its own")] = (
        msgspec.field(default_factory=dict)
    )
    sim: SimConfig = SimConfig()
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()
