"""The registry on a real broker: devices first seen, incidents kept once, words sent, whatever is away meanwhile."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.live import reading, until, values_in
from kilowatch.app.registry import Registry
from kilowatch.app.registry_service import RegistryService
from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.core.events import IncidentEvent, RecordChanged
from kilowatch.core.records import DeviceEdit
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer
from links.databases import database, database_url
from links.incidents import AT_MS, STORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.postgres import Postgres

    from kilowatch.links.kafka.settings import Access

__all__ = ["database", "database_url"]

pytestmark = pytest.mark.kafka
PARTITIONS = 4


@contextmanager
def serving(access: Access, database: Database) -> Iterator[RegistryService]:
    service = RegistryService(Registry(database), database, access, PARTITIONS, lambda: AT_MS)
    stop, failures = threading.Event(), []

    def work() -> None:
        try:
            service.run(stop)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield service
    finally:
        stop.set()
        thread.join(60)
    assert not failures
    assert not thread.is_alive()


def write(access: Access, topic: Topic, values: list[bytes]) -> None:
    writer = Writer(access)
    for value in values:
        writer.send(topic, "home", value, partition=partition_of("home", PARTITIONS))
    assert writer.flush(30) == 0


def readings(first: int, end: int) -> list[bytes]:
    return [reading(50 * number) for number in range(first, end)]


def incidents(numbers: range) -> list[bytes]:
    return [msgspec.json.encode(msgspec.structs.replace(STORY[0], id=f"{number:016d}")) for number in numbers]


def known_incidents(database: Database) -> int:
    with database.read() as books:
        return len(books.incidents.between(0, AT_MS + 1, limit=10_000))


def records_in(access: Access) -> dict[str, DeviceRecord]:
    found: dict[str, bytes] = {}
    for partition in range(PARTITIONS):
        reader = CompactedReader(access)
        found |= reader.newest(Topic.REGISTRY, partition)
        reader.close()
    return {key: msgspec.json.decode(value, type=DeviceRecord) for key, value in found.items()}


def test_devices_and_incidents_are_kept_and_told(kafka_topics: Access, database: Database) -> None:
    registry = Registry(database)
    write(kafka_topics, Topic.DEVICES, [b"not a reading", *readings(0, 50)])
    write(kafka_topics, Topic.ANOMALIES, [*incidents(range(20)), b"not an incident", b'{"v":1,"id":"\xff"}'])
    with serving(kafka_topics, database) as service:
        until(lambda: known_incidents(database) == 20, "incidents were not kept")
        until(lambda: bool(registry.records()), "no device was met")
        until(lambda: bool(records_in(kafka_topics)), "no record was told")
        assert service.unreadable == 2
        (record,) = registry.records()
        registry.edit(record.site, record.device, DeviceEdit(kind=Kind.FRIDGE), "anna", AT_MS)
        until(lambda: next(iter(records_in(kafka_topics).values())).kind is Kind.FRIDGE, "the edit was not told")
    words = [value for value in values_in(kafka_topics, Topic.DEVICES) if b'"device"' in value and b'"who"' in value]
    told = [msgspec.json.decode(word, type=RecordChanged) for word in words]
    assert [word.version for word in told] == [1, 2]


def test_after_a_restart_it_goes_on_where_the_database_says(kafka_topics: Access, database: Database) -> None:
    write(kafka_topics, Topic.ANOMALIES, incidents(range(10)))
    with serving(kafka_topics, database):
        until(lambda: known_incidents(database) == 10, "incidents were not kept")
    cleared = [msgspec.json.encode(msgspec.structs.replace(event, id="0" * 16)) for event in STORY]
    write(kafka_topics, Topic.ANOMALIES, [*incidents(range(10, 15)), *cleared])
    with serving(kafka_topics, database):
        until(lambda: known_incidents(database) == 15, "incidents were not kept")
        until(lambda: event_of(database, "0" * 16).version == 3, "the end of an incident was not kept")
    with database.read() as books:
        offsets = {offset.topic: offset.next for offset in books.offsets.load("registry") if offset.next}
    assert offsets["IoTAnomalies"] == 18


def event_of(database: Database, incident: str) -> IncidentEvent:
    with database.read() as books:
        known = books.incidents.get(incident)
    assert known is not None
    return known.event


@pytest.mark.postgres
def test_while_the_database_is_away_nothing_is_passed_over(
    kafka_topics: Access, postgres_server: Postgres, empty_database: str
) -> None:
    opened = Database(DatabaseSettings(empty_database))
    opened.upgrade()
    with serving(kafka_topics, opened):
        write(kafka_topics, Topic.ANOMALIES, incidents(range(50)))
        until(lambda: known_incidents(opened) == 50, "incidents were not kept")
        postgres_server.kill()
        try:
            write(kafka_topics, Topic.ANOMALIES, incidents(range(50, 200)))
        finally:
            postgres_server.start()
        until(lambda: known_incidents(opened) == 200, "incidents were passed over")
    opened.close()
