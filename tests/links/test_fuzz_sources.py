"""Malformed messages into every source as the world would send them: each is counted, and none stops the stream."""

from __future__ import annotations

import http.client
import json
import math
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from app.fuzz import malformed
from app.messages import as_json, plain
from kilowatch.app.ingest.gate import Gate
from kilowatch.config.secret import Secret
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import PushConfig
from kilowatch.core.events import RejectReason
from kilowatch.core.plug import PlugFailedError
from kilowatch.links.decode.report import UndecodableError
from kilowatch.links.mqtt import MqttSource
from kilowatch.links.plugs import open_plug
from kilowatch.links.push import PushSource
from kilowatch.observability import Metrics
from links.decode.stories import EVERYTHING, GEN2, MESSAGES, TASMOTA, said
from links.decode.test_fuzz import mutated
from links.mqtt.brokers import Device, config_of, until
from links.tables import csv_lines, open_one, read

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.links.source import SourceMessage

FEW = 1_500
MANY = pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])
TOKEN = "not-a-secret"  # noqa: S105 - of an endpoint on loopback that lives for one test
BATCH = 200


class Judged:
    """A gate behind a source, which keeps nothing."""

    def __init__(self) -> None:
        self.gate, self.last_w = Gate(), math.nan

    def put(self, message: SourceMessage) -> None:
        self.gate.judge(message)
        if message.reason is None and b"marker" in message.payload:
            self.last_w = json.loads(message.payload)["power_w"]
        message.ack()


@pytest.mark.mqtt
@pytest.mark.parametrize("count", [FEW, MANY])
def test_over_mqtt_whatever_the_topic(mosquitto: Mosquitto, count: int) -> None:
    chance, judged, metrics = random.Random(count), Judged(), Metrics()  # noqa: S311 - no secret
    config = config_of(
        mosquitto, vendors=EVERYTHING.vendors, mappings=EVERYTHING.mappings, entities=EVERYTHING.entities
    )
    source = MqttSource(f"fuzz{count}", config, SiteConfig(name="home"), metrics=metrics)
    source.start(judged.put)
    until(lambda: b'source_up{source="%s"} 1.0' % source.name.encode() in metrics.exposition(), 60)
    device = Device(mosquitto)
    for begin in range(0, count, BATCH):
        for topic, payload in chance.choices(MESSAGES, k=BATCH):
            device.client.publish(topic, mutated(payload, chance), qos=1)
        device.publish("marker/status/switch:0", b'{"apower":%d}' % begin)
        until(lambda begin=begin: judged.last_w == begin, 120)  # type: ignore[misc] # bound now, not later
    device.leave()
    source.stop()
    refused = metrics.registry.get_sample_value("kilowatch_source_refused_total", {"source": source.name})
    assert judged.gate.counts.rejected[RejectReason.UNDECODABLE] == refused
    assert refused is not None
    assert refused > count / 5


@pytest.mark.parametrize("count", [FEW, MANY])
def test_over_http_push(count: int) -> None:
    judged, answers, expected = Judged(), dict[int, int](), 0
    config = PushConfig(enabled=True, port=0, token=Secret(TOKEN), most_bytes=100_000)
    source = PushSource(config)
    source.start(judged.put)
    connection = http.client.HTTPConnection("127.0.0.1", source.port, timeout=60)
    for raw, _ in malformed(count):
        status = posted(connection, raw)
        answers[status] = answers.get(status, 0) + 1
        expected += 0 < len(raw) <= config.most_bytes
    assert posted(connection, as_json(plain(device="marker", power_w=7.0))) == 204
    connection.close()
    source.stop()
    assert set(answers) <= {204, 400, 413}
    assert judged.gate.counts.rejected.total() == answers[204] == expected
    assert judged.last_w == 7.0


def posted(connection: http.client.HTTPConnection, raw: bytes) -> int:
    try:
        connection.request("POST", "/v1/readings", raw, {"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        answer.read()
    except (http.client.HTTPException, ConnectionError):
        # it answers before it has been sent all of what is too large, and closes
        connection.close()
        return 413
    return answer.status


@pytest.mark.parametrize("count", [FEW, MANY])
def test_from_plugs_that_are_polled(count: int) -> None:
    chance = random.Random(count)  # noqa: S311 - no secret
    shapes = (GEN2, TASMOTA, b'{"ison":true,"power":5.5,"total":12}', b'{"POWER":"ON","StatusSNS":%s}' % TASMOTA)

    class Ill(BaseHTTPRequestHandler):
        protocol_version, wbufsize = "HTTP/1.1", -1

        def do_GET(self) -> None:
            body = mutated(chance.choice(shapes), chance)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ill) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        plugs = [open_plug(f"{make}://127.0.0.1:{port}/1") for make in ("shelly2", "shelly1", "tasmota")]
        refused = 0
        for number in range(count):
            try:
                power_w = plugs[number % len(plugs)].read().power_w
            except PlugFailedError:
                refused += 1
            else:
                assert power_w is None or math.isfinite(power_w)
        for plug in plugs:
            plug.close()
        server.shutdown()
    assert refused > count / 5


@pytest.mark.parametrize("count", [FEW, MANY])
def test_from_files(tmp_path: Path, count: int) -> None:
    chance = random.Random(count)  # noqa: S311 - no secret
    head, *good = [line.encode() for line in csv_lines(2 * count)]
    junk = [mutated(b"noon,%d apples" % number, chance).replace(b"\n", b" ") for number in range(count)]
    spread = [line for pair in zip(good[::2], junk, good[1::2], strict=True) for line in pair]
    path = tmp_path / "history.csv"
    path.write_bytes(b"\n".join([head, *spread]) + b"\n")
    source = open_one(path)
    batch = read(source)
    assert batch.power_w.tolist() == [float(row.split(b",")[1]) for row in good]
    assert source.problems()


@pytest.mark.parametrize("topic", ["#", "a/+/b", "", "a\x00b", "x" * 70_000])
def test_nobody_is_subscribed_to_what_is_no_topic(topic: str) -> None:
    announcement = {"stat_t": topic, "dev_cla": "power", "unit_of_meas": "W", "dev": {"name": "washer"}}
    with pytest.raises(UndecodableError, match="announces"):
        said("homeassistant/sensor/washer/power/config", json.dumps(announcement).encode())
