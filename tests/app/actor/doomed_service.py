"""`serve actor` that is killed at a step of an action: python doomed_service.py CONFIG [STEP before|after].

STEP: INCIDENT/VERSION or DEVICE/VERSION of the step at whose writing it dies.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from kilowatch.cli.serve import app
from kilowatch.links.database.action_book import DatabaseActionBook

if TYPE_CHECKING:
    from kilowatch.core.events import ActionEvent
    from kilowatch.core.records import AuditEntry


def dying(step: str, moment: str) -> None:
    """Let the process be killed just before or just after a step stands in the database."""
    original = DatabaseActionBook.write

    def doomed(book: DatabaseActionBook, action: ActionEvent | None, entry: AuditEntry | None) -> bool:
        is_due = action is not None and step in {f"{name}/{action.version}" for name in (action.id, action.device)}
        if is_due and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        written = original(book, action, entry)
        if is_due:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    setattr(DatabaseActionBook, "write", doomed)  # noqa: B010 - a method that dies on purpose


def main() -> None:
    config, *doom = sys.argv[1:]
    if doom:
        dying(*doom)
    app(["actor", "-c", config])


if __name__ == "__main__":
    main()
