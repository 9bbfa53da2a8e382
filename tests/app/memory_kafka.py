"""Kafka in memory, as far as the detector needs it: logs, a group, transactions with fencing, and deaths on demand."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.links.kafka.client import FencedError
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.reader import Hooks, PartitionBatch
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def place(partition: int) -> Place:
    return Place(str(Topic.DEVICES), partition)


@dataclass
class MemoryBroker:
    """What survives whoever dies. first: the offset of the first message of each partition, rest is gone."""

    messages: list[list[bytes]]
    seed: int = 0
    first: int = 0
    committed: dict[Place, int] = field(default_factory=dict)
    told: list[bytes] = field(default_factory=list)
    words: list[bytes] = field(default_factory=list)
    state: list[list[tuple[str, bytes | None]]] = field(default_factory=list)
    epochs: dict[Place, int] = field(default_factory=dict)
    readers: list[MemoryReader] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = [[] for _ in self.messages]
        self.rng = np.random.default_rng(self.seed)

    # the state log
    def write(self, partition: int, key: str, value: bytes | None) -> None:
        self.state[partition].append((key, value))

    def wait(self) -> None:
        pass

    def read(self, partition: int) -> list[tuple[str, bytes | None]]:
        return list(self.state[partition])

    def compact(self) -> None:
        """Keep the newest of each key, as the broker does at some time."""
        for partition, entries in enumerate(self.state):
            newest = {key: at for at, (key, _) in enumerate(entries)}
            kept = [entry for at, entry in enumerate(entries) if newest[entry[0]] == at]
            self.state[partition] = [entry for entry in kept if entry[1] is not None]

    # the group
    def balance(self) -> None:
        """Give each reader its share; hooks are called by the readers' next polls."""
        for number, reader in enumerate(self.readers):
            reader.wanted = [place(p) for p in range(len(self.messages)) if p % len(self.readers) == number]


class MemoryReader:
    def __init__(self, broker: MemoryBroker, hooks: Hooks) -> None:
        self._broker, self._hooks = broker, hooks
        self.wanted: list[Place] = []
        self._at: dict[Place, int] = {}
        self.polls, self._paused = 0, set[Place]()
        broker.readers.append(self)
        broker.balance()

    def poll(self, most: int, timeout_s: float) -> list[PartitionBatch]:
        self.polls += 1
        gone = [one for one in self._at if one not in self.wanted]
        if gone:
            self._hooks.revoked(gone)
            for one in gone:
                del self._at[one]
        held = {one for reader in self._broker.readers if reader is not self for one in reader._at}
        new = [one for one in self.wanted if one not in self._at and one not in held]
        if new:
            self._at |= self._hooks.assigned(new)
        batches = [self._fetch(one) for one in list(self._at) if one not in self._paused]
        return [batch for batch in batches if batch.values]

    def _fetch(self, one: Place) -> PartitionBatch:
        begin, values = self._at[one], self._broker.messages[one.partition]
        end = min(len(values), begin + int(self._broker.rng.integers(0, 40)))
        self._at[one] = end
        offsets = list(range(begin, end))
        return PartitionBatch(one, [None] * len(offsets), values[begin:end], offsets, offsets)

    def committed(self, places: Iterable[Place]) -> dict[Place, int]:
        return {one: self._broker.committed[one] for one in places if one in self._broker.committed}

    def bounds(self, one: Place) -> tuple[int, int]:
        return self._broker.first, len(self._broker.messages[one.partition])

    def seek(self, one: Place, offset: int) -> None:
        self._at[one] = offset

    def pause(self, places: Iterable[Place]) -> None:
        self._paused |= set(places)

    def resume(self, places: Iterable[Place]) -> None:
        self._paused -= set(places)

    def lag(self) -> dict[Place, int]:
        return {one: len(self._broker.messages[one.partition]) - at for one, at in self._at.items()}

    def die(self) -> None:
        self._broker.readers.remove(self)
        self._broker.balance()

    def close(self) -> None:
        self._hooks.revoked(list(self._at))
        self.die()


class MemoryWriter:
    """answer_lost: how many commits are made of which the writer is told nothing."""

    def __init__(self, broker: MemoryBroker, one: Place) -> None:
        self._broker, self._place, self._epoch = broker, one, -1
        self._sent: list[tuple[str, str, bytes, int]] = []
        self._offsets: dict[Place, int] = {}
        self.is_closed = False

    def open(self) -> None:
        self._epoch = self._broker.epochs[self._place] = self._broker.epochs.get(self._place, -1) + 1

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._sent, self._offsets = [], {}
        yield
        if self._broker.epochs[self._place] != self._epoch:
            raise FencedError("Another has taken over.")
        self._broker.committed |= self._offsets
        for topic, key, value, partition in self._sent:
            if topic == Topic.STATE:
                self._broker.write(partition, key, value)
            elif topic == Topic.DEVICES:
                self._broker.words.append(value)
            else:
                self._broker.told.append(value)

    def send(self, topic: str, key: str, value: bytes, *, partition: int) -> None:
        self._sent.append((topic, key, value, partition))

    def send_offsets(self, offsets: Mapping[Place, int], reader: Any) -> None:
        assert isinstance(reader, MemoryReader)
        self._offsets |= offsets

    def close(self) -> None:
        self.is_closed = True
