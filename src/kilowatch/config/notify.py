"""Settings of who is told what: messages to people, and what Home Assistant shows by itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret
from kilowatch.config.sources import Port
from kilowatch.core.events import Severity

AtLeast = Annotated[Severity, Meta(description="incidents less odd than this are not told: info, warn or critical")]
PerHour = Annotated[int, Meta(ge=1, le=3600, description="messages an hour; what is more comes together in one, later")]


class MailTls(StrEnum):
    """How a connection to a mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class EmailConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages by e-mail; told where a host is named."""

    host: Annotated[str, Meta(description="mail server; empty: no e-mail")] = ""
    port: Port = 587
    tls: Annotated[MailTls, Meta(description="starttls on port 587, tls on 465, none on a mail server at home")] = (
        MailTls.STARTTLS
    )
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    username: Annotated[str | None, Meta(description="user name, where the server wants one")] = None
    password: Annotated[Secret | None, Meta(description="password")] = None
    password_file: Annotated[str | None, Meta(description="file that holds the password")] = None
    sender: Annotated[str, Meta(description="address that the messages come from")] = "kilowatch@localhost"
    to: Annotated[list[str], Meta(description="addresses of those who are told")] = msgspec.field(default_factory=list)
    at_least: AtLeast = Severity.INFO
    most_per_hour: PerHour = 10


class NtfyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages to a phone by ntfy; told where a topic is named."""

    url: Annotated[str, Meta(pattern="^https?://", description="the ntfy server")] = "https://ntfy.sh"
    topic: Annotated[
        str, Meta(pattern="^[-_A-Za-z0-9]{0,64}$", description="who knows it can read along; empty: no ntfy")
    ] = ""
    token: Annotated[Secret | None, Meta(description="access token, where the server wants one")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    at_least: AtLeast = Severity.INFO
    most_per_hour: PerHour = 20


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages as JSON to an HTTP server of your own; told where an address is named."""

    url: Annotated[str, Meta(pattern="^(https?://.*)?$", description="gets a POST; empty: no webhook")] = ""
    token: Annotated[Secret | None, Meta(description="bearer token that it wants")] = None
    token_file: Annotated[str | None, Meta(description="file that holds the token")] = None
    ca_file: Annotated[str | None, Meta(description="certificates to trust; None: the system's")] = None
    at_least: AtLeast = Severity.INFO
    most_per_hour: PerHour = 60


class MqttNoticeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages as JSON to a broker; told where one is named."""

    broker: Annotated[str, Meta(description="name of the broker under sources.mqtt; empty: none")] = ""
    topic: Annotated[str, Meta(min_length=1, description="{site} stands for the site")] = "kilowatch/{site}/notices"
    at_least: AtLeast = Severity.INFO
    most_per_hour: PerHour = 60


class NotifyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages to people: one when an incident begins, one when it ends, and one where a plug did not obey."""

    email: EmailConfig = EmailConfig()
    ntfy: NtfyConfig = NtfyConfig()
    webhook: WebhookConfig = WebhookConfig()
    mqtt: MqttNoticeConfig = MqttNoticeConfig()
    gather_s: Annotated[
        float, Meta(ge=1, description="incidents of imported history come in one message after such a quiet time, s")
    ] = 60.0


class AnnounceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Devices, scores and incidents in Home Assistant, by its MQTT discovery; told where a broker is named."""

    broker: Annotated[str, Meta(description="name of the broker under sources.mqtt; empty: none")] = ""
    base: Annotated[str, Meta(pattern="^[^+#]+$", description="base topic of Home Assistant's MQTT discovery")] = (
        "homeassistant"
    )
    every_s: Annotated[float, Meta(ge=0.1, le=3600, description="how often what has changed is told, s")] = 5.0
