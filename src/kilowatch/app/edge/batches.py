"""From messages of the edge's log to readings, and from a batch of the outbox to messages that brokers take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import Reading, ReadingColumns
from kilowatch.core.wire import MAX_MESSAGE_BYTES, RejectedMessageError, WireDecoder
from kilowatch.links.outbox import WaitingReadings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kilowatch.links.outbox import WaitingIncidents

_encoder = msgspec.json.Encoder()


def readings_of(messages: Sequence[bytes]) -> list[Reading]:
    """Return the readings of messages in their order; controls are left out, and what cannot be read."""
    decoder, readings = WireDecoder(), list[Reading]()
    for raw in messages:
        try:
            message = decoder.decode(raw)
        except RejectedMessageError:
            continue
        if isinstance(message, Reading):
            readings.append(message)
        elif isinstance(message, ReadingColumns):
            readings += _rows(message)
    return readings


def encoded(batch: WaitingReadings | WaitingIncidents) -> Iterator[tuple[str, bytes]]:
    """Yield (site, message), in order, each small enough for a broker."""
    if isinstance(batch, WaitingReadings):
        for columns in batch.messages:
            for message in _small_enough(columns):
                yield columns.site, message
    else:
        for event in batch.events:
            yield event.site, _encoder.encode(event)


def _small_enough(columns: ReadingColumns) -> Iterator[bytes]:
    message = _encoder.encode(columns)
    if len(message) <= MAX_MESSAGE_BYTES or len(columns.ts_ms) < 2:
        yield message
        return
    # The outbox bounds a batch by its rows; with long names so many can be more bytes than a broker takes.
    middle = len(columns.ts_ms) // 2
    for part in (slice(middle), slice(middle, None)):
        yield from _small_enough(msgspec.structs.replace(columns, **_cut(columns, part)))


def _cut(columns: ReadingColumns, part: slice) -> dict[str, list[object]]:
    given = ((name, getattr(columns, name)) for name in columns.__struct_fields__)
    return {name: values[part] for name, values in given if isinstance(values, list)}


def _rows(columns: ReadingColumns) -> Iterator[Reading]:
    given = ((name, getattr(columns, name)) for name in columns.__struct_fields__)
    lists = {name: values for name, values in given if isinstance(values, list)}
    for row in zip(*lists.values(), strict=True):
        yield Reading(v=columns.v, site=columns.site, **dict(zip(lists, row, strict=True)))
