"""Cloud and edge over a real MQTT broker: intents go down, answers come up, the link is cut and heals; one off."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.actor.stage import HEATER
from app.live import until
from app.test_actor_kafka import DEVICE, calls, odd, plug, tell, working
from kilowatch.app.edge.build import BuiltEdge, EdgeSettings, Hand, build_edge
from kilowatch.app.edge.intents import AnsweringTell, intents_of, post_of
from kilowatch.app.edge.tell import TellLog
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.config import Config, Secret
from kilowatch.config.sections import PolicyConfig
from kilowatch.config.sources import MqttConfig, SourcesConfig
from kilowatch.core.device import ActsBy
from kilowatch.core.events import ActionEvent, ActionState
from kilowatch.core.policy import PolicyRules
from kilowatch.core.records import DeviceEdit
from kilowatch.detectors.registry import create
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.wall import WallClock, wall_ms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.mosquitto import Mosquitto

    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.kafka.settings import Access
    from kilowatch.sim.plugs import SimPlug

__all__ = ["plug"]

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]
CLAIMED, SENT, CONFIRMED, REFUSED = (
    ActionState.CLAIMED,
    ActionState.SENT,
    ActionState.CONFIRMED,
    ActionState.REFUSED,
)


@dataclass
class Sides:
    """A cloud with its own books and an edge with its own, joined by a broker."""

    config: Config
    above: Database
    folder: Path
    plug: SimPlug

    @contextmanager
    def edge(self) -> Iterator[BuiltEdge]:
        """Let the edge work; it can be ended and begun again."""
        post = post_of(self.config)
        assert post is not None
        plugs = PlugBook(self.config)
        built = build_edge(
            DataFolder(self.folder),
            create("fleet"),
            wall_ms,
            EdgeSettings(policy=PolicyRules(side=ActsBy.EDGE, dry_run=False)),
            Hand(plugs, AnsweringTell(TellLog(), post), WallClock()),
            intents=lambda ground: intents_of(self.config, post, ground),
        )
        built.parts.registry.meet([msgspec.structs.replace(HEATER, device=DEVICE, plug=self.plug.address)], wall_ms())
        for record in built.parts.registry.records():
            built.parts.subject.pipeline.revise(record)
        built.edge.open()
        stop = threading.Event()
        thread = threading.Thread(target=built.edge.run, args=(stop,))
        thread.start()
        try:
            yield built
        finally:
            stop.set()
            thread.join(60)
            built.close()
            plugs.close()

    def seen_by_edge(self, built: BuiltEdge, event: IncidentEvent) -> None:
        built.parts.registry.project([event])
        assert built.parts.actor is not None
        built.parts.actor.hear(event)

    def known_above(self, incident: str = "odd-1") -> list[ActionState]:
        with self.above.read() as transaction:
            return [step.state for step in transaction.actions.steps(incident)]


@pytest.fixture
def sides(mosquitto: Mosquitto, kafka_topics: Access, plug: SimPlug, tmp_path: Path) -> Iterator[Sides]:
    broker = MqttConfig(
        host=mosquitto.host,
        port=mosquitto.port,
        username=mosquitto.user,
        password=Secret(mosquitto.password),
        client_id=f"test-{tmp_path.name}",
    )
    config = Config(sources=SourcesConfig(mqtt={"home": broker}), policy=PolicyConfig(dry_run=False, broker="home"))
    above = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'above.db'}"))
    above.upgrade()
    Registry(above).discover([msgspec.structs.replace(HEATER, device=DEVICE, plug=None)], wall_ms())
    Registry(above).edit("home", DEVICE, DeviceEdit(protected=False, stage=HEATER.stage), "anna", wall_ms())
    yield Sides(config, above, tmp_path / "edge", plug)
    above.close()


def test_what_only_the_cloud_finds_the_edge_switches_off_and_the_cloud_is_told(
    sides: Sides, kafka_topics: Access
) -> None:
    with sides.edge() as built, working(kafka_topics, sides.above, config=sides.config):
        tell(kafka_topics, odd())
        until(lambda: sides.known_above()[-1:] == [CONFIRMED], "the edge's answer did not come")
        with built.parts.database.read() as transaction:
            own = transaction.actions.steps("odd-1")
    assert [step.state for step in own] == sides.known_above() == [CLAIMED, SENT, CONFIRMED]
    assert calls(sides.plug) == 1
    with sides.above.read() as transaction:
        lines = list(reversed(transaction.audit.last(50)))
        leaving = [message for message in transaction.outbox.first() if message.topic == Topic.ACTIONS]
    assert [(line.what, line.who) for line in lines if line.incident][-3:] == [
        ("claimed", "edge"),
        ("sent", "edge"),
        ("confirmed", "edge"),
    ]
    assert any(line.what == "asked" for line in lines)
    assert lines[-1].avoided_wh is not None
    told = [msgspec.json.decode(message.value or b"", type=ActionEvent) for message in leaving]
    assert [event.acts_by for event in told] == [ActsBy.EDGE] * 3


def test_what_the_edge_forbids_is_refused_and_told(sides: Sides, kafka_topics: Access) -> None:
    with sides.edge() as built, working(kafka_topics, sides.above, config=sides.config):
        built.parts.registry.edit("home", DEVICE, DeviceEdit(protected=True), "anna", wall_ms())
        tell(kafka_topics, odd())
        until(lambda: sides.known_above() == [REFUSED], "the edge's answer did not come")
    assert calls(sides.plug) == 0
    with sides.above.read() as transaction:
        assert "protected" in transaction.audit.last(1)[0].why


def test_both_see_it_while_the_link_is_cut_and_it_is_switched_off_once(
    sides: Sides, kafka_topics: Access, mosquitto: Mosquitto
) -> None:
    with sides.edge() as built, working(kafka_topics, sides.above, config=sides.config):
        event = odd()
        mosquitto.kill()
        try:
            sides.seen_by_edge(built, event)
            tell(kafka_topics, event)
            until(lambda: _asked(sides), "the cloud did not ask")
            time.sleep(1.0)
            assert calls(sides.plug) == 1
            assert sides.known_above() == []
        finally:
            mosquitto.start()
        until(lambda: sides.known_above()[-1:] == [CONFIRMED], "the cloud was not told what the edge had done")
        time.sleep(2.0)
        with built.parts.database.read() as transaction:
            own = transaction.actions.steps(event.id)
    assert calls(sides.plug) == 1
    assert [step.state for step in own] == [CLAIMED, SENT, CONFIRMED]


def test_an_edge_that_dies_before_it_could_tell_tells_when_it_lives_again(
    sides: Sides, kafka_topics: Access, mosquitto: Mosquitto
) -> None:
    event = odd()
    mosquitto.kill()
    try:
        with sides.edge() as built:
            sides.seen_by_edge(built, event)
            until(lambda: calls(sides.plug) == 1, "it was not switched off")
    finally:
        mosquitto.start()
    with sides.edge(), working(kafka_topics, sides.above, config=sides.config):
        until(lambda: sides.known_above()[-1:] == [CONFIRMED], "the cloud was not told")
        tell(kafka_topics, event)
        time.sleep(2.0)
    assert calls(sides.plug) == 1


def test_incidents_that_come_up_by_mqtt_leave_for_the_topic_and_merge(sides: Sides, kafka_topics: Access) -> None:
    first, later = odd(version=1), odd(version=2, score=9.0)
    with working(kafka_topics, sides.above, relays=True, config=sides.config):
        post = post_of(sides.config)
        assert post is not None
        tell(kafka_topics, first)
        post.send("kilowatch/home/incidents", msgspec.json.encode(later))
        post.send("kilowatch/elsewhere/incidents", msgspec.json.encode(later))
        post.send("kilowatch/home/incidents", b"no incident")
        until(lambda: _score(sides.above) == 9.0, "the edge's event did not arrive")
        post.close()
    with sides.above.read() as transaction:
        assert len(transaction.incidents.between(0, 2**60)) == 1


def _asked(sides: Sides) -> bool:
    with sides.above.read() as transaction:
        return any(line.what == "asked" for line in transaction.audit.last(50))


def _score(database: Database) -> float:
    with database.read() as transaction:
        known = transaction.incidents.get("odd-1")
    return 0.0 if known is None else known.event.score
