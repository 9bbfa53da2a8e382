"""The database behind commands: opened for as long as one runs, and who asks at what time."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kilowatch.config import Config

if TYPE_CHECKING:
    from kilowatch.app.registry import Registry
    from kilowatch.links.database import Database

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="Settings; ./kilowatch.toml without it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@contextmanager
def opened(config: Config) -> Iterator[Database]:
    """Open the database of a config and hold its schema to ours; `ComponentError` where there is none yet."""
    # Half a second of imports that no other command should wait for.
    from kilowatch.app.stores import database_settings
    from kilowatch.links.database import Database

    database = Database(database_settings(config))
    try:
        database.check()
        yield database
    finally:
        database.close()


@contextmanager
def registry_of(config: Config) -> Iterator[Registry]:
    """Open the registry of a config."""
    from kilowatch.app.registry import Registry

    with opened(config) as database:
        yield Registry(database)


def who() -> str:
    """Return the person who types, as this machine knows them."""
    try:
        return getpass.getuser()
    # In a container the user may have a number and no name.
    except (KeyError, OSError):
        return "somebody"


def now_ms() -> int:
    """Return the wall clock, ms UTC: when a person said what they said."""
    return time.time_ns() // 1_000_000
