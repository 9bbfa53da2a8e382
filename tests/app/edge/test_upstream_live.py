"""`kilowatch run` passing on to real brokers: upstream goes, the process is killed, and all arrives in order."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from supervisor.places import free_port

from app.live import until
from app.messages import as_json, plain
from components.topics import make_topics_anew
from kilowatch.app.edge.batches import readings_of
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.kafka import Cluster
    from supervisor.mosquitto import Mosquitto

TOKEN = "a word that only senders know"  # noqa: S105 - made up


class EdgeProcess:
    """`kilowatch run` in a folder, fed by HTTP push."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self.folder, self.port, self.sent = folder, free_port(), 0
        (folder / "token").write_text(TOKEN)
        (folder / "kilowatch.toml").write_text(
            f'[data]\nfolder = "data"\n[detector]\nname = "ewma"\n'
            f'[sources.push]\nenabled = true\nport = {self.port}\ntoken_file = "token"\n{upstream}'
        )
        self.start_ms = wall_ms() - 600_000
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "kilowatch", "run", "--config", str(self.folder / "kilowatch.toml")]
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=self.log, stderr=self.log)
        until(self._is_there, "the edge did not start")

    def push(self, count: int) -> None:
        """Send readings, each accepted before the next."""
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20, trust_env=False) as client:
            for _ in range(count):
                message = as_json(plain(device="plug", ts_ms=self.start_ms + 1000 * self.sent, seq=self.sent))
                assert client.post(f"http://127.0.0.1:{self.port}/v1/readings", content=message).is_success
                self.sent += 1

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    def end(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0, (self.folder / "log").read_text()
        self.log.close()

    def wanted(self) -> list[int]:
        return list(range(self.sent))

    def _is_there(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).status_code > 0
        except httpx.TransportError:
            return False


def first_come(messages: list[bytes]) -> list[int]:
    """The numbers of readings, each where it came first: what a reader keeps who knows readings by their time."""
    return list(dict.fromkeys(one.seq or 0 for one in readings_of(messages)))


def in_kafka(access: Access) -> list[bytes]:
    with closing(CompactedReader(access)) as reader:
        partitions = range(Admin(access).count(Topic.DEVICES))
        return [one.value or b"" for place in partitions for one in reader.entries(Topic.DEVICES, place)]


@pytest.mark.kafka
def test_kafka_gone_and_the_edge_killed_meanwhile(kafka_cluster: Cluster, tmp_path: Path) -> None:
    access = Access(kafka_cluster.bootstrap)
    make_topics_anew(access, partitions=2)
    edge = EdgeProcess(tmp_path, f'[kafka]\nbootstrap = "{kafka_cluster.bootstrap}"\n[upstream]\nto = "kafka"\n')
    edge.push(40)
    until(lambda: first_come(in_kafka(access)) == edge.wanted(), "nothing reached Kafka")
    kafka_cluster.kill(1)
    try:
        edge.push(150)
        time.sleep(1.2)
        edge.push(20)
        edge.kill()
        edge.start()
        edge.push(60)
    finally:
        kafka_cluster.start(1)
    until(lambda: len(first_come(in_kafka(access))) == edge.sent, "it was not drained")
    edge.push(10)
    edge.end()
    messages = in_kafka(access)
    assert first_come(messages) == edge.wanted()
    assert len(readings_of(messages)) <= edge.sent + 40
    log = (tmp_path / "log").read_text()
    assert 1 <= log.count("Kafka is away (upstream)") <= 2


@pytest.mark.mqtt
def test_mosquitto_gone_and_the_edge_killed_meanwhile(mosquitto: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text(mosquitto.password)
    broker = f'host = "{mosquitto.host}"\nport = {mosquitto.port}\nusername = "{mosquitto.user}"'
    got: list[bytes] = []
    reader = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test-upstream", clean_session=False)
    reader.username_pw_set(mosquitto.user, mosquitto.password)
    reader.on_connect = lambda client, *_: client.subscribe("kilowatch/home/readings", qos=1)
    reader.on_message = lambda _client, _data, message: got.append(bytes(message.payload))
    reader.reconnect_delay_set(1, 1)
    reader.connect(mosquitto.host, mosquitto.port)
    reader.loop_start()
    settings = f'[sources.mqtt.home]\n{broker}\npassword_file = "mqtt-password"\n[upstream]\nto = "mqtt"\n'
    edge = EdgeProcess(tmp_path, f'{settings}broker = "home"\n')
    edge.push(30)
    until(lambda: first_come(got) == edge.wanted(), "nothing reached the broker")
    mosquitto.kill()
    try:
        edge.push(100)
        edge.kill()
        edge.start()
        edge.push(40)
    finally:
        mosquitto.start()
    until(lambda: len(first_come(got)) == edge.sent, "it was not drained")
    edge.push(5)
    until(lambda: len(first_come(got)) == edge.sent, "it did not go on")
    edge.end()
    reader.disconnect()
    reader.loop_stop()
    assert first_come(got) == edge.wanted()
    assert len(readings_of(got)) <= edge.sent + 30
    assert (tmp_path / "log").read_text().count("upstream mqtt:home is lost") <= 2
    assert msgspec.json.decode(got[0])["site"] == "home"
