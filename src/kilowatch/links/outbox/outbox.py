"""The edge's disk outbox: readings and incidents wait here, in order, while upstream is away.

Rules, in order of weight:
1. An incident is never dropped. Where the disk has no room even after rule 2, it waits in memory until it has.
2. Over `max_bytes`, or on a full disk, the oldest readings go first, a file at a time, and are counted.
3. Where nothing is left to drop, new readings are refused: the source has not been acknowledged and keeps them.
4. What waited longer than `late_after_ms` leaves as backfill and as historical: it can switch nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import StateError
from kilowatch.links.folder_lock import FolderLock
from kilowatch.links.journal import is_full, replacing
from kilowatch.links.outbox.incidents import IncidentLog, Noted
from kilowatch.links.outbox.readings import ReadingLog
from kilowatch.links.outbox.waiting import WaitingIncidents, WaitingReadings, messages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kilowatch.core.events import IncidentEvent, Reading

FORMAT = 1


class Kept(StrEnum):
    """What became of what was put in."""

    ON_DISK = "on_disk"
    OLDEST_DROPPED = "oldest_dropped"
    DISK_FULL = "disk_full"


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """max_bytes: of readings. late_after_ms: as long as an intent lives, since older news may switch nothing."""

    max_bytes: int = 300_000_000
    file_bytes: int = 4_000_000
    late_after_ms: int = 120_000
    survives_power_cut: bool = True

    @property
    def seal_bytes(self) -> int:
        """How large the newest file of readings grows: one file must be a small part of the whole."""
        return min(self.file_bytes, self.max_bytes // 8)


@dataclass(frozen=True, slots=True)
class OutboxState:
    """What waits, and what was lost. dropped, refused: readings, since the outbox was made and since start."""

    readings: int
    incidents: int
    size: int
    dropped: int
    refused: int
    is_full: bool


class _Mark(msgspec.Struct, kw_only=True):
    format: int = FORMAT
    outbox: str
    readings: int = 0
    incidents: int = 0
    dropped: int = 0


class DiskOutbox:
    """A folder that one process at a time fills and empties; not for several threads at once."""

    def __init__(self, folder: Path, limits: OutboxLimits | None = None) -> None:
        self._limits = limits or OutboxLimits()
        self._path = folder / "mark.json"
        self._lock = FolderLock(folder)
        try:
            self._mark = self._load()
            sync = self._limits.survives_power_cut
            self._readings = ReadingLog(folder / "readings", self._mark.readings, sync=sync)
            self._incidents = IncidentLog(folder / "incidents", self._mark.incidents, sync=sync)
        except BaseException:
            self._lock.close()
            raise
        self._refused = 0
        self._full = self._is_marked = False
        # A power cut may have taken files since the mark was written: what they held is lost, and counted.
        self._skip_gaps()
        # On disk before the first batch leaves: after a crash another id would make its readings new ones.
        self._save()

    def put(self, readings: Sequence[Reading]) -> Kept:
        """Keep readings, on the disk before this returns; `DISK_FULL` says that none of them was."""
        if not readings:
            return Kept.ON_DISK
        dropped = self._mark.dropped
        if not self._make_way(lambda: self._readings.append(readings)):
            self._refused += len(readings)
            return Kept.DISK_FULL
        if self._readings.journal_size >= self._limits.seal_bytes:
            self._seal()
        # After the readings are safe: a crash in between leaves too much on the disk, and never too little.
        while self._readings.size > self._limits.max_bytes and self._drop_oldest():
            pass
        return Kept.ON_DISK if dropped == self._mark.dropped else Kept.OLDEST_DROPPED

    def put_incidents(self, events: Sequence[IncidentEvent], now_ms: int) -> Kept:
        """Keep incident events; `DISK_FULL` says that some are in memory alone and go to the disk once it has room."""
        self._incidents.put([Noted(now_ms, event) for event in events])
        dropped = self._mark.dropped
        while not self._incidents.write():
            # Readings make way for incidents, down to the last one: rule 1 weighs more.
            if not self._drop_oldest():
                self._full = True
                return Kept.DISK_FULL
        self._full = False
        return Kept.ON_DISK if dropped == self._mark.dropped else Kept.OLDEST_DROPPED

    def next_readings(self, now_ms: int, limit: int = 10_000) -> WaitingReadings | None:
        """Return the oldest readings that have not left, at most `limit`; None where none wait."""
        self._skip_gaps()
        first = self._mark.readings
        table = self._readings.read(first, limit)
        if table.num_rows == 0:
            return None
        messages = messages_of(table, now_ms - self._limits.late_after_ms)
        return WaitingReadings(self._mark.outbox, first, table.num_rows, messages)

    def next_incidents(self, now_ms: int, limit: int = 1000) -> WaitingIncidents | None:
        """Return the oldest incident events that have not left, at most `limit`; None where none wait."""
        first = self._mark.incidents
        noted = self._incidents.read(first, limit)
        if not noted:
            return None
        late_before_ms = now_ms - self._limits.late_after_ms
        events = tuple(_marked(one.event) if one.put_ms < late_before_ms else one.event for one in noted)
        return WaitingIncidents(self._mark.outbox, first, len(noted), events)

    def done(self, batch: WaitingReadings | WaitingIncidents) -> None:
        """Forget a batch that upstream has acknowledged."""
        if isinstance(batch, WaitingReadings):
            self._mark.readings = max(self._mark.readings, batch.first + batch.count)
        else:
            self._incidents.write()
            self._mark.incidents = max(self._mark.incidents, batch.first + batch.count)
        # The mark before the files: those that were gone without it would be counted as lost after a crash.
        self._save()
        if not self._is_marked:
            return
        for part in [part for part in self._readings.sealed if part.end <= self._mark.readings]:
            self._readings.remove(part)
        self._incidents.forget(self._mark.incidents)

    @property
    def end(self) -> int:
        """The number that the next reading gets: how many there ever were."""
        return self._readings.end

    @property
    def state(self) -> OutboxState:
        """What waits, and what was lost."""
        return OutboxState(
            readings=self._readings.end - self._mark.readings,
            incidents=self._incidents.total - self._mark.incidents,
            size=self._readings.size + self._incidents.size,
            dropped=self._mark.dropped,
            refused=self._refused,
            is_full=self._full,
        )

    def close(self) -> None:
        """Let the next one have the folder."""
        self._incidents.write()
        self._readings.close()
        self._incidents.close()
        self._lock.close()

    def _make_way(self, write: Callable[[], None]) -> bool:
        """Write, dropping the oldest readings for as long as the disk is full; return whether it was written."""
        while True:
            try:
                write()
            except OSError as error:
                if not is_full(error):
                    raise
                self._full = True
                if not self._drop_oldest():
                    return False
            else:
                self._full = False
                return True

    def _seal(self) -> None:
        """Turn the newest readings into columns; a full disk leaves them as they are."""
        try:
            self._readings.seal()
        except OSError as error:
            if not is_full(error):
                raise
            self._full = True

    def _drop_oldest(self) -> bool:
        """Drop the oldest file of readings and count what had not left; return whether there was one."""
        # Also what is on its way upstream may go here: `done` keeps the larger mark.
        if not self._readings.drop_oldest():
            return False
        self._skip_gaps()
        # What the disk had no room for until now.
        if not self._is_marked:
            self._save()
        return True

    def _skip_gaps(self) -> None:
        """Go on at the first reading that is there; those before it are lost, and counted."""
        first = self._readings.next_from(self._mark.readings)
        if first > self._mark.readings:
            self._mark.dropped += first - self._mark.readings
            self._mark.readings = first
            self._save()

    def _load(self) -> _Mark:
        if not self._path.exists():
            return _Mark(outbox=uuid.uuid4().hex)
        try:
            mark = msgspec.json.decode(self._path.read_bytes(), type=_Mark)
        except msgspec.DecodeError as error:
            raise StateError(f"{self._path} cannot be read: {error}.", "Remove the outbox's folder.") from error
        if mark.format > FORMAT:
            raise StateError(
                f"{self._path} was written by a newer kilowatch (format {mark.format}, known {FORMAT}).",
                "Upgrade kilowatch.",
            )
        return mark

    def _save(self) -> None:
        """Write down how far it has come; on a full disk a restart sends the last batches again, same numbers."""
        self._is_marked = False
        try:
            with replacing(self._path) as fresh:
                fresh.write_bytes(msgspec.json.encode(self._mark))
        except OSError as error:
            if not is_full(error):
                raise
            self._full = True
        else:
            self._is_marked = True


def _marked(event: IncidentEvent) -> IncidentEvent:
    return msgspec.structs.replace(event, historical=True)
