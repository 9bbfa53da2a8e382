"""What each vendor's messages say, in W, Wh, V, A and UTC."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from kilowatch.config.sources import MqttConfig, Vendor
from kilowatch.core.device import Reporting
from kilowatch.links.decode.report import Availability, Report, UndecodableError
from kilowatch.links.mqtt.vendors import Vendors
from links.decode.stories import (
    ANNOUNCED,
    GEN2,
    MESSAGES,
    NOTIFY,
    RECEIVED_MS,
    TASMOTA,
    ZIGBEE,
    report,
    said,
    vendors,
)


def test_shelly2_status_is_whole() -> None:
    assert report("plug-1/status/switch:0", GEN2) == Report("plug-1", None, 4.1, 18.015, 242.5, 0.033, on=True)


def test_shelly2_notification_is_partial_and_carries_its_time() -> None:
    assert report("plug-1/events/rpc", NOTIFY) == Report("plug-1", 1_767_567_590_250, 12.5)


def test_shelly2_with_its_clock_not_set_has_no_time() -> None:
    assert report("plug-1/events/rpc", NOTIFY.replace(b"1767567590.25", b"12.5")).ts_ms is None


def test_shelly2_second_channel_is_a_device_of_its_own() -> None:
    both = NOTIFY.replace(b'"switch:0"', b'"switch:1":{"apower":1},"sys":{"x":1},"switch:0"')
    assert {(part.device, part.power_w) for part in said("p/events/rpc", both).reports if isinstance(part, Report)} == {
        ("p:1", 1.0),
        ("p", 12.5),
    }


def test_shelly2_events_that_are_no_status_say_nothing() -> None:
    assert said("plug-1/events/rpc", b'{"method":"NotifyEvent","params":{"events":[]}}').reports == []


def test_shelly1_energy_is_in_watt_minutes_and_the_power_makes_the_reading() -> None:
    assert report("shellies/p/relay/0/energy", b"600") == Report("p", energy_wh=10.0, is_reading=False)
    assert report("shellies/p/relay/0/power", b"48.52") == Report("p", power_w=48.52)
    assert report("shellies/p/relay/1", b"overpower") == Report("p:1", on=False, is_reading=False)


def test_tasmota_energy_is_in_kwh_and_its_time_is_the_wall_clock() -> None:
    assert report("tele/heater/SENSOR", TASMOTA) == Report("heater", 1_767_567_600_000, 5.0, 3705.0, 233.0, 0.021)


def test_tasmota_meter_of_three_phases_is_summed() -> None:
    three = b'{"ENERGY":{"Total":1,"Power":[1,2,3],"Voltage":[230,231,232],"Current":[0.1,0.2,0.3]}}'
    told = report("tele/m/SENSOR", three)
    assert (told.power_w, told.voltage_v, told.energy_wh, told.ts_ms) == (6.0, 230.0, 1000.0, None)
    assert told.current_a == pytest.approx(0.6)


@pytest.mark.parametrize(("late_s", "offset"), [(0, "+02:00"), (3600, "+01:00")])
def test_tasmota_in_the_hour_that_comes_twice_is_taken_as_the_nearer(late_s: int, offset: str) -> None:
    at = datetime.fromisoformat(f"2026-10-25T02:30:00{offset}")
    received_ms = round(at.timestamp() * 1000) + 800
    told = report("tele/h/SENSOR", TASMOTA.replace(b"2026-01-05T00:00:00", b"2026-10-25T02:30:00"), received_ms)
    assert told.ts_ms == received_ms - 800
    assert at.astimezone(ZoneInfo("UTC")).hour == (0 if late_s == 0 else 1)


def test_tasmota_just_after_power_up_has_no_time() -> None:
    assert report("tele/h/SENSOR", TASMOTA.replace(b"2026-01-05T00", b"1970-01-01T00")).ts_ms is None


def test_tasmota_sensors_without_a_meter_say_nothing() -> None:
    assert said("tele/t/SENSOR", b'{"Time":"2026-01-05T00:00:00","DS18B20":{"Temperature":20.6}}').reports == []


def test_zigbee_energy_is_in_kwh_and_names_may_hold_slashes() -> None:
    told = report("zigbee2mqtt/kitchen/plug one", ZIGBEE)
    assert told == Report("kitchen/plug one", None, 0.0, 12340.0, 231.0, 0.0, on=False)


def test_zigbee_tells_when_it_heard_the_device() -> None:
    seen = ZIGBEE.replace(b"{", b'{"last_seen":1767567599000,', 1)
    assert report("zigbee2mqtt/p", seen).ts_ms == 1_767_567_599_000
    iso = ZIGBEE.replace(b"{", b'{"last_seen":"2026-01-05T00:59:59+02:00",', 1)
    assert report("zigbee2mqtt/p", iso).ts_ms == 1_767_567_599_000


@pytest.mark.parametrize("topic", ["zigbee2mqtt/p/set", "zigbee2mqtt/p/get", "zigbee2mqtt/bridge/log"])
def test_zigbee_commands_and_logs_are_no_readings(topic: str) -> None:
    assert said(topic, ZIGBEE).reports == []


@pytest.mark.parametrize(
    ("topic", "payload", "device", "there"),
    [
        ("plug-1/online", b"false", "plug-1", False),
        ("shellies/p/online", b"true", "p", True),
        ("tele/heater/LWT", b"Offline", "heater", False),
        ("zigbee2mqtt/p/availability", b"online", "p", True),
        ("zigbee2mqtt/p/availability", b'{"state":"offline"}', "p", False),
        ("zigbee2mqtt/bridge/state", b'{"state":"offline"}', "", False),
        ("homeassistant/statestream/sensor/tv_power/state", b"unavailable", "tv", False),
    ],
)
def test_availability(topic: str, payload: bytes, device: str, there: bool) -> None:
    assert said(topic, payload).reports == [Availability(device, there)]


def test_statestream_knows_entities_by_name_setting_and_unit() -> None:
    asked = vendors()
    base = "homeassistant/statestream"
    asked.decode(f"{base}/sensor/tv_power/unit_of_measurement", b'"kW"', RECEIVED_MS)
    told = [
        asked.decode(f"{base}/{topic}/state", payload, RECEIVED_MS).reports
        for topic, payload in [
            ("sensor/tv_power", b"0.12"),
            ("sensor/odd_name", b"7"),
            ("sensor/tv_energy", b"1.5"),
            ("switch/tv", b"off"),
            ("sensor/temperature", b"21"),
        ]
    ]
    assert told == [
        [Report("tv", power_w=120.0)],
        [Report("boiler", power_w=7.0)],
        [Report("tv", energy_wh=1500.0, is_reading=False)],
        [Report("tv", on=False, is_reading=False)],
        [],
    ]


def test_what_discovery_announces_is_subscribed_to_and_understood() -> None:
    asked = vendors()
    announced = asked.decode("homeassistant/sensor/washer/power/config", ANNOUNCED, RECEIVED_MS)
    assert announced.subscribe == ["esp/washer/state"]
    assert [device.device for device in announced.devices] == ["washer"]
    assert "esp/washer/state" in asked.topics()
    told = asked.decode("esp/washer/state", b'{"meter":{"watts":1.25}}', RECEIVED_MS)
    assert told.reports == [Report("washer", power_w=1250.0)]


@pytest.mark.parametrize("template", [b"{{ value_json.x * 2 }}", b"{% if 1 %}2{% endif %}", b"{{ states('x') }}"])
def test_a_template_that_calculates_is_never_run(template: bytes) -> None:
    odd = ANNOUNCED.replace(b"{{ value_json.meter['watts'] | float }}", template)
    assert said("homeassistant/sensor/washer/power/config", odd).devices == []


def test_a_mapping_finds_values_in_any_shape() -> None:
    payload = b'{"out":{"ac":[{"p":2.5}],"total":1.5},"run":1,"t":"2026-01-04T23:59:00Z"}'
    assert report("pv/roof/data", payload) == Report("roof", 1_767_571_140_000, 2500.0, 1500.0, on=True)
    assert report("meter/cellar/watts", b"230.5") == Report("cellar", power_w=230.5)


def test_announcements_become_records_that_are_protected_and_not_armed() -> None:
    records = {
        record.device: record
        for topic, payload in MESSAGES
        if "announce" in topic or "discovery" in topic or topic.endswith("devices")
        for record in said(topic, payload).devices
    }
    assert set(records) == {"shellyplusplugs-1", "plug-1", "heater", "plug one", "sleeper"}
    assert records["plug-1"].plug == "shelly1://192.168.1.3/0"
    assert records["heater"].plug == "tasmota://192.168.1.4/1"
    assert records["heater"].interval_s == 300.0
    assert records["heater"].hold_s >= 900.0
    assert records["sleeper"].heartbeat_s == 90_000.0
    assert records["plug one"].reporting is Reporting.ON_CHANGE
    assert all(record.protected for record in records.values())


def test_an_address_that_is_none_does_not_become_a_plug() -> None:
    for address in (b'"evil.example/x?"', b"7", b'"192.168.1.3:80@x"'):
        (record,) = said("shellies/announce", b'{"id":"p","ip":' + address + b"}").devices
        assert record.plug is None


def test_our_own_readings_pass_as_they_are() -> None:
    assert said("kilowatch/home/readings", b"anything").is_raw


def test_only_what_is_announced_is_asked_twice() -> None:
    topics = vendors().topics()
    assert len(topics) == len(set(topics))
    assert "pv/+/data" in topics


@pytest.mark.parametrize("vendor", Vendor)
def test_every_vendor_has_a_message_among_the_stories(vendor: Vendor) -> None:
    alone = Vendors(MqttConfig(vendors=[vendor]), "home", "mqtt:test", ZoneInfo("UTC"))
    told = [alone.decode(topic, payload, RECEIVED_MS) for topic, payload in MESSAGES]
    assert any(said.reports or said.devices or said.is_raw for said in told)


def test_topics_of_strangers_say_nothing() -> None:
    assert said("garden/hose", b"\xff").reports == []


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("p/status/switch:0", b"{", "it is not JSON"),
        ("p/status/switch:0", b"[1]", "not an object"),
        ("p/status/switch:0", b'{"apower":"4"}', "apower is not a number"),
        ("p/status/switch:0", b'{"apower":1e300}', "apower is out of bounds"),
        ("p/status/switch:0", b'{"aenergy":7}', "aenergy is not an object"),
        ("p/events/rpc", b'{"method":"NotifyStatus"}', "no params"),
        ("shellies/p/relay/0/power", b"nan", "power is out of bounds"),
        ("shellies/p/relay/0", b"maybe", "neither on nor off"),
        ("tele/h/LWT", b"Away", "neither Online nor Offline"),
        ("tele/h/SENSOR", b'{"Time":"yesterday","ENERGY":{}}', "not ISO 8601"),
        ("zigbee2mqtt/p", b'{"power":true}', "power is not a number"),
        ("zigbee2mqtt/bridge/devices", b"{}", "no list"),
        ("pv/roof/data", b'{"out":{}}', "it has no out.ac.0.p"),
        ("meter/c/watts", b'"much"', "power is not a number"),
        ("homeassistant/statestream/sensor/tv_power/state", b"much", "power is not a number"),
        ("tasmota/discovery/A/config", b"{}", "no topic"),
        ("shellies/announce", b"{}", "no id"),
    ],
)
def test_what_breaks_a_contract_is_refused_with_its_reason(topic: str, payload: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason):
        said(topic, payload)
