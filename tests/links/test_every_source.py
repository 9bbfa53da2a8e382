"""Push, followed files, polled plugs and MQTT: each source that listens outside keeps the one contract."""

from __future__ import annotations

import http.client
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import pytest

from app.messages import as_json, plain
from kilowatch.config.secret import Secret
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import PushConfig
from kilowatch.links.mqtt import MqttSource
from kilowatch.links.plugs import PolledPlug, PollSource, open_plug
from kilowatch.links.push import PushSource
from kilowatch.observability import Metrics
from kilowatch.observability.presence import Presence
from links.follow.logger import Following
from links.mqtt.brokers import Device, config_of, until
from links.plugs.answering import answering
from links.source_contract import GARBAGE, SourceContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.links.follow import FilesSource
    from kilowatch.links.source import Put

TOKEN = "not-a-secret"  # noqa: S105 - of an endpoint on loopback that lives for one test


class Sender:
    """A program that pushes over HTTP."""

    def __init__(self) -> None:
        self.source = PushSource(PushConfig(enabled=True, port=0, token=Secret(TOKEN)))

    def say(self, power_w: float) -> None:
        self._post(as_json(plain(power_w=power_w)))

    def say_garbage(self) -> None:
        self._post(GARBAGE)

    def _post(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.source.port, timeout=10)
        connection.request("POST", "/v1/readings", body, {"Authorization": f"Bearer {TOKEN}"})
        connection.getresponse().read()
        connection.close()


class TestPush(SourceContract):
    @contextmanager
    def world(self, folder: Path) -> Iterator[Sender]:
        del folder
        yield Sender()


class Logger:
    """A program that appends to a file."""

    def __init__(self, folder: Path) -> None:
        self._following = Following(folder, look_s=0.1)
        self.source: FilesSource = self._following.source

    def say(self, power_w: float) -> None:
        self._following.write("power.jsonl", as_json(plain(power_w=power_w)) + b"\n")

    def say_garbage(self) -> None:
        self._following.write("power.jsonl", GARBAGE + b"\n")


class TestFiles(SourceContract):
    @contextmanager
    def world(self, folder: Path) -> Iterator[Logger]:
        yield Logger(folder)


class Plug:
    """A plug that is asked all the time."""

    def __init__(self) -> None:
        self._says = b'{"output":true,"apower":1.0}'
        self.source: PollSource

    def asked_at(self, port: int) -> None:
        polled = PolledPlug("kettle", open_plug(f"shelly2://127.0.0.1:{port}/0"), 0.05)
        presence = Presence(logging.getLogger("kilowatch.contract"), "plug")
        self.source = PollSource("home", [polled], presence=presence, backoff_most_s=0.05)

    def answer(self, path: str, _: str) -> bytes:
        del path
        return self._says

    def say(self, power_w: float) -> None:
        self._says = b'{"output":true,"apower":%.1f}' % power_w

    def say_garbage(self) -> None:
        self._says = GARBAGE


class TestPolled(SourceContract):
    @contextmanager
    def world(self, folder: Path) -> Iterator[Plug]:
        del folder
        plug = Plug()
        with answering(plug.answer) as port:
            plug.asked_at(port)
            yield plug


class Speaking(MqttSource):
    """Has started once it hears the broker: what is said before that is nobody's."""

    heard: Metrics

    def start(self, put: Put) -> None:
        super().start(put)
        until(lambda: b'source_up{source="%s"} 1.0' % self.name.encode() in self.heard.exposition())


class Publisher:
    """A plug that publishes to a broker."""

    count: ClassVar[int] = 0

    def __init__(self, broker: Mosquitto) -> None:
        Publisher.count += 1
        metrics = Metrics()
        self.source = Speaking(f"contract{self.count}", config_of(broker), SiteConfig(name="home"), metrics=metrics)
        self.source.heard = metrics
        self.device = Device(broker, f"contract{self.count}")

    def say(self, power_w: float) -> None:
        self.device.publish("kettle/status/switch:0", b'{"output":true,"apower":%.1f}' % power_w)

    def say_garbage(self) -> None:
        self.device.publish("kettle/status/switch:0", GARBAGE)


@pytest.mark.mqtt
class TestMqtt(SourceContract):
    @pytest.fixture(autouse=True)
    def broker(self, mosquitto: Mosquitto) -> None:
        self.mosquitto = mosquitto

    @contextmanager
    def world(self, folder: Path) -> Iterator[Publisher]:
        del folder
        publisher = Publisher(self.mosquitto)
        yield publisher
        publisher.device.leave()
