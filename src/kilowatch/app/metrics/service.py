"""The metric processor's loop: read, add up, and now and then save state and offsets together.

1. A partition comes: its state and offset are loaded, reading begins at that offset.
2. Messages are added up in memory; nothing is committed anywhere.
3. Every `save_every_s`, and when a partition goes: states, offsets, and the days and five minutes that are over, are
   saved in one transaction.
A death between 2 and 3 forgets what was added since the last 3, and the same messages are read again: nothing is
lost and nothing counts twice. A process that lost its partition unknowingly fails at 3, because another has saved.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kilowatch.app.metrics.ports import Saved
from kilowatch.app.metrics.units import Events, Readings, Unit
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kilowatch.app.metrics.ports import Checkpoint, Messages
    from kilowatch.core.usage import StoredDay
    from kilowatch.links.kafka.place import Place

TOPICS = (Topic.DEVICES, Topic.ANOMALIES, Topic.ACTIONS)
SAVE_EVERY_S = 10.0


class Subscription(Protocol):
    """Where messages come from; `links.kafka.reader.Reader` is one."""

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> Sequence[Messages]:
        """Return what came, by partition."""


@dataclass(slots=True)
class _Held:
    """A partition of ours: next is the message that comes after all added up, saved the one in the store.

    days: that are over since the last save. They go with the partition, for whoever reads it again adds them again.
    """

    unit: Unit
    next: int
    saved: int
    days: list[StoredDay] = field(default_factory=list)


@dataclass(slots=True)
class MetricService:
    """Adds up every partition it is given. `lock` is held while anything changes; whoever looks takes it too."""

    checkpoint: Checkpoint
    new_readings: Callable[[], Readings]
    clock: Callable[[], float]
    save_every_s: float = SAVE_EVERY_S
    # It may be taken twice by one thread: who lets partitions go saves under the same lock.
    lock: threading.RLock = field(default_factory=threading.RLock)
    _held: dict[Place, _Held] = field(default_factory=dict)
    _saved_s: float = 0.0

    def assigned(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Take partitions over; return where to begin reading those that were saved before."""
        with self.lock:
            for place in places:
                self._held[place] = self._load(place)
            # The group itself commits nothing: one that was never saved begins where the topic does.
            return {place: self._held[place].saved for place in places if self._held[place].saved >= 0}

    def revoked(self, places: Sequence[Place]) -> None:
        """Save, then let partitions go."""
        with self.lock:
            self.save()
            self.lost(places)

    def lost(self, places: Sequence[Place]) -> None:
        """Let partitions go that another owns already; what was not saved is read again there."""
        with self.lock:
            for place in places:
                self._held.pop(place, None)

    def forget_all(self) -> None:
        """Let everything go unsaved: what follows is read again from what was saved."""
        with self.lock:
            self._held.clear()

    def unsaved_s(self) -> float:
        """Return how long ago all was saved, s."""
        return self.clock() - self._saved_s

    def step(self, subscription: Subscription) -> int:
        """Read once and add up; save where it is time. Return how many messages came."""
        # Outside of the lock: a scrape must not wait until something comes.
        batches = subscription.poll()
        with self.lock:
            for batch in batches:
                self._take(batch)
            if self.clock() - self._saved_s >= self.save_every_s:
                self.save()
        return sum(len(batch.values) for batch in batches)

    def save(self) -> None:
        """Save what has moved since the last time, all or nothing."""
        with self.lock:
            moved = [(place, held) for place, held in self._held.items() if held.next > held.saved]
            units = [held.unit for _, held in moved]
            # Taken before the states are made: what stays in a state would be added again after the next start.
            past = [one.past() for one in units if isinstance(one, Readings)]
            states = [Saved(place, held.next, held.unit.save(), held.saved) for place, held in moved]
            if states:
                days = [day for _, held in moved for day in held.days]
                self.checkpoint.save(states, days, [one for one in past if one is not None])
            for _, held in moved:
                held.days.clear()
                held.saved = held.next
            self._saved_s = self.clock()

    def readings(self) -> list[Readings]:
        """Return the partitions of readings that are ours; hold `lock` while looking."""
        return [held.unit for held in self._held.values() if isinstance(held.unit, Readings)]

    def events(self) -> list[Events]:
        """Return the partitions of incidents and actions that are ours; hold `lock` while looking."""
        return [held.unit for held in self._held.values() if isinstance(held.unit, Events)]

    def _load(self, place: Place) -> _Held:
        unit: Unit = self.new_readings() if place.topic == Topic.DEVICES else Events()
        saved = self.checkpoint.load(place)
        if saved is None:
            return _Held(unit, -1, -1)
        unit.load(saved.state)
        return _Held(unit, saved.next, saved.next)

    def _take(self, batch: Messages) -> None:
        held = self._held.get(batch.place)
        if held is None:
            return
        # What was fetched before a partition went and came back may come once more.
        fresh = [value for value, offset in zip(batch.values, batch.offsets, strict=True) if offset >= held.next]
        held.days += held.unit.take(fresh)
        held.next = max(held.next, batch.next_offset)
