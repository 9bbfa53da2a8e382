"""What every source of readings must do; the test class of each inherits it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.app.ingest.gate import Accepted, Gate
from kilowatch.core.events import Rejected
from links.mqtt.brokers import Sink, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kilowatch.links.source import Source

GARBAGE = b"on fire"


class World(Protocol):
    """What lies outside of a source: a sender, a folder, a plug."""

    @property
    def source(self) -> Source:
        """What listens to it."""

    def say(self, power_w: float) -> None:
        """Let a device tell its power."""

    def say_garbage(self) -> None:
        """Let it tell `GARBAGE` once."""


class SourceContract(ABC):
    """One source against the world that it is made for."""

    @abstractmethod
    def world(self, folder: Path) -> AbstractContextManager[World]: ...

    @contextmanager
    def listening(self, folder: Path, *, is_safe: bool = True) -> Iterator[tuple[World, Sink]]:
        sink = Sink(is_safe=is_safe)
        with self.world(folder) as world:
            world.source.start(sink.put)
            try:
                yield world, sink
            finally:
                world.source.stop()

    def test_a_reading_arrives_under_its_name_and_passes_the_gate(self, tmp_path: Path) -> None:
        with self.listening(tmp_path) as (world, sink):
            world.say(7.0)
            until(lambda: 7.0 in powers(sink))
        assert {message.source for message in sink.messages} == {world.source.name}
        assert all(message.received_ms > 0 for message in sink.messages)
        assert all(isinstance(Gate().judge(message), Accepted) for message in sink.messages)

    def test_garbage_is_kept_as_it_came_and_stops_nothing(self, tmp_path: Path) -> None:
        with self.listening(tmp_path) as (world, sink):
            world.say_garbage()
            until(lambda: any(message.payload == GARBAGE for message in sink.messages))
            world.say(8.0)
            until(lambda: 8.0 in powers(sink))
        (refused, *_) = (message for message in sink.messages if message.payload == GARBAGE)
        assert isinstance(Gate().judge(refused), Rejected)

    def test_after_stop_nothing_comes_and_no_thread_is_left(self, tmp_path: Path) -> None:
        with self.world(tmp_path) as world:
            sink, before = Sink(), set(threading.enumerate())
            world.source.start(sink.put)
            world.say(7.0)
            until(lambda: 7.0 in powers(sink))
            world.source.stop()
            count = len(sink.messages)
            with suppress(OSError):
                world.say(9.0)
            until(lambda: set(threading.enumerate()) <= before)
            assert len(sink.messages) == count

    def test_what_becomes_safe_after_stop_does_no_harm(self, tmp_path: Path) -> None:
        with self.listening(tmp_path, is_safe=False) as (world, sink):
            teller = threading.Thread(target=_tolerantly, args=(world,), daemon=True)
            teller.start()
            until(lambda: bool(sink.messages))
            late = sink.messages[0]
            stopper = threading.Thread(target=world.source.stop, daemon=True)
            stopper.start()
            late.ack()
            stopper.join(15)
            teller.join(15)
            assert not stopper.is_alive()
        late.ack()


def powers(sink: Sink) -> list[float]:
    """Return the power of every reading that came, in order."""
    return [
        watts
        for message in sink.messages
        if message.payload != GARBAGE and message.reason is None
        for watts in _listed(msgspec.json.decode(message.payload)["power_w"])
    ]


def _listed(told: float | list[float]) -> list[float]:
    return told if isinstance(told, list) else [told]


def _tolerantly(world: World) -> None:
    # A sender who waits for our word may find the door closed.
    with suppress(OSError):
        world.say(7.0)
