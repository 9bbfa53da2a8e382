"""Simulated plugs of every make over a real broker: what arrives is what their appliances draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kilowatch.config.sections import SiteConfig
from kilowatch.links.mqtt import MqttSource
from kilowatch.observability import Metrics
from kilowatch.sim.plugs import Make
from kilowatch.sim.plugs.mqtt import publish_steadily, topic_name
from links.mqtt.brokers import Device, Sink, config_of, until
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from supervisor.mosquitto import Mosquitto

pytestmark = pytest.mark.mqtt

SPEAKING = (Make.SHELLY2, Make.SHELLY1, Make.TASMOTA)
"""Written down, so that none of them falls silent unseen; a make may speak HTTP alone."""


def test_every_make_that_speaks_mqtt_is_understood(mosquitto: Mosquitto) -> None:
    sims = [plug_of(make) for make in SPEAKING]
    sink, metrics, sender = Sink(), Metrics(), Device(mosquitto, "plugs")
    source = MqttSource("sim", config_of(mosquitto), SiteConfig(), metrics=metrics)
    source.start(sink.put)
    until(lambda: b'kilowatch_source_up{source="mqtt:sim"} 1.0' in metrics.exposition())
    with host_of(*sims) as host:
        host.spawn(publish_steadily(sims, 0.1, lambda topic, payload: sender.client.publish(topic, payload, 1)))
        until(lambda: len(sink.messages) >= 15)
    source.stop()
    sender.leave()
    readings = sink.readings()
    assert {reading["device"] for reading in readings} == {topic_name(sim) for sim in sims}
    assert all(reading["power_w"] == pytest.approx(11, abs=2) and reading["on"] for reading in readings)
    assert all(100 < reading["energy_wh"] < 200 for reading in readings)
