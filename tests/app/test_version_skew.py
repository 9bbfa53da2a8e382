"""Versions side by side under load: a processor of the next one with detectors of ours, and what ours must refuse."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.homes import DAY_MS, START_MS
from app.live import processing, until
from app.logs import ListSource
from app.services import Services, course, entries, told
from app.test_kills import JUDGING, SITES, judged_in_one_piece, readings_in
from app.test_processor_kafka import judge_of_the_next_version
from kilowatch.app.ingest import Decoder
from kilowatch.app.redrive import RejectedMessages
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import EventKind, RejectReason
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
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
    for site in SITES:
        record = DeviceRecord(site=site, device="meter", kind=Kind.METER, interval_s=30.0)
        key, partition = f"{site}/meter", partition_of(site, 4)
        writer.send(Topic.REGISTRY, key, msgspec.json.encode(record), partition=partition)
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


def unknown_fields(access: Access) -> int:
    """How many messages hold a field that we do not know."""
    decoder = Decoder(Fleet())
    return sum(decoder.decode(entries(access, Topic.DEVICES, partition)[1]).unknown for partition in range(4))
