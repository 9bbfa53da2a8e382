"""The actor's book: actions and audit, each write a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kilowatch.core.events import ActionEvent
    from kilowatch.core.records import AuditEntry
    from kilowatch.links.database.database import Database

REARM = "rearm"
"""The audit's word for a person who allows switching again; the name of the control."""


class DatabaseActionBook:
    """Keeps `kilowatch.app.actor.ports.ActionBook` in the database.

    topic: where steps leave for, by the outbox table that the registry relays; None where nobody waits for them.
    """

    def __init__(self, database: Database, topic: str | None = None) -> None:
        self._database = database
        self._topic = topic

    def write(self, action: ActionEvent | None, entry: AuditEntry | None) -> bool:
        """Add a step of an action, a line of audit, or both in one transaction, and let the step leave with it.

        False, and nothing is written, where that step is there: another process has gone on with the action.
        """
        with self._database.begin() as transaction:
            if action is not None:
                # The step is the claim: its key lets one process through, and the other writes no audit.
                if not transaction.actions.add(action):
                    return False
                if self._topic is not None:
                    transaction.outbox.put(self._topic, action.site, action.site, msgspec.json.encode(action))
            if entry is not None:
                transaction.audit.add(entry)
        return True

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

    def last_word(self, site: str, device: str, incident: str) -> AuditEntry | None:
        """Return the newest line of audit about an incident."""
        with self._database.read() as transaction:
            lines = transaction.audit.last(1, site, device, incident)
        return lines[0] if lines else None
