"""Real shapes of each vendor's messages, as (topic, payload), and a way to ask all decoders at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.config.sources import MappingConfig, MqttConfig, Vendor
from kilowatch.core.localtime import zone
from kilowatch.links.mqtt.vendors import Said, Vendors

if TYPE_CHECKING:
    from kilowatch.links.decode.report import Report

RECEIVED_MS = 1_767_567_600_000
EVERYTHING = MqttConfig(
    vendors=list(Vendor),
    entities={"sensor.odd_name": "boiler.power"},
    mappings={
        "inverter": MappingConfig(
            topic="pv/{device}/data",
            power="out.ac.0.p",
            power_scale=1000.0,
            energy="out.total",
            energy_scale=1000.0,
            on="run",
            time="t",
        ),
        "plain": MappingConfig(topic="meter/{device}/watts", power="."),
    },
)

GEN2 = (
    b'{"id":0,"source":"WS_in","output":true,"apower":4.1,"voltage":242.5,"freq":50.0,"current":0.033,'
    b'"aenergy":{"total":18.015,"by_minute":[73.921,177.749,177.749],"minute_ts":1682952864},'
    b'"temperature":{"tC":30.3,"tF":86.5}}'
)
NOTIFY = (
    b'{"src":"shellyplusplugs-1","dst":"shellyplusplugs-1/events","method":"NotifyStatus",'
    b'"params":{"ts":1767567590.25,"switch:0":{"id":0,"apower":12.5}}}'
)
TASMOTA = (
    b'{"Time":"2026-01-05T00:00:00","ENERGY":{"TotalStartTime":"2022-01-01T00:00:00","Total":3.705,"Yesterday":0.028,'
    b'"Today":0.026,"Period":1,"Power":5,"ApparentPower":5,"ReactivePower":0,"Factor":1.00,"Voltage":233,'
    b'"Current":0.021}}'
)
ZIGBEE = b'{"state":"OFF","power":0,"voltage":231,"current":0,"energy":12.34,"linkquality":87}'
DEVICES = (
    b'[{"ieee_address":"0x1","type":"Coordinator","friendly_name":"Coordinator","definition":null},'
    b'{"friendly_name":"plug one","type":"Router","power_source":"Mains (single phase)","definition":{"exposes":'
    b'[{"type":"switch","features":[{"name":"state"}]},{"type":"numeric","name":"power","property":"power"}]}},'
    b'{"friendly_name":"sleeper","power_source":"Battery","definition":{"exposes":[{"property":"power"}]}},'
    b'{"friendly_name":"thermometer","definition":{"exposes":[{"property":"temperature"}]}}]'
)
ANNOUNCED = (
    b'{"~":"esp/washer","stat_t":"~/state","val_tpl":"{{ value_json.meter[\'watts\'] | float }}",'
    b'"unit_of_meas":"kW","dev_cla":"power","dev":{"name":"washer"}}'
)
MESSAGES: tuple[tuple[str, bytes], ...] = (
    ("shellyplusplugs-1/status/switch:0", GEN2),
    ("shellyplusplugs-1/events/rpc", NOTIFY),
    ("shellyplusplugs-1/online", b"false"),
    ("shellyplusplugs-1/announce", b'{"id":"shellyplusplugs-1","gen":2}'),
    ("shellies/plug-1/relay/0", b"on"),
    ("shellies/plug-1/relay/0/power", b"48.52"),
    ("shellies/plug-1/relay/0/energy", b"394"),
    ("shellies/plug-1/online", b"true"),
    ("shellies/announce", b'{"id":"plug-1","model":"SHPLG-S","mac":"A","ip":"192.168.1.3","new_fw":false}'),
    ("tele/heater/SENSOR", TASMOTA),
    ("tele/heater/STATE", b'{"Time":"2026-01-05T00:00:00","POWER":"ON"}'),
    ("tele/heater/LWT", b"Offline"),
    ("stat/heater/RESULT", b'{"POWER":"OFF"}'),
    ("stat/heater/POWER", b"OFF"),
    ("tasmota/discovery/A1/config", b'{"t":"heater","ip":"192.168.1.4"}'),
    ("zigbee2mqtt/plug one", ZIGBEE),
    ("zigbee2mqtt/plug one/availability", b'{"state":"offline"}'),
    ("zigbee2mqtt/bridge/state", b'{"state":"online"}'),
    ("zigbee2mqtt/bridge/devices", DEVICES),
    ("homeassistant/statestream/sensor/tv_power/unit_of_measurement", b'"kW"'),
    ("homeassistant/statestream/sensor/tv_power/state", b"0.12"),
    ("homeassistant/statestream/switch/tv/state", b"on"),
    ("homeassistant/statestream/sensor/odd_name/state", b"7"),
    ("homeassistant/sensor/washer/power/config", ANNOUNCED),
    ("esp/washer/state", b'{"meter":{"watts":1.25}}'),
    ("pv/roof/data", b'{"out":{"ac":[{"p":2.5}],"total":1.5},"run":1,"t":"2026-01-04T23:59:00Z"}'),
    ("meter/cellar/watts", b"230.5"),
    ("kilowatch/home/readings", b'{"v":1,"site":"home","device":"x","ts_ms":1767567600000,"power_w":1}'),
)


def vendors(time_zone: str = "Europe/Berlin") -> Vendors:
    return Vendors(EVERYTHING, "home", "mqtt:test", zone(time_zone))


def said(topic: str, payload: bytes, received_ms: int = RECEIVED_MS) -> Said:
    return vendors().decode(topic, payload, received_ms)


def report(topic: str, payload: bytes, received_ms: int = RECEIVED_MS) -> Report:
    (only,) = said(topic, payload, received_ms).reports
    return only  # type: ignore[return-value]
