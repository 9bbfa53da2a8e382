"""What was rejected, and sending it through again after an upgrade: each message once, whatever is killed when.

The group's committed offset in `IoTDevices.rejected` says what is settled. Each transaction takes the next messages:
the mended ones go to `IoTDevices`, as history; the others go to the end of `IoTDevices.rejected` once more; the
offset moves behind them. So what lies behind the offset is what is still to be mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.ingest.gate import Gate
from kilowatch.core.events import Rejected
from kilowatch.core.wire import UNREADABLE
from kilowatch.errors import StateError
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.offsets import GroupOffsets
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.kafka.transactions import TransactionalWriter
from kilowatch.links.source import SourceMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.app.ingest.gate import Accepted
    from kilowatch.app.rejudge import Judge
    from kilowatch.links.kafka.compacted import Entry
    from kilowatch.links.kafka.settings import Access

GROUP = "kilowatch-redrive"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A rejected message and where it lies: its partition and offset, by which `show` finds it."""

    partition: int
    offset: int
    rejected: Rejected

    @property
    def name(self) -> str:
        """How a person calls it."""
        return f"{self.partition}-{self.offset}"


@dataclass(slots=True)
class RedriveCounts:
    """What came of sending messages through again. mended: also those that are understood and say no reading."""

    mended: int = 0
    readings: int = 0
    still_rejected: int = 0


class RejectedMessages:
    """The messages of `IoTDevices.rejected` that are still to be mended."""

    def __init__(self, access: Access, judge: Judge | None = None) -> None:
        self._access = access
        self._judge = judge or Gate().judge
        self._reader = CompactedReader(access)
        self._offsets = GroupOffsets(access, GROUP)

    def outstanding(self) -> Iterator[Kept]:
        """Yield them, oldest first in each partition."""
        for place in self._places():
            yield from map(_kept, self._entries(place))

    def find(self, partition: int, offset: int) -> Kept | None:
        """Return the one at an offset, whether settled or not; None where there is none any more."""
        entries = self._reader.entries(Topic.REJECTED, partition, begin=offset)
        return next((_kept(entry) for entry in islice(entries, 1) if entry.offset == offset), None)

    def redrive(self, wanted: Callable[[Rejected], bool] = lambda _: True) -> RedriveCounts:
        """Send those that are wanted through again; the others stay."""
        counts = RedriveCounts()
        for place in self._places():
            self._redrive(place, wanted, counts)
        return counts

    def close(self) -> None:
        """End the connections."""
        self._reader.close()
        self._offsets.close()

    def _redrive(self, place: Place, wanted: Callable[[Rejected], bool], counts: RedriveCounts) -> None:
        writer = TransactionalWriter(self._access, GROUP, place)
        try:
            # Before the offset is asked: a second redrive shuts this one out, and goes on where its last commit ended.
            writer.open()
            entries = self._entries(place)
            # `entries` ends where the topic ended when asked: what goes to its end below is not met again in this run.
            while some := list(islice(entries, _AT_ONCE)):
                with writer.transaction():
                    for entry in some:
                        self._send(writer, _kept(entry).rejected, wanted, counts)
                    writer.send_offsets({place: some[-1].offset + 1}, self._offsets)
        finally:
            writer.close()

    def _send(
        self,
        writer: TransactionalWriter,
        rejected: Rejected,
        wanted: Callable[[Rejected], bool],
        counts: RedriveCounts,
    ) -> None:
        outcome = self._judge(_as_it_came(rejected)) if wanted(rejected) else rejected
        if isinstance(outcome, Rejected):
            # its bytes and topic stay what they were, whatever a decoder made of them on the way
            still = msgspec.structs.replace(rejected, reason=outcome.reason, why=outcome.why)
            writer.send(Topic.REJECTED, rejected.source, msgspec.json.encode(still))
            counts.still_rejected += 1
            return
        counts.mended += 1
        if outcome is not None:
            writer.send(Topic.DEVICES, outcome.site, _as_history(outcome))
            counts.readings += outcome.readings

    def _places(self) -> list[Place]:
        admin = Admin(self._access)
        return [Place(Topic.REJECTED, partition) for partition in range(admin.count(Topic.REJECTED))]

    def _entries(self, place: Place) -> Iterator[Entry]:
        begin = self._offsets.committed([place]).get(place)
        return self._reader.entries(place.topic, place.partition, begin)


def _kept(entry: Entry) -> Kept:
    try:
        return Kept(entry.place.partition, entry.offset, msgspec.json.decode(entry.value or b"", type=Rejected))
    except UNREADABLE as error:
        raise StateError(
            f"{Topic.REJECTED} holds something at {entry.place.partition}-{entry.offset} that is not ours: {error}.",
            "A later version of kilowatch may have written it.",
        ) from error


def _as_it_came(rejected: Rejected) -> SourceMessage:
    return SourceMessage(
        rejected.source,
        rejected.raw,
        None,
        rejected.received_ms,
        topic=rejected.topic or "",
        is_retained=rejected.retained,
    )


def _as_history(accepted: Accepted) -> bytes:
    """Return the message marked as history: a reading of last week opens no incident of today."""
    fields = msgspec.json.decode(accepted.message)
    is_batch = isinstance(fields["ts_ms"], list)
    return msgspec.json.encode(fields | {"backfill": [True] * accepted.readings if is_batch else True})
