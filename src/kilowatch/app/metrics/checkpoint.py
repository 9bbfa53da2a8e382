"""The metric processor's state in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.app.metrics.ports import Saved
from kilowatch.links.usage_store import UsageStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.history import NamedBuckets
    from kilowatch.core.usage import StoredDay
    from kilowatch.links.database.database import Database
    from kilowatch.links.kafka.place import Place


class DatabaseCheckpoint:
    """Keeps states, offsets, days and history in one transaction of the database."""

    def __init__(self, database: Database) -> None:
        self._store = UsageStore(database)

    def load(self, place: Place) -> Saved | None:
        """Return what was saved last for a partition."""
        found = self._store.load(place.topic, place.partition)
        return None if found is None else Saved(place, found[0], found[1])

    def save(self, saved: Sequence[Saved], days: Sequence[StoredDay], past: Sequence[NamedBuckets] = ()) -> None:
        """Keep states, add days and past; `StateError` where another process took over."""
        states = [(str(one.place.topic), one.place.partition, one.since, one.next, one.state) for one in saved]
        self._store.save(states, days, past)
