"""The actor on real Kafka: one off for an incident, none for what is old, and none twice whoever dies."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.actor.stage import HEATER, ODD
from app.live import until, values_in
from kilowatch.app.actor_serve import parts_of
from kilowatch.app.actor_service import ActorService
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.registry import Registry
from kilowatch.app.registry_service import RegistryService
from kilowatch.config import Config
from kilowatch.config.sections import PolicyConfig
from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.events import ActionEvent, ActionState, EventKind, IncidentEvent, Want
from kilowatch.core.records import DeviceEdit
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.wall import wall_ms
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access
    from kilowatch.sim.plugs import SimPlug

pytestmark = pytest.mark.kafka
PARTITIONS = 4
DEVICE = "router"
"""The plug's appliance that draws day and night; to the cloud it is an armed heater."""
CLAIMED, SENT, CONFIRMED = ActionState.CLAIMED, ActionState.SENT, ActionState.CONFIRMED


@pytest.fixture
def plug() -> Iterator[SimPlug]:
    plug = plug_of(Make.SHELLY2)
    with host_of(plug):
        yield plug


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Database]:
    opened = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'kilowatch.db'}"))
    opened.upgrade()
    yield opened
    opened.close()


def introduce(database: Database, plug: SimPlug, **changed: object) -> None:
    record = msgspec.structs.replace(HEATER, device=DEVICE, plug=plug.address, acts_by=ActsBy.CLOUD)
    Registry(database).discover([msgspec.structs.replace(record, **changed)], wall_ms())
    told = DeviceEdit(protected=False, stage=changed.get("stage", Stage.ARMED))  # type: ignore[arg-type]
    Registry(database).edit("home", DEVICE, told, "anna", wall_ms())


@contextmanager
def working(
    access: Access, database: Database, *, relays: bool = False, config: Config | None = None
) -> Iterator[ActorService]:
    """Let an actor work on the broker, and with `relays` a registry that sends what it says."""
    config = config or Config(policy=PolicyConfig(dry_run=False))
    stop, failures = threading.Event(), list[BaseException]()
    with closing(PlugBook(config)) as plugs:
        service = ActorService(parts_of(config, database, plugs), access, PARTITIONS, wall_ms)
        registry = RegistryService(Registry(database), database, access, PARTITIONS, wall_ms)

        def work(run: object) -> None:
            try:
                run(stop)  # type: ignore[operator]
            except BaseException as error:
                failures.append(error)
                raise

        threads = [
            threading.Thread(target=work, args=(one.run,)) for one in ((service, registry) if relays else (service,))
        ]
        for thread in threads:
            thread.start()
        try:
            yield service
        finally:
            stop.set()
            for thread in threads:
                thread.join(90)
    assert not failures


def odd(age_s: float = 0.0, incident: str = "odd-1", **changed: object) -> IncidentEvent:
    now_ms = wall_ms() - round(1000 * age_s)
    evidence = msgspec.structs.replace(ODD.evidence, on_since_ms=now_ms - 7_200_000)
    moved = {"ts_ms": now_ms, "first_ms": now_ms - 3_600_000, "last_ms": now_ms, "evidence": evidence}
    return msgspec.structs.replace(ODD, id=incident, device=DEVICE, **(moved | changed))


def tell(access: Access, *events: IncidentEvent) -> None:
    writer = Writer(access)
    for event in events:
        place = partition_of(event.site, PARTITIONS)
        writer.send(Topic.ANOMALIES, event.site, msgspec.json.encode(event), partition=place)
    assert writer.flush(30) == 0


def steps(database: Database, incident: str = "odd-1") -> list[ActionState]:
    with database.read() as transaction:
        return [step.state for step in transaction.actions.steps(incident)]


def calls(plug: SimPlug) -> int:
    return sum(seen.switched is not None for seen in plug.seen)


def lines(database: Database) -> list[str]:
    with database.read() as transaction:
        return [entry.why for entry in transaction.audit.last(10_000)]


def test_an_incident_becomes_one_off_in_the_books_and_in_the_topic(
    kafka_topics: Access, books: Database, plug: SimPlug
) -> None:
    introduce(books, plug)
    with working(kafka_topics, books, relays=True):
        tell(kafka_topics, odd(), odd(version=3), odd(version=4))
        until(lambda: steps(books)[-1:] == [CONFIRMED], "it was not switched off")
        tell(kafka_topics, odd(version=5))
        until(lambda: len(values_in(kafka_topics, Topic.ACTIONS)) == 3, "its steps were not told")
    told = [msgspec.json.decode(value, type=ActionEvent) for value in values_in(kafka_topics, Topic.ACTIONS)]
    assert [event.state for event in told] == steps(books) == [CLAIMED, SENT, CONFIRMED]
    assert told[-1].acts_by is ActsBy.CLOUD
    assert told[-1].avoided_wh is not None
    assert calls(plug) == 1


def test_who_arms_a_device_while_it_misbehaves_is_heard(kafka_topics: Access, books: Database, plug: SimPlug) -> None:
    introduce(books, plug, stage=Stage.WATCHING)
    with working(kafka_topics, books, relays=True):
        tell(kafka_topics, odd())
        until(lambda: any("nobody armed it" in why for why in lines(books)), "nothing was decided")
        assert calls(plug) == 0
        Registry(books).edit("home", DEVICE, DeviceEdit(stage=Stage.ARMED), "anna", wall_ms())
        until(lambda: steps(books)[-1:] == [CONFIRMED], "it was not switched off")
    assert calls(plug) == 1


def test_an_actor_that_was_away_for_an_hour_and_offsets_at_the_beginning_switch_nothing(
    kafka_topics: Access, books: Database, plug: SimPlug
) -> None:
    introduce(books, plug)
    hour = [odd(age_s, f"hour-{number}") for number, age_s in enumerate(range(3600, 130, -60))]
    day = [odd(age_s, f"day-{number}") for number, age_s in enumerate(range(86_400, 3600, -1800))]
    imported = [odd(0.0, f"year-{number}", historical=True) for number in range(50)]
    ended = [odd(0.0, "over"), odd(0.0, "over", version=3, kind=EventKind.CLEARED)]
    tell(kafka_topics, *day, *hour, *imported, *ended)
    last = hour[-1].id
    for _ in range(2):  # the second reads it all again, as after a reset to earliest
        with working(kafka_topics, books):
            until(lambda: known(books, last), "the hour was not read")
            time.sleep(3.0)
        with books.begin() as transaction:
            transaction.connection.exec_driver_sql("DELETE FROM offsets")
    assert calls(plug) == 0
    with books.read() as transaction:
        assert transaction.actions.of_site("home", 0) == []
        decided = [entry.incident for entry in transaction.audit.last(10_000) if entry.incident]
    assert sorted(decided) == sorted(event.id for event in [*hour, *day, *imported]), "each was to be decided on once"


def known(database: Database, incident: str) -> bool:
    with database.read() as transaction:
        return any(entry.incident == incident for entry in transaction.audit.last(10_000))


def test_what_a_dead_process_left_claimed_is_ended_once_by_its_successor(
    kafka_topics: Access, books: Database, plug: SimPlug
) -> None:
    introduce(books, plug)
    event = odd()
    with books.begin() as transaction:
        transaction.actions.add(claim_of(event))
    tell(kafka_topics, event)
    with working(kafka_topics, books):
        until(lambda: steps(books)[-1:] == [CONFIRMED], "it was not taken on")
    assert calls(plug) == 1


def test_an_end_that_lies_unread_is_read_before_a_claim_is_taken_on(
    kafka_topics: Access, books: Database, plug: SimPlug
) -> None:
    introduce(books, plug)
    event = odd()
    with books.begin() as transaction:
        transaction.incidents.project([event])
        transaction.actions.add(claim_of(event))
    tell(kafka_topics, event, msgspec.structs.replace(event, kind=EventKind.CLEARED, version=3))
    with working(kafka_topics, books):
        until(lambda: len(steps(books)) == 2, "it was not taken on")
    assert steps(books) == [CLAIMED, ActionState.REFUSED]
    assert calls(plug) == 0


def claim_of(event: IncidentEvent) -> ActionEvent:
    return ActionEvent(
        v=1,
        id=event.id,
        version=1,
        site=event.site,
        device=event.device,
        state=CLAIMED,
        want=Want.SWITCH_OFF,
        acts_by=ActsBy.CLOUD,
        attempt=0,
        ts_ms=wall_ms(),
        wall_ms=wall_ms(),
        why="odd",
    )


def test_two_actors_share_the_homes_and_switch_once(kafka_topics: Access, books: Database, plug: SimPlug) -> None:
    introduce(books, plug)
    with working(kafka_topics, books), working(kafka_topics, books):
        tell(kafka_topics, odd())
        until(lambda: steps(books)[-1:] == [CONFIRMED], "it was not switched off")
        time.sleep(2.0)
    assert calls(plug) == 1
    assert steps(books) == [CLAIMED, SENT, CONFIRMED]
