"""Messages that every decoder would take and that choke who comes after: refused and counted, and nobody ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.live import reading, until
from app.messages import AT_MS, as_json, plain
from app.test_registry_kafka import incidents, known_incidents, serving, write
from kilowatch.app.discoveries import Discoveries
from kilowatch.app.ingest.decode import decode
from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.app.metrics.units import Events
from kilowatch.app.registry import Registry
from kilowatch.core.device import DeviceRecord, Fleet, first_seen
from kilowatch.core.events import Rejected, RejectReason
from kilowatch.core.wire import RejectedMessageError, WireDecoder, incident_from
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.mqtt.catalog import Catalog
from kilowatch.links.source import SourceMessage
from links.databases import database, database_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.links.database import Database
    from kilowatch.links.kafka.settings import Access

__all__ = ["database", "database_url"]

WHOLE = as_json(plain())
DEEP = b"[" * 5_000 + b"]" * 5_000


def with_field(field: bytes) -> bytes:
    return WHOLE[:-1] + b"," + field + b"}"


def judged(payload: bytes) -> Accepted | Rejected:
    return Gate().judge(SourceMessage("push", payload, None, AT_MS))


@pytest.mark.parametrize("value", [b"1e400", b"9" * 400, b"-" + b"9" * 30, b"[" * 900 + b"]" * 900])
@pytest.mark.parametrize("stamp", [b'"received_ms":null', b'"note":"received_ms"'])
def test_an_unknown_field_that_nobody_can_read_is_passed_on_as_it_stands(stamp: bytes, value: bytes) -> None:
    outcome = judged(with_field(stamp + b',"phase":' + value))
    assert isinstance(outcome, Accepted), outcome
    assert b'"phase":' + value in outcome.message
    assert b'"received_ms":%d' % AT_MS in outcome.message


@pytest.mark.parametrize("stamp", [b"", b'"note":"received_ms",'])
def test_what_is_nested_too_deep_is_no_json_of_ours(stamp: bytes) -> None:
    outcome = judged(with_field(stamp + b'"phase":' + DEEP))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectReason.NOT_JSON


NUL_NAMES = [
    as_json(plain(device="fri\0dge")),
    as_json(plain(site="\0")),
    as_json(plain(source="\0mqtt")),
    as_json(plain(device=["tv", "l\0amp"], ts_ms=[AT_MS] * 2, power_w=[1.0] * 2)),
]


@pytest.mark.parametrize("payload", NUL_NAMES)
def test_a_name_that_no_database_can_keep_is_refused(payload: bytes) -> None:
    outcome = judged(payload)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectReason.OUT_OF_BOUNDS
    with pytest.raises(RejectedMessageError, match="NUL"):
        WireDecoder().decode(payload)


def test_the_neighbours_of_such_a_name_are_read() -> None:
    fleet = Fleet()
    decoded = decode([WHOLE, *NUL_NAMES, reading(1), NUL_NAMES[0]], fleet)
    assert len(decoded.batch) == 2
    assert [one.index for one in decoded.refused] == [1, 2, 3, 4, 6]
    assert len(fleet) == 2


@pytest.mark.parametrize("device", ["\\u0000", "u0000", "fridge"])
def test_only_the_letter_itself_is_refused(device: str) -> None:
    assert isinstance(judged(as_json(plain(device=device, note="\0"))), Accepted)


@pytest.mark.parametrize(
    ("name", "kept"),
    [(b"h\\u0000me", False), (b"\\\\\\u0000", False), (b"\\\\u0000", True), (b"\\\\\\\\u0000", True), (b"u0000", True)],
)
def test_an_incident_with_a_nul_is_passed_over_and_one_that_spells_it_is_not(name: bytes, kept: bool) -> None:
    message = incidents(range(1))[0].replace(b'"home"', b'"' + name + b'"')
    event = incident_from(message)
    assert (event is not None) == kept
    assert event is None or "\0" not in event.site


def test_an_incident_that_is_newer_than_we_are_is_passed_over() -> None:
    message = incidents(range(1))[0]
    assert incident_from(message) is not None
    assert incident_from(message.replace(b'"v":1', b'"v":2')) is None


def test_an_incident_that_is_nested_too_deep_is_counted() -> None:
    events = Events()
    events.take([incidents(range(1))[0][:-1] + b',"x":' + DEEP + b"}"])
    assert events.unreadable == 1


@pytest.mark.kafka
@pytest.mark.postgres
def test_the_registry_passes_over_what_its_database_cannot_keep(kafka_topics: Access, database: Database) -> None:
    good, bad = incidents(range(3)), incidents(range(7, 10))
    poison = [bad[0].replace(b'"home"', b'"h\\u0000me"'), bad[1][:-1] + b',"x":' + DEEP + b"}"]
    assert poison[0] != bad[0]
    write(kafka_topics, Topic.DEVICES, [*NUL_NAMES, DEEP, reading(1)])
    write(kafka_topics, Topic.ANOMALIES, [*good[:1], *poison, *good[1:]])
    with serving(kafka_topics, database) as service:
        until(lambda: known_incidents(database) == 3, "incidents were not kept")
        until(lambda: len(Registry(database).records()) == 1, "the device was not met")
        assert service.unreadable == 2


def test_a_device_of_such_a_name_keeps_no_other_from_the_books() -> None:
    told: list[list[DeviceRecord]] = []
    Catalog(told.append).tell([first_seen("home", "l\0amp"), first_seen("home", "tv")])
    assert [[one.device for one in records] for records in told] == [["tv"]]


def test_what_no_book_can_keep_does_not_end_the_noting() -> None:
    kept: list[str] = []

    class Books:
        def discover(self, records: Iterable[DeviceRecord], ts_ms: int) -> None:
            del ts_ms
            kept.extend(record.device.encode().decode() for record in records)

    discoveries = Discoveries(Books(), lambda: 7)
    discoveries.take([first_seen("home", "\ud800")])
    until(lambda: not discoveries._waiting, "it was not taken")
    discoveries.take([first_seen("home", "tv")])
    discoveries.close()
    assert kept == ["tv"]
