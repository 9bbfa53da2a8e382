"""What became of incidents: the last word on each, its times, and what policy would have done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kilowatch.core.events import EventKind, Severity
from kilowatch.core.staleness import STALE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.core.events import IncidentEvent

_RANK = (Severity.INFO, Severity.WARN, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """An incident from its first event to its last; cleared_ms is None while it is open.

    told: the first event at the incident's worst severity: later ones, up to its end, say less of how it began.
    """

    told: IncidentEvent
    last: IncidentEvent
    opened_ms: int
    cleared_ms: int | None

    @property
    def is_stale(self) -> bool:
        """Whether it is about silence rather than about power."""
        return self.told.rule == STALE


class IncidentLedger:
    """Every incident of a run, by id, in the order in which they opened."""

    def __init__(self) -> None:
        self._entries: dict[str, IncidentEntry] = {}

    def add(self, events: Iterable[IncidentEvent]) -> None:
        """Take in events in order."""
        for event in events:
            entry = self._entries.get(event.id)
            self._entries[event.id] = _opened(event) if entry is None else _continued(entry, event)

    def entries(self) -> list[IncidentEntry]:
        """Return all incidents, earliest first."""
        return sorted(self._entries.values(), key=lambda entry: (entry.told.first_ms, entry.told.id))


def _opened(event: IncidentEvent) -> IncidentEntry:
    return IncidentEntry(told=event, last=event, opened_ms=event.ts_ms, cleared_ms=None)


def _continued(entry: IncidentEntry, event: IncidentEvent) -> IncidentEntry:
    if event.kind is EventKind.CLEARED:
        return replace(entry, last=event, cleared_ms=event.ts_ms)
    told = event if _RANK.index(event.severity) > _RANK.index(entry.told.severity) else entry.told
    # Told of again after its end it is open once more.
    return replace(entry, told=told, last=event, cleared_ms=None)
