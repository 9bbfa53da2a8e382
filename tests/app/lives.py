"""Processes of the detector service that die and are followed by others, on a Kafka in memory."""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import msgspec

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home, with_power, without
from app.memory_kafka import MemoryBroker, MemoryReader, MemoryWriter, place
from kilowatch.app.detector import Detector, Step
from kilowatch.app.detector_ports import Links, Tempo
from kilowatch.app.ingest import encode_batch
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.snapshots import Snapshots
from kilowatch.app.subject import Subject
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import Tick
from kilowatch.core.learning import LearningPlan
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.onlooker import Watcher
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.reader import Hooks

PLAN = LearningPlan(learning_days=1, refit_days=0.3)
FAULT_MS = START_MS + DAY_MS + 2 * HOUR_MS
PARTITIONS = 2


KETTLE = msgspec.structs.replace(fleet().records[2], kind=Kind.KETTLE)
"""One that is on for five hours is odd before anything has been learnt."""


class Registered:
    """Every home has the same devices."""

    known: ClassVar = {record.device: record for record in (*fleet().records, KETTLE)}

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord:
        return msgspec.structs.replace(self.known[device], site=site)


def tick(ts_ms: int) -> bytes:
    return msgspec.json.encode(Tick(v=1, received_ms=ts_ms))


def messages_of(site: str, seed: int) -> list[bytes]:
    """A day and a half of a home with faults, 20 readings a message and a tick after every hour."""
    story = with_power(home(1.5, seed), 0, FAULT_MS, FAULT_MS + HOUR_MS, 9_000.0)
    story = without(story, 0, FAULT_MS + 4 * HOUR_MS, FAULT_MS + 6 * HOUR_MS)
    story = story.take(story.slot != 1)
    devices = Fleet([msgspec.structs.replace(record, site=site) for record in fleet().records])
    out = []
    for begin_ms in range(START_MS, START_MS + 36 * HOUR_MS, HOUR_MS):
        rows = story.take((story.ts_ms >= begin_ms) & (story.ts_ms < begin_ms + HOUR_MS))
        out += [value for _, value in encode_batch(rows, devices, most=20)]
        out.append(tick(begin_ms + HOUR_MS))
    return out


@cache
def stories() -> list[list[bytes]]:
    """The messages of each partition."""
    return [messages_of(f"home{number}", number) for number in range(PARTITIONS)]


def subject() -> Subject:
    history = MemoryHistory(keep_ms=PLAN.horizon_ms)
    return Subject(Pipeline(Fleet(), create("jump"), history, PipelineSettings(plan=PLAN)), history)


@cache
def told_straight() -> list[bytes]:
    """What one judge says of each partition that reads it in one piece."""
    told = []
    for values in stories():
        judge = PartitionJudge(subject(), Registered(), 0, 0)
        judge.take(range(len(values)), values)
        told += [msgspec.json.encode(event) for event in judge.events]
    return told


class DeathError(Exception):
    """kill -9."""


class Life:
    """Processes that die and are followed by others, until everything has been read."""

    def __init__(self, broker: MemoryBroker, watcher: Watcher | None = None) -> None:
        self.broker, self.watcher = broker, watcher
        self.tempo = Tempo(commit_s=2, events_s=1, snapshot_s=5)
        self.tokens, self.time = itertools.count(), itertools.count()
        self.writers: list[MemoryWriter] = []

    def process(self, reached: Callable[[Step], None] = lambda _: None) -> Detector:
        links = Links(
            reader=self._reader,
            writer=self._writer,
            snapshots=Snapshots(self.broker, "detector", f"t{next(self.tokens)}"),
            records=Registered(),
            subject=subject,
        )
        return Detector(links, self.tempo, self.watcher, clock=lambda: float(next(self.time)) / 10, reached=reached)

    def _reader(self, hooks: Hooks) -> MemoryReader:
        return MemoryReader(self.broker, hooks)

    def _writer(self, one: Place) -> MemoryWriter:
        self.writers.append(MemoryWriter(self.broker, one))
        return self.writers[-1]

    @property
    def is_done(self) -> bool:
        return all(
            self.broker.committed.get(place(number), 0) == len(values)
            for number, values in enumerate(self.broker.messages)
        )

    def live(self, reached: Callable[[Step], None] = lambda _: None) -> None:
        """Run one process until all is read or it dies."""
        detector = self.process(reached)
        try:
            for _ in range(3000):
                if self.is_done:
                    return
                detector.turn()
        finally:
            for reader in list(self.broker.readers):
                reader.die()
        raise AssertionError("never done")


def dying_at(step: Step, which: int) -> Callable[[Step], None]:
    met = itertools.count()

    def reached(now: Step) -> None:
        if now is step and next(met) == which:
            raise DeathError(f"{step.name} {which}")

    return reached


def assert_told_once(broker: MemoryBroker, straight: list[bytes]) -> None:
    assert sorted(broker.told) == sorted(straight)
