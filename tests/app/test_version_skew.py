"""Versions side by side under load: processors and detectors of this one and of the next, and what ours must refuse."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from app import next_version
from app.homes import DAY_MS, START_MS
from app.live import processing, until, values_in
from app.logs import ListSource
from app.services import DEADLINE_S, Services, course, entries, told
from app.test_kills import JUDGING, SITES, judged_in_one_piece, readings_in
from app.test_processor_kafka import judge_of_the_next_version
from kilowatch.app.ingest import Decoder
from kilowatch.app.redrive import RejectedMessages
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import EventKind, RejectReason
from kilowatch.errors import StateError
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access

pytestmark = pytest.mark.kafka
MESSAGES = 255
"""Of 20 readings, for each site: 42 hours, with a fault in the last but one."""
OURS, NEXT, MAJOR = SITES[:2], SITES[2:4], SITES[4:]
"""Sites behind a processor of this version, of the next minor one, and with devices that speak the next major one."""


def of_the_next_minor(value: bytes) -> bytes:
    fields = msgspec.json.decode(value)
    return msgspec.json.encode(fields | {"phase_deg": [120] * len(fields["ts_ms"]), "meter": {"make": "new"}})


def of_the_next_major(value: bytes) -> bytes:
    return value.replace(b'"v":1', b'"v":2', 1)


def payloads(sites: list[str]) -> list[bytes]:
    """Two days of sites, message by message in turn."""
    courses = [map(msgspec.json.encode, itertools.islice(course(site, START_MS), MESSAGES)) for site in sites]
    return [value for turn in zip(*courses, strict=True) for value in turn]


def test_unknown_fields_are_passed_over_and_a_higher_major_comes_back_after_the_upgrade(
    kafka_topics: Access, tmp_path: Path
) -> None:
    access, writer = kafka_topics, Writer(kafka_topics)
    introduce(access)
    settings = f'[detector]\nname = "{JUDGING.name}"\nlearning_days = {JUDGING.learning_days}\n'
    with closing(Services(access, tmp_path, "skew", settings)) as services:
        services.start("detector-1")
        major = list(map(of_the_next_major, payloads(MAJOR)))
        mixed = [value for pair in zip(payloads(OURS), major, strict=True) for value in pair]
        source = ListSource(mixed, START_MS + 3 * DAY_MS)
        with processing(access, source) as processor:
            for value in payloads(NEXT):
                site = str(msgspec.json.decode(value)["site"])
                writer.send(Topic.DEVICES, site, of_the_next_minor(value))
            until(lambda: len(source.acknowledged) == len(mixed), "not all messages were taken")
        assert writer.flush(60) == 0
        assert processor.gate.counts.rejected == Counter({RejectReason.VERSION: len(major)})
        services.wait_until_read()
        assert {site: len(numbers) for site, numbers in readings_in(access).items() if numbers} == dict.fromkeys(
            [*OURS, *NEXT], 20 * MESSAGES
        )
        with closing(RejectedMessages(access, judge_of_the_next_version)) as rejected:
            assert rejected.redrive().mended == len(major)
        services.wait_until_read()
        assert services.stop("detector-1") == 0, services.said()
    events, kept = judged_in_one_piece(access)
    assert kept == 20 * MESSAGES * len(SITES), "readings were lost, or judged twice"
    assert any(event.kind is EventKind.OPENED for event in events)
    assert told(access) == events
    assert unknown_fields(access) == MESSAGES * len(NEXT)


def test_detectors_of_the_next_version_go_on_where_ours_were_and_ours_leave_their_state_alone(
    kafka_topics: Access, tmp_path: Path
) -> None:
    access = kafka_topics
    introduce(access)
    settings = f'[detector]\nname = "{JUDGING.name}"\nlearning_days = {JUDGING.learning_days}\n'
    programs = {"detector-next": (next_version.__file__,), "detector-back": ("-m", "kilowatch", "serve")}
    with closing(Services(access, tmp_path, "skew", settings, programs=programs)) as services:
        services.start("detector-1")
        values, upgraded = payloads(SITES), threading.Event()
        source = ListSource(slowed(values, upgraded), START_MS + 3 * DAY_MS)
        with processing(access, source):
            until(lambda: len(source.acknowledged) > len(values) // 3, "no progress")
            services.start("detector-next")
            until(lambda: "is ours" in services.said("detector-next"), "the next version got no partition")
            assert services.stop("detector-1") == 0, services.said("detector-1")
            assert len(source.acknowledged) < len(values), "there was no load any more when the versions changed"
            upgraded.set()
            until(lambda: len(source.acknowledged) == len(values), "not all messages were taken")
        services.wait_until_read()
        assert services.stop("detector-next") == 0, services.said("detector-next")
        events, kept = judged_in_one_piece(access)
        assert kept == 20 * MESSAGES * len(SITES), "readings were lost, or judged twice"
        assert {event.site for event in events if event.kind is EventKind.OPENED} == set(SITES)
        assert told(access) == events
        assert any(b'"room":"kitchen"' in value for value in values_in(access, Topic.ANOMALIES))

        before = values_in(access, Topic.STATE)
        services.start("detector-back")
        assert services.running.pop("detector-back").wait(DEADLINE_S) == StateError.exit_code
        said = " ".join(services.said("detector-back").split())
        assert "this kilowatch reads up to 1." in said
        assert "Use the kilowatch that wrote it, or a newer one." in said
        assert "Traceback" not in said
        assert values_in(access, Topic.STATE) == before
        assert told(access) == events


def introduce(access: Access) -> None:
    """Put the meters of all sites into the registry's topic."""
    writer = Writer(access)
    for site in SITES:
        record = DeviceRecord(site=site, device="meter", kind=Kind.METER, interval_s=30.0)
        key, partition = f"{site}/meter", partition_of(site, 4)
        writer.send(Topic.REGISTRY, key, msgspec.json.encode(record), partition=partition)
    assert writer.flush(60) == 0


def slowed(values: list[bytes], is_over: threading.Event) -> Iterator[bytes]:
    """Yield values, from the first third on with a pause before each until it is over."""
    for number, value in enumerate(values):
        if 3 * number > len(values):
            is_over.wait(0.1)
        yield value


def unknown_fields(access: Access) -> int:
    """How many messages hold a field that we do not know."""
    decoder = Decoder(Fleet())
    return sum(decoder.decode(entries(access, Topic.DEVICES, partition)[1]).unknown for partition in range(4))
