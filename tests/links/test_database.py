"""The repository layer, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage, first_seen
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, LabelWord, Want
from kilowatch.core.records import AuditEntry, DeviceEdit, JobState, Offset, OutboxMessage, discovered
from kilowatch.errors import ConfigError
from kilowatch.links.database.streams import relay
from links.databases import database, database_url
from links.incidents import AT_MS, STORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.links.database import Database

__all__ = ["database", "database_url"]

FRIDGE = first_seen("home", "fridge", source="mqtt:home")


def test_a_device_is_met_once_and_an_edit_stands_against_discovery_for_good(database: Database) -> None:
    with database.begin() as books:
        assert books.devices.meet(FRIDGE, AT_MS)
        assert not books.devices.meet(FRIDGE, AT_MS + 1)
        edited = books.devices.edit("home", "fridge", DeviceEdit(kind=Kind.HEATER, rating_w=2000.0))
        assert edited is not None
        assert (edited.kind, edited.version, edited.protected) == (Kind.HEATER, 2, False)
        found = DeviceRecord(site="home", device="fridge", kind=Kind.FRIDGE, rating_w=90.0, plug="http://plug")
        news = books.devices.discover(found, AT_MS)
        assert news is not None
        assert (news.kind, news.rating_w, news.plug, news.version) == (Kind.HEATER, 2000.0, "http://plug", 3)
        assert books.devices.discover(found, AT_MS) is None
    with database.read() as books:
        known = books.devices.get("home", "fridge")
        assert known is not None
        assert known.record == news
        assert known.edited == {"kind", "rating_w"}
        assert known.first_ms == AT_MS


def test_an_edit_that_was_made_on_an_old_picture_is_refused(database: Database) -> None:
    with database.begin() as books:
        books.devices.meet(FRIDGE, AT_MS)
        books.devices.edit("home", "fridge", DeviceEdit(stage=Stage.ARMED), at_version=1)
    with pytest.raises(ConfigError, match="changed meanwhile: version 2"), database.begin() as books:
        books.devices.edit("home", "fridge", DeviceEdit(protected=False), at_version=1)
    with pytest.raises(ConfigError, match="not known"), database.begin() as books:
        books.devices.edit("home", "toaster", DeviceEdit(protected=False))
    with pytest.raises(ConfigError, match="Mars"), database.begin() as books:
        books.devices.edit("home", "fridge", DeviceEdit(time_zone="Mars"))


def test_an_edit_of_nothing_is_no_new_version_but_counts_as_said(database: Database) -> None:
    with database.begin() as books:
        books.devices.meet(FRIDGE, AT_MS)
        assert books.devices.edit("home", "fridge", DeviceEdit(kind=Kind.UNKNOWN)) is None
        assert books.devices.discover(first_seen("home", "fridge", Kind.TV, source="mqtt:home"), AT_MS) is None


def test_discovery_protects_and_never_unprotects() -> None:
    tv = first_seen("home", "x", Kind.TV)
    assert not tv.protected
    assert discovered(tv, first_seen("home", "x", Kind.ROUTER), frozenset()).protected
    assert not discovered(tv, first_seen("home", "x", Kind.ROUTER), frozenset({"protected"})).protected
    assert discovered(FRIDGE, first_seen("home", "fridge", Kind.TV), frozenset()).protected
    armed = msgspec.structs.replace(tv, stage=Stage.ARMED)
    assert discovered(tv, armed, frozenset()) is tv


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_incidents_stand_at_their_highest_version_in_any_order(database: Database, order: Sequence[int]) -> None:
    with database.begin() as books:
        for place in order:
            books.incidents.project([STORY[place]])
        books.incidents.project([STORY[0], STORY[2]])
        known = books.incidents.get(STORY[0].id)
    assert known is not None
    assert known.event == STORY[2]
    assert (known.opened_ms, known.cleared_ms) == (AT_MS, AT_MS + 900_000)


def test_incidents_are_found_by_time_device_and_whether_they_stand_open(database: Database) -> None:
    other = msgspec.structs.replace(STORY[0], id="b", device="tv", first_ms=AT_MS + 5)
    with database.begin() as books:
        books.incidents.project([*STORY, other])
        assert [known.event.id for known in books.incidents.open()] == ["b"]
        assert [k.event.id for k in books.incidents.between(STORY[0].first_ms, AT_MS + 6)] == ["b", STORY[0].id]
        assert books.incidents.between(AT_MS + 5, AT_MS + 6, "home", "fridge") == []
        assert len(books.incidents.between(0, AT_MS + 6, "home", limit=1)) == 1
        books.incidents.erase("home", "tv")
        assert books.incidents.get("b") is None


def test_words_on_incidents_are_versioned_and_taken_back(database: Database) -> None:
    with database.begin() as books:
        books.incidents.project(STORY)
        books.labels.say(STORY[2], LabelWord.WRONG, "anna", AT_MS)
        books.labels.say(STORY[2], LabelWord.HARMLESS, "bert", AT_MS + 1)
        known = books.incidents.get(STORY[0].id)
        assert known is not None
        assert known.label is LabelWord.HARMLESS
        undone = books.labels.say(STORY[2], None, "anna", AT_MS + 2)
        assert undone.version == 3
        assert [entry.label for entry in books.labels.versions(STORY[0].id)] == ["wrong", "harmless", None]
        known = books.incidents.get(STORY[0].id)
        assert known is not None
        assert known.label is None
    with pytest.raises(ConfigError, match="no label to take back"), database.begin() as books:
        books.labels.say(STORY[2], None, "anna", AT_MS + 3)


def action(version: int, state: ActionState, incident: str = "i1") -> ActionEvent:
    return ActionEvent(
        v=WIRE_V,
        id=incident,
        version=version,
        site="home",
        device="heater",
        state=state,
        want=Want.SWITCH_OFF,
        acts_by=ActsBy.EDGE,
        attempt=version - 1,
        ts_ms=AT_MS + version,
        wall_ms=AT_MS + version,
        why="On for 9 h.",
    )


def test_an_action_is_claimed_once_and_left_open_until_it_ends(database: Database) -> None:
    with database.begin() as books:
        assert books.actions.add(action(1, ActionState.CLAIMED))
        assert not books.actions.add(action(1, ActionState.CLAIMED))
        books.actions.add(action(2, ActionState.SENT))
        books.actions.add(action(1, ActionState.REFUSED, "i2"))
        assert books.actions.unfinished() == [action(2, ActionState.SENT)]
        books.actions.add(action(3, ActionState.CONFIRMED))
        assert books.actions.unfinished() == []
        assert [step.version for step in books.actions.steps("i1")] == [1, 2, 3]
        assert [(s.id, s.version) for s in books.actions.of_site("home", AT_MS)] == [("i2", 1), ("i1", 3)]
        assert [s.id for s in books.actions.of_site("home", AT_MS + 2)] == ["i1"]


@pytest.mark.parametrize("change", ["UPDATE audit SET body = '{}'", "DELETE FROM audit"])
def test_the_audit_only_grows(database: Database, change: str) -> None:
    entry = AuditEntry(ts_ms=AT_MS, what="switch_off", who="kilowatch", why="On for 9 h.", site="home", device="tv")
    with database.begin() as books:
        books.audit.add(entry)
    with pytest.raises(DatabaseError, match="append-only"), database.begin() as books:
        books.connection.execute(text(change))
    with database.read() as books:
        assert books.audit.last(site="home", device="tv") == [entry]
        assert books.audit.latest_ms("home", "tv", "switch_off") == AT_MS
        assert books.audit.latest_ms("home", "tv", "rearm") is None


def test_offsets_move_with_what_they_brought_or_not_at_all(database: Database) -> None:
    at = [Offset(topic="IoTAnomalies", partition=0, next=7), Offset(topic="IoTAnomalies", partition=1, next=2)]
    with database.begin() as books:
        books.offsets.save("registry", at)
    with contextlib.suppress(ZeroDivisionError), database.begin() as books:
        books.incidents.project(STORY)
        books.offsets.save("registry", [Offset(topic="IoTAnomalies", partition=0, next=8)])
        raise ZeroDivisionError
    with database.begin() as books:
        assert books.offsets.load("registry") == at
        assert books.offsets.load("metrics") == []
        assert books.incidents.get(STORY[0].id) is None
        books.offsets.save("registry", [Offset(topic="IoTAnomalies", partition=0, next=8)])
        assert [offset.next for offset in books.offsets.load("registry")] == [8, 2]


def test_messages_leave_in_order_and_stay_where_sending_failed(database: Database) -> None:
    with database.begin() as books:
        for number in range(5):
            books.outbox.put("IoTRegistry", "home", f"home/{number}", None if number == 3 else b"{}")
    sent: list[OutboxMessage] = []

    def broken(messages: Sequence[OutboxMessage]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        relay(database, broken)
    assert relay(database, sent.extend, limit=3) == 3
    assert relay(database, sent.extend, limit=3) == 2
    assert relay(database, sent.extend) == 0
    assert [message.key for message in sent] == [f"home/{number}" for number in range(5)]
    assert [message.value for message in sent] == [b"{}", b"{}", b"{}", None, b"{}"]
    with database.read() as books:
        assert books.outbox.waiting() == 0


def test_a_kind_has_one_live_model_and_one_in_shadow(database: Database) -> None:
    with database.begin() as books:
        assert books.models.choose(Kind.FRIDGE, "a" * 64).version == 1
        assert books.models.choose(Kind.FRIDGE, "b" * 64, "c" * 64).version == 2
        (choice,) = books.models.all()
        assert (choice.kind, choice.live, choice.shadow) == (Kind.FRIDGE, "b" * 64, "c" * 64)


def test_a_job_is_taken_once_and_tells_how_it_ended(database: Database) -> None:
    with database.begin() as books:
        first = books.jobs.ask("rehearse", b"{}", "anna", AT_MS)
        books.jobs.ask("erase", b"{}", "anna", AT_MS)
    with database.begin() as books:
        taken = books.jobs.take("rehearse")
        assert taken is not None
        assert taken.id == first
        assert books.jobs.take("rehearse") is None
        assert books.jobs.report(first, b"0.5")
        assert books.jobs.finish(first, JobState.DONE, b"[]")
        done = books.jobs.get(first)
        assert done is not None
        assert (done.state, done.result) == (JobState.DONE, b"[]")
        assert not books.jobs.finish(first, JobState.FAILED, b"{}"), "the first word stands"
        assert not books.jobs.report(first, b"{}")
        assert books.jobs.get(first) == done
        assert books.jobs.get(99) is None


@settings(deadline=None, max_examples=50)
@given(st.sets(st.sampled_from(sorted(set(DeviceEdit.__struct_fields__) - {"plug"}))))
def test_what_a_person_said_no_source_changes(names: set[str]) -> None:
    found = DeviceRecord(
        site="home",
        device="fridge",
        kind=Kind.ROUTER,
        rating_w=5.0,
        interval_s=7.0,
        heartbeat_s=9.0,
        time_zone="Asia/Tokyo",
        acts_by=ActsBy.CLOUD,
        plug="x",
        protected=False,
        stage=Stage.ARMED,
    )
    mine = DeviceRecord(site="home", device="fridge", kind=Kind.TV, rating_w=70.0, protected=False)
    now = discovered(mine, found, frozenset(names))
    assert {name for name in names if getattr(now, name) != getattr(mine, name)} == set()
    assert now.stage is mine.stage
    assert now.version == mine.version + 1
