"""The actor's tables: every step of an action, and the audit that only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from kilowatch.core.events import ActionEvent, ActionState
from kilowatch.core.records import AuditEntry
from kilowatch.links.database.rows import add_once
from kilowatch.links.database.tables import actions, audit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

_UNFINISHED = (ActionState.CLAIMED, ActionState.SENT)


class Actions:
    """Steps of actions within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: ActionEvent) -> bool:
        """Write the next step of an action; False where that version is there already: somebody else was first."""
        row = {
            "id": event.id,
            "version": event.version,
            "site": event.site,
            "device": event.device,
            "state": event.state.value,
            "ts_ms": event.ts_ms,
            "body": msgspec.json.encode(event).decode(),
        }
        return add_once(self._connection, actions, row)

    def steps(self, incident: str) -> list[ActionEvent]:
        """Return the steps of an incident's action, oldest first."""
        wanted = select(actions.c.body).where(actions.c.id == incident).order_by(actions.c.version)
        return [_event(body) for body in self._connection.execute(wanted).scalars()]

    def states(self, incidents: Sequence[str]) -> dict[str, ActionState]:
        """Return how far the actions of some incidents have come; those without one are left out."""
        wanted = select(actions.c.id, actions.c.state).where(actions.c.id.in_(incidents)).order_by(actions.c.version)
        # In order of version, so that the last step is the one that stays in the dict.
        return {row.id: ActionState(row.state) for row in self._connection.execute(wanted)}

    def unfinished(self) -> list[ActionEvent]:
        """Return the last step of every action that was claimed or sent and came to no end."""
        return self._last(actions.c.state.in_([state.value for state in _UNFINISHED]))

    def of_site(self, site: str, from_ms: int) -> list[ActionEvent]:
        """Return the last step of each of a site's actions with ts_ms >= from_ms, oldest first."""
        return self._last(actions.c.site == site, actions.c.ts_ms >= from_ms)

    def _last(self, *wanted: ColumnElement[bool]) -> list[ActionEvent]:
        # The last step first, the filter on it after: a step that fits may have been followed by one that does not.
        last = select(actions.c.id, func.max(actions.c.version).label("version")).group_by(actions.c.id).subquery()
        latest = actions.join(last, (actions.c.id == last.c.id) & (actions.c.version == last.c.version))
        rows = select(actions.c.body).select_from(latest).where(*wanted).order_by(actions.c.ts_ms, actions.c.id)
        return [_event(body) for body in self._connection.execute(rows).scalars()]


class Audit:
    """The audit within one transaction; the database itself refuses to change or delete a line."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        """Write one line."""
        self._connection.execute(
            audit.insert().values(
                ts_ms=entry.ts_ms,
                site=entry.site,
                device=entry.device,
                incident=entry.incident,
                what=entry.what,
                body=msgspec.json.encode(entry).decode(),
            )
        )

    def latest_ms(self, site: str, device: str, what: str) -> int | None:
        """Return when a thing was last done or said of a device, ms UTC; None where it never was."""
        wanted = select(func.max(audit.c.ts_ms)).where(
            audit.c.site == site, audit.c.device == device, audit.c.what == what
        )
        return self._connection.execute(wanted).scalar_one()

    def last(
        self, limit: int = 100, site: str | None = None, device: str | None = None, incident: str | None = None
    ) -> list[AuditEntry]:
        """Return the newest lines, newest first."""
        wanted = select(audit.c.body).order_by(audit.c.id.desc()).limit(limit)
        if site is not None:
            wanted = wanted.where(audit.c.site == site)
        if device is not None:
            wanted = wanted.where(audit.c.device == device)
        if incident is not None:
            wanted = wanted.where(audit.c.incident == incident)
        return [msgspec.json.decode(body, type=AuditEntry) for body in self._connection.execute(wanted).scalars()]

    def of_incident(self, incident: str) -> list[AuditEntry]:
        """Return all lines about an incident, oldest first."""
        wanted = select(audit.c.body).where(audit.c.incident == incident).order_by(audit.c.id)
        return [msgspec.json.decode(body, type=AuditEntry) for body in self._connection.execute(wanted).scalars()]


def _event(body: str) -> ActionEvent:
    return msgspec.json.decode(body, type=ActionEvent)
