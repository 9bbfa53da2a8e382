"""The same days through the edge, through Kafka with a rebalance in the middle, and through a replay: one story."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home, with_power, without
from app.services import DEADLINE_S, PARTITIONS, Services, told
from kilowatch.app.edge.build import EdgeSettings, build_edge
from kilowatch.app.edge.edge import EdgeTempo
from kilowatch.app.ingest import encode_batch
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.processor import Processor
from kilowatch.app.replay import replay
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.registry import create
from kilowatch.links.database import DatabaseSettings
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.memory import MemoryHistory
from kilowatch.links.source import SourceMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.processor import MessageLog
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.kafka.settings import Access
    from kilowatch.links.source import Put

SITES = ("anna", "bert", "carla")
DAYS, LEARNING_DAYS = 2.4, 1.25
STEP_MS = 20 * 60_000
FAULT_MS = START_MS + round(1.5 * DAY_MS)
SETTINGS = PipelineSettings(plan=LearningPlan(learning_days=LEARNING_DAYS), alarms_per_week=1.0)


def devices() -> list[DeviceRecord]:
    return [msgspec.structs.replace(record, site=site) for site in SITES for record in fleet().records]


def days() -> ReadingBatch:
    """Three homes: a meter that draws too much, a heater that stays on, a meter that falls silent."""
    parts = []
    for number, _ in enumerate(SITES):
        story = home(DAYS, seed=number)
        story = with_power(story, number % 2, FAULT_MS + number * HOUR_MS, FAULT_MS + (number + 3) * HOUR_MS, 4000.0)
        story = without(story, 0, FAULT_MS + 10 * HOUR_MS, FAULT_MS + (10 + number) * HOUR_MS)
        parts.append(ReadingBatch(story.slot + np.int32(3 * number), story.ts_ms, story.power_w))
    whole = ReadingBatch.join(parts)
    return whole.take(np.argsort(whole.ts_ms, kind="stable"))


def steps(whole: ReadingBatch) -> list[tuple[int, ReadingBatch]]:
    """The days in steps of 20 minutes, each with the time at which it begins."""
    begins = range(START_MS, START_MS + round(DAYS * DAY_MS), STEP_MS)
    return [(begin, whole.take((whole.ts_ms >= begin) & (whole.ts_ms < begin + STEP_MS))) for begin in begins]


class Clock:
    """What time it is in the story."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        return self.ms


class StorySource:
    """Hands the story over as it happens; `pause` holds it before a step."""

    name = "story"

    def __init__(self, story: Sequence[tuple[int, ReadingBatch]], clock: Clock) -> None:
        self._story, self._clock, self._known = story, clock, Fleet(devices())
        self.given = self.safe = self.until = self._sent = 0
        self._going = threading.Condition()

    def start(self, put: Put) -> None:
        self._thread = threading.Thread(target=self._run, args=(put,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._thread.join(DEADLINE_S)

    def go_on(self, share: float) -> None:
        """Hand over up to that share of the story, and wait until all of that is safe."""
        with self._going:
            self.until = round(share * len(self._story))
            self._going.notify_all()
            assert self._going.wait_for(lambda: self.given >= self.until and self.safe == self._sent, DEADLINE_S)

    def _run(self, put: Put) -> None:
        for number, (begin_ms, batch) in enumerate(self._story):
            with self._going:
                self._going.wait_for(lambda number=number: number < self.until)  # type: ignore[misc] # bound at once
            # ticks may come at any moment, so the clock never runs ahead of readings that are still to come
            self._clock.ms = begin_ms
            for _, payload in encode_batch(batch, self._known, most=200):
                self._sent += 1
                put(SourceMessage(self.name, payload, None, begin_ms + STEP_MS, self._acknowledged))
            with self._going:
                self.given = number + 1
                self._going.notify_all()
        self._clock.ms = START_MS + round(DAYS * DAY_MS)

    def _acknowledged(self) -> None:
        with self._going:
            self.safe += 1
            self._going.notify_all()


def processed(log: MessageLog, partitions: int, at: dict[float, Callable[[], None]]) -> None:
    """Let a processor take the story in; at: what to do once that share of it is safe."""
    clock, stop = Clock(), threading.Event()
    source = StorySource(steps(days()), clock)
    processor = Processor([source], log, partitions, clock)
    thread = threading.Thread(target=processor.run, args=(stop,), daemon=True)
    thread.start()
    for share, happens in at.items():
        source.go_on(share)
        happens()
    ticks, deadline = processor.counts.ticks, time.monotonic() + DEADLINE_S
    while processor.counts.ticks < ticks + 2 * partitions:
        assert time.monotonic() < deadline, "no ticks"
        time.sleep(0.05)
    stop.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def facts(events: list[IncidentEvent]) -> list[tuple[str, str, int]]:
    return sorted((event.id, event.kind.value, event.ts_ms) for event in events)


def through_a_replay(detector: str) -> list[IncidentEvent]:
    events: list[IncidentEvent] = []
    pipeline = Pipeline(Fleet(devices()), create(detector), MemoryHistory(), SETTINGS)
    replay(pipeline, [batch for _, batch in steps(days())], lambda _, result: events.extend(result.events))
    return events + pipeline.pass_time(START_MS + round(DAYS * DAY_MS)).events


class Listening:
    def __init__(self) -> None:
        self.events: list[IncidentEvent] = []

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        self.events += events

    def stepped(self, result: StepResult) -> None:
        pass


def through_the_edge(detector: str, folder: Path) -> list[IncidentEvent]:
    listening = Listening()
    settings = EdgeSettings(
        pipeline=SETTINGS,
        database=DatabaseSettings(f"sqlite:///{folder / 'kilowatch.db'}", survives_power_cut=False),
        tempo=EdgeTempo(wait_s=0.02, words_s=0.0),
    )
    built = build_edge(DataFolder(folder), create(detector), Clock(), settings, listeners=(listening,))
    with closing(built):
        built.parts.registry.meet(devices(), START_MS)
        built.edge.open()
        over = threading.Event()

        def process() -> None:
            try:
                processed(built.parts.log, 1, {1.0: lambda: None})
            finally:
                over.set()

        thread = threading.Thread(target=process, daemon=True)
        thread.start()
        built.edge.run(over)
        thread.join(DEADLINE_S)
    return listening.events


def through_kafka(detector: str, access: Access, folder: Path) -> list[IncidentEvent]:
    settings = f'[detector]\nname = "{detector}"\nlearning_days = {LEARNING_DAYS}\n'
    services = Services(access, folder, f"same-{detector}", settings)
    with ExitStack() as stack:
        stack.callback(services.close)
        writer = Writer(access)
        for record in devices():
            key, partition = f"{record.site}/{record.device}", partition_of(record.site, PARTITIONS)
            writer.send(Topic.REGISTRY, key, msgspec.json.encode(record), partition=partition)
        assert writer.flush(DEADLINE_S) == 0
        services.start("detector-1")

        def second_joins() -> None:
            services.wait_until_read(0.9)
            services.start("detector-2")

        def both_work() -> None:
            deadline = time.monotonic() + DEADLINE_S
            while "is ours" not in services.said("detector-2"):
                assert time.monotonic() < deadline, services.said()
                time.sleep(0.1)

        processed(Writer(access), PARTITIONS, {0.6: second_joins, 0.7: both_work, 1.0: lambda: None})
        services.wait_until_read()
        assert [services.stop(label) for label in ("detector-1", "detector-2")] == [0, 0], services.said()
    return told(access)


@pytest.mark.kafka
@pytest.mark.parametrize("detector", ["fleet", "default"])
def test_edge_services_and_replay_tell_the_same_incidents(detector: str, kafka_topics: Access, tmp_path: Path) -> None:
    replayed = facts(through_a_replay(detector))
    assert {"opened", "cleared", "stale"} <= {kind for _, kind, _ in replayed}
    (tmp_path / "edge").mkdir()
    assert facts(through_the_edge(detector, tmp_path / "edge")) == replayed
    (tmp_path / "services").mkdir()
    assert facts(through_kafka(detector, kafka_topics, tmp_path / "services")) == replayed
