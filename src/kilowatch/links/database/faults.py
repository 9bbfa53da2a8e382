"""What goes wrong in a database, told in kilowatch's own errors; addresses are shown without their password."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from kilowatch.errors import ComponentError, KilowatchError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL


@contextmanager
def told_plainly(url: URL) -> Iterator[None]:
    """Turn the driver's errors of reaching, locking and filling into `ComponentError`, a broken file into `StateError`.

    Tables that are not there yet are a component that is not there yet: who needs them can wait for the registry.

    Errors of our own making, such as a constraint broken, pass as they are.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _told(url, str(error.orig)) from error
    except DatabaseError as error:
        # By their words: the drivers sort the same fault under different classes.
        if _is_broken(str(error.orig)) or _is_empty(str(error.orig)):
            raise _told(url, str(error.orig)) from error
        raise


def _is_broken(said: str) -> bool:
    return "malformed" in said or "not a database" in said


def _is_empty(said: str) -> bool:
    return "no such table" in said or ("relation" in said and "does not exist" in said)


def _told(url: URL, said: str) -> KilowatchError:
    name, line = url.render_as_string(hide_password=True), said.strip().partition("\n")[0]
    if _is_broken(said):
        return StateError(f"Database {name} is broken: {line}.", "Restore a backup: kilowatch restore FILE.")
    if _is_empty(said):
        return ComponentError(
            f"Database {name} has no tables of kilowatch: {line}.",
            "The registry makes them when it starts: kilowatch serve registry.",
        )
    if "disk is full" in said or "No space left" in said or "disk I/O" in said:
        return ComponentError(f"Database {name} cannot be written, its disk is full: {line}.", "Make room on the disk.")
    if "locked" in said:
        return ComponentError(f"Database {name} is held by another process: {line}.", "Stop the other process.")
    return ComponentError(f"Database {name} does not answer: {line}.", "Is it running, and is the address right?")
