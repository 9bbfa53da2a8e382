"""How things stand on the edge, for the actor: incidents as last seen, records as they are, time as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.policy import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.pipeline import Pipeline
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.database import Database


class EdgeWorld:
    """Keeps `kilowatch.app.actor.ports.World`.

    clock: time of the readings as it passes now, ms UTC: what lies in a log since yesterday is yesterday's.
    """

    def __init__(self, database: Database, pipeline: Pipeline, clock: Callable[[], int]) -> None:
        self._database = database
        self._pipeline = pipeline
        self._clock = clock
        self._events: dict[str, IncidentEvent] = {}

    def saw(self, event: IncidentEvent) -> None:
        """Take an incident's latest event."""
        self._events[event.id] = event

    def forget(self, incident: str) -> None:
        """Drop an incident that is over; the database still has it."""
        self._events.pop(incident, None)

    def incident(self, incident: str) -> IncidentEvent | None:
        """Return the latest event of an incident."""
        event = self._events.get(incident)
        if event is not None:
            return event
        with self._database.read() as transaction:
            known = transaction.incidents.get(incident)
        return None if known is None else known.event

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return a device's record as the database has it now: a word of a person counts at once."""
        # A record and the word of its change are written in one transaction: the database is never behind the word.
        del version
        with self._database.read() as transaction:
            known = transaction.devices.get(site, device)
        return None if known is None else known.record

    def moment(self, site: str, device: str) -> Moment:
        """Return the time as it is now, and whether the device is silent."""
        slot = self._pipeline.fleet.slot(site, device)
        silent = self._pipeline.staleness.silent
        # Who has not been heard counts as silent: that forbids to switch.
        return Moment(self._clock(), stale=slot is None or slot >= len(silent) or bool(silent[slot]))
