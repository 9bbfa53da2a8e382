"""The edge's readings and incidents on their way upstream, through the outbox on its disk.

1. The loop hands messages over as it takes them from the log, in memory, and goes on.
2. A thread gathers them for a moment and puts their readings into the outbox, on the disk.
3. Incidents go to the outbox before the loop forgets that they are news.
4. The same thread sends the oldest batch of readings, then of incidents, one of each at a time.
5. Once upstream has a batch for good, and not before, the outbox forgets it.
6. Now and then it is written down which reading of the outbox is the first of which message of the log.

Cut between 1 and 2 the messages are read again from the log, from 6 on; the outbox's count says how many of their
readings it has already. Cut between 4 and 5 a batch leaves twice, as it was: readers know readings by site, device and
time, incidents by id and version. While upstream is away 2 and 3 go on, and the loop never waits for 4.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.edge.batches import encoded, readings_of
from kilowatch.errors import KilowatchError
from kilowatch.links.journal import is_full
from kilowatch.links.outbox import Kept, WaitingReadings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kilowatch.app.edge.outbox_metrics import OutboxMetrics
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.edge_log import Taken
    from kilowatch.links.outbox import DiskOutbox, WaitingIncidents
    from kilowatch.links.uplink import Uplink

_log = logging.getLogger("kilowatch.upstream")
_IDLE_S, _POLL_S, _SHOW_S = 0.2, 0.05, 1.0


@dataclass(frozen=True, slots=True)
class UpstreamTempo:
    """gather_s: readings wait so long for others before they go to the disk. mark_s: how often 6 is done.

    retry_s: pause after upstream refused or the disk was full. farewell_s: an end waits so long for what is under way.
    """

    gather_s: float = 1.0
    mark_s: float = 30.0
    retry_s: float = 2.0
    farewell_s: float = 2.0


class _Mark(msgspec.Struct):
    """Reading number `reading` of the outbox is the first of message `offset` of the log."""

    offset: int
    reading: int


@dataclass(slots=True)
class _Flight:
    """A batch that has been sent; waiting: messages of it that nobody has acknowledged."""

    batch: WaitingReadings | WaitingIncidents
    waiting: int = 0
    error: KilowatchError | None = None

    def told(self, error: KilowatchError | None) -> None:
        self.waiting -= 1
        self.error = self.error or error


@dataclass(slots=True)
class _Gathered:
    """Messages that are not in the outbox yet; next: the one that comes after them. skip: readings known already."""

    values: list[bytes] = field(default_factory=list)
    next: int = 0
    skip: int = 0
    since_s: float = 0.0


class Upstream:
    """Keeps `Tap`. outbox: filled and emptied here alone. uplink: makes a connection. clock: wall clock, ms UTC."""

    def __init__(
        self,
        outbox: DiskOutbox,
        mark: Path,
        uplink: Callable[[], Uplink],
        clock: Callable[[], int],
        metrics: OutboxMetrics,
        tempo: UpstreamTempo | None = None,
    ) -> None:
        self._outbox, self._path, self._make, self._clock = outbox, mark, uplink, clock
        self._metrics, self._tempo = metrics, tempo or UpstreamTempo()
        # The outbox is for one thread at a time: the loop puts incidents in, the thread does all the rest.
        self._disk = threading.Lock()
        # Needs no lock: the loop appends and the thread pops, which a deque allows at once.
        self._fresh: deque[Taken] = deque()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._gathered = _Gathered()
        self._mark = self._kept = _Mark(0, 0)
        self._uplink: Uplink | None = None
        self._flight: _Flight | None = None
        self._is_readings_turn = self._is_refused = False
        self._mark_at = self._show_at = self._pause_until = 0.0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)

    def open(self, log_end: int) -> int:
        """Begin to send; return the first message of the log that is not in the outbox."""
        end = self._outbox.end
        known = self._load() or _Mark(0, end)
        # a power cut may have taken messages from the log that the outbox has: what comes now has their numbers
        first = min(known.offset, log_end)
        self._mark = _Mark(first, known.reading if first == known.offset else end)
        # Like no mark there is, so that the save below writes.
        self._kept = _Mark(first, -1)
        self._save()
        # What was put in after the last mark comes once more from the log: so many of its readings are there.
        self._gathered = _Gathered(next=first, skip=max(0, end - self._mark.reading))
        self._thread.start()
        return first

    def took(self, taken: Taken) -> None:
        """Take messages; `BaseException` of the thread where its disk has failed."""
        if self._failure is not None:
            raise self._failure
        self._fresh.append(taken)
        self._news.set()

    def told(self, events: Sequence[IncidentEvent]) -> None:
        """Keep incident events in the outbox, on the disk unless that is full."""
        if events:
            with self._disk:
                self._outbox.put_incidents(events, self._clock())
            self._news.set()

    @property
    def kept_from(self) -> int:
        """The first message that is read again after a death."""
        return self._kept.offset

    def close(self) -> None:
        """Put what is left into the outbox, send what can be sent at once, and end."""
        self._closing.set()
        self._news.set()
        self._thread.join()
        self._outbox.close()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                # With a batch under way the pause is that of the uplink's poll.
                self._news.wait(0.0 if self._flight is not None else _IDLE_S)
                self._news.clear()
                self._turn(is_last=False)
            self._end()
        except BaseException as error:
            _log.exception("Nothing is passed on any more.")
            # Raised by the next `took`: with nobody to move the mark on, the log would be kept until the disk is full.
            self._failure = error
        finally:
            if self._uplink is not None:
                self._uplink.close()

    def _turn(self, *, is_last: bool) -> None:
        self._gather(is_last=is_last)
        # A refusal pauses sending alone: what comes meanwhile still goes to the disk.
        if time.monotonic() >= self._pause_until:
            self._send()
        if time.monotonic() >= self._mark_at or is_last:
            self._mark_at = time.monotonic() + self._tempo.mark_s
            self._save()
        if time.monotonic() >= self._show_at or is_last:
            self._show_at = time.monotonic() + _SHOW_S
            with self._disk:
                self._metrics.show(self._outbox.state)

    def _end(self) -> None:
        deadline = time.monotonic() + self._tempo.farewell_s
        self._turn(is_last=True)
        while time.monotonic() < deadline and self._is_leaving():
            self._turn(is_last=False)
        self._save()

    def _is_leaving(self) -> bool:
        """Whether something is under way, or waits and is not refused."""
        if self._flight is not None:
            return True
        with self._disk:
            state = self._outbox.state
        return not self._is_refused and state.readings + state.incidents > 0

    def _gather(self, *, is_last: bool) -> None:
        """Do 2 where readings have waited long enough."""
        gathered = self._gathered
        if self._fresh and not gathered.values:
            gathered.since_s = time.monotonic()
        while self._fresh:
            taken = self._fresh.popleft()
            gathered.values += taken.values
            gathered.next = taken.offsets[-1] + 1
        is_due = is_last or time.monotonic() - gathered.since_s >= self._tempo.gather_s
        if not gathered.values or not is_due:
            return
        readings = readings_of(gathered.values)
        with self._disk:
            kept = self._outbox.put(readings[gathered.skip :])
        if kept is Kept.DISK_FULL:
            # Nothing is lost: the mark has not moved, so the log still has these messages.
            gathered.since_s = time.monotonic() + self._tempo.retry_s
            return
        self._mark = _Mark(gathered.next, self._mark.reading + len(readings))
        self._gathered = _Gathered(next=gathered.next, skip=max(0, gathered.skip - len(readings)))

    def _send(self) -> None:
        """Do 4 and 5, a step of them."""
        if self._flight is None:
            self._take_off()
        if self._flight is None or self._uplink is None:
            return
        if self._flight.waiting and self._flight.error is None:
            self._uplink.poll(_POLL_S)
        if self._flight.error is not None:
            self._refused(self._flight.error)
        elif not self._flight.waiting:
            with self._disk:
                self._outbox.done(self._flight.batch)
            self._flight, self._is_refused = None, False
            self._news.set()

    def _take_off(self) -> None:
        with self._disk:
            batch = self._next()
        if batch is None:
            return
        flight = self._flight = _Flight(batch)
        try:
            if self._uplink is None:
                self._uplink = self._make()
            send = self._uplink.send_readings if isinstance(batch, WaitingReadings) else self._uplink.send_incident
            for site, message in encoded(batch):
                # Counted before it is handed over: it may be answered within the call.
                flight.waiting += 1
                send(site, message, flight.told)
        except KilowatchError as error:
            flight.error = error

    def _next(self) -> WaitingReadings | WaitingIncidents | None:
        """Return the oldest batch: readings and incidents take turns, so that neither waits for all of the other."""
        now_ms = self._clock()
        self._is_readings_turn = not self._is_readings_turn
        if self._is_readings_turn:
            return self._outbox.next_readings(now_ms) or self._outbox.next_incidents(now_ms)
        return self._outbox.next_incidents(now_ms) or self._outbox.next_readings(now_ms)

    def _refused(self, error: KilowatchError) -> None:
        """Begin anew with another connection, after a pause; say so once."""
        if not self._is_refused:
            _log.error("Upstream refuses, what there is waits on the disk: %s %s", error, error.hint)
        self._is_refused = True
        if self._uplink is not None:
            self._uplink.close()
        self._uplink = self._flight = None
        self._pause_until = time.monotonic() + self._tempo.retry_s

    def _load(self) -> _Mark | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Mark)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _save(self) -> None:
        """Do 6; a torn or lost mark costs duplicates that readers know, so it is not forced to the disk."""
        if self._mark == self._kept:
            return
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(self._mark))
            fresh.replace(self._path)
        except OSError as error:
            if not is_full(error):
                raise
            return
        self._kept = self._mark
