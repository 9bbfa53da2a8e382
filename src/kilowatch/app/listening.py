"""What a page in a cluster hears: readings and incidents as Kafka carries them, from now on, for this process alone."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.app.ingest.decode import Decoder
from kilowatch.core.events import IncidentEvent
from kilowatch.core.wire import UNREADABLE
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.settings import Access

_LOOK_BACK_MESSAGES = 2_000
"""Of each partition, read before the first news: who opens a page wants to see how things stand."""
_LAG_S = 1.0


class Hearing(Protocol):
    """Who is told."""

    def heard(self, batch: ReadingBatch) -> None:
        """Take readings that nobody has judged here."""

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Take incident events."""


class Listening:
    """One reader of both topics, in a group of its own. fleet: new devices join it.

    watcher: told now and then how many messages of each partition lie ahead.
    """

    def __init__(
        self,
        access: Access,
        group: str,
        fleet: Fleet,
        hearing: Hearing,
        watcher: Callable[[Mapping[Place, int]], None] | None = None,
    ) -> None:
        self._access, self.group = access, f"{group}-page-{secrets.token_hex(4)}"
        self._decoder, self._hearing = Decoder(fleet), hearing
        self._incident = msgspec.json.Decoder(IncidentEvent)
        self._reader: Reader | None = None
        self._next: dict[Place, int] = {}
        self._waiting: dict[Place, int] = {}
        self._watcher, self._told_at = watcher, 0.0

    def run(self, stop: threading.Event) -> None:
        """Listen until stop is set; `ComponentError` where Kafka refuses."""
        self._waiting.clear()
        hooks = Hooks(self._begin_at, self._gone, self._gone)
        reader = self._reader = Reader(self._access, self.group, [Topic.DEVICES, Topic.ANOMALIES], hooks)
        try:
            while not stop.is_set():
                for batch in reader.poll(timeout_s=0.2):
                    self._next[batch.place] = batch.next_offset
                    self.take(batch.place.topic, batch.values)
                self._tell(reader)
        finally:
            reader.close()

    def take(self, topic: str, values: Sequence[bytes]) -> None:
        """Pass messages on; what cannot be read is passed over: others count it."""
        if topic == Topic.DEVICES:
            batch = self._decoder.decode(values).batch
            if len(batch):
                self._hearing.heard(batch)
            return
        events = [event for value in values if (event := self._event(value)) is not None]
        if events:
            self._hearing.happened(events)

    def _event(self, value: bytes) -> IncidentEvent | None:
        try:
            return self._incident.decode(value)
        except UNREADABLE:
            return None

    def _tell(self, reader: Reader) -> None:
        if self._watcher is not None and time.monotonic() - self._told_at >= _LAG_S:
            self._told_at = time.monotonic()
            ahead = reader.lag()
            # a partition of which nothing has come yet has no position, and what lay there is still to be read
            self._watcher({place: ahead.get(place, waiting) for place, waiting in self._waiting.items()})

    def _begin_at(self, places: list[Place]) -> Mapping[Place, int]:
        """Return where this process goes on, a little before the end where it has read nothing yet."""
        if self._reader is None:
            return {}
        begin: dict[Place, int] = {}
        for place in places:
            first, end = self._reader.bounds(place)
            # A short partition has less to look back on, and what this process had still to read may have expired.
            begin[place] = max(first, self._next.get(place, end - _LOOK_BACK_MESSAGES))
            self._waiting[place] = max(0, end - begin[place])
        return begin

    def _gone(self, places: list[Place]) -> None:
        for place in places:
            self._waiting.pop(place, None)
