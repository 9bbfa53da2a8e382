"""Reads a compacted topic from its beginning to where it ended when asked: the newest value under each key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError
from kilowatch.links.kafka.client import kafka, kafka_errors, patiently
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.place import Place, handle
from kilowatch.links.kafka.reader import sound
from kilowatch.links.kafka.settings import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.links.kafka.settings import Access

_TIMEOUT_S = 30.0
_STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a compacted topic; value: None where the key was deleted."""

    place: Place
    offset: int
    key: str
    value: bytes | None


class CompactedReader:
    """Reads partitions that it is told of, for itself alone and in no group, as far as was committed."""

    def __init__(self, access: Access) -> None:
        options = (
            reading(access, "kilowatch-compacted") | {"enable.partition.eof": True} | Outage("compacted").options()
        )
        with kafka_errors("connecting"):
            self._consumer = kafka().Consumer(options)

    def entries(self, topic: str, partition: int, begin: int | None = None) -> Iterator[Entry]:
        """Yield a partition's messages from its beginning, or an offset, to its end; several of one key may come.

        `ComponentError` where the broker falls silent before the end.
        """
        place = Place(str(topic), partition)
        ask = self._consumer.get_watermark_offsets
        low, end = patiently(f"reading {topic}", lambda: ask(handle(place), timeout=_TIMEOUT_S))
        first = low if begin is None else max(low, begin)
        # Behind the end the library would begin at the beginning, perhaps only after the next call has assigned afresh.
        if first >= end:
            return
        with kafka_errors(f"reading {topic}"):
            self._consumer.assign([handle(place, first)])
        try:
            yield from self._between(place, first, end)
        finally:
            # Also where the caller stops half-way: nothing more is fetched, and the next call assigns afresh.
            self._consumer.unassign()

    def newest(self, topic: str, partition: int) -> dict[str, bytes]:
        """Return the newest value under each key of a partition, deleted ones left out."""
        found: dict[str, bytes] = {}
        for entry in self.entries(topic, partition):
            if entry.value is None:
                found.pop(entry.key, None)
            else:
                found[entry.key] = entry.value
        return found

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()

    def _between(self, place: Place, position: int, end: int) -> Iterator[Entry]:
        heard = time.monotonic()
        while position < end:
            with kafka_errors(f"reading {place.topic}"):
                messages = self._consumer.consume(1000, _STEP_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _TIMEOUT_S:
                raise ComponentError(
                    f"Kafka: {place.topic}/{place.partition} was not read to its end: no answer for {_TIMEOUT_S:g} s.",
                    "See that the broker runs.",
                )
            for message in sound(messages):
                # Left over from what was assigned before, or fetched once more: it was yielded, or is not asked for.
                if not _is_of(message, place) or message.offset() < position:
                    continue
                position = message.offset() + 1
                # What was written since the end was asked for came along in the same fetch: it is for the next time.
                if position <= end:
                    yield _entry(place, message)
            if any(_is_end(message) and _is_of(message, place) for message in messages):
                return


def _is_of(message: Any, place: Place) -> bool:
    return (message.topic(), message.partition()) == (place.topic, place.partition)


def _is_end(message: Any) -> bool:
    """Whether a message says that there is no more; the last ones may be marks of transactions, which never show."""
    error = message.error()
    return error is not None and error.name() == "_PARTITION_EOF"


def _entry(place: Place, message: Any) -> Entry:
    key = message.key()
    return Entry(place, message.offset(), "" if key is None else key.decode(errors="replace"), message.value())
