"""A vendor's messages that nobody could read: kept with their topic, and brought back once the mapping is mended."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from app.live import processing, readings_in, until
from kilowatch.app.redrive import RejectedMessages
from kilowatch.app.rejudge import judge_of
from kilowatch.cli.main import app
from kilowatch.config import load_config
from kilowatch.core.events import Reading, Rejected, RejectReason
from kilowatch.links.mqtt import MqttSource
from kilowatch.links.source import SourceMessage
from kilowatch.observability import Metrics
from links.decode.stories import GEN2, TASMOTA, ZIGBEE
from links.mqtt.brokers import Device, config_of

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.config.sections import Config
    from kilowatch.links.kafka.settings import Access

AT_MS = 1_767_567_600_000
MAPPING = '[sources.mqtt.home.mappings.meter]\ntopic = "cellar/{device}/json"\n'
WRONG = MAPPING + 'power = "power.total"\n'
MENDED = MAPPING + 'power = "p.sum"\npower_scale = 1000\ntime = "t"\n'


def settings(folder: Path, mapping: str, kafka: str = "") -> Config:
    file = folder / "kilowatch.toml"
    file.write_text(f"{kafka}[sources.mqtt.home]\n{mapping}")
    return load_config(file, {}).config


def kept(topic: str, payload: bytes, source: str = "mqtt:home", *, is_retained: bool = False) -> SourceMessage:
    return SourceMessage(source, payload, None, AT_MS, topic=topic, is_retained=is_retained)


@pytest.mark.parametrize(
    ("topic", "payload", "device", "power_w"),
    [
        ("plug/status/switch:0", GEN2, "plug", 4.1),
        ("shellies/old/relay/0/power", b"48.52", "old", 48.52),
        ("tele/heater/SENSOR", TASMOTA, "heater", 5.0),
        ("zigbee2mqtt/lamp", ZIGBEE, "lamp", 0.0),
        ("cellar/pump/json", b'{"p":{"sum":1.5},"t":1767567590}', "pump", 1500.0),
    ],
)
def test_a_message_that_is_readable_now_is_decoded_as_if_it_came(
    tmp_path: Path, topic: str, payload: bytes, device: str, power_w: float
) -> None:
    outcome = judge_of(settings(tmp_path, MENDED))(kept(topic, payload))
    assert outcome is not None
    assert not isinstance(outcome, Rejected), outcome
    reading = msgspec.json.decode(outcome.message, type=Reading)
    assert (reading.device, reading.power_w, reading.received_ms) == (device, power_w, AT_MS)


def test_what_says_no_reading_is_settled_and_what_nobody_reads_stays(tmp_path: Path) -> None:
    judge = judge_of(settings(tmp_path, MENDED))
    assert judge(kept("plug/online", b"false")) is None
    assert judge(kept("plug/status/switch:0", GEN2, is_retained=True)) is None, "a state of nobody knows when"
    for message in (kept("unheard/of", b"1"), kept("plug/status/switch:0", b"{"), kept("t", b"1", "mqtt:away")):
        outcome = judge(message)
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.raw) == (RejectReason.UNDECODABLE, message.payload)


def test_what_a_decoder_makes_of_it_goes_through_the_gate(tmp_path: Path) -> None:
    outcome = judge_of(settings(tmp_path, MENDED))(kept("cellar/pump/json", b'{"p":{"sum":1},"t":-9000000000}'))
    assert isinstance(outcome, Rejected)


@pytest.mark.kafka
@pytest.mark.mqtt
def test_once_the_mapping_is_mended_redrive_brings_them_back(
    kafka_topics: Access, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    kafka = f'[kafka]\nbootstrap = "{kafka_topics.bootstrap}"\npartitions = 4\n'
    mappings = settings(tmp_path, WRONG, kafka).sources.mqtt["home"].mappings
    metrics, site = Metrics(), settings(tmp_path, WRONG, kafka).site
    source = MqttSource("home", config_of(mosquitto, mappings=mappings, client_id="redrive"), site, metrics=metrics)
    with processing(kafka_topics, source) as processor:
        until(lambda: 'source_up{source="mqtt:home"} 1.0' in metrics.exposition().decode(), "no broker")
        device = Device(mosquitto)
        for number in range(20):
            device.publish("cellar/pump/json", json.dumps({"p": {"sum": number}, "t": AT_MS + number}))
        device.publish("plug/status/switch:0", b"on fire")
        device.leave()
        until(lambda: processor.counts.rejected == 21, "not all were kept")
    again = ["rejected", "redrive", "--json", "--config", str(tmp_path / "kilowatch.toml")]
    assert printed(again)["still_rejected"] == 21
    settings(tmp_path, MENDED, kafka)
    counts = printed(again)
    assert (counts["mended"], counts["readings"], counts["still_rejected"]) == (20, 20, 1)
    assert printed(again)["mended"] == 0, "each is sent once"
    back = readings_in(kafka_topics)
    assert [one.power_w for one in back] == [1000.0 * number for number in range(20)]
    assert [one.ts_ms for one in back] == [AT_MS + number for number in range(20)]
    assert all(one.backfill and one.device == "pump" for one in back)
    with closing(RejectedMessages(kafka_topics)) as messages:
        (left,) = (one.rejected for one in messages.outstanding())
    assert (left.raw, left.topic, left.why) == (b"on fire", "plug/status/switch:0", "it is not JSON")


def printed(words: list[str]) -> dict[str, int]:
    outcome = CliRunner().invoke(app, words)
    assert outcome.exit_code == 0, outcome.exception
    found: dict[str, int] = msgspec.json.decode(outcome.stdout)
    return found
