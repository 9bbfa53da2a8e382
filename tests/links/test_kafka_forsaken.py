"""Clients that Kafka answers no more: noticed where it answers others, left alone where it is away or has no news.

Such a client is made by giving it an address where nobody listens, and the right one afterwards.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from supervisor.places import free_port

from kilowatch.errors import ComponentError
from kilowatch.links.kafka import forsaken
from kilowatch.links.kafka.reader import Reader
from kilowatch.links.kafka.settings import QUICK, Access
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from kilowatch.errors import KilowatchError

pytestmark = pytest.mark.kafka
DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forsaken, "SILENT_S", 0.3)
    monkeypatch.setattr(forsaken, "_ASKED_S", 1.0)


def nowhere() -> Access:
    return Access(f"127.0.0.1:{free_port()}")


def poll_until(writer: Writer, told: list[KilowatchError | None], count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while len(told) < count:
        assert time.monotonic() < deadline, "nothing was told"
        writer.poll(0.05)


def test_a_writer_is_renewed_and_tells_that_what_waited_has_failed(
    kafka_topics: Access, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[KilowatchError | None] = []
    with closing(Writer(nowhere(), QUICK)) as writer:
        writer.send(Topic.DEVICES, "home", b"1", told.append)
        writer._access = kafka_topics
        poll_until(writer, told, 1)
        assert told[0] is not None, "nobody has it"
        writer.send(Topic.DEVICES, "home", b"2", told.append)
        poll_until(writer, told, 2)
        assert told[1] is None
    assert caplog.text.count("a new one takes over") == 1


@pytest.mark.parametrize("by_flush", [False, True])
def test_a_writer_waits_while_kafka_is_away_for_all(by_flush: bool) -> None:
    told: list[KilowatchError | None] = []
    with closing(Writer(nowhere(), QUICK)) as writer:
        writer.send(Topic.DEVICES, "home", b"1", told.append)
        client = writer._producer
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            writer.flush(0.1) if by_flush else writer.poll(0.1)
        assert writer._producer is client
        assert not told


def test_a_reader_says_so(kafka_topics: Access) -> None:
    reader = Reader(nowhere(), "g", [Topic.DEVICES])
    reader._access = kafka_topics
    with closing(reader), pytest.raises(ComponentError, match="this client of it no more"):
        poll_for(reader, DEADLINE_S)


def test_a_reader_without_news_or_without_any_broker_waits(kafka_topics: Access) -> None:
    for access in (kafka_topics, nowhere()):
        with closing(Reader(access, "g", [Topic.DEVICES])) as reader:
            poll_for(reader, 4.0)


def poll_for(reader: Reader, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert reader.poll() == []
