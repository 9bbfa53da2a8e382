"""Detector processes on a real broker: killed, joined and rebalanced under load, they tell what a replay tells."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest
from supervisor import kafka

from app.homes import HOUR_MS, START_MS
from app.lives import PLAN, Registered, messages_of, subject, tick
from components.fixtures import needing_components
from kilowatch.app.detector_service import KafkaRecords
from kilowatch.app.ingest import Decoder
from kilowatch.app.partition import PartitionJudge
from kilowatch.core.events import IncidentEvent
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.client import kafka as library
from kilowatch.links.kafka.client import patiently
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.place import Place, handle
from kilowatch.links.kafka.settings import QUICK, Access
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supervisor.kafka import Cluster

pytestmark = pytest.mark.kafka
PARTITIONS = 4
SITES = [f"house{number}" for number in range(10)]
GROUP = "kilowatch-detector"
DEADLINE_S = 120.0
SERVE = "from kilowatch.cli.serve import app; app()"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with needing_components() as folder, kafka.running(folder, kafka.Plan()) as running:
        Admin(Access(running.bootstrap)).create(PARTITIONS)
        yield running


class Processes:
    """Detector processes, and what they are fed."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.access, self._folder = Access(cluster.bootstrap), folder
        self.config = folder / "kilowatch.toml"
        self.config.write_text(
            f'[kafka]\nbootstrap = "{cluster.bootstrap}"\npartitions = {PARTITIONS}\n'
            f'[detector]\nname = "jump"\nlearning_days = {PLAN.learning_days}\n'
        )
        self.running: list[subprocess.Popen[bytes]] = []
        self.writer = Writer(self.access, QUICK)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SERVE, "detector", "--config", str(self.config), "--snapshot-s", "2"]
        with (self._folder / f"detector-{len(self.running)}.log").open("wb") as log:
            self.running.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        return self.running[-1]

    def feed(self, hours: list[list[tuple[str, bytes]]], first: int) -> None:
        """Write hours of all sites; after each, every partition is told the time."""
        for number, hour in enumerate(hours, first):
            for site, value in hour:
                self.writer.send(Topic.DEVICES, site, value)
            for partition in range(PARTITIONS):
                self.writer.send(Topic.DEVICES, None, tick(START_MS + (number + 1) * HOUR_MS), partition=partition)
            self.writer.poll()
        assert self.writer.flush(DEADLINE_S) == 0

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(DEADLINE_S)

    def said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("*.log")))


def hours() -> list[list[tuple[str, bytes]]]:
    """The messages of all sites by the hour."""
    out: list[list[tuple[str, bytes]]] = [[] for _ in range(36)]
    for number, site in enumerate(SITES):
        hour = 0
        for value in messages_of(site, number):
            if value == tick(START_MS + (hour + 1) * HOUR_MS):
                hour += 1
            else:
                out[hour].append((site, value))
    return out


def entries(access: Access, topic: Topic, partition: int) -> tuple[list[int], list[bytes]]:
    with closing(CompactedReader(access)) as reader:
        found = [(entry.offset, entry.value or b"") for entry in reader.entries(topic, partition)]
    return [offset for offset, _ in found], [value for _, value in found]


def wait_until_read(access: Access, share: float = 1.0) -> None:
    """Wait until the group has committed that share of what lies in the partitions."""
    places = [Place(str(Topic.DEVICES), partition) for partition in range(PARTITIONS)]
    with closing(library().Consumer({"bootstrap.servers": access.bootstrap, "group.id": GROUP})) as consumer:
        ends = [consumer.get_watermark_offsets(handle(place))[1] for place in places]
        deadline = time.monotonic() + DEADLINE_S
        # A broker that came back a moment ago may not know yet who answers for the group.
        asked = partial(patiently, "asking", lambda: consumer.committed(list(map(handle, places))))
        while sum(one.offset for one in asked()) < share * sum(ends):
            assert time.monotonic() < deadline, "the detectors have not come so far"
            time.sleep(0.05)


def told(access: Access) -> list[IncidentEvent]:
    values = [value for partition in range(PARTITIONS) for value in entries(access, Topic.ANOMALIES, partition)[1]]
    return sorted((msgspec.json.decode(value, type=IncidentEvent) for value in values), key=_order)


def _order(event: IncidentEvent) -> tuple[str, int]:
    return event.id, event.version


def replayed_by_partition(access: Access) -> list[IncidentEvent]:
    events = []
    for partition in range(PARTITIONS):
        judge = PartitionJudge(subject(), KafkaRecords(access, PARTITIONS), 0, 0)
        judge.take(*entries(access, Topic.DEVICES, partition))
        events += judge.events
    return sorted(events, key=_order)


def replayed_in_one(stream: list[list[tuple[str, bytes]]]) -> list[tuple[str, str, int]]:
    """What one pipeline says of all sites, fed by the hour as a replay is."""
    known = Registered()
    pipeline = subject().pipeline
    for site in SITES:
        for device in ("meter", "lamp"):
            pipeline.revise(known.record(site, device))
    decoder, events = Decoder(pipeline.fleet), []
    for number, hour in enumerate(stream, 1):
        events += pipeline.step(decoder.decode([value for _, value in hour]).batch).events
        events += pipeline.pass_time(START_MS + number * HOUR_MS).events
    return sorted((event.id, event.kind.value, event.ts_ms) for event in events)


def test_killed_joined_and_rebalanced_detectors_tell_what_a_replay_tells(cluster: Cluster, tmp_path: Path) -> None:
    stream = hours()
    with ExitStack() as stack:
        group = Processes(cluster, tmp_path)
        stack.callback(group.stop)
        for site in SITES:
            for device in ("meter", "lamp"):
                record = Registered().record(site, device)
                key, partition = f"{site}/{device}", partition_of(site, PARTITIONS)
                group.writer.send(Topic.REGISTRY, key, msgspec.json.encode(record), partition=partition)
        first = group.start()
        group.feed(stream[:10], 0)
        wait_until_read(group.access, 0.9)
        second = group.start()
        for hour in range(10, 24):
            group.feed(stream[hour : hour + 1], hour)
            time.sleep(0.5)
        first.kill()
        third = group.start()
        group.feed(stream[24:30], 24)
        wait_until_read(group.access, 0.9)
        group.feed(stream[30:], 30)
        second.kill()
        wait_until_read(group.access)
        assert third.poll() is None, group.said()
    assert all("is ours" in path.read_text() for path in tmp_path.glob("*.log")), group.said()
    events = told(group.access)
    assert len(events) > 3 * len(SITES)
    assert events == replayed_by_partition(group.access), group.said()
    assert [(e.id, e.kind.value, e.ts_ms) for e in sorted(events, key=_fact)] == replayed_in_one(stream)


def _fact(event: IncidentEvent) -> tuple[str, str, int]:
    return event.id, event.kind.value, event.ts_ms
