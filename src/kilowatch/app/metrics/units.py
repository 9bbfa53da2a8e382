"""One unit of state for each partition that the metric processor reads: what it holds, and how it is saved."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.app.ingest import Decoder
from kilowatch.app.metrics.book import Book
from kilowatch.app.packing import pack, unpack
from kilowatch.core.events import ActionEvent, IncidentEvent, RecordChanged, Tick
from kilowatch.core.state import freeze, thaw
from kilowatch.core.state_kinds import make_of
from kilowatch.core.usage_incidents import WEEK_MS, Correlation
from kilowatch.core.wire import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.metrics.ports import Registry
    from kilowatch.core.history import NamedBuckets
    from kilowatch.core.tariff import Tariff
    from kilowatch.core.usage import StoredDay

_log = logging.getLogger(__name__)
_incident: msgspec.json.Decoder[IncidentEvent | ActionEvent] = msgspec.json.Decoder(IncidentEvent)
_action: msgspec.json.Decoder[IncidentEvent | ActionEvent] = msgspec.json.Decoder(ActionEvent)


class Unit(Protocol):
    """What was read from one partition."""

    def take(self, values: Sequence[bytes]) -> list[StoredDay]:
        """Take messages in; return the days that are over."""

    def save(self) -> bytes:
        """Return all it knows."""

    def load(self, state: bytes) -> None:
        """Go on from what `save` returned; `StateError` where that cannot be."""


class Readings:
    """A partition of `IoTDevices`."""

    def __init__(self, tariff: Tariff, registry: Registry, *, keeps_past: bool = False) -> None:
        self.book = Book(tariff, keeps_past=keeps_past)
        self._decoder = Decoder(self.book.fleet)
        self._registry = registry

    def take(self, values: Sequence[bytes]) -> list[StoredDay]:
        """Take readings and controls in; a record is asked for when its device is new or has changed."""
        fleet, known = self.book.fleet, len(self.book.fleet)
        decoded = self._decoder.decode(values)
        for record in fleet.records[known:]:
            self._ask(record.site, record.device)
        changed = (one.control for one in decoded.controls if isinstance(one.control, RecordChanged))
        for one in changed:
            self._ask(one.site, one.device, one.version)
        days = self.book.take(decoded.batch)
        ticks = [one.control.received_ms for one in decoded.ticks if isinstance(one.control, Tick)]
        return days + (self.book.tick(max(ticks)) if ticks else [])

    def past(self) -> NamedBuckets | None:
        """Return what of the past is over since the last time; None where history is kept elsewhere."""
        return None if self.book.past is None else self.book.past.taken()

    def save(self) -> bytes:
        """Return the book as bytes, once its past has been taken."""
        return pack(freeze(self.book if self.book.past is None else _Whole(self.book)))

    def load(self, state: bytes) -> None:
        """Take a saved book up; one from before history was kept begins it now."""
        frozen = unpack(state)
        if frozen.tree.make == make_of(self.book):
            thaw(self.book, frozen)
        else:
            thaw(_Whole(self.book), frozen)
        self._decoder = Decoder(self.book.fleet)

    def _ask(self, site: str, device: str, version: int = 0) -> None:
        record = self._registry.record(site, device, version)
        if record is not None:
            self.book.know(record)


class _Whole:
    """A book with its past, as they are saved together."""

    def __init__(self, book: Book) -> None:
        self.book, self.past = book, book.past


class Events:
    """A partition of `IoTAnomalies` or `IoTActions`."""

    def __init__(self) -> None:
        self.correlation = Correlation()
        self.unreadable = 0
        self.newest_ms = 0

    def take(self, values: Sequence[bytes]) -> list[StoredDay]:
        """Take incidents or actions in; one that cannot be read is counted and passed over."""
        for value in values:
            self._note(value)
        # By the events' own time: what is read again after a crash forgets as it did at first.
        self.correlation.forget(self.newest_ms - WEEK_MS)
        return []

    def save(self) -> bytes:
        """Return what is known of incidents and actions as bytes."""
        return pack(freeze(self.correlation))

    def load(self, state: bytes) -> None:
        """Take up what was known."""
        thaw(self.correlation, unpack(state))

    def _note(self, value: bytes) -> None:
        try:
            event: IncidentEvent | ActionEvent = (
                # Only incidents have a field of that name, and within a text its quotes would be escaped.
                _incident.decode(value) if b'"rule"' in value else _action.decode(value)
            )
        except UNREADABLE as error:
            self.unreadable += 1
            _log.warning("An incident or action could not be read and is not counted: %s", error)
            return
        self.newest_ms = max(self.newest_ms, event.ts_ms)
        if isinstance(event, IncidentEvent):
            self.correlation.note_incident(event)
        else:
            self.correlation.note_action(event)
