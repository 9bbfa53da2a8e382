"""An edge's devices in a real Home Assistant, by a real broker: they come by themselves and follow what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.edge.stage import StageClock, opened
from app.homes import START_MS, fleet
from kilowatch.app.announcing import Announcing, Latest, announcing_of
from kilowatch.config import Config
from kilowatch.config.notify import AnnounceConfig
from kilowatch.config.sections import SiteConfig
from kilowatch.config.sources import SourcesConfig
from kilowatch.core.events import EventKind
from kilowatch.links.mqtt.announce import Places, level
from links.incidents import OPENED
from links.mqtt.brokers import config_of, until

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.homeassistant import HomeAssistant
    from supervisor.mosquitto import Mosquitto

    from components.assistant import AssistantApi
    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.core.events import IncidentEvent

HOSTILE = 'Oven "}}{{ 7*7 }}<b>\n#/+'


def config_at(broker: Mosquitto, site: str) -> Config:
    return Config(
        site=SiteConfig(name=site),
        sources=SourcesConfig(mqtt={"home": config_of(broker)}),
        announce=AnnounceConfig(broker="home", every_s=0.2),
    )


def incident(site: str, device: str, kind: EventKind = EventKind.OPENED) -> IncidentEvent:
    version = 1 if kind is EventKind.OPENED else 2
    return msgspec.structs.replace(OPENED, site=site, device=device, kind=kind, version=version, id=f"of-{device}"[:64])


def tell(built: BuiltEdge, announcing: Announcing, event: IncidentEvent) -> None:
    with built.parts.database.begin() as books:
        books.incidents.project([event])
    announcing.happened([event])


@pytest.mark.homeassistant
@pytest.mark.mqtt
def test_devices_scores_and_incidents_appear_and_go(
    tmp_path: Path, mosquitto: Mosquitto, home_assistant: HomeAssistant, assistant: AssistantApi
) -> None:
    login = {"username": mosquitto.user, "password": mosquitto.password}
    entry = assistant.add("mqtt", {"broker": mosquitto.host, "port": mosquitto.port, **login})
    built = opened(tmp_path, StageClock())
    site = fleet().records[0].site
    for device in ("tv", HOSTILE):
        built.parts.registry.meet([msgspec.structs.replace(fleet().records[0], device=device)], START_MS)
    announcing = announcing_of(config_at(mosquitto, site))
    assert announcing is not None
    announcing.watch(built)

    places = Places(site, "homeassistant")
    tv, oven = (f"{places.node}_{level(device)}" for device in ("tv", HOSTILE))
    until(lambda: {f"binary_sensor.{one}_incident" for one in (tv, oven)} <= set(assistant.entities("binary")), 60.0)
    until(lambda: assistant.state(f"binary_sensor.{tv}_incident")["state"] == "off", 60.0)
    assert assistant.state(f"sensor.{tv}_stage")["state"] == "learning"
    assert assistant.state(f"sensor.{tv}_oddness")["state"] == "unknown"
    named = assistant.state(f"sensor.{oven}_oddness")["attributes"]
    assert named["friendly_name"].startswith('Oven "}}{{ 7*7 }}<b> #/+')
    assert named["device"] == HOSTILE

    announcing._latest.values[built.parts.subject.pipeline.fleet.slot(site, "tv") or 0] = (1.7, 92.5, 0.0, 4.0)
    tell(built, announcing, incident(site, "tv"))
    until(lambda: assistant.state(f"binary_sensor.{tv}_incident")["state"] == "on")
    assert assistant.state(f"binary_sensor.{tv}_incident")["attributes"]["sentence"] == OPENED.sentence
    until(lambda: assistant.state(f"sensor.{places.node}_open").get("state") == "1")

    tell(built, announcing, incident(site, "tv", EventKind.CLEARED))
    until(lambda: assistant.state(f"binary_sensor.{tv}_incident")["state"] == "off")

    built.parts.registry.delete(site, HOSTILE, "me", START_MS)
    until(lambda: assistant.state(f"sensor.{oven}_oddness") == {}, 30.0)

    announcing.close()
    until(lambda: assistant.state(f"sensor.{tv}_stage")["state"] == "unavailable", 30.0)
    built.close()
    assistant.remove(entry)


def test_nobody_is_told_where_no_broker_is_named() -> None:
    assert announcing_of(Config()) is None


def test_the_last_of_each_device_is_kept_rounded_and_unknown_is_none() -> None:
    latest = Latest()
    assert latest.of(None) == latest.of(3) == latest.of(10_000) == [None] * 4
    latest.values[3] = (1.23456, 92.47, np.nan, 4.0)
    assert latest.of(3) == [1.23, 92.5, None, 4.0]
