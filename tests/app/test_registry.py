"""The registry: every decision leaves a word for others in the same transaction, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.app.registry import Registry
from kilowatch.core.device import DeviceRecord, Kind, Stage, first_seen
from kilowatch.core.events import Acknowledge, Label, LabelWord, Learnt, Mute, Rearm, RecordChanged, Undo
from kilowatch.core.records import DeviceEdit, ModelChoice, Offset, OutboxMessage
from kilowatch.core.wire import WireDecoder
from kilowatch.errors import ConfigError
from kilowatch.links.database.streams import relay
from links.databases import database, database_url
from links.incidents import AT_MS, STORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.links.database import Database

__all__ = ["database", "database_url"]

FRIDGE = first_seen("home", "fridge")


def told(database: Database) -> list[OutboxMessage]:
    messages: list[OutboxMessage] = []

    def send(some: Sequence[OutboxMessage]) -> None:
        messages.extend(some)

    relay(database, send)
    return messages


def words(database: Database) -> list[object]:
    return [WireDecoder().decode(m.value or b"") for m in told(database) if m.topic == "IoTDevices"]


def test_a_device_first_seen_is_told_once_record_first(database: Database) -> None:
    registry = Registry(database)
    for _ in range(2):
        registry.meet([FRIDGE], AT_MS, [Offset(topic="IoTDevices", partition=3, next=9)])
    record, control = told(database)
    assert (record.topic, record.key) == ("IoTRegistry", "home/fridge")
    assert msgspec.json.decode(record.value or b"", type=DeviceRecord) == FRIDGE
    word = WireDecoder().decode(control.value or b"")
    assert isinstance(word, RecordChanged)
    assert (word.site, word.device, word.version) == ("home", "fridge", 1)
    assert registry.offsets() == [Offset(topic="IoTDevices", partition=3, next=9)]


def test_an_edit_is_told_with_its_version_and_stands_in_the_audit(database: Database) -> None:
    registry = Registry(database)
    registry.meet([FRIDGE], AT_MS)
    record = registry.edit("home", "fridge", DeviceEdit(kind=Kind.LAMP, stage=Stage.ARMED), "anna", AT_MS + 1)
    assert (record.version, record.protected, record.stage) == (2, False, Stage.ARMED)
    registry.discover([first_seen("home", "fridge", Kind.TV, plug="http://p")], AT_MS + 2)
    last = [word for word in words(database) if isinstance(word, RecordChanged)]
    assert [word.version for word in last] == [1, 2, 3]
    (known,) = registry.records()
    assert (known.kind, known.plug) == (Kind.LAMP, "http://p")
    with database.read() as books:
        (entry,) = books.audit.last()
    assert (entry.what, entry.who, entry.why) == ("edit", "anna", "Set kind, stage.")


def test_words_on_incidents_travel_as_controls_and_can_be_taken_back(database: Database) -> None:
    registry = Registry(database)
    registry.meet([FRIDGE], AT_MS)
    registry.project(STORY)
    told(database)
    incident = STORY[0].id
    registry.label(incident, LabelWord.HARMLESS, "anna", AT_MS)
    registry.take_back(incident, "anna", AT_MS + 1)
    registry.acknowledge(incident, "bert", AT_MS + 2)
    label, undo, ack = words(database)
    assert isinstance(label, Label)
    assert (label.label, label.incident, label.version, label.who) == (LabelWord.HARMLESS, incident, 1, "anna")
    assert isinstance(undo, Undo)
    assert undo.version == 2
    assert isinstance(ack, Acknowledge)
    with database.read() as books:
        assert [entry.what for entry in books.audit.last()] == ["ack", "undo", "label"]
        assert books.audit.last()[2].score == STORY[2].score
    for act in (registry.take_back, registry.acknowledge):
        with pytest.raises(ConfigError, match="not known"):
            act("nobody knows", "anna", AT_MS)


def test_who_has_been_learnt_is_watched_from_then_on_unless_a_person_has_decided(database: Database) -> None:
    registry = Registry(database)
    learnt = [Learnt(v=1, site="home", device=name, ts_ms=AT_MS) for name in ("fridge", "gone")]
    registry.meet([FRIDGE], AT_MS, learnt=learnt)
    registry.meet([], AT_MS + 1, learnt=learnt)
    (record,) = registry.records()
    assert (record.device, record.stage, record.version) == ("fridge", Stage.WATCHING, 2)
    registry.edit("home", "fridge", DeviceEdit(stage=Stage.ARMED), "anna", AT_MS + 2)
    registry.meet([], AT_MS + 3, learnt=learnt)
    assert registry.records()[0].stage is Stage.ARMED


def test_a_device_that_was_deleted_while_it_was_learnt_ends_nobody(database: Database) -> None:
    registry = Registry(database)
    registry.meet([FRIDGE], AT_MS)
    registry.delete("home", "fridge", "anna", AT_MS + 1)
    registry.learnt("home", "fridge", AT_MS + 2)
    assert registry.records() == []


def test_mute_and_rearm_are_told_and_noted(database: Database) -> None:
    registry = Registry(database)
    registry.meet([FRIDGE], AT_MS)
    told(database)
    assert registry.mute("home", "fridge", AT_MS + 60_000, "anna", AT_MS).muted_until == AT_MS + 60_000
    registry.rearm("home", "fridge", "anna", AT_MS + 5)
    changed, mute, rearm = words(database)
    assert isinstance(changed, RecordChanged)
    assert isinstance(mute, Mute)
    assert mute.until_ms == AT_MS + 60_000
    assert isinstance(rearm, Rearm)
    with database.read() as books:
        assert books.audit.latest_ms("home", "fridge", "rearm") == AT_MS + 5
    assert registry.mute("home", "fridge", 0, "anna", AT_MS).muted_until is None


def test_a_deleted_device_leaves_a_tombstone_and_the_audit_alone(database: Database) -> None:
    registry = Registry(database)
    registry.meet([FRIDGE], AT_MS)
    registry.project(STORY)
    registry.label(STORY[0].id, LabelWord.REAL, "anna", AT_MS)
    told(database)
    registry.delete("home", "fridge", "anna", AT_MS)
    tombstone, control = told(database)
    assert (tombstone.topic, tombstone.key, tombstone.value) == ("IoTRegistry", "home/fridge", None)
    word = WireDecoder().decode(control.value or b"")
    assert isinstance(word, RecordChanged)
    assert word.gone
    with database.read() as books:
        assert books.devices.all() == []
        assert books.incidents.get(STORY[0].id) is None
        assert books.labels.versions(STORY[0].id) == []
        assert [entry.what for entry in books.audit.last()] == ["delete", "label"]
    with pytest.raises(ConfigError, match="not known"):
        registry.delete("home", "fridge", "anna", AT_MS)


def test_incidents_and_how_far_they_were_read_are_kept_together(database: Database) -> None:
    registry = Registry(database)
    registry.project(STORY, [Offset(topic="IoTAnomalies", partition=0, next=3)])
    registry.project(STORY[:1], [Offset(topic="IoTAnomalies", partition=0, next=4)])
    with database.read() as books:
        known = books.incidents.get(STORY[0].id)
    assert known is not None
    assert known.event == STORY[2]
    assert registry.offsets() == [Offset(topic="IoTAnomalies", partition=0, next=4)]


def test_a_model_is_announced_by_kind(database: Database) -> None:
    Registry(database).choose_model(Kind.FRIDGE, "a" * 64)
    (message,) = told(database)
    assert (message.topic, message.key) == ("IoTModels", "fridge")
    assert msgspec.json.decode(message.value or b"", type=ModelChoice).live == "a" * 64
