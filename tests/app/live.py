"""A processor at work on a real broker, and what can be read there afterwards."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec

from app.messages import AT_MS, as_json, plain
from kilowatch.app.processor import Processor
from kilowatch.core.events import Reading
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.settings import QUICK
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.links.kafka.settings import Access
    from kilowatch.links.source import Source

DEADLINE_S = 120.0


def reading(number: int) -> bytes:
    """Return a reading that no other is like, of one of 50 sites."""
    return as_json(plain(site=f"site-{number % 50}", ts_ms=AT_MS + number, seq=number))


@contextmanager
def processing(access: Access, *sources: Source) -> Iterator[Processor]:
    """Let a processor work; all that it has taken is safe in the end."""
    processor = Processor(sources, Writer(access, QUICK), Admin(access).count(Topic.DEVICES), wall_ms)
    stop, unsafe = threading.Event(), [-1]

    def run() -> None:
        unsafe[0] = processor.run(stop, DEADLINE_S)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield processor
    finally:
        stop.set()
        thread.join(timeout=DEADLINE_S)
    assert not thread.is_alive(), "the processor did not stop"
    assert unsafe == [0], "the processor failed, or left messages behind"


def until(condition: Callable[[], bool], what: str, said: Callable[[], str] = str) -> None:
    """Wait for something, not for ever. said: what those at work have said, asked for once it is too late."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} {said()}"
        time.sleep(0.02)


def readings_in(access: Access) -> list[Reading]:
    """Return every reading of `IoTDevices`; ticks are left out."""
    messages = [value for value in values_in(access, Topic.DEVICES) if b'"control"' not in value]
    return [msgspec.json.decode(message, type=Reading) for message in messages]


def values_in(access: Access, topic: Topic) -> list[bytes]:
    """Return every message of a topic."""
    with closing(CompactedReader(access)) as reader:
        return [
            entry.value or b""
            for partition in range(Admin(access).count(topic))
            for entry in reader.entries(topic, partition)
        ]
