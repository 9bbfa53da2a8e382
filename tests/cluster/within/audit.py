"""Counts inside the cluster, while readings flow: what was accepted lies in the topic, what it means was told once."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.app.detector_service import KafkaRecords, subject_of
from kilowatch.app.kafka_access import access_of
from kilowatch.app.partition import PartitionJudge
from kilowatch.core.events import EventKind, IncidentEvent, ReadingColumns
from kilowatch.errors import KilowatchError
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.config import Config

_PAUSE_S = 0.5
Version = tuple[str, int]
"""An incident's id and the version of it."""


@dataclass(slots=True)
class House:
    """Numbers of a house's readings that lie in the topic. whole: all below it do; again: how many lie there twice."""

    above: set[int] = field(default_factory=set)
    whole: int = 0
    again: int = 0

    def add(self, number: int) -> None:
        """Note a number."""
        if number < self.whole or number in self.above:
            self.again += 1
            return
        self.above.add(number)
        while self.whole in self.above:
            self.above.remove(self.whole)
            self.whole += 1


class Audit:
    """Reads all partitions on and on as one process that nobody kills, and compares. Not for several threads."""

    def __init__(self, config: Config) -> None:
        self._access = access_of(config.kafka)
        self._partitions = range(config.kafka.partitions)
        self._judges = [
            PartitionJudge(subject_of(config.detector), KafkaRecords(self._access, config.kafka.partitions), 0, 0)
            for _ in self._partitions
        ]
        self._next_told = [0 for _ in self._partitions]
        self._expected: dict[Version, IncidentEvent] = {}
        self.houses: dict[str, House] = {}
        self.told: dict[Version, IncidentEvent] = {}
        self.models: set[str] = set()
        self.doubled = self.kept = 0

    def check(self, accepted: Mapping[str, int], most_s: float) -> dict[str, Any]:
        """Wait until what was accepted by now is in the topic and told, and say what is missing, doubled, different."""
        began, wanted = time.monotonic(), None
        while True:
            try:
                self._read_on()
                wanted = wanted or set(self._expected)
            except KilowatchError as error:
                trouble = str(error)
            else:
                trouble = ""
            lost = sum(max(0, count - self.houses.get(site, House()).whole) for site, count in accepted.items())
            untold = len((wanted or set()) - set(self.told))
            took_s = time.monotonic() - began
            if (wanted is not None and not lost and not untold) or took_s > most_s:
                return self._found(lost, untold, took_s, trouble)
            time.sleep(_PAUSE_S)

    def _found(self, lost: int, untold: int, took_s: float, trouble: str) -> dict[str, Any]:
        return {
            "lost": lost,
            "untold": untold,
            "told_twice": self.doubled,
            "told_otherwise": sum(self._expected.get(key) != event for key, event in self.told.items()),
            "sent_again": sum(house.again for house in self.houses.values()),
            "readings": sum(house.whole for house in self.houses.values()),
            "kept": self.kept,
            "told": len(self.told),
            "models": sorted(self.models),
            "opened": sorted({event.site for event in self.told.values() if event.kind is EventKind.OPENED}),
            "took_s": round(took_s, 1),
            "trouble": trouble,
        }

    def newest(self) -> dict[str, int]:
        """Return the newest version of each incident that was told."""
        found: dict[str, int] = {}
        for name, version in self.told:
            found[name] = max(version, found.get(name, 0))
        return found

    def judged_by(self) -> set[str]:
        """Read what was told since it was last asked, and return which models those incidents name."""
        before, self.models = self.models, set()
        with closing(CompactedReader(self._access)) as reader:
            for partition in self._partitions:
                self._read_told(reader, partition)
        found, self.models = self.models, self.models | before
        return found

    def _read_on(self) -> None:
        """Read what was told first: it rests on readings that then are there too."""
        with closing(CompactedReader(self._access)) as reader:
            for partition in self._partitions:
                self._read_told(reader, partition)
            for partition in self._partitions:
                self._read_readings(reader, partition)

    def _read_told(self, reader: CompactedReader, partition: int) -> None:
        for entry in list(reader.entries(Topic.ANOMALIES, partition, self._next_told[partition])):
            self._next_told[partition] = entry.offset + 1
            event = msgspec.json.decode(entry.value or b"", type=IncidentEvent)
            self.doubled += (event.id, event.version) in self.told
            self.models.add(event.model)
            self.told[event.id, event.version] = _by_whomever(event)

    def _read_readings(self, reader: CompactedReader, partition: int) -> None:
        judge = self._judges[partition]
        found = list(reader.entries(Topic.DEVICES, partition, judge.next_offset))
        values = [entry.value or b"" for entry in found]
        for value in values:
            if b'"control"' not in value:
                self._note(msgspec.json.decode(value, type=ReadingColumns))
        judge.take([entry.offset for entry in found], values)
        self._expected |= {(event.id, event.version): _by_whomever(event) for event in judge.events}
        self.kept += judge.counts.kept
        judge.events, judge.counts.kept = [], 0

    def _note(self, message: ReadingColumns) -> None:
        house = self.houses.setdefault(message.site, House())
        for number in message.seq or []:
            if number is not None:
                house.add(number)


def _by_whomever(event: IncidentEvent) -> IncidentEvent:
    """Leave out which model judged: it reaches each detector at a moment of its own, and this judge never."""
    return msgspec.structs.replace(event, model="")
