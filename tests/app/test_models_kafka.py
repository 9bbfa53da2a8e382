"""`IoTModels` on a real broker: the newest choice of each kind, also for who comes later or reads on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.app.models.choices import KafkaChoices
from kilowatch.core.device import Kind
from kilowatch.core.records import ModelChoice
from kilowatch.errors import ModelError
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from kilowatch.links.kafka.settings import Access

pytestmark = pytest.mark.kafka
OLD, NEW = "a" * 64, "b" * 64


def choose(access: Access, *values: tuple[Kind, bytes | None]) -> None:
    writer = Writer(access)
    for kind, value in values:
        writer.send(Topic.MODELS, kind.value, value)
    assert writer.flush(30) == 0


def choice(kind: Kind, version: int, live: str) -> bytes:
    return msgspec.json.encode(ModelChoice(kind=kind, version=version, live=live))


def test_the_newest_choice_of_each_kind_is_read_and_read_on(kafka_topics: Access) -> None:
    choices = KafkaChoices(kafka_topics, lambda: Admin(kafka_topics).count(Topic.MODELS))
    assert list(choices()) == []
    choose(kafka_topics, (Kind.FRIDGE, choice(Kind.FRIDGE, 1, OLD)), (Kind.TV, choice(Kind.TV, 1, OLD)))
    assert {one.kind: one.live for one in choices()} == {Kind.FRIDGE: OLD, Kind.TV: OLD}
    choose(kafka_topics, (Kind.FRIDGE, choice(Kind.FRIDGE, 2, NEW)), (Kind.FRIDGE, choice(Kind.FRIDGE, 1, OLD)))
    assert {one.kind: one.live for one in choices()} == {Kind.FRIDGE: NEW, Kind.TV: OLD}, "a late old one counts not"
    assert {one.kind: one.live for one in choices()} == {Kind.FRIDGE: NEW, Kind.TV: OLD}, "nothing new"
    later = KafkaChoices(kafka_topics, lambda: Admin(kafka_topics).count(Topic.MODELS))
    assert {one.kind: one.live for one in later()} == {Kind.FRIDGE: NEW, Kind.TV: OLD}


def test_a_choice_that_cannot_be_read_is_said_and_passed_over(kafka_topics: Access) -> None:
    choices = KafkaChoices(kafka_topics, lambda: Admin(kafka_topics).count(Topic.MODELS))
    choose(kafka_topics, (Kind.FRIDGE, b"on fire"), (Kind.FRIDGE, choice(Kind.FRIDGE, 1, NEW)))
    with pytest.raises(ModelError, match="cannot be read"):
        choices()
    assert [one.live for one in choices()] == [NEW]
