"""What a page in a cluster hears: readings and incidents as Kafka carries them, from now on, for this process alone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.app.ingest.decode import Decoder
from kilowatch.core.events import IncidentEvent
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.settings import Access

_LOOK_BACK_MESSAGES = 2_000
"""Of each partition, read before the first news: who opens a page wants to see how things stand."""


class Hearing(Protocol):
    """Who is told."""

    def heard(self, batch: ReadingBatch) -> None:
        """Take readings that nobody has judged here."""

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Take incident events."""


class Listening:
    """One reader of both topics, in a group of its own. fleet: new devices join it."""

    def __init__(self, access: Access, group: str, fleet: Fleet, hearing: Hearing) -> None:
        self._access, self._group = access, f"{group}-page-{secrets.token_hex(4)}"
        self._decoder, self._hearing = Decoder(fleet), hearing
        self._incident = msgspec.json.Decoder(IncidentEvent)
        self._reader: Reader | None = None
        self._next: dict[Place, int] = {}

    def run(self, stop: threading.Event) -> None:
        """Listen until stop is set; `ComponentError` where Kafka refuses."""
        hooks = Hooks(self._begin_at, _nothing, _nothing)
        reader = self._reader = Reader(self._access, self._group, [Topic.DEVICES, Topic.ANOMALIES], hooks)
        try:
            while not stop.is_set():
                for batch in reader.poll(timeout_s=0.2):
                    self._next[batch.place] = batch.next_offset
                    self.take(batch.place.topic, batch.values)
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
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _begin_at(self, places: list[Place]) -> Mapping[Place, int]:
        """Return where this process goes on, a little before the end where it has read nothing yet."""
        if self._reader is None:
            return {}
        known = {place: self._next[place] for place in places if place in self._next}
        for place in places:
            if place not in known:
                first, end = self._reader.bounds(place)
                known[place] = max(first, end - _LOOK_BACK_MESSAGES)
        return known


def _nothing(places: list[Place]) -> None:
    del places
