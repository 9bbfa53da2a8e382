"""The settings, section by section; docs/config.md is made from these structs and their descriptions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.database import DatabaseConfig
from kilowatch.config.devices import DeviceConfig
from kilowatch.config.notify import AnnounceConfig, NotifyConfig
from kilowatch.config.secret import Secret
from kilowatch.config.sources import Port, SourcesConfig
from kilowatch.config.upstream import ModelsConfig, UpstreamConfig
from kilowatch.config.web import WebConfig
from kilowatch.core.tariff import HIGHEST_PER_KWH
from kilowatch.observability.logs import LogFormat, LogLevel


class SiteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The home that this process belongs to."""

    name: Annotated[str, Meta(min_length=1, max_length=128, description="the site's name in every message")] = "home"
    time_zone: Annotated[str, Meta(description="IANA name of the zone in which the home lives")] = "UTC"


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where kilowatch keeps what it learns."""

    folder: Annotated[str, Meta(min_length=1, description="folder for state, history and the outbox")] = (
        "kilowatch-data"
    )


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker that joins the services; not needed by `kilowatch run`."""

    bootstrap: Annotated[str, Meta(description="host:port of one or more brokers, with commas")] = "127.0.0.1:9092"
    partitions: Annotated[int, Meta(ge=1, le=10_000, description="of the topics that are placed by site")] = 12
    replication: Annotated[int, Meta(ge=1, le=10, description="copies of each partition")] = 1
    group: Annotated[str, Meta(min_length=1, description="prefix of the consumer groups")] = "kilowatch"
    tls: Annotated[bool, Meta(description="encrypt, and verify the broker's certificate")] = False
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    cert_file: Annotated[str | None, Meta(description="our own certificate, where the broker wants one")] = None
    key_file: Annotated[str | None, Meta(description="our own certificate's key")] = None
    sasl_mechanism: (
        Annotated[
            str, Meta(pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$", description="how to log in; None: not at all")
        ]
        | None
    ) = None
    username: Annotated[str | None, Meta(description="user name for SASL")] = None
    password: Annotated[Secret | None, Meta(description="password for SASL")] = None
    password_file: Annotated[str | None, Meta(description="file that holds the password")] = None


class PolicyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be switched off, and how often."""

    # Until a person says otherwise, and has armed a device besides.
    dry_run: Annotated[bool, Meta(description="say what would be switched off and switch nothing")] = True
    cooldown_s: Annotated[float, Meta(ge=0, description="least time between two offs of a device, s")] = 3600.0
    site_actions_per_hour: Annotated[int, Meta(ge=0, description="most offs of the whole site in an hour")] = 2
    min_windows: Annotated[int, Meta(ge=1, description="windows that must be odd before an off")] = 2
    broker: Annotated[
        str | None,
        Meta(description="broker under sources.mqtt by which cloud and edge agree on switching; None: they do not"),
    ] = None


class PlugsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How plugs are spoken to over HTTP."""

    allowed_networks: Annotated[
        list[str], Meta(description="networks in which plugs may live; nothing else is ever called")
    ] = msgspec.field(
        # Private ones: an address that came with a message must not make us call strangers.
        default_factory=lambda: ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128"]
    )
    timeout_s: Annotated[float, Meta(gt=0, le=60, description="for one whole answer, s")] = 3.0
    verify_tls: Annotated[bool, Meta(description="verify the certificates of plugs and of Home Assistant")] = True
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None


class MetricsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prometheus metrics over HTTP."""

    enabled: Annotated[bool, Meta(description="serve them")] = False
    bind: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Port = 9469
    token: Annotated[Secret | None, Meta(description="what Prometheus must show; None: nothing")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None


class DetectorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How readings are judged."""

    name: Annotated[str, Meta(min_length=1, description="as `kilowatch detectors` lists them")] = "default"
    alarms_per_week: Annotated[float, Meta(gt=0, description="alarms a device and week that you can live with")] = 1.0
    learning_days: Annotated[
        float, Meta(gt=0, description="how long a device is learnt before it is watched, days; some methods want 3")
    ] = 7.0


Price = Annotated[
    float,
    Meta(
        ge=-HIGHEST_PER_KWH,
        le=HIGHEST_PER_KWH,
        description="money for a kWh; a day of one device may cost 9.2 million of it at most, so else give thousands",
    ),
]


class HourPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price that holds for some hours of the day, local time; to_hour may lie past midnight."""

    from_hour: Annotated[int, Meta(ge=0, le=23, description="from this hour on")]
    to_hour: Annotated[int, Meta(ge=0, le=24, description="up to this hour")]
    price_per_kwh: Price
    weekdays: Annotated[list[int], Meta(description="0 Monday to 6 Sunday; empty: every day")] = msgspec.field(
        default_factory=list
    )


class TariffConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What energy costs."""

    currency: Annotated[str, Meta(min_length=1, max_length=8, description="shown beside sums")] = "EUR"
    price_per_kwh: Price = 0.30
    hours: Annotated[dict[str, HourPrice], Meta(description="other prices by hour, each with a name of its own")] = (
        msgspec.field(default_factory=dict)
    )


class OutboxConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the edge keeps on disk while upstream is away."""

    most_mb: Annotated[
        int, Meta(ge=1, description="of disk for readings; beyond it the oldest go first, counted; incidents never do")
    ] = 300


class LogConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log lines."""

    level: Annotated[LogLevel, Meta(description="the least important line that is written")] = LogLevel.INFO
    format: Annotated[LogFormat, Meta(description="for people or for machines")] = LogFormat.TEXT


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    version: Annotated[int, Meta(ge=1, le=1, description="of this file's format")] = 1
    site: SiteConfig = SiteConfig()
    data: DataConfig = DataConfig()
    database: DatabaseConfig = DatabaseConfig()
    kafka: KafkaConfig = KafkaConfig()
    sources: SourcesConfig = SourcesConfig()
    devices: Annotated[dict[str, DeviceConfig], Meta(description="by device name")] = msgspec.field(
        default_factory=dict
    )
    plugs: PlugsConfig = PlugsConfig()
    policy: PolicyConfig = PolicyConfig()
    detector: DetectorConfig = DetectorConfig()
    tariff: TariffConfig = TariffConfig()
    models: ModelsConfig = ModelsConfig()
    upstream: UpstreamConfig = UpstreamConfig()
    outbox: OutboxConfig = OutboxConfig()
    notify: NotifyConfig = NotifyConfig()
    announce: AnnounceConfig = AnnounceConfig()
    web: WebConfig = WebConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()
