"""Intents from the cloud: each letter is acknowledged once it is dealt with, however often it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from app.actor.stage import NOW_MS, ODD, Staging
from kilowatch.app.edge.intents import Intents
from kilowatch.core.events import WIRE_V, ActionState, Intent, Want
from kilowatch.links.mqtt.post import Letter

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage

    from kilowatch.app.edge.world import EdgeWorld
    from kilowatch.links.mqtt.post import MqttPost

INTENT = Intent(
    v=WIRE_V,
    id=ODD.id,
    site="home",
    device="heater",
    want=Want.SWITCH_OFF,
    why="It draws 2 kW.",
    blocked=(),
    expires_ms=NOW_MS + 60_000,
    incident=ODD,
)


@dataclass
class StagedPost:
    """A broker's connection: what it holds, and what it was told to forget."""

    waiting: list[Letter] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def bring(self, number: int, intent: Intent = INTENT) -> None:
        payload = msgspec.json.encode(intent)
        self.waiting.append(Letter("kilowatch/home/intents", payload, number, cast("MQTTMessage", None)))

    def letters(self) -> list[Letter]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def done(self, letter: Letter) -> None:
        self.forgotten.append(letter.epoch)

    def is_back(self) -> bool:
        return False

    def send(self, topic: str, payload: bytes) -> None:
        raise AssertionError(topic)


@pytest.fixture
def staging() -> Staging:
    return Staging()


def hearing(post: StagedPost, staging: Staging) -> Intents:
    world = cast("EdgeWorld", staging.world)
    return Intents("home", cast("MqttPost", post), staging.book, world, lambda: NOW_MS)


def test_a_letter_that_comes_twice_is_acknowledged_twice(staging: Staging) -> None:
    post, actor = StagedPost(), staging.actor()
    intents = hearing(post, staging)
    staging.world.events[ODD.id] = ODD
    post.bring(1)
    post.bring(2)
    intents.turn(actor)
    actor.wait(10.0)
    actor.close()
    assert sorted(post.forgotten) == [1, 2]
    assert staging.book.states().count(ActionState.CLAIMED) == 1


def test_while_the_answer_waits_the_newest_letter_stays_with_the_broker(staging: Staging) -> None:
    post, actor = StagedPost(), staging.actor()
    intents = hearing(post, staging)
    staging.world.events[ODD.id], staging.world.stale = ODD, True
    for number in (1, 2, 3):
        post.bring(number)
    intents.turn(actor)
    assert post.forgotten == [1, 2]
    actor.close()
