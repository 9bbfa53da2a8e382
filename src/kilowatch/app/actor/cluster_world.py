"""How things stand in a cluster, for the actor: incidents as `IoTAnomalies` tells them, records as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.core.events import EventKind
from kilowatch.core.policy import EXPIRES_MS, Moment
from kilowatch.core.staleness import STALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.database import Database

KEEP_MS = 600_000
"""An incident that is over is remembered for so long: an action that is under way must see that it is over."""


@dataclass(frozen=True, slots=True)
class _Seen:
    event: IncidentEvent
    at_ms: int


class ClusterWorld:
    """Keeps `kilowatch.app.actor.ports.World`. clock: wall clock, ms UTC, by which evidence grows old.

    The database's copy of incidents may lag behind; what this process has read itself counts for more.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._silent: dict[tuple[str, str], set[str]] = {}

    def saw(self, event: IncidentEvent) -> bool:
        """Take an incident's event; False where it is no news."""
        known, now_ms = self._seen.get(event.id), self._clock()
        if known is not None and known.event.version >= event.version:
            return False
        # Old news leads to no action, and a reader that begins far back would fill the memory with it.
        if now_ms - event.ts_ms < KEEP_MS or known is not None:
            self._seen[event.id] = _Seen(event, now_ms)
        if event.rule == STALE:
            silences = self._silent.setdefault((event.site, event.device), set())
            if event.kind is EventKind.CLEARED:
                silences.discard(event.id)
            else:
                silences.add(event.id)
        return True

    def know_silent(self, is_ours: Callable[[str], bool]) -> None:
        """Take from the database which devices of our sites were silent before we began to read."""
        with self._database.read() as transaction:
            still_open = transaction.incidents.open(STALE)
        for known in still_open:
            if is_ours(known.event.site) and known.event.id not in self._seen:
                self._silent.setdefault((known.event.site, known.event.device), set()).add(known.event.id)

    def current(self, only: Iterable[tuple[str, str]] | None = None) -> list[IncidentEvent]:
        """Return the open incidents whose evidence is not too old to act on, of some devices or of all."""
        wanted = None if only is None else set(only)
        now_ms = self._clock()
        return [
            seen.event
            for seen in self._seen.values()
            if seen.event.kind is not EventKind.CLEARED
            and now_ms - seen.event.last_ms <= EXPIRES_MS
            and (wanted is None or (seen.event.site, seen.event.device) in wanted)
        ]

    def prune(self) -> list[str]:
        """Forget incidents that nobody has spoken of for a while, and return their ids; silences stay."""
        before_ms = self._clock() - KEEP_MS
        old = [incident for incident, seen in self._seen.items() if seen.at_ms < before_ms]
        for incident in old:
            del self._seen[incident]
        return old

    def incident(self, incident: str) -> IncidentEvent | None:
        """Return the latest event of an incident."""
        seen = self._seen.get(incident)
        if seen is not None:
            return seen.event
        with self._database.read() as transaction:
            known = transaction.incidents.get(incident)
        return None if known is None else known.event

    def record(self, site: str, device: str) -> DeviceRecord | None:
        """Return a device's record as the database has it now: a word of a person counts at once."""
        with self._database.read() as transaction:
            known = transaction.devices.get(site, device)
        return None if known is None else known.record

    def moment(self, site: str, device: str) -> Moment:
        """Return the time as it is now, and whether the device is silent."""
        return Moment(self._clock(), stale=bool(self._silent.get((site, device))))
