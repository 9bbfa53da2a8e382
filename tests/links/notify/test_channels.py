"""Every channel against a real server: what arrives, what names of devices cannot do, and how refusals are told."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from supervisor.certificates import certificates
from supervisor.places import free_port

from kilowatch.config import Config, Secret
from kilowatch.config.notify import EmailConfig, MailTls, MqttNoticeConfig, NotifyConfig, NtfyConfig, WebhookConfig
from kilowatch.config.sources import SourcesConfig
from kilowatch.core.events import Severity
from kilowatch.core.notices import Notice, Phase
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.notify import open_channels
from kilowatch.links.notify.email import Email
from kilowatch.links.notify.mqtt import MqttNotices
from kilowatch.links.notify.ntfy import Ntfy
from kilowatch.links.notify.webhook import Webhook
from links.mqtt.brokers import Device, config_of, until
from links.notify.servers import mail, web

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

PASSWORD = "correct horse"  # noqa: S105
HOSTILE = "fridge\r\nBcc: everybody@example.com\r\n\r\n<script>alert(1)</script>"


def notice(device: str = "fridge", phase: Phase = Phase.BEGAN, severity: Severity = Severity.WARN) -> Notice:
    return Notice(
        id=f"1f2e.{phase}",
        phase=phase,
        severity=severity,
        site="home",
        device=device,
        title=f"{device}: not as expected",
        text=f"{device}: on for 41 min; since 03:12 (drawing 92 W, expected 0 to 4 W)",
        ts_ms=1_767_567_600_000,
    )


def email_to(port: int, **changes: Any) -> Email:
    known = {"host": "127.0.0.1", "port": port, "tls": MailTls.NONE, "sender": "k@home.lan", "to": ["a@b.c", "d@e.f"]}
    return Email(EmailConfig(**{**known, **changes}))


def test_mail_arrives_for_everybody() -> None:
    with mail() as server:
        email_to(server.port).send(notice())
    message = server.messages[0]
    assert message["Subject"] == "fridge: not as expected"
    assert message["Message-ID"] == "<1f2e.began@kilowatch.invalid>"
    assert "on for 41 min" in message.get_content()
    assert server.to == [["a@b.c", "d@e.f"]]


def test_a_name_makes_no_header_of_its_own() -> None:
    with mail() as server:
        email_to(server.port).send(notice(HOSTILE))
    message = server.messages[0]
    assert message["Bcc"] is None
    assert server.to == [["a@b.c", "d@e.f"]]
    assert message["Subject"].strip().startswith("fridge Bcc: everybody@example.com")
    assert message.get_content_type() == "text/plain"


def test_mail_is_encrypted_and_logged_in(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    with mail(context, ("me", PASSWORD)) as server:
        known = {"tls": MailTls.STARTTLS, "ca_file": str(made.authority), "username": "me"}
        email_to(server.port, **known, password=Secret(PASSWORD)).send(notice())
        assert len(server.messages) == 1
        with pytest.raises(ComponentError) as refused:
            email_to(server.port, **known, password=Secret("wrong " + PASSWORD)).send(notice())
        assert PASSWORD not in str(refused.value) + refused.value.hint
        with pytest.raises(ComponentError, match="CERTIFICATE_VERIFY_FAILED"):
            email_to(server.port, **{**known, "ca_file": None}, password=Secret(PASSWORD)).send(notice())
    assert len(server.messages) == 1


def test_a_mail_server_that_refuses_is_an_error_with_its_words() -> None:
    with mail() as server:
        server.reply = "452 the disk is full"
        with pytest.raises(ComponentError, match="452 the disk is full"):
            email_to(server.port).send(notice())


def test_a_mail_server_that_is_away_is_an_error() -> None:
    with pytest.raises(ComponentError, match="refused"):
        email_to(free_port()).send(notice())


def test_ntfy_gets_topic_priority_and_token() -> None:
    with web() as server:
        ntfy = Ntfy(NtfyConfig(url=server.url, topic="my-home", token=Secret(PASSWORD)))
        ntfy.send(notice("Kühlschrank 🧊", severity=Severity.CRITICAL))
        ntfy.send(notice(phase=Phase.ENDED, severity=Severity.CRITICAL))
    began, ended = (posted.body for posted in server.posted)
    assert (began["topic"], began["priority"], began["tags"]) == ("my-home", 5, ["zap"])
    assert began["title"] == "Kühlschrank 🧊: not as expected"
    assert ended["priority"] == 2
    assert server.posted[0].headers["authorization"] == f"Bearer {PASSWORD}"


def test_a_webhook_gets_the_whole_notice_and_an_id_that_stays() -> None:
    with web() as server:
        hook = Webhook(WebhookConfig(url=server.url))
        hook.send(notice(HOSTILE))
        hook.send(notice(HOSTILE))
    assert msgspec.convert(server.posted[0].body, Notice) == notice(HOSTILE)
    assert {posted.headers["idempotency-key"] for posted in server.posted} == {"1f2e.began"}


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_whatever_is_not_taken_is_an_error_and_secrets_stay_secret(status: int) -> None:
    with web() as server:
        server.statuses = [status]
        with pytest.raises(ComponentError, match=f"HTTP {status}") as refused:
            Webhook(WebhookConfig(url=f"{server.url}/{PASSWORD}", token=Secret(PASSWORD))).send(notice())
    assert PASSWORD not in str(refused.value) + refused.value.hint
    assert len(server.posted) == 1, "a redirect was followed"


def test_a_webhook_that_is_away_is_an_error() -> None:
    with pytest.raises(ComponentError, match="cannot be reached"):
        Webhook(WebhookConfig(url=f"http://127.0.0.1:{free_port()}/x")).send(notice())


@pytest.mark.mqtt
def test_a_broker_takes_a_notice(mosquitto: Mosquitto) -> None:
    heard: list[bytes] = []
    listener = Device(mosquitto, "listener")
    listener.client.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    listener.client.subscribe("kilowatch/home/notices", qos=1)
    channel = MqttNotices("home", config_of(mosquitto), "home", "kilowatch/home/notices")
    channel.send(notice(HOSTILE))
    until(lambda: len(heard) == 1)
    assert msgspec.json.decode(heard[0], type=Notice) == notice(HOSTILE)
    channel.close()
    listener.leave()


@pytest.mark.mqtt
def test_a_broker_that_refuses_us_is_an_error(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilowatch.links.notify.mqtt.TIMEOUT_S", 1.0)
    channel = MqttNotices("home", config_of(mosquitto, password=Secret("wrong")), "home", "t")
    with pytest.raises(ComponentError, match="home has not taken a notice"):
        channel.send(notice())
    channel.close()


def test_only_what_is_set_is_opened() -> None:
    assert open_channels(Config()) == []
    notify = NotifyConfig(
        email=EmailConfig(host="mail", to=["a@b.c"]),
        ntfy=NtfyConfig(topic="t", at_least=Severity.CRITICAL, most_per_hour=3),
        webhook=WebhookConfig(url="http://hook"),
    )
    opened = open_channels(Config(notify=notify))
    assert [one.name for one in opened] == ["email", "ntfy", "webhook"]
    assert (opened[1].wishes.at_least, opened[1].wishes.most_per_hour) == (Severity.CRITICAL, 3)


@pytest.mark.mqtt
def test_a_broker_of_the_sources_is_used(mosquitto: Mosquitto) -> None:
    sources = SourcesConfig(mqtt={"home": config_of(mosquitto)})
    opened = open_channels(Config(sources=sources, notify=NotifyConfig(mqtt=MqttNoticeConfig(broker="home"))))
    assert [one.name for one in opened] == ["mqtt"]
    opened[0].channel.close()


def test_certificates_that_are_none_are_named() -> None:
    with pytest.raises(ConfigError, match="holds no certificates"):
        Email(EmailConfig(host="mail", ca_file="/nowhere.pem"))
