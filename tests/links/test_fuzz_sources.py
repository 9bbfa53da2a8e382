"""Malformed messages into every source as the world would send them: each is counted, and none stops the stream."""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import math
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from app.fuzz import malformed
from app.messages import as_json, plain
from kilowatch.app.ingest.gate import Gate
from kilowatch.config.secret import Secret
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import PushConfig
from kilowatch.core.events import RejectReason
from kilowatch.links.decode.report import UndecodableError
from kilowatch.links.mqtt import MqttSource
from kilowatch.links.plugs import PolledPlug, PollSource, open_plug
from kilowatch.links.push import PushSource
from kilowatch.observability import Metrics
from kilowatch.observability.presence import Presence
from links.decode.stories import EVERYTHING, GEN2, MESSAGES, TASMOTA, said
from links.decode.test_fuzz import mutated
from links.follow.logger import HEAD, Following, rows
from links.mqtt.brokers import Device, config_of, until
from links.plugs.answering import answering
from links.tables import csv_lines, open_one, read

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.links.source import SourceMessage

FEW = 1_500
MANY = pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])
TOKEN = "not-a-secret"  # noqa: S105 - of an endpoint on loopback that lives for one test
BATCH = 200
LOG = logging.getLogger("kilowatch.fuzz")


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
    device = Device(mosquitto, inflight=BATCH)
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
    chance, judged, raws = random.Random(count), Judged(), Counter[bytes]()  # noqa: S311 - no secret
    well = {
        "/rpc/Switch.GetStatus": GEN2,
        "/relay/1": b'{"ison":true}',
        "/meter/1": b'{"power":5.5,"total":12}',
        "/cm": b'{"POWER":"ON","StatusSNS":%s}' % TASMOTA,
    }
    asked, not_json = itertools.count(1), Counter[bytes]()

    def answer(path: str, _: str) -> bytes:
        if next(asked) > count:
            return well[path]
        body = mutated(well[path], chance)
        if not is_object(body):
            not_json[body] += 1
        return body

    def put(message: SourceMessage) -> None:
        judged.put(message)
        if message.reason is not None:
            raws[message.payload] += 1
        elif next(asked) > count:
            done.add(json.loads(message.payload)["device"])

    done = set[str]()
    makes = ("shelly2", "shelly1", "tasmota")
    with answering(answer) as port:
        plugs = [PolledPlug(make, open_plug(f"{make}://127.0.0.1:{port}/1"), 0.001) for make in makes]
        source = PollSource("home", plugs, presence=Presence(LOG, "plug"), backoff_most_s=0.001)
        source.start(put)
        until(lambda: done == set(makes), 3600)
        source.stop()
    assert not_json <= raws, "an answer that is no JSON was not kept"
    assert judged.gate.counts.rejected == {RejectReason.UNDECODABLE: raws.total()}
    assert raws.total() > count / 5


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


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
    assert source.problem_rows == sum(bool(line.strip()) for line in junk)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_from_files_that_are_followed(tmp_path: Path, count: int) -> None:
    chance, judged, following = random.Random(count), Judged(), Following(tmp_path)  # noqa: S311 - no secret
    following.write("marker.jsonl", as_json(plain(device="marker", power_w=1.0)) + b"\n")
    following.write("table.csv", HEAD + rows(0, 20))
    following.source.look(judged.put)
    expected = 0
    for number, (raw, _) in enumerate(malformed(count)):
        # What holds line ends is several lines to a logger, and a good one among them none to count.
        lines = [line for line in raw.replace(b"\r", b"\n").split(b"\n") if line.strip()]
        following.write("marker.jsonl", b"\n".join(lines) + b"\n")
        expected += len(lines)
        following.write("table.csv", mutated(b"noon,%d apples" % number, chance).replace(b"\n", b" ") + b"\n")
        if number % BATCH == 0:
            following.source.look(judged.put)
    following.write("marker.jsonl", as_json(plain(device="marker", power_w=7.0)) + b"\n")
    following.write("table.csv", rows(20, 1))
    following.source.look(judged.put)
    counts = judged.gate.counts
    assert judged.last_w == 7.0
    assert counts.readings == 1 + 20 + 1 + 1
    of_table = counts.rejected[RejectReason.UNDECODABLE]
    assert count * 0.9 < of_table <= count
    assert counts.rejected.total() - of_table == expected


@pytest.mark.parametrize("topic", ["#", "a/+/b", "", "a\x00b", "x" * 70_000])
def test_nobody_is_subscribed_to_what_is_no_topic(topic: str) -> None:
    announcement = {"stat_t": topic, "dev_cla": "power", "unit_of_meas": "W", "dev": {"name": "washer"}}
    with pytest.raises(UndecodableError, match="announces"):
        said("homeassistant/sensor/washer/power/config", json.dumps(announcement).encode())
