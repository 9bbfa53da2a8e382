"""What Home Assistant's discovery is told: safe topics for any name, retained, taken back, told again after a break."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import Stage
from kilowatch.links.decode.announced import announced_value
from kilowatch.links.mqtt.announce import Announcer, DeviceState, OddNow, Places, level, retained
from links.mqtt.brokers import Device, config_of, until

if TYPE_CHECKING:
    from supervisor.mosquitto import Mosquitto

HOSTILE = 'fridge/#+"}}{{ states("x") }}\n<script>'


def state(device: str = "fridge", score: float | None = 0.4, incident: OddNow | None = None) -> DeviceState:
    return DeviceState(
        device=device,
        kind="fridge",
        stage=Stage.WATCHING,
        score=score,
        power_w=92.5,
        expected_low_w=0.0,
        expected_high_w=95.0,
        incident=incident,
    )


def odd(device: str = "fridge") -> OddNow:
    return OddNow(id="i1", device=device, severity="warn", sentence="Fridge: on for 41 min", since_ms=1)


def decoded(messages: dict[str, bytes]) -> dict[str, Any]:
    return {topic: msgspec.json.decode(payload) for topic, payload in messages.items()}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=128))
def test_any_name_makes_one_level_of_a_topic(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]{1,60}", level(name))


@settings(max_examples=100, deadline=None)
@given(st.sets(st.text(max_size=30) | st.sampled_from(["tv", "TV", "Tv", "t v", "t_v", level("TV")]), max_size=8))
def test_no_two_names_meet(names: set[str]) -> None:
    assert len({level(name) for name in names}) == len(names)


@settings(max_examples=30, deadline=None)
@given(site=st.text(min_size=1, max_size=20), device=st.text(min_size=1, max_size=60))
def test_names_stand_in_no_topic_id_or_template(site: str, device: str) -> None:
    messages = decoded(retained(Places(site, "homeassistant"), [state(device)]))
    for topic, config in messages.items():
        assert re.fullmatch(r"[A-Za-z0-9_/]+", topic)
        if topic.endswith("/config"):
            assert re.fullmatch(r"[a-z0-9_]+", config["unique_id"].lower())
            assert config["state_topic"] in messages
            assert config["device"]["name"].isprintable()
            assert "value_json." in config["value_template"]
            for template in (config["value_template"], config.get("json_attributes_template", "")):
                assert len(device) < 5 or device not in template


def test_entities_of_a_device_belong_together_and_to_the_site() -> None:
    places = Places("home", "homeassistant")
    messages = decoded(retained(places, [state(incident=odd()), state("tv")]))
    configs = [config for topic, config in messages.items() if topic.endswith("/config")]
    assert len({config["unique_id"] for config in configs}) == len(configs) == 7
    fridge = [one for one in configs if one["device"]["identifiers"] == ["kilowatch_home_fridge"]]
    assert [one["name"] for one in fridge] == ["Oddness", "Incident", "Stage"]
    assert {one["device"]["via_device"] for one in fridge} == {"kilowatch_home"}
    assert messages[places.state("")]["open"] == 1
    assert messages[places.state("fridge")]["incident"]["sentence"] == "Fridge: on for 41 min"


def test_our_own_source_takes_none_of_it_for_a_meter() -> None:
    messages = retained(Places("home", "homeassistant"), [state()])
    found = [announced_value(topic, payload, "homeassistant") for topic, payload in messages.items()]
    assert found == [None] * len(messages)


class Kept:
    """What a broker keeps, as a client that comes now is told."""

    def __init__(self, broker: Mosquitto) -> None:
        self.messages: dict[str, bytes] = {}
        self._device = Device(broker, "kept")
        self._device.client.on_message = self._heard
        self._device.client.subscribe([("homeassistant/#", 1), ("kilowatch/#", 1)])

    def _heard(self, _client: Any, _data: Any, message: Any) -> None:
        self.messages[message.topic] = message.payload
        if not message.payload:
            del self.messages[message.topic]

    def close(self) -> None:
        self._device.leave()


@pytest.mark.mqtt
def test_what_changed_is_told_and_what_is_gone_is_taken_back(mosquitto: Mosquitto) -> None:
    places = Places("announce-test", "homeassistant")
    announcer, kept = Announcer("home", config_of(mosquitto), places), Kept(mosquitto)
    first = retained(places, [state(HOSTILE), state("tv")])
    until(lambda: announcer.show(first) == len(first))
    assert announcer.show(first) == 0
    until(lambda: first.items() <= kept.messages.items())
    assert kept.messages[places.status] == b"online"
    assert announcer.show(retained(places, [state(HOSTILE, score=1.7), state("tv")])) == 1
    less = retained(places, [state("tv")])
    announcer.show(less)
    until(lambda: {topic for topic in kept.messages if "announce_test" in topic} - {places.status} == set(less))
    announcer.close()
    until(lambda: kept.messages[places.status] == b"offline")
    kept.close()


@pytest.mark.mqtt
def test_what_a_process_before_told_of_a_device_that_is_gone_is_taken_back(mosquitto: Mosquitto) -> None:
    places = Places("before-test", "homeassistant")
    before, kept = Announcer("home", config_of(mosquitto), places), Kept(mosquitto)
    old = retained(places, [state("gone"), state("tv")])
    until(lambda: before.show(old) == len(old))
    until(lambda: set(old) <= set(kept.messages))
    before.close()
    announcer = Announcer("home", config_of(mosquitto), places)
    wanted = retained(places, [state("tv")])

    def is_clean() -> bool:
        announcer.show(wanted)
        return not [topic for topic in kept.messages if "gone" in topic and topic.endswith("/config")]

    until(is_clean)
    until(lambda: set(wanted) <= set(kept.messages))
    announcer.close()
    kept.close()


@pytest.mark.mqtt
def test_after_a_break_all_is_told_again(mosquitto: Mosquitto) -> None:
    places = Places("break-test", "homeassistant")
    announcer = Announcer("home", config_of(mosquitto), places)
    messages = retained(places, [state()])
    until(lambda: announcer.show(messages) == len(messages))
    mosquitto.kill()
    until(lambda: not announcer._is_there)
    assert announcer.show(retained(places, [state(score=0.9)])) == 0
    mosquitto.start()
    until(lambda: announcer.show(messages) == len(messages), 40.0)
    announcer.close()
