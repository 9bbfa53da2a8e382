"""Notices from incidents to real servers: once each, kept over deaths and outages, never more than is wanted."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest

from core.told import event, evident, step
from kilowatch.app.notice_delivery import Pauses
from kilowatch.app.notifying import Notifier, notifier_of
from kilowatch.config import Config
from kilowatch.config.notify import NotifyConfig, WebhookConfig
from kilowatch.core.device import DeviceRecord, Stage
from kilowatch.core.events import ActionState, EventKind, Severity
from kilowatch.core.notices import Notice, Phase, Wishes
from kilowatch.core.records import DeviceEdit
from kilowatch.errors import ComponentError
from kilowatch.links.database.notices import Notices, NoticeState
from kilowatch.links.notify import OpenChannel
from kilowatch.links.notify.webhook import Webhook
from kilowatch.observability import Metrics
from links.databases import database, database_url
from links.incidents import AT_MS
from links.mqtt.brokers import until
from links.notify.servers import web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.links.database import Database

__all__ = ["database", "database_url"]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass
class Post:
    """A channel of a test's own; broken: it takes nothing."""

    broken: bool = False
    told: list[Notice] = field(default_factory=list)
    tried: int = 0

    def send(self, notice: Notice) -> None:
        self.tried += 1
        if self.broken:
            raise ComponentError("The post is on strike.", "Wait.")
        self.told.append(notice)

    def close(self) -> None: ...


class Desk:
    """A notifier whose clock and turns are the test's."""

    def __init__(self, database: Database, wishes: Wishes | None = None) -> None:
        self.now_ms = AT_MS
        self.post = Post()
        self.database = database
        self.metrics = Metrics()
        self.notifier = self.reborn(wishes)

    def reborn(self, wishes: Wishes | None = None) -> Notifier:
        channel = OpenChannel("post", self.post, wishes or Wishes())
        self.notifier = Notifier(self.database, [channel], self.metrics, 60.0, lambda: self.now_ms)
        return self.notifier

    def tell(self, *events: IncidentEvent) -> None:
        self.notifier.told(list(events))
        self.turn()

    def acted(self, action: ActionEvent) -> None:
        with self.database.begin() as books:
            books.actions.add(action)
        self.notifier.look()

    def turn(self, pass_ms: int = 0) -> None:
        self.now_ms += pass_ms
        self.notifier.deliveries[0].turn()

    def phases(self) -> list[tuple[str, Phase]]:
        return [(notice.id.rpartition(".")[0], notice.phase) for notice in self.post.told]

    def known(self, device: str, stage: Stage) -> None:
        with self.database.begin() as books:
            books.devices.discover(DeviceRecord(site="home", device=device), AT_MS)
            books.devices.edit("home", device, DeviceEdit(stage=stage))


@pytest.fixture
def stage(database: Database) -> Desk:
    return Desk(database)


def ended(incident: str, version: int = 3) -> IncidentEvent:
    return event(incident, version, EventKind.CLEARED, ts_ms=AT_MS + HOUR_MS)


def test_one_at_its_beginning_and_one_at_its_end(stage: Desk) -> None:
    story = [event("i1", 1), event("i1", 2, EventKind.UPDATED), ended("i1")]
    for happened in [*story, *story]:
        stage.tell(happened)
    assert stage.phases() == [("i1", Phase.BEGAN), ("i1", Phase.ENDED)]


def test_a_process_that_died_tells_nothing_twice_and_forgets_nothing(stage: Desk) -> None:
    stage.tell(event("i1"))
    stage.notifier.told([event("i2")])
    stage.reborn().told([event("i1"), event("i2"), ended("i1")])
    stage.turn()
    assert sorted(stage.phases()) == [("i1", Phase.BEGAN), ("i1", Phase.ENDED), ("i2", Phase.BEGAN)]


def test_what_died_between_claim_and_delivery_is_told_later(stage: Desk) -> None:
    stage.notifier.told([event("i1")])
    with stage.database.begin() as books:
        assert len(Notices(books.connection).claim("post", AT_MS, 120_000)) == 1
    stage.turn()
    assert stage.phases() == []
    stage.turn(121_000)
    assert stage.phases() == [("i1", Phase.BEGAN)]


def test_the_end_of_what_nobody_was_told_of_is_not_told(database: Database) -> None:
    stage = Desk(database, Wishes(Severity.WARN))
    stage.tell(event("mild", severity=Severity.INFO), ended("mild"))
    stage.tell(evident(event("muted"), muted=True), ended("muted"))
    assert stage.phases() == []


def test_what_grows_worse_or_louder_is_told_then(database: Database) -> None:
    stage = Desk(database, Wishes(Severity.WARN))
    stage.tell(event("grows", severity=Severity.INFO))
    stage.tell(event("grows", 2, EventKind.UPDATED, severity=Severity.CRITICAL))
    stage.tell(evident(event("muted"), muted=True))
    stage.tell(event("muted", 2, EventKind.UPDATED))
    assert stage.phases() == [("grows", Phase.BEGAN), ("muted", Phase.BEGAN)]


def test_after_a_person_has_seen_it_there_is_silence(stage: Desk) -> None:
    stage.tell(event("i1"))
    stage.tell(evident(event("i1", 2, EventKind.UPDATED), acknowledged=True), evident(ended("i1"), acknowledged=True))
    assert stage.phases() == [("i1", Phase.BEGAN)]


def test_a_device_that_is_still_learning_is_not_spoken_of(stage: Desk) -> None:
    stage.known("fridge", Stage.LEARNING)
    stage.tell(event("i1"))
    assert stage.phases() == []
    stage.known("fridge", Stage.WATCHING)
    stage.tell(event("i1", 2, EventKind.UPDATED))
    assert stage.phases() == [("i1", Phase.BEGAN)]


def test_history_comes_in_one_message_after_a_quiet_time(stage: Desk) -> None:
    for place in range(5):
        stage.tell(event(f"i{place}", historical=True), event(f"i{place}", 2, EventKind.CLEARED, historical=True))
        stage.turn(30_000)
    assert stage.post.told == []
    stage.turn(40_000)
    assert [(notice.phase, notice.title) for notice in stage.post.told] == [
        (Phase.HISTORY, "History: 5 incidents on 1 device")
    ]
    stage.turn(HOUR_MS)
    assert len(stage.post.told) == 1


def test_history_without_end_is_told_every_hour(stage: Desk) -> None:
    for place in range(100):
        stage.tell(event(f"i{place}", historical=True))
        stage.turn(50_000)
    assert len(stage.post.told) == 1


def test_more_than_a_few_at_once_come_in_one_message(stage: Desk) -> None:
    stage.tell(*[event(f"i{place}", ts_ms=AT_MS + place) for place in range(40)])
    assert [notice.title for notice in stage.post.told] == ["40 incidents on 1 device"]


def test_no_more_messages_an_hour_than_wanted_and_none_is_lost(database: Database) -> None:
    stage = Desk(database, Wishes(most_per_hour=3))
    for place in range(10):
        stage.tell(event(f"i{place}"))
        stage.turn(60_000)
    assert len(stage.post.told) == 3
    stage.turn(HOUR_MS)
    assert [notice.phase for notice in stage.post.told[3:]] == [Phase.DIGEST]
    assert stage.post.told[3].title == "7 incidents on 1 device"


def test_a_plug_that_did_not_obey_is_told_beyond_every_limit(database: Database) -> None:
    stage = Desk(database, Wishes(Severity.CRITICAL, most_per_hour=1))
    stage.tell(event("i0"))
    stage.tell(event("i1"))
    stage.acted(step(ActionState.UNCONFIRMED, incident="i1"))
    stage.acted(step(ActionState.CONFIRMED, incident="i0"))
    stage.turn()
    assert stage.phases() == [("i0", Phase.BEGAN), ("i1", Phase.UNANSWERED)]
    assert stage.post.told[1].text.startswith("It could not be switched off for certain")


def test_an_outage_is_waited_out_with_longer_pauses_and_said_once(
    stage: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("kilowatch"), "propagate", True)
    stage.post.broken = True
    stage.tell(event("i1"))
    for _ in range(100):
        stage.turn(60_000)
    assert 8 <= stage.post.tried <= 15
    stage.post.broken = False
    stage.turn(Pauses().longest_ms)
    assert stage.phases() == [("i1", Phase.BEGAN)]
    failed = stage.metrics.registry.get_sample_value(
        "kilowatch_notices_total", {"channel": "post", "outcome": "failed"}
    )
    assert failed == stage.post.tried - 1
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["channel post is lost"]


def test_what_could_not_be_told_for_days_is_given_up_but_for_calls_to_look(stage: Desk) -> None:
    stage.post.broken = True
    stage.acted(step(ActionState.UNCONFIRMED, incident="i9"))
    stage.tell(event("i1"))
    for _ in range(100):
        stage.turn(HOUR_MS)
    with stage.database.read() as books:
        counts = Notices(books.connection).counts()
    assert counts == {("post", NoticeState.WAITING): 1, ("post", NoticeState.GIVEN_UP): 1}
    stage.post.broken = False
    stage.turn(HOUR_MS)
    assert stage.phases() == [("i9", Phase.UNANSWERED)]


def test_a_start_takes_up_what_a_death_left_open(stage: Desk) -> None:
    with stage.database.begin() as books:
        books.incidents.project([event("i1"), event("i2"), ended("i2")])
        for version, state in enumerate((ActionState.CLAIMED, ActionState.SENT, ActionState.UNCONFIRMED), 1):
            books.actions.add(step(state, version, "i2"))
    stage.notifier.start()
    until(lambda: len(stage.post.told) == 2)
    stage.notifier.close()
    assert set(stage.phases()) == {("i1", Phase.BEGAN), ("i2", Phase.UNANSWERED)}


def test_the_end_says_that_the_device_was_switched_off(stage: Desk) -> None:
    with stage.database.begin() as books:
        books.actions.add(step(ActionState.CONFIRMED, 3, "i1"))
    stage.tell(event("i1"))
    stage.tell(ended("i1"))
    assert stage.post.told[1].text.endswith("kilowatch had switched it off.")


def test_told_notices_are_forgotten_in_time(stage: Desk) -> None:
    stage.tell(event("i1"))
    stage.notifier.told([event("i2")])
    stage.now_ms += 91 * DAY_MS
    stage.reborn().start()
    until(lambda: len(stage.post.told) == 2)
    stage.notifier.close()
    with stage.database.read() as books:
        assert Notices(books.connection).counts() == {("post", NoticeState.SENT): 1}


def test_a_slow_channel_keeps_nobody_waiting_and_a_dead_server_is_tried_again(database: Database) -> None:
    with web() as server:
        server.statuses = [500, 503, 200]
        hook = OpenChannel("webhook", Webhook(WebhookConfig(url=server.url)), Wishes())
        notifier = Notifier(database, [hook], Metrics())
        notifier.deliveries[0]._pauses = Pauses(first_ms=100)
        notifier.start()
        notifier.told([event("i1")])
        until(lambda: len(server.posted) == 3)
        notifier.told([ended("i1")])
        until(lambda: len(server.posted) == 4)
        notifier.close()
    assert [posted.body["phase"] for posted in server.posted] == ["began"] * 3 + ["ended"]
    assert {posted.headers["idempotency-key"] for posted in server.posted[:3]} == {"i1.began"}


def test_two_processes_tell_it_once(database: Database) -> None:
    posts = [Post(), Post()]
    notifiers = [Notifier(database, [OpenChannel("post", post, Wishes())], Metrics()) for post in posts]
    events: Sequence[IncidentEvent] = [event(f"i{place}") for place in range(20)]

    def work(notifier: Notifier) -> None:
        for one in events:
            notifier.told([one])
            notifier.deliveries[0].turn()

    threads = [threading.Thread(target=work, args=(notifier,)) for notifier in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as books:
        assert Notices(books.connection).counts() == {("post", NoticeState.SENT): 20}
    told = [notice for post in posts for notice in post.told]
    singles = [notice.id for notice in told if notice.phase is Phase.BEGAN]
    assert len(singles) == len(set(singles))


def test_without_a_channel_there_is_nobody_to_tell(database: Database) -> None:
    assert notifier_of(Config(), database, Metrics()) is None
    config = Config(notify=NotifyConfig(webhook=WebhookConfig(url="http://127.0.0.1:9/x")))
    notifier = notifier_of(config, database, Metrics())
    assert notifier is not None
    assert notifier.kept_from > 1 << 60
    notifier.close()


def test_notices_are_the_same_on_the_wire_and_back() -> None:
    notice = Notice(
        id="i.began",
        phase=Phase.BEGAN,
        severity=Severity.INFO,
        site="s",
        device="d",
        title="t",
        text="x",
        ts_ms=1,
    )
    assert msgspec.json.decode(msgspec.json.encode(notice), type=Notice) == notice
