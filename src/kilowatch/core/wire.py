"""Messages of `IoTDevices`, from bytes to structs: every message judged by itself, bad ones named and never fatal."""

from __future__ import annotations

from typing import NoReturn, TypeVar

import msgspec

from kilowatch.core.events import WIRE_V, Control, IncidentEvent, Message, Reading, ReadingColumns, RejectReason
from kilowatch.errors import ReadingError

MAX_MESSAGE_BYTES = 1_048_576
"""Kafka's own default limit on a message."""
NUL = b"\\u0000"
"""As JSON writes the one letter that PostgreSQL cannot keep in a text."""
ESCAPE = ord("\\")
"""Looked for before `NUL`: few messages have one, and a byte that is given as a number is found in no time."""

_T = TypeVar("_T")
_Known = TypeVar("_Known")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; the last two on broken UTF-8 and on deep nesting."""


class RejectedMessageError(ReadingError):
    """A message could not become readings; `reason` goes to the rejected stream."""

    def __init__(self, reason: RejectReason, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class _KnownReading(Reading, frozen=True, kw_only=True, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """A reading without a field that we do not know."""


class _KnownColumns(ReadingColumns, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A batch without a field that we do not know."""


class _Outline(msgspec.Struct):
    """Just enough of a message to tell what it means to be."""

    v: int | None = None
    control: msgspec.Raw = msgspec.Raw(b"")
    ts_ms: msgspec.Raw = msgspec.Raw(b"")


_reading = msgspec.json.Decoder(Reading)
_known_reading = msgspec.json.Decoder(_KnownReading)
_columns = msgspec.json.Decoder(ReadingColumns)
_known_columns = msgspec.json.Decoder(_KnownColumns)
_incident = msgspec.json.Decoder(IncidentEvent)
_control: msgspec.json.Decoder[Control] = msgspec.json.Decoder(Control)
_outline = msgspec.json.Decoder(_Outline)


class WireDecoder:
    """Turns messages into structs and counts those with fields that we do not know."""

    def __init__(self) -> None:
        self.with_unknown_fields = 0

    def decode(self, raw: bytes) -> Message:
        """Return a reading, a batch in columns or a control; `RejectedMessageError` says what is wrong with it."""
        if len(raw) > MAX_MESSAGE_BYTES:
            raise RejectedMessageError(
                RejectReason.TOO_LARGE,
                f"The message has {len(raw)} bytes, {MAX_MESSAGE_BYTES} are allowed.",
                "Send smaller batches.",
            )
        message = self._decode_whole(raw)
        if ESCAPE in raw and NUL in raw and _holds_nul(message):
            _reject("a text holds a NUL")
        return message

    def _decode_whole(self, raw: bytes) -> Message:
        try:
            # Nearly every message is one of these: it is decoded once, and nothing looks at its kind first.
            reading = _known_reading.decode(raw)
        except UNREADABLE:
            return self._decode_slowly(raw)
        _check_version(reading.v)
        return reading

    def _decode_slowly(self, raw: bytes) -> Message:
        outline = _decode_or_reject(_outline, raw)
        # Before the rest: a newer message may break today's contract, and must be rejected for its version, to be sent
        # through again after an upgrade.
        _check_version(outline.v)
        if bytes(outline.control):
            return _decode_or_reject(_control, raw)
        if bytes(outline.ts_ms).startswith(b"["):
            return self._decode_counting(_known_columns, _columns, raw)
        return self._decode_counting(_known_reading, _reading, raw)

    def _decode_counting(
        self, known: msgspec.json.Decoder[_Known], lenient: msgspec.json.Decoder[_T], raw: bytes
    ) -> _Known | _T:
        try:
            return known.decode(raw)
        except UNREADABLE:
            message = _decode_or_reject(lenient, raw)
        self.with_unknown_fields += 1
        return message


def incident_from(raw: bytes) -> IncidentEvent | None:
    """Return the incident of a message, None where it cannot be read, is newer than we are, or holds a NUL."""
    try:
        event = _incident.decode(raw)
    except UNREADABLE:
        return None
    # A backslash that is escaped itself begins no NUL.
    holds_nul = NUL in raw and NUL in raw.replace(b"\\\\", b"")
    return None if event.v > WIRE_V or holds_nul else event


def _decode_or_reject(decoder: msgspec.json.Decoder[_T], raw: bytes) -> _T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        _reject(str(error))
    except UNREADABLE as error:
        raise RejectedMessageError(
            RejectReason.NOT_JSON, f"The message cannot be read: {error}.", "Send JSON as docs/contracts.md has it."
        ) from error


def _holds_nul(message: Message) -> bool:
    fields = [getattr(message, name) for name in message.__struct_fields__]
    texts = [text for field in fields for text in (field if isinstance(field, list) else [field])]
    return any("\0" in text for text in texts if isinstance(text, str))


def _reject(said: str) -> NoReturn:
    # msgspec tells its errors apart by their words alone.
    reason = RejectReason.OUT_OF_BOUNDS
    if "missing required field" in said:
        reason = RejectReason.MISSING_FIELD
    elif said.startswith("Columns differ"):
        reason = RejectReason.UNEQUAL_COLUMNS
    elif ", got `" in said:
        reason = RejectReason.WRONG_TYPE
    raise RejectedMessageError(reason, f"The message breaks the contract: {said}.", "See docs/contracts.md.")


def _check_version(version: int | None) -> None:
    if version is None:
        _reject("Object missing required field `v`")
    if version > WIRE_V:
        raise RejectedMessageError(
            RejectReason.VERSION,
            f"The message has version {version}, this kilowatch reads up to {WIRE_V}.",
            "Upgrade, then send the rejected messages through again.",
        )
