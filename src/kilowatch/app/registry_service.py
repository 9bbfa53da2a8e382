"""The registry as a service: first-seen devices and incidents from Kafka, its own words to Kafka.

1. Partitions begin at the offsets in the database, not at the group's.
2. A batch and its offsets are kept in one transaction; while the database is away the batch is tried again.
3. The outbox table is relayed in order; while Kafka is away it waits in the table.
Cut between any two steps, the same happens again with the same ids and versions, which readers upsert by.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from kilowatch.app.ingest.decode import Decoder
from kilowatch.core.device import Fleet
from kilowatch.core.events import Learnt, RecordChanged
from kilowatch.core.records import Offset
from kilowatch.core.wire import incident_from
from kilowatch.errors import ComponentError
from kilowatch.links.database.streams import relay
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.reader import Hooks, Reader
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.writer import Writer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kilowatch.app.registry import Registry
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.records import OutboxMessage
    from kilowatch.links.database import Database
    from kilowatch.links.kafka.reader import PartitionBatch
    from kilowatch.links.kafka.settings import Access
    from kilowatch.links.kafka.writer import Delivered

_FLUSH_S = 10.0
_RETRY_S = 1.0
_LAG_S = 5.0
_log = logging.getLogger(__name__)


def _nothing(_: object) -> None:
    pass


class RegistryService:
    """One process of the group `registry`; partitions: of the topics that are placed by site.

    clock: ms UTC. watcher: told now and then how many messages of each partition lie ahead. heard: told of incidents
    before they are kept, so that one that is told twice is better than one that is told never. hindered: told why what
    was read cannot be kept, again with every try.
    """

    def __init__(
        self,
        registry: Registry,
        database: Database,
        access: Access,
        partitions: int,
        clock: Callable[[], int],
        watcher: Callable[[Mapping[Place, int]], None] | None = None,
        heard: Callable[[Sequence[IncidentEvent]], None] | None = None,
        hindered: Callable[[str], None] = _nothing,
    ) -> None:
        self._registry = registry
        self._database = database
        self._access = access
        self._partitions = partitions
        self._clock = clock
        self.unreadable = 0
        self._watcher = watcher
        self._heard = heard
        self._hindered = hindered
        self._waiting: set[str] = set()
        self._kept = 0
        self._lag_at = 0.0
        self._look_again()

    def run(self, stop: threading.Event, group: str = "kilowatch-registry") -> None:
        """Work until stop is set."""
        # Nothing is left to do where partitions go: each batch stands in the database with its offsets.
        hooks = Hooks(self._begin_at, _nothing, _nothing)
        writer = Writer(self._access)
        reader = Reader(self._access, group, [Topic.DEVICES, Topic.ANOMALIES], hooks)
        try:
            while not stop.is_set():
                for batch in reader.poll():
                    self._insist(lambda batch=batch: self._keep(batch), stop)  # type: ignore[misc] # bound now, not later
                self._relay(writer, stop)
                self._tell_lag(reader)
        finally:
            reader.close()

    def _insist(self, keep: Callable[[], None], stop: threading.Event) -> None:
        """Keep a batch, again and again while the database is away: what has been read may not be passed over."""
        while not stop.is_set():
            try:
                keep()
            except ComponentError as error:
                self._late("What the registry reads", error)
                self._hindered(str(error))
                stop.wait(_RETRY_S)
            else:
                self._goes_on("What the registry reads")
                return

    def _late(self, what: str, error: ComponentError) -> None:
        """Say it once, however often it is tried."""
        if what not in self._waiting:
            self._waiting.add(what)
            _log.warning("%s waits: %s %s", what, error, error.hint)

    def _goes_on(self, what: str) -> None:
        if what in self._waiting:
            self._waiting.remove(what)
            _log.info("%s goes on", what)

    def _tell_lag(self, reader: Reader) -> None:
        if self._watcher is not None and time.monotonic() >= self._lag_at:
            self._lag_at = time.monotonic() + _LAG_S
            self._watcher(reader.lag())

    def _keep(self, batch: PartitionBatch) -> None:
        offsets = [Offset(topic=batch.place.topic, partition=batch.place.partition, next=batch.next_offset)]
        if batch.place.topic == Topic.ANOMALIES:
            events = list(self._events(batch.values))
            if self._heard is not None:
                self._heard(events)
            self._registry.project(events, offsets)
            return
        decoded = self._decoder.decode(batch.values)
        learnt = [placed.control for placed in decoded.controls if isinstance(placed.control, Learnt)]
        self._registry.meet(self._fleet.records[self._kept :], self._clock(), offsets, learnt)
        # Only once they are in the database: a batch that is tried again finds its new devices new.
        self._kept = len(self._fleet)
        if any(isinstance(placed.control, RecordChanged) for placed in decoded.controls):
            self._look_again()

    def _look_again(self) -> None:
        """Take the devices from the database: one that was deleted is first seen again when it next speaks."""
        self._fleet = Fleet(self._registry.records())
        self._decoder = Decoder(self._fleet)
        self._kept = len(self._fleet)

    def _events(self, messages: Iterable[bytes]) -> Iterable[IncidentEvent]:
        for message in messages:
            event = incident_from(message)
            if event is None:
                self.unreadable += 1
            else:
                yield event

    def _begin_at(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Return where the database says that reading goes on."""
        known = {Place(offset.topic, offset.partition): offset.next for offset in self._registry.offsets()}
        # A partition nobody has read yet begins at its start: a device or an incident is new whenever it came.
        return {place: known.get(place, 0) for place in places}

    def _relay(self, writer: Writer, stop: threading.Event) -> None:
        try:
            while not stop.is_set() and relay(self._database, lambda messages: self._send(writer, messages)):
                pass
        except ComponentError as error:
            self._late("What the registry has to say", error)
            stop.wait(_RETRY_S)
        else:
            self._goes_on("What the registry has to say")

    def _send(self, writer: Writer, messages: Sequence[OutboxMessage]) -> None:
        # Records before the words that they have changed: topics have no order, and a judge looks only once.
        records = [message for message in messages if message.topic == Topic.REGISTRY]
        self._send_all(writer, records)
        self._send_all(writer, [message for message in messages if message.topic != Topic.REGISTRY])

    def _send_all(self, writer: Writer, messages: Sequence[OutboxMessage]) -> None:
        failed: list[str] = []
        told: Delivered = lambda error: failed.append(str(error)) if error is not None else None  # noqa: E731
        for message in messages:
            by_site = message.topic in (Topic.REGISTRY, Topic.DEVICES)
            partition = partition_of(message.site, self._partitions) if by_site else -1
            writer.send(message.topic, message.key, message.value, told, partition=partition, timeout_s=_FLUSH_S)
        if messages and (writer.flush(_FLUSH_S) or failed):
            raise ComponentError(f"Kafka has not taken {len(messages)} messages of the registry.", "Is it running?")
