"""Messages of a partition to one batch of readings in columns, the fast way.

Each message is decoded by itself into a typed struct without garbage collection, so that a bad one costs nobody else
anything. Readings take a loop of one call; batches, controls and whatever else go through the strict decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from kilowatch.app.ingest.columns import Columns
from kilowatch.app.ingest.slots import SlotMap
from kilowatch.core.events import WIRE_V, Reading, ReadingColumns, Tick
from kilowatch.core.wire import ESCAPE, MAX_MESSAGE_BYTES, NUL, UNREADABLE, RejectedMessageError, WireDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.device import Fleet
    from kilowatch.core.events import Control, RejectReason
    from kilowatch.core.reading import ReadingBatch


class _Row(Reading, frozen=True, kw_only=True, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """A reading of just this version, with no field that we do not know: what nearly every message is."""

    # A newer message fails here, and the strict decoder says that it is newer.
    v: Annotated[int, msgspec.Meta(ge=1, le=WIRE_V)]


@dataclass(frozen=True, slots=True)
class Placed:
    """A control and its place in the order of the partition: it comes after so many readings of the batch."""

    after: int
    control: Control


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that could not be read: its index among the messages, and why."""

    index: int
    reason: RejectReason
    sentence: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What messages held.

    batch: every reading in order. ticks, controls: in order, ticks apart because they are many. unknown: how many
    messages had a field that we do not know.
    """

    batch: ReadingBatch
    ticks: list[Placed]
    controls: list[Placed]
    refused: list[Refused]
    unknown: int


class Decoder:
    """Decodes messages for a fleet; devices that nobody knows join it."""

    def __init__(self, fleet: Fleet) -> None:
        self._slots = SlotMap(fleet)
        self._row = msgspec.json.Decoder(_Row).decode
        self._wire = WireDecoder()

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return what messages hold, in their order; none of them is ever an error."""
        before = self._wire.with_unknown_fields
        columns, sorted_out = Columns(), _SortedOut([], [], [])
        start = 0
        while start < len(messages):
            start = self._take_rows(messages, start, columns)
            if start < len(messages):
                self._take_other(messages[start], start, columns, sorted_out)
                start += 1
        unknown = self._wire.with_unknown_fields - before
        batch = columns.batch(self._slots)
        return Decoded(batch, sorted_out.ticks, sorted_out.controls, sorted_out.refused, unknown)

    def _take_rows(self, messages: Sequence[bytes], start: int, columns: Columns) -> int:
        """Take readings from start on, and return the index of the first message that is none."""
        rows: list[Reading] = []
        append, decode, largest, escape = rows.append, self._row, MAX_MESSAGE_BYTES, ESCAPE
        index = start
        # Around the loop, not in it: a reading costs one call, and `index` is left at the message that is no reading.
        try:
            for index in range(start, len(messages)):
                raw = messages[index]
                if len(raw) > largest or (escape in raw and NUL in raw):
                    break
                append(decode(raw))
            else:
                index = len(messages)
        except UNREADABLE:
            pass
        columns.add_rows(rows)
        return index

    def _take_other(self, raw: bytes, index: int, columns: Columns, out: _SortedOut) -> None:
        try:
            message = self._wire.decode(raw)
        except RejectedMessageError as error:
            out.refused.append(Refused(index, error.reason, str(error)))
            return
        if isinstance(message, Reading):
            columns.add_rows([message])
        elif isinstance(message, ReadingColumns):
            columns.add_columns(message)
        else:
            (out.ticks if isinstance(message, Tick) else out.controls).append(Placed(len(columns), message))


@dataclass(frozen=True, slots=True)
class _SortedOut:
    ticks: list[Placed]
    controls: list[Placed]
    refused: list[Refused]


def decode(messages: Sequence[bytes], fleet: Fleet) -> Decoded:
    """Return what messages hold; a stream keeps a `Decoder` instead, which need not learn the fleet each time."""
    return Decoder(fleet).decode(messages)
