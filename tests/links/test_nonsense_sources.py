"""Nonsense into each source, each piece of it counted by itself with its reason; what is sound in between arrives."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import os
import random
import socketserver
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.client import MQTTMessage

from app.fuzz import malformed
from app.messages import as_json, plain
from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import MqttConfig
from kilowatch.core.events import RejectReason
from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.core.wire import MAX_MESSAGE_BYTES
from kilowatch.links.mqtt import MqttSource
from kilowatch.links.mqtt.waiting import Arrived
from kilowatch.links.plugs import PolledPlug, PollSource, open_plug
from kilowatch.links.plugs.http import HttpSettings
from kilowatch.observability import Metrics
from kilowatch.observability.presence import Presence
from links.decode.stories import EVERYTHING, GEN2, MESSAGES
from links.follow.logger import HEAD, Following, rows
from links.mqtt.brokers import Device, config_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.links.source import SourceMessage

FEW = 600
MANY = pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])
EVERY = 50
LOG = logging.getLogger("kilowatch.nonsense")
OTHERS = {
    "kilowatch/home/readings",  # goes through as it is, to be judged by the gate
    "esp/washer/state",  # nobody has announced it
    "shellies/announce",  # two of our filters bring it, and some brokers then send it twice
    "zigbee2mqtt/bridge/state",  # from older bridges a bare word
    "zigbee2mqtt/plug one/availability",
}
OBJECTS = [topic for topic, payload in MESSAGES if payload[:1] in b"{[" and topic not in OTHERS]
NOBODYS = [
    "shellyplusplugs-1/status/unheard-of:0",
    "shellies/plug-1/relay/0/not/a/thing",
    "tele/heater/UPTIME",
    "zigbee2mqtt/bridge/logging",
    "homeassistant/statestream/light/hall/state",
]
"""Topics that filters bring and that mean nothing to us: of these nothing is refused, for nothing is wrong."""


class Judged:
    """A gate behind a source; seqs: the numbers of the readings that came through."""

    def __init__(self) -> None:
        self.gate, self.seqs = Gate(), list[int]()

    def put(self, message: SourceMessage) -> None:
        outcome = self.gate.judge(message)
        if isinstance(outcome, Accepted):
            said = json.loads(outcome.message)
            self.seqs.append(said.get("seq", said["power_w"]))
        message.ack()


@pytest.mark.mqtt
@pytest.mark.parametrize("count", [FEW, MANY])
def test_over_mqtt_each_is_counted(mosquitto: Mosquitto, count: int) -> None:
    judged, metrics, expected = Judged(), Metrics(), Counter[RejectReason]()
    config = config_of(
        mosquitto, vendors=EVERYTHING.vendors, mappings=EVERYTHING.mappings, entities=EVERYTHING.entities
    )
    source = MqttSource(f"nonsense{count}", config, SiteConfig(name="home"), metrics=metrics)
    source.start(judged.put)
    until(lambda: b'source_up{source="%s"} 1.0' % source.name.encode() in metrics.exposition(), 60)
    device, sound = Device(mosquitto, f"nonsense{count}", inflight=EVERY), 0
    vendors, nobodys = itertools.cycle(OBJECTS), itertools.cycle(NOBODYS)
    for number, (raw, reason) in enumerate(malformed(count)):
        if reason is RejectReason.NOT_JSON and number % 2 and raw.strip():
            device.client.publish(next(vendors), raw, qos=1)
            expected[RejectReason.UNDECODABLE] += 1
        else:
            device.client.publish("kilowatch/home/readings", raw, qos=1)
            expected[reason] += 1
        device.client.publish(next(nobodys), raw, qos=0)
        if number % EVERY == 0:
            device.publish("kilowatch/home/readings", as_json(plain(seq=sound)))
            sound += 1
            until(lambda sound=sound: len(judged.seqs) == sound, 120)  # type: ignore[misc] # bound now, not later
    device.publish("kilowatch/home/readings", as_json(plain(seq=sound)))
    until(lambda: len(judged.seqs) == sound + 1, 120)
    device.leave()
    source.stop()
    assert judged.gate.counts.rejected == expected
    assert judged.seqs == list(range(sound + 1))


def test_a_topic_that_is_no_text_ends_nothing() -> None:
    source = MqttSource("odd", MqttConfig(), SiteConfig(name="home"))
    message = MQTTMessage(topic=b"\xff/status/switch:0")
    message.payload = GEN2
    refused = source._judged(Arrived(1, message, 0))
    assert refused is not None
    assert refused.reason is not None
    assert refused.reason.startswith("its decoding failed")
    assert refused.payload == GEN2


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answered(body: bytes, headers: bytes = b"") -> bytes:
    return HTTP + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


UNKEPT = {
    "nothing at all": b"",
    "noise": b"\x00\xff\xfe" * 40,
    "no status": b"HTTP/1.1 hello\r\n\r\n",
    "no answer": b"SSH-2.0-OpenSSH_9.2\r\n",
    "another address": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "an error": b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nboom",
    "no login": b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    "cut off": HTTP + b"Content-Length: 500\r\n\r\n" + GEN2[:40],
    "no length": HTTP + b"Content-Length: many\r\n\r\n{}",
    "two lengths": HTTP + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "chunks": HTTP + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "no gzip": answered(b"not a gzip", b"Content-Encoding: gzip\r\n"),
    "endless head": HTTP + b"X: " + b"x" * 200_000,
    "a head of noise": b"HTTP/1.1 200 OK\r\n\xff\xfe: \x00\r\n\r\n{}",
}
"""What is no answer at all: the plug counts as lost, and there is nothing to keep."""
KEPT = {
    "gzip": answered(gzip.compress(b"[1]"), b"Content-Encoding: gzip\r\n"),
    "too large": answered(b" " * (1 << 19)),
    "a bomb": answered(gzip.compress(b" " * (1 << 22)), b"Content-Encoding: gzip\r\n"),
}


def nonsense() -> Iterator[tuple[bool, bytes]]:
    """Yield answers of every kind, each with whether it has a body that is to be kept."""
    bodies = (answered(raw) for raw, _ in malformed(10**9))
    while True:
        for answer in UNKEPT.values():
            yield False, answer
            yield True, next(bodies)
        for answer in KEPT.values():
            yield True, answer


@contextmanager
def answering_bytes(answers: Iterator[bytes]) -> Iterator[int]:
    """Give the port of a server that answers each request with the next bytes and hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            # Who has seen enough does not hear it out.
            with suppress(ConnectionError):
                self.wfile.write(next(answers))

    with serving(Handler) as port:
        yield port


@contextmanager
def serving(handler: type[socketserver.StreamRequestHandler]) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@pytest.mark.parametrize("count", [FEW // 8, pytest.param(10_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
def test_from_a_plug_that_is_no_plug(count: int, caplog: pytest.LogCaptureFixture) -> None:
    asked = Counter[bool]()

    def answers() -> Iterator[bytes]:
        for is_kept, answer in itertools.islice(nonsense(), count):
            asked[is_kept] += 1
            yield answer
        while True:
            yield answered(GEN2)

    judged = Judged()
    with answering_bytes(answers()) as port, caplog.at_level(logging.INFO):
        plug = PolledPlug("tv", open_plug(f"shelly2://127.0.0.1:{port}/0"), 0.001)
        source = PollSource("home", [plug], presence=Presence(LOG, "plug"), backoff_most_s=0.001)
        source.start(judged.put)
        until(lambda: bool(judged.seqs), 3600)
        source.stop()
    assert asked.total() == count
    assert judged.gate.counts.rejected == {RejectReason.UNDECODABLE: asked[True]}
    assert [line.getMessage().split(":")[0] for line in caplog.records if line.name == LOG.name] == [
        "plug tv is lost",
        "plug tv is back",
    ]


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", HTTP + b"Content-Length: 300\r\n\r\n"])
def test_an_answer_that_drips_is_given_up_in_time(begin: bytes) -> None:
    is_over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            with suppress(ConnectionError):
                self.wfile.write(begin)
                while not is_over.wait(0.05):
                    self.wfile.write(b"X")

    with serving(Handler) as port:
        plug = open_plug(f"shelly2://127.0.0.1:{port}/0", settings=HttpSettings(timeout_s=0.4))
        begun_s = time.monotonic()
        with pytest.raises(PlugFailedError, match="no whole answer within") as slow:
            plug.read()
        assert slow.value.trouble is PlugTrouble.SLOW
        assert time.monotonic() - begun_s < 2.0
        is_over.set()
        plug.close()


def test_folders_full_of_nonsense(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance, following, judged = random.Random(7), Following(tmp_path), Judged()  # noqa: S311 - no secret
    kinds = (".csv", ".tsv", ".txt", ".jsonl", ".parquet", ".csv.gz", ".json")
    for number, kind in enumerate(kinds * 2):
        following.write(f"noise{number}{kind}", chance.randbytes(chance.randrange(3000)))
        following.write(f"empty{number}{kind}", b"")
        following.write(f"letters{number}{kind}", b"\xff\xfe;,\t\n" * chance.randrange(500))
    following.write("endless.jsonl", b"x" * (2 * MAX_MESSAGE_BYTES))
    following.write(os.fsdecode(b"caf\xe9.jsonl"), as_json(plain(seq=3)) + b"\n")
    following.write("zzz.jsonl", as_json(plain(seq=1)) + b"\n")
    following.write("zzz.csv", HEAD + rows(0, 20))
    following.source.look(judged.put)
    following.write("zzz.jsonl", as_json(plain(seq=2)) + b"\n")
    following.source.look(judged.put)
    assert {1, 2} <= set(judged.seqs)
    assert 3 not in judged.seqs
    assert b"caf\\xe9.jsonl cannot be read: its name is not UTF-8" in caplog.text.encode()
    assert len(judged.seqs) == 22
