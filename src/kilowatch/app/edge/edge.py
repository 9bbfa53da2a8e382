"""The edge: sources, judge, book-keeping and the actor in one process, without a broker.

1. Sources hand messages to the processor's gate, on threads of their own.
2. The loop takes them from the edge's log: they are on the disk, and then the source is told so.
3. The judge takes them, the same that a partition has in a cluster; what is odd waits.
4. Incidents and how far we have come go to the database in one transaction.
5. The actor hears of them, people are told, history is kept.
6. From time to time a snapshot, after which the log lets go of what it covers.
Taps (upstream, usage metrics) take messages at 2 and incidents before 4, and keep the log from where they are.

A process that dies goes on from its newest snapshot: what lies between that and the database's offset has been told
and is judged in silence, and what lies after it is news. Open incidents are put before the actor again.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from kilowatch.app.models.switch import stamped
from kilowatch.app.partition import PartitionJudge
from kilowatch.core.device import Stage, is_retired
from kilowatch.core.events import EventKind
from kilowatch.core.history import HistoryRows
from kilowatch.core.records import Offset
from kilowatch.core.state import NewerStateError
from kilowatch.errors import ComponentError, StateError
from kilowatch.links.database.streams import relay
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from kilowatch.app.actor.actor import Actor
    from kilowatch.app.edge.intents import Intents
    from kilowatch.app.edge.judge import Asking
    from kilowatch.app.edge.tap import Tap
    from kilowatch.app.edge.world import EdgeWorld
    from kilowatch.app.models.switch import ModelSwitch
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.registry import Registry
    from kilowatch.app.snapshot_files import SnapshotFiles
    from kilowatch.app.subject import Subject
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.records import OutboxMessage
    from kilowatch.links.database import Database
    from kilowatch.links.edge_log import EdgeLog
    from kilowatch.links.history import EdgeHistory

_READER, _LOG, _PARTITION = "edge", "edge", 0
_log = logging.getLogger("kilowatch.edge")


class Listener(Protocol):
    """Told what happens, after it is on disk."""

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Incidents opened, changed or cleared."""

    def stepped(self, result: StepResult) -> None:
        """Readings were judged."""


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What the edge is made of. history: for people, not for learning; actor: None where nothing is ever switched.

    intents: what the cloud wants switched here, None where there is no way to it.
    """

    log: EdgeLog
    database: Database
    registry: Registry
    subject: Subject
    asking: Asking
    snapshots: SnapshotFiles
    world: EdgeWorld
    history: EdgeHistory
    actor: Actor | None = None
    listeners: tuple[Listener, ...] = ()
    taps: tuple[Tap, ...] = ()
    models: ModelSwitch | None = None
    intents: Intents | None = None


@dataclass(frozen=True, slots=True)
class EdgeTempo:
    """How often what is done, s. gather_s: a turn begins so long after the one before: plugs speak one by one."""

    wait_s: float = 0.25
    gather_s: float = 0.2
    words_s: float = 1.0
    snapshot_s: float = 900.0
    expire_s: float = 3600.0


class Edge:
    """One loop. clock: event time, ms UTC. Make the parts, then `open`, then `turn` for ever or `run`."""

    def __init__(self, parts: EdgeParts, clock: Callable[[], int], tempo: EdgeTempo | None = None) -> None:
        self._parts = parts
        self._clock = clock
        self._tempo = tempo or EdgeTempo()
        self._pipeline = parts.subject.pipeline
        self._fresh: list[HistoryRows] = []
        self.saved_s = time.time()
        """When all was last safe in a snapshot, Unix time."""
        self._told: int = 0
        self._met = 0
        self._words_at = self._snapshot_at = self._expire_at = 0.0

    def open(self) -> None:
        """Go on from where the process before has come to."""
        offset = self._load()
        with self._parts.database.read() as transaction:
            known = {one.topic: one.next for one in transaction.offsets.load(_READER)}
            still_open = transaction.incidents.open()
        self._told = known.get(_LOG, 0)
        # A log that the disk has lost would number new messages like told ones, and they would be judged in silence.
        self._parts.log.skip_to(self._told)
        if self._parts.models is not None:
            self._parts.models.at_commit()
        self._judge = PartitionJudge(self._parts.subject, self, offset, self._told, self._look)
        # Taps read before the judge does: they are to have a message before the incidents that come of it.
        for tap in self._parts.taps:
            for taken in self._parts.log.read(tap.open(self._parts.log.next_offset)):
                tap.took(taken)
        for taken in self._parts.log.read(offset):
            self._judge.take(taken.offsets, taken.values)
        self._commit()
        if self._parts.actor is not None:
            self._parts.actor.resume()
            for incident in still_open:
                self._parts.actor.hear(incident.event)
        self._snapshot_at = time.monotonic() + self._tempo.snapshot_s

    def turn(self) -> int:
        """Take what waits, judge it, write it down and act on it; return how many messages there were."""
        taken = self._take(self._tempo.wait_s)
        if self._parts.intents is not None and self._parts.actor is not None:
            self._parts.intents.turn(self._parts.actor)
        now = time.monotonic()
        if now >= self._words_at:
            self._words_at = now + self._tempo.words_s
            with suppress(ComponentError):  # the log is full: what people said waits in its table
                relay(self._parts.database, self._send)
        if now >= self._snapshot_at:
            self._snapshot_at = now + self._tempo.snapshot_s
            self.save()
        if now >= self._expire_at:
            self._expire_at = now + self._tempo.expire_s
            self._parts.history.expire(self._clock())
        return taken

    def run(self, stop: threading.Event) -> None:
        """Go on until stop is set, then save."""
        while not stop.is_set():
            next_s = time.monotonic() + self._tempo.gather_s
            self.turn()
            time.sleep(max(0.0, next_s - time.monotonic()))
        # The sources have ended by now: what they handed over last is taken before the snapshot.
        while self.turn():
            pass
        self.save()

    def save(self) -> None:
        """Write a snapshot and let the log go of what the one before covers; a full disk keeps both."""
        # A snapshot ahead of the log would, after a power cut, take new messages under the lost numbers for seen ones.
        self._parts.log.sync()
        # Asked before the write: the newest of these stays beside the new one, and the log must reach back to it.
        covered = [snapshot.offset for snapshot in self._parts.snapshots.load()]
        try:
            self._parts.snapshots.write(self._judge.next_offset, self._parts.subject.save())
        except OSError as error:
            _log.warning("A snapshot could not be written: %s. The log keeps what it would have covered.", error)
            return
        self.saved_s = time.time()
        if covered:
            self._parts.log.forget(min([max(covered), *(tap.kept_from for tap in self._parts.taps)]))

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return what the registry says of a device now."""
        return self._parts.world.record(site, device, version)

    def _load(self) -> int:
        for snapshot in self._parts.snapshots.load():
            try:
                changed = self._parts.subject.load(snapshot.packed)
            except NewerStateError:
                raise
            except StateError as error:
                # Torn files were passed over already: this one is whole and of other settings, as the one before it is.
                raise StateError(f"The saved state does not fit: {error}", error.hint) from error
            if changed:
                _log.info("Settings have changed since the snapshot: %s", "; ".join(changed))
            self._met = len(self._pipeline.fleet)
            return snapshot.offset
        return 0

    def _look(self, result: StepResult, is_news: bool) -> None:
        # What policy would have asked while old messages are judged again must not reach the actor now.
        if not is_news:
            self._parts.asking.taken()
            return
        for judged in result.judged:
            if len(judged.samples):
                keep = np.asarray(judged.confirmed >= np.float32(1.0)) | judged.watching
                self._fresh.append(HistoryRows.of(judged, self._pipeline.fleet, keep))
        for listener in self._parts.listeners:
            listener.stepped(result)

    def _commit(self) -> None:
        """Write down what is news, then tell and act."""
        events, self._judge.events = self._judge.events, []
        # Before anybody hears of incidents: who tells people asks the registry whether a device is still being learnt.
        self._meet()
        if events:
            # the database must never know of messages that a power cut takes from the log
            self._parts.log.sync()
            for tap in self._parts.taps:
                tap.told(events)
            offset = Offset(topic=_LOG, partition=_PARTITION, next=self._judge.next_offset)
            with self._parts.database.begin() as transaction:
                transaction.incidents.project(events)
                transaction.offsets.save(_READER, [offset])
            self._judge.live_from = self._judge.next_offset
        for rows in self._fresh:
            self._parts.history.append(rows)
        self._fresh.clear()
        self._act(events)
        if self._parts.models is not None:
            self._parts.models.at_commit()

    def _act(self, events: list[IncidentEvent]) -> None:
        world, actor = self._parts.world, self._parts.actor
        # what policy asks about comes straight from the pipeline, which knows no hashes
        asked = [stamped(event, self._pipeline) for event in self._parts.asking.taken()]
        # All are seen before the first is heard: an action's thread asks for its incident at once.
        for event in [*events, *asked]:
            world.saw(event)
        if actor is not None:
            for event in [*events, *asked]:
                actor.hear(event)
        for event in events:
            if event.kind is EventKind.CLEARED:
                world.forget(event.id)
                if actor is not None:
                    actor.forget(event.id)
        if events:
            for listener in self._parts.listeners:
                listener.happened(events)

    def _meet(self) -> None:
        """Let the registry know who has joined, and who has been learnt."""
        records = self._pipeline.fleet.records
        if len(records) > self._met:
            fresh = [record for record in records[self._met :] if not is_retired(record)]
            self._parts.registry.meet(fresh, self._clock())
            self._met = len(records)
        since_ms = self._pipeline.curriculum.watching_since_ms
        for slot, record in enumerate(records):
            if record.stage is Stage.LEARNING and slot < len(since_ms) and since_ms[slot] <= self._clock():
                self._parts.registry.learnt(record.site, record.device, self._clock())
                # At once: the registry's word comes back through the log, and until then each turn would ask it again.
                self._pipeline.fleet.update(_watching(record))

    def _send(self, messages: Sequence[OutboxMessage]) -> None:
        """Put what the registry has to say to judges into the log, and return once it is on the disk and judged.

        Records are read from the database as they are. `ComponentError` where the log or the disk is full.
        """
        words, safe = [message for message in messages if message.topic == Topic.DEVICES], list[object]()
        for word in words:
            # It must not wait for room: the loop that makes room in the log is this one.
            self._parts.log.send(word.topic, word.key, word.value, safe.append, timeout_s=0.0)
        # And it is this one that writes: the table lets go of a word next, and a queue does not outlive the process.
        while len(safe) < len(words):
            if not self._take(0.0) and len(safe) < len(words):
                raise ComponentError("What people said could not be written.", "Is the disk full?")

    def _take(self, timeout_s: float) -> int:
        """Take what waits, judge it and write it down; return how many messages there were."""
        taken = self._parts.log.take(timeout_s=timeout_s)
        if taken.offsets:
            for tap in self._parts.taps:
                tap.took(taken)
            self._judge.take(taken.offsets, taken.values)
            self._commit()
        return len(taken.offsets)


def _watching(record: DeviceRecord) -> DeviceRecord:
    return msgspec.structs.replace(record, stage=Stage.WATCHING)
