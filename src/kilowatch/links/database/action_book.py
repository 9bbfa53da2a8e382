"""The actor's book: actions and audit, each write a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilowatch.core.events import ActionEvent
    from kilowatch.core.records import AuditEntry
    from kilowatch.links.database.database import Database

REARM = "rearm"
"""The audit's word for a person who allows switching again; the name of the control."""


class DatabaseActionBook:
    """Keeps `kilowatch.app.actor.ports.ActionBook` in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, action: ActionEvent | None, entry: AuditEntry | None) -> None:
        """Add a step of an action, a line of audit, or both in one transaction; a step that is there stays."""
        with self._database.begin() as transaction:
            if action is not None:
                transaction.actions.add(action)
            if entry is not None:
                transaction.audit.add(entry)

    def steps(self, incident: str) -> list[ActionEvent]:
        """Return the steps of an incident's action, oldest first; none where it has had none."""
        with self._database.read() as transaction:
            return transaction.actions.steps(incident)

    def unfinished(self) -> list[ActionEvent]:
        """Return the last step of every action that is neither confirmed, unconfirmed nor refused."""
        with self._database.read() as transaction:
            return transaction.actions.unfinished()

    def of_site(self, site: str, since_ms: int) -> list[ActionEvent]:
        """Return the last step of each of a site's actions with ts_ms >= since_ms, event time."""
        with self._database.read() as transaction:
            return transaction.actions.of_site(site, since_ms)

    def rearmed_ms(self, site: str, device: str) -> int | None:
        """Return when a person last allowed switching again, event time."""
        with self._database.read() as transaction:
            return transaction.audit.latest_ms(site, device, REARM)
