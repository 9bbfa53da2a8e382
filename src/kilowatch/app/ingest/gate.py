"""Judges each message from outside by itself: schema, types, size, bounds of time. What needs a past comes later.

A message that passes is published as it came, byte for byte, but for the time at which the first part of ours saw it:
fields of a later version are still there for a reader that knows them.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.core.events import WIRE_V, Reading, ReadingColumns, Rejected, RejectReason
from kilowatch.core.wire import MAX_MESSAGE_BYTES, RejectedMessageError, WireDecoder

if TYPE_CHECKING:
    from kilowatch.links.source import SourceMessage

_LETTERS = 256
_as_they_stand: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """What goes to `IoTDevices`: the key, the message with its time of arrival, and how many readings it holds."""

    site: str
    message: bytes
    readings: int


@dataclass(slots=True)
class GateCounts:
    """What came through the gate so far. unknown: messages with a field that we do not know."""

    messages: int = 0
    readings: int = 0
    unknown: int = 0
    rejected: Counter[RejectReason] = field(default_factory=Counter)


class Gate:
    """Sorts what comes from sources. Safe to use from any thread."""

    def __init__(self) -> None:
        self.counts = GateCounts()
        self._lock = threading.Lock()

    def judge(self, message: SourceMessage) -> Accepted | Rejected:
        """Return what to publish for a message, or what to keep of it and why; it is never an error."""
        # One for each message: it counts, and threads that shared it could count over each other.
        wire = WireDecoder()
        try:
            outcome: Accepted | Rejected = self._accept(message, wire)
        except RejectedMessageError as error:
            outcome = _rejected(message, error.reason)
        self._count(outcome, wire.with_unknown_fields)
        return outcome

    def _accept(self, message: SourceMessage, wire: WireDecoder) -> Accepted:
        if message.reason is not None:
            raise RejectedMessageError(RejectReason.UNDECODABLE, message.reason, "See docs/plugs.md.")
        reading = wire.decode(message.payload)
        if not isinstance(reading, Reading | ReadingColumns):
            raise RejectedMessageError(
                RejectReason.WRONG_TYPE, "A source sends readings; this is a control.", "See docs/contracts.md."
            )
        rows = 1 if isinstance(reading, Reading) else len(reading.ts_ms)
        stamped = message.payload if reading.received_ms is not None else _stamped(message, reading)
        if len(stamped) > MAX_MESSAGE_BYTES:
            raise RejectedMessageError(
                RejectReason.TOO_LARGE, "The message has no room for its time of arrival.", "Send smaller batches."
            )
        return Accepted(reading.site, stamped, rows)

    def _count(self, outcome: Accepted | Rejected, unknown: int) -> None:
        with self._lock:
            self.counts.messages += 1
            self.counts.unknown += unknown
            if isinstance(outcome, Accepted):
                self.counts.readings += outcome.readings
            else:
                self.counts.rejected[outcome.reason] += 1


def _stamped(message: SourceMessage, reading: Reading | ReadingColumns) -> bytes:
    """Return the message with its time of arrival put in front of what it says."""
    at = message.received_ms
    rows = None if isinstance(reading, Reading) else len(reading.ts_ms)
    if b"received_ms" in message.payload:  # null, or it hides in some text
        # As they stand: what nobody has read, such as a field that we do not know, may hold what nobody can read.
        fields = _as_they_stand.decode(message.payload)
        return msgspec.json.encode(fields | {"received_ms": at if rows is None else [at] * rows})
    stamp = b"%d" % at if rows is None else msgspec.json.encode([at] * rows)
    # What was decoded is an object with fields: it begins with a brace, and a comma fits behind the stamp.
    return b'{"received_ms":' + stamp + b"," + message.payload.lstrip()[1:]


def _rejected(message: SourceMessage, reason: RejectReason) -> Rejected:
    return Rejected(
        v=WIRE_V,
        source=message.source[:_LETTERS],
        reason=reason,
        received_ms=message.received_ms,
        raw=message.payload[:MAX_MESSAGE_BYTES],
        topic=message.topic or None,
        retained=message.is_retained,
        why=None if message.reason is None else message.reason[:_LETTERS],
    )
