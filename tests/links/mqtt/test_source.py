"""The MQTT source against a real Mosquitto: nothing accepted is lost, whoever dies."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from kilowatch.config.secret import Secret
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import Vendor
from kilowatch.links.mqtt import MqttSource
from kilowatch.observability import Metrics
from links.mqtt.brokers import Device, Sink, config_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.mosquitto import Mosquitto

    from kilowatch.config.sources import MqttConfig
    from kilowatch.core.device import DeviceRecord

pytestmark = pytest.mark.mqtt
SITE = SiteConfig(name="home", time_zone="Europe/Berlin")


@pytest.fixture(autouse=True)
def _heard_by_caplog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("kilowatch"), "propagate", True)


@pytest.fixture
def label(request: pytest.FixtureRequest) -> str:
    """A name of the test's own, so that its session at the broker is."""
    return f"{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Device]:
    device = Device(mosquitto)
    yield device
    device.leave()


def started(label: str, config: MqttConfig, sink: Sink, **kwargs: object) -> MqttSource:
    source = MqttSource(label, config, SITE, **kwargs)  # type: ignore[arg-type]
    source.start(sink.put)
    return source


def is_up(metrics: Metrics, label: str) -> bool:
    return f'kilowatch_source_up{{source="mqtt:{label}"}} 1.0' in metrics.exposition().decode()


def connected(label: str, config: MqttConfig, sink: Sink, **kwargs: object) -> MqttSource:
    metrics = Metrics()
    source = started(label, config, sink, metrics=metrics, **kwargs)
    until(lambda: is_up(metrics, label))
    return source


def power(number: float) -> str:
    return json.dumps({"id": 0, "output": True, "apower": number, "aenergy": {"total": 10 * number}})


def test_a_reading_arrives_as_the_contract_has_it(mosquitto: Mosquitto, device: Device, label: str) -> None:
    sink = Sink()
    source = connected(label, config_of(mosquitto), sink)
    device.publish("plug-a/status/switch:0", power(42.5))
    until(lambda: len(sink.messages) == 1)
    source.stop()
    (reading,) = sink.readings()
    assert reading["site"] == "home"
    assert (reading["device"], reading["power_w"], reading["energy_wh"], reading["on"]) == ("plug-a", 42.5, 425.0, True)
    assert reading["ts_ms"] == reading["received_ms"]
    assert reading["source"] == f"mqtt:{label}"


def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
    mosquitto: Mosquitto, device: Device, label: str
) -> None:
    config, first, heard = config_of(mosquitto), Sink(is_safe=False), list[str]()
    device.client.on_message = lambda _client, _data, message: heard.append(message.payload.decode())
    device.client.subscribe("kilowatch/home/status", 1)
    source = connected(label, config, first)
    until(lambda: heard[-1:] == ["online"])
    for number in range(10):
        device.publish("plug-b/status/switch:0", power(number))
    until(lambda: len(first.messages) == 10)
    for message in first.messages[:4]:
        message.ack()
    source.stop()
    # A broker drops what it has not yet read of a connection when the same client connects anew.
    until(lambda: heard[-1:] == ["offline"])
    again = Sink()
    source = connected(label, config, again)
    until(lambda: len(again.messages) >= 6)
    source.stop()
    assert [reading["power_w"] for reading in again.readings()] == [4, 5, 6, 7, 8, 9]


def test_what_was_sent_while_we_were_away_is_there_when_we_are_back(
    mosquitto: Mosquitto, device: Device, label: str
) -> None:
    config, sink = config_of(mosquitto), Sink()
    connected(label, config, Sink()).stop()
    for number in range(50):
        device.publish("plug-c/status/switch:0", power(number))
    source = connected(label, config, sink)
    until(lambda: len(sink.messages) == 50)
    source.stop()
    assert [reading["power_w"] for reading in sink.readings()] == list(range(50))


def test_a_broker_that_goes_and_comes_back_loses_nothing(
    mosquitto: Mosquitto, device: Device, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kilowatch")
    sink, metrics = Sink(is_safe=False), Metrics()
    source = started(label, config_of(mosquitto), sink, metrics=metrics)
    until(lambda: is_up(metrics, label))
    for number in range(5):
        device.publish("plug-d/status/switch:0", power(number))
    until(lambda: len(sink.messages) == 5)
    mosquitto.stop()
    until(lambda: not is_up(metrics, label))
    for message in sink.messages:
        message.ack()  # too late: over a connection that is no more
    mosquitto.start()
    until(lambda: len(sink.messages) == 10)
    device.publish("plug-d/status/switch:0", power(5))
    until(lambda: len(sink.messages) == 11)
    source.stop()
    assert {reading["power_w"] for reading in sink.readings()} == set(range(6))
    said = [record.getMessage() for record in caplog.records if f"mqtt:{label}" in record.getMessage()]
    assert sum("is lost" in line for line in said) == 1
    assert sum("is back" in line for line in said) == 1


def test_a_broker_killed_is_found_again(mosquitto: Mosquitto, label: str) -> None:
    sink, metrics = Sink(), Metrics()
    source = started(label, config_of(mosquitto), sink, metrics=metrics)
    until(lambda: is_up(metrics, label))
    mosquitto.kill()
    until(lambda: not is_up(metrics, label))
    mosquitto.start()
    until(lambda: is_up(metrics, label))
    device = Device(mosquitto, "after")
    device.publish("plug-e/status/switch:0", power(7))
    until(lambda: len(sink.messages) == 1)
    device.leave()
    source.stop()


def test_a_broker_that_is_not_there_yet_is_waited_for(mosquitto: Mosquitto, label: str) -> None:
    mosquitto.stop()
    sink, metrics = Sink(), Metrics()
    source = started(label, config_of(mosquitto), sink, metrics=metrics)
    mosquitto.start()
    until(lambda: is_up(metrics, label))
    source.stop()


def test_a_wrong_password_is_said_once_and_tried_again(
    mosquitto: Mosquitto, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(mosquitto, password=Secret("wrong-password"))
    source = started(label, config, Sink())
    until(lambda: any("Not authorized" in record.getMessage() for record in caplog.records))
    source.stop()
    assert "wrong-password" not in caplog.text


def test_over_tls_with_the_brokers_own_authority(mosquitto: Mosquitto, device: Device, label: str) -> None:
    sink = Sink()
    config = config_of(mosquitto, port=mosquitto.tls_port, tls=True, ca_file=str(mosquitto.authority))
    source = connected(label, config, sink)
    device.publish("plug-f/status/switch:0", power(1))
    until(lambda: len(sink.messages) == 1)
    source.stop()


# paho forgets to close the socket over which no TLS came to be.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_a_stranger_is_refused(
    mosquitto: Mosquitto, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    source = started(label, config_of(mosquitto, port=mosquitto.tls_port, tls=True), Sink(), metrics=metrics)
    until(lambda: any("is lost" in record.getMessage() for record in caplog.records))
    source.stop()
    assert not is_up(metrics, label)


def test_garbage_is_handed_over_raw_with_its_reason_and_stops_nothing(
    mosquitto: Mosquitto, device: Device, label: str
) -> None:
    sink = Sink()
    source = connected(label, config_of(mosquitto), sink)
    device.publish("plug-g/status/switch:0", b"\xff{")
    device.publish("plug-g/status/switch:0", power(3))
    until(lambda: len(sink.messages) == 2)
    source.stop()
    bad, good = sink.messages
    assert bad.payload == b"\xff{"
    assert (bad.reason, bad.topic, bad.is_retained) == ("it is not JSON", "plug-g/status/switch:0", False)
    assert (good.reason, good.topic) == (None, "")


def test_a_full_queue_drops_qos_0_counted_and_never_qos_1(mosquitto: Mosquitto, device: Device, label: str) -> None:
    sink, metrics = Sink(), Metrics()
    source = started(label, config_of(mosquitto, queue=5), sink, metrics=metrics)
    until(lambda: is_up(metrics, label))
    sink.hold.clear()
    for number in range(40):
        device.publish("plug-h/status/switch:0", power(number), qos=0)
    for number in range(100, 110):
        device.publish("plug-h/status/switch:0", power(number), qos=1)
    until(lambda: metrics.registry.get_sample_value("kilowatch_source_dropped_total", {"source": source.name}) == 34)
    sink.hold.set()
    until(lambda: sum(reading["power_w"] >= 100 for reading in sink.readings()) == 10)
    source.stop()
    assert len(sink.messages) == 16


def test_a_device_that_vanishes_is_told_by_its_last_will(
    mosquitto: Mosquitto, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kilowatch")
    sink = Sink()
    source = connected(label, config_of(mosquitto), sink)
    gone = Device(mosquitto, "gone", will=("tele/heater/LWT", "Offline"))
    gone.publish("tele/heater/LWT", "Online", retain=True)
    gone.vanish()
    until(lambda: any("device heater is lost" in record.getMessage() for record in caplog.records))
    back = Device(mosquitto, "gone")
    back.publish("tele/heater/LWT", "Online", retain=True)
    until(lambda: any("device heater is back" in record.getMessage() for record in caplog.records))
    back.leave()
    source.stop()


def test_our_own_last_will_tells_that_we_are_gone(mosquitto: Mosquitto, label: str) -> None:
    listener, heard = Device(mosquitto, "listener"), list[str]()
    listener.client.on_message = lambda _client, _data, message: heard.append(message.payload.decode())
    source = connected(label, config_of(mosquitto), Sink())
    listener.client.subscribe("kilowatch/home/status", 1)
    until(lambda: heard[-1:] == ["online"])
    source.stop()
    until(lambda: heard[-1:] == ["offline"])
    listener.leave()


def test_a_retained_state_is_no_reading_of_now(mosquitto: Mosquitto, device: Device, label: str) -> None:
    device.publish("plug-i/status/switch:0", power(99), retain=True)
    sink = Sink()
    source = connected(label, config_of(mosquitto), sink)
    frame = {"method": "NotifyStatus", "params": {"ts": 1767567600.5, "switch:0": {"voltage": 230.0}}}
    device.publish("plug-i/events/rpc", json.dumps(frame))
    until(lambda: len(sink.messages) == 1)
    source.stop()
    device.publish("plug-i/status/switch:0", b"", retain=True)
    (reading,) = sink.readings()
    assert (reading["power_w"], reading["voltage_v"], reading["ts_ms"]) == (99, 230.0, 1767567600500)


def test_devices_are_announced_with_what_is_known_of_them(mosquitto: Mosquitto, device: Device, label: str) -> None:
    lists: list[list[DeviceRecord]] = []
    config = config_of(mosquitto, vendors=[*config_of(mosquitto).vendors, Vendor.DISCOVERY])
    sink = Sink()
    source = connected(label, config, sink, on_devices=lists.append)
    announcement = {"t": "boiler", "ip": "192.168.1.7", "ft": "%prefix%/%topic%/"}
    device.publish("tasmota/discovery/AABBCC/config", json.dumps(announcement))
    esp = {"stat_t": "esp/washer/power", "dev_cla": "power", "unit_of_meas": "kW", "dev": {"name": "washer"}}
    device.publish("homeassistant/sensor/washer/power/config", json.dumps(esp))
    until(lambda: bool(lists) and {"boiler", "washer"} <= {record.device for record in lists[-1]})
    device.publish("tele/unannounced/SENSOR", json.dumps({"ENERGY": {"Power": 5}}))
    device.publish("esp/washer/power", "1.25")
    until(lambda: len(sink.messages) == 2)
    source.stop()
    records = {record.device: record for record in lists[-1]}
    assert records["boiler"].plug == "tasmota://192.168.1.7/1"
    assert records["unannounced"].interval_s == 300
    assert all(record.protected for record in records.values())
    assert {(reading["device"], reading["power_w"]) for reading in sink.readings()} == {
        ("unannounced", 5),
        ("washer", 1250),
    }
