"""The incidents table: every incident as its latest event tells it, and what a person said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import case, delete, func, select

from kilowatch.core.events import EventKind, IncidentEvent, LabelWord
from kilowatch.core.records import KnownIncident, LabelEntry
from kilowatch.errors import ConfigError
from kilowatch.links.database.rows import insert_into, struct_of
from kilowatch.links.database.tables import incidents, labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select


class Incidents:
    """The projection of incident events within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def project(self, events: Sequence[IncidentEvent]) -> None:
        """Take events in, in any order and as often as they come: the highest version of an incident stands."""
        if not events:
            return
        insert = insert_into(self._connection, incidents)
        new, old = insert.excluded, incidents.c
        # Compared in the statement: one call may bring several versions of an incident, in any order.
        newer = new.version > old.version
        moved = {name: case((newer, new[name]), else_=old[name]) for name in _FOLLOWING}
        # Of all versions, not of the newest: the event that opened it may come last.
        earliest = case((new.opened_ms < old.opened_ms, new.opened_ms), else_=old.opened_ms)
        upsert = insert.on_conflict_do_update(index_elements=["id"], set_={**moved, "opened_ms": earliest})
        self._connection.execute(upsert, [_row(event) for event in events])

    def get(self, incident: str) -> KnownIncident | None:
        """Return an incident by id, None where it is not known."""
        row = self._connection.execute(_with_labels().where(incidents.c.id == incident)).one_or_none()
        return None if row is None else _known(row)

    def between(
        self,
        from_ms: int,
        to_ms: int,
        site: str | None = None,
        device: str | None = None,
        limit: int = 1000,
        *,
        after_id: str | None = None,
        only_open: bool = False,
    ) -> list[KnownIncident]:
        """Return incidents that began in from_ms <= first_ms < to_ms, newest first, at most `limit`.

        after_id: of the last incident of the page before, which began at to_ms: those that began with it follow.
        """
        before = incidents.c.first_ms < to_ms
        if after_id is not None:
            before |= (incidents.c.first_ms == to_ms) & (incidents.c.id > after_id)
        wanted = _with_labels().where(incidents.c.first_ms >= from_ms, before)
        if only_open:
            wanted = wanted.where(incidents.c.cleared_ms.is_(None))
        if site is not None:
            wanted = wanted.where(incidents.c.site == site)
        if device is not None:
            wanted = wanted.where(incidents.c.device == device)
        rows = self._connection.execute(wanted.order_by(incidents.c.first_ms.desc(), incidents.c.id).limit(limit))
        return [_known(row) for row in rows]

    def open(self, rule: str | None = None) -> list[KnownIncident]:
        """Return what has not cleared, oldest first; of one rule, or all."""
        wanted = _with_labels().where(incidents.c.cleared_ms.is_(None)).order_by(incidents.c.first_ms, incidents.c.id)
        if rule is not None:
            wanted = wanted.where(incidents.c.rule == rule)
        return [_known(row) for row in self._connection.execute(wanted)]

    def erase(self, site: str, device: str) -> None:
        """Forget a device's incidents."""
        self._connection.execute(
            delete(incidents).where(incidents.c.site == site, incidents.c.device == device),
        )


_FOLLOWING = ("version", "last_ms", "cleared_ms", "body")


def _row(event: IncidentEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "version": event.version,
        "site": event.site,
        "device": event.device,
        "rule": event.rule,
        "first_ms": event.first_ms,
        "last_ms": event.last_ms,
        "opened_ms": event.ts_ms,
        "cleared_ms": event.ts_ms if event.kind is EventKind.CLEARED else None,
        "body": msgspec.json.encode(event).decode(),
    }


def _with_labels() -> Select[tuple[str, int, int | None, str | None]]:
    latest = select(labels.c.incident, func.max(labels.c.version).label("version")).group_by(labels.c.incident)
    last = latest.subquery()
    said = incidents.outerjoin(last, last.c.incident == incidents.c.id).outerjoin(
        labels, (labels.c.incident == last.c.incident) & (labels.c.version == last.c.version)
    )
    return select(incidents.c.body, incidents.c.opened_ms, incidents.c.cleared_ms, labels.c.label).select_from(said)


def _known(row: Row[tuple[str, int, int | None, str | None]]) -> KnownIncident:
    return KnownIncident(
        event=msgspec.json.decode(row.body, type=IncidentEvent),
        opened_ms=row.opened_ms,
        cleared_ms=row.cleared_ms,
        label=None if row.label is None else LabelWord(row.label),
    )


class Labels:
    """A person's words on incidents within one transaction, every version kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def versions(self, incident: str) -> list[LabelEntry]:
        """Return all that was said of an incident, oldest first."""
        wanted = select(labels).where(labels.c.incident == incident).order_by(labels.c.version)
        return [struct_of(row, LabelEntry) for row in self._connection.execute(wanted)]

    def latest(self, incident: str) -> LabelEntry | None:
        """Return the last word on an incident, None where nothing was ever said."""
        wanted = select(labels).where(labels.c.incident == incident).order_by(labels.c.version.desc()).limit(1)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else struct_of(row, LabelEntry)

    def say(self, event: IncidentEvent, label: LabelWord | None, who: str, ts_ms: int) -> LabelEntry:
        """Add the next version of a person's word; label None takes it back, `ConfigError` where there is none to."""
        before = self.latest(event.id)
        if label is None and (before is None or before.label is None):
            raise ConfigError(f"Incident {event.id} has no label to take back.", "Nothing was changed.")
        entry = LabelEntry(
            incident=event.id,
            version=1 if before is None else before.version + 1,
            site=event.site,
            device=event.device,
            label=label,
            who=who,
            ts_ms=ts_ms,
        )
        self._connection.execute(labels.insert().values(msgspec.structs.asdict(entry)))
        return entry

    def erase(self, site: str, device: str) -> None:
        """Forget all words on a device's incidents."""
        self._connection.execute(delete(labels).where(labels.c.site == site, labels.c.device == device))
