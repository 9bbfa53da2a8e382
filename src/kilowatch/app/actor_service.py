"""The actor as a service: incidents from Kafka, one action each at most, every step in the database and `IoTActions`.

1. Partitions come. Once what lay there has been read, actions that a dead process left unfinished are taken on.
2. A batch of `IoTAnomalies` is read; the newest event of each incident is decided on, on the record as it is now.
3. Claims, steps and the audit go to the database before anything is done (`kilowatch.app.actor.errand`); steps leave
   for `IoTActions` by the outbox table in the same transaction, which the registry relays.
4. Now and then it is written down from where a successor has to read: from what may still lead to an action.
5. A record that changes, and time that passes, put open incidents before policy again.
6. Intents for devices of an edge leave by MQTT; what the edge answers is kept as if it had been done here.
Two processes that hold the same site for a moment are told apart by the database: each step can be written once.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kilowatch.app.actor.rewind import Rewind
from kilowatch.core.events import EventKind
from kilowatch.core.records import Offset
from kilowatch.core.wire import incident_from
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.kafka.topics import Topic, partition_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kilowatch.app.actor.actor import Actor
    from kilowatch.app.actor.cluster_world import ClusterWorld
    from kilowatch.app.actor.edges import Edges
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.database import Database
    from kilowatch.links.kafka.reader import PartitionBatch
    from kilowatch.links.kafka.settings import Access

READER = "actor"
"""Whose offsets these are."""
_SWEEP_S, _SAVE_S, _PRUNE_S = 1.0, 10.0, 60.0
_CAUGHT_UP_S, _LATEST_S = 2.0, 30.0
"""A partition that has brought nothing for so long has been read to its end."""
_log = logging.getLogger("kilowatch.actor")


@dataclass(frozen=True, slots=True)
class ActorParts:
    """What the service is made of. edges: the way to devices that an edge switches, None where there is none."""

    actor: Actor
    world: ClusterWorld
    database: Database
    edges: Edges | None = None


@dataclass(slots=True)
class _Due:
    """When things are done next, monotonic s."""

    sweep: float = 0.0
    save: float = field(default_factory=lambda: time.monotonic() + _SAVE_S)
    prune: float = field(default_factory=lambda: time.monotonic() + _PRUNE_S)


@dataclass(slots=True)
class _Resume:
    """When a partition's unfinished actions are taken on, monotonic s: not before it is read, and not much later."""

    at: float = field(default_factory=lambda: time.monotonic() + _CAUGHT_UP_S)
    latest: float = field(default_factory=lambda: time.monotonic() + _LATEST_S)


class ActorService:
    """One process of the group `actor`; partitions: of the topics that are placed by site.

    clock: wall clock, ms UTC. watcher: told now and then how many messages of each partition lie ahead.
    """

    def __init__(
        self,
        parts: ActorParts,
        access: Access,
        partitions: int,
        clock: Callable[[], int],
        watcher: Callable[[Mapping[Place, int]], None] | None = None,
    ) -> None:
        self._parts = parts
        self._access = access
        self._partitions = partitions
        self._clock = clock
        self._watcher = watcher
        self._rewinds: dict[Place, Rewind] = {}
        self._known: dict[Place, int] = {}
        self._due = _Due()
        self._resume_at: dict[int, _Resume] = {}
        self.unreadable = 0

    def run(self, stop: threading.Event, group: str = "kilowatch-actor") -> None:
        """Work until stop is set; `ComponentError` where Kafka or the database fails."""
        hooks = Hooks(self._assigned, self._revoked, self._lost)
        reader = Reader(self._access, group, [Topic.ANOMALIES, Topic.REGISTRY], hooks)
        try:
            while not stop.is_set():
                for batch in reader.poll():
                    self._take(batch)
                self._turn(reader)
            self._save()
        finally:
            reader.close()
            self._parts.actor.close()
            if self._parts.edges is not None:
                self._parts.edges.close()

    def _take(self, batch: PartitionBatch) -> None:
        if batch.place.topic == Topic.REGISTRY:
            # A key that is not site/device must not end the service: it is asked for in vain.
            changed = {tuple((key or b"").decode(errors="replace").split("/", 1)) for key in batch.keys}
            self._hear(self._parts.world.current((name[0], name[-1]) for name in changed))
        else:
            self._hear(self._fresh(batch.values))
        if batch.place.partition in self._resume_at:
            self._resume_at[batch.place.partition].at = time.monotonic() + _CAUGHT_UP_S
        # Last of all: what is not noted here is read again, and so is a batch whose decisions failed half way.
        if batch.place in self._rewinds:
            self._rewinds[batch.place].took(batch.offsets, batch.appended_ms)

    def _fresh(self, values: Iterable[bytes]) -> list[IncidentEvent]:
        """Return the newest event of each incident of a batch, as far as it is news."""
        # To decide on each event of a batch in turn would be to act on what an incident was a while ago.
        newest: dict[str, IncidentEvent] = {}
        for event in self._events(values):
            if self._parts.world.saw(event):
                newest[event.id] = event
        return list(newest.values())

    def _hear(self, events: Iterable[IncidentEvent]) -> None:
        for event in events:
            if event.kind is EventKind.CLEARED:
                self._parts.actor.forget(event.id)
            else:
                self._parts.actor.hear(event)

    def _turn(self, reader: Reader) -> None:
        now, actor, world = time.monotonic(), self._parts.actor, self._parts.world
        if self._parts.edges is not None:
            self._parts.edges.turn()
        if now < self._due.sweep:
            return
        self._due.sweep = now + _SWEEP_S
        self._resume(now)
        actor.sweep()
        waiting = set(actor.waiting())
        self._hear(event for event in world.current() if event.id in waiting)
        if now >= self._due.save:
            self._due.save = now + _SAVE_S
            self._save()
            if self._watcher is not None:
                self._watcher(reader.lag())
        if now >= self._due.prune:
            self._due.prune = now + _PRUNE_S
            for incident in world.prune():
                actor.forget(incident)

    def _events(self, values: Iterable[bytes]) -> Iterable[IncidentEvent]:
        for value in values:
            event = incident_from(value)
            if event is not None:
                yield event
            else:
                self.unreadable += 1
                _log.warning("An incident could not be read, and nothing is done about it.")

    def _assigned(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Take partitions over; return where the database says that reading begins."""
        with self._parts.database.read() as transaction:
            known = {Place(one.topic, one.partition): one.next for one in transaction.offsets.load(READER)}
        ours = {place.partition for place in places if place.topic == Topic.ANOMALIES}
        if ours:
            self._parts.world.know_silent(lambda site: partition_of(site, self._partitions) in ours)
            # an incident's end may lie there unread, and an action must not go on without knowing of it
            self._resume_at |= {partition: _Resume() for partition in ours}
        begin = {place: known.get(place, 0) for place in places}
        self._rewinds |= {place: Rewind() for place in places}
        self._known |= begin
        return begin

    def _resume(self, now: float) -> None:
        due = {partition for partition, one in self._resume_at.items() if now >= min(one.at, one.latest)}
        if due:
            self._parts.actor.resume(lambda site: partition_of(site, self._partitions) in due)
            for partition in due:
                del self._resume_at[partition]

    def _revoked(self, places: Sequence[Place]) -> None:
        self._save()
        self._lost(places)

    def _lost(self, places: Sequence[Place]) -> None:
        for place in places:
            self._rewinds.pop(place, None)
            self._known.pop(place, None)
            if place.topic == Topic.ANOMALIES:
                self._resume_at.pop(place.partition, None)

    def _save(self) -> None:
        """Do 4, where it has moved on."""
        now_ms = self._clock()
        needed = {place: rewind.needed_from(now_ms) for place, rewind in self._rewinds.items()}
        moved = {place: offset for place, offset in needed.items() if offset > self._known.get(place, 0)}
        offsets = [Offset(topic=one.topic, partition=one.partition, next=next_) for one, next_ in moved.items()]
        if offsets:
            with self._parts.database.begin() as transaction:
                transaction.offsets.save(READER, offsets)
            self._known |= moved
