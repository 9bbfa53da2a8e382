"""Whether a process lives and whether it is ready: what `/healthz` and `/readyz` answer, and why.

*Live* means that the loop turns; one that hangs is worth killing. *Ready* means that the work has caught up: a member
of a group that has its partitions and has read what lay waiting, a processor whose messages Kafka takes. Who was ready
stays so under load, and until it begins anew: a full queue is no reason to call a process broken.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

HUNG_S = 600.0
"""A loop that has not turned for so long hangs: Kafka takes its partitions away after half of that."""
CAUGHT_UP_MESSAGES = 1000
"""So many waiting messages of all partitions are the ordinary gap between two polls of a busy group."""
STANDS_BY_S = 30.0
"""A member that has no partition after so long is one too many: it is ready, and stands by."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint says: whether it is so, why not, and who speaks."""

    ok: bool
    why: str
    version: str

    @property
    def status(self) -> int:
        """The HTTP status of it."""
        return 200 if self.ok else 503


@dataclass(frozen=True, slots=True)
class _Moving:
    """A count that has to go on moving."""

    count: Callable[[], int]
    within_s: float
    what: str


class Health:
    """What one process says of itself. Safe to use from any thread. clock: monotonic, s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at = self._began_at = clock()
        self._why = "it is starting"
        self._moving: _Moving | None = None
        self._seen, self._moved_at = 0, clock()
        self._lock = threading.Lock()

    def pulse(self, stop: threading.Event) -> Pulse:
        """Return stop as a loop's own: each time it is asked the loop has turned."""
        return Pulse(stop, self.turned)

    def turned(self) -> None:
        """Note that the loop lives."""
        self._turned_at = self._clock()

    def begins(self, why: str) -> None:
        """Not ready from now on, until it is told otherwise."""
        with self._lock:
            self._why, self._began_at, self._moving = why, self._clock(), None

    def ready(self) -> None:
        """Ready from now on."""
        with self._lock:
            self._why = ""

    def needs(self, what: str, count: Callable[[], int], within_s: float) -> None:
        """Ready while a count moves at least once in within_s."""
        with self._lock:
            # As if it had moved too long ago: it is ready with the first that moves from here on.
            self._why, self._seen, self._moved_at = "", count(), self._clock() - within_s
            self._moving = _Moving(count, within_s, what)

    def lag(self, messages: Collection[int]) -> None:
        """Take how many messages wait in each partition of ours: who has caught up once is ready."""
        with self._lock:
            if not messages:
                waits = self._clock() - self._began_at < STANDS_BY_S
                self._why = self._why and ("it has no partition yet" if waits else "")
            elif sum(messages) <= CAUGHT_UP_MESSAGES:
                self._why = ""
            elif self._why:
                self._why = f"{sum(messages)} messages wait to be read first"

    def live_now(self) -> Told:
        """Say whether the loop turns."""
        silent_s = self._clock() - self._turned_at
        return _told("" if silent_s < HUNG_S else f"its loop has not turned for {silent_s:.0f} s")

    def ready_now(self) -> Told:
        """Say whether it is ready for work."""
        with self._lock:
            return _told(self._why or self._still())

    def _still(self) -> str:
        if self._moving is None:
            return ""
        count, now = self._moving.count(), self._clock()
        if count != self._seen:
            self._seen, self._moved_at = count, now
        return "" if now - self._moved_at < self._moving.within_s else f"{self._moving.what} is not taken"


class Pulse(threading.Event):
    """A stop signal that tells whenever it is asked for."""

    def __init__(self, stop: threading.Event, asked: Callable[[], None]) -> None:
        super().__init__()
        self._stop, self._asked = stop, asked

    def is_set(self) -> bool:
        """Whether to stop."""
        self._asked()
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the signal."""
        self._asked()
        return self._stop.wait(timeout)

    def set(self) -> None:
        """Stop."""
        self._stop.set()


def _told(why: str) -> Told:
    return Told(ok=not why, why=why or "ok", version=version("kilowatch"))
