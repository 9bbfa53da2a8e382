"""Names of sites that are no part of a topic as they stand, on their way upstream."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from kilowatch.config.sources import MqttConfig
from kilowatch.links.mqtt.post import INCIDENTS, topic_of, topic_of_all
from kilowatch.links.mqtt.uplink import MqttUplink

NOBODY = MqttConfig(host="127.0.0.1", port=9)


def test_a_site_with_a_wildcard_in_its_name_stops_neither_readings_nor_incidents() -> None:
    uplink = MqttUplink("home", NOBODY, "a+b")
    told: list[object] = []
    uplink.send_readings("a+b", b"{}", told.append)
    uplink.send_incident("#", b"{}", told.append)
    uplink.poll(0.0)
    uplink.close()
    assert told == []


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=128))
@example("a+b")
@example("+")
@example("50%\0\ufffe")
def test_every_site_has_a_topic_of_its_own_that_is_heard_by_who_listens_to_all(site: str) -> None:
    topic = topic_of(site, INCIDENTS)
    assert not set("+#\0\ufffe") & set(topic)
    assert topic_matches_sub(topic_of_all(INCIDENTS), topic)
    assert topic_of(topic.split("/")[1], INCIDENTS) != topic or site == topic.split("/")[1]


def test_a_plain_name_is_its_own_topic() -> None:
    assert topic_of("Küche 3", INCIDENTS) == "kilowatch/Küche 3/incidents"
