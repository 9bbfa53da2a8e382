"""Malformed messages in `IoTDevices` itself, as a stranger may write them: each is counted, none stops a detector."""

from __future__ import annotations

import itertools
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from supervisor.places import free_port

from app.fuzz import malformed
from app.live import until
from app.services import Services, told
from app.test_kills import JUDGING, SITES, judged_in_one_piece
from app.test_version_skew import MESSAGES, introduce, payloads
from kilowatch.core.events import EventKind
from kilowatch.core.wire import RejectedMessageError, WireDecoder
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.links.kafka.settings import Access

pytestmark = pytest.mark.kafka
MOST_BYTES = 900_000
"""What is larger no broker takes."""


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_what_a_stranger_writes_is_counted_and_passed_over(kafka_topics: Access, tmp_path: Path, count: int) -> None:
    introduce(kafka_topics)
    port, writer = free_port(), Writer(kafka_topics)
    judging = f'[detector]\nname = "{JUDGING.name}"\nlearning_days = {JUDGING.learning_days}\n'
    settings = f"{judging}[metrics]\nenabled = true\nport = {port}\n"
    with closing(Services(kafka_topics, tmp_path, "fuzz", settings)) as services:
        services.start("detector-1")
        good, bad = payloads(SITES), itertools.islice(unreadable(), count)
        for number, value in enumerate(good):
            site = SITES[number % len(SITES)]
            for junk in itertools.islice(bad, -(-count // len(good))):
                writer.send(Topic.DEVICES, site, junk)
            writer.send(Topic.DEVICES, site, value)
        assert writer.flush(60) == 0
        services.wait_until_read()
        until(lambda: unreadable_of(port) == count, f"{unreadable_of(port)} of {count} were counted")
        assert services.stop("detector-1") == 0, services.said()
    events, kept = judged_in_one_piece(kafka_topics)
    assert kept == 20 * MESSAGES * len(SITES)
    assert {event.site for event in events if event.kind is EventKind.OPENED} == set(SITES)
    assert told(kafka_topics) == events


def unreadable() -> Iterator[bytes]:
    """Yield messages that no decoder of `IoTDevices` reads; a tick is one, though no source may send it."""
    decoder = WireDecoder()
    for raw, _ in malformed(10**9):
        if len(raw) > MOST_BYTES:
            continue
        try:
            decoder.decode(raw)
        except RejectedMessageError:
            yield raw


def unreadable_of(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return -1
    name = "kilowatch_unreadable_messages_total "
    return next((int(float(line.removeprefix(name))) for line in lines if line.startswith(name)), -1)
