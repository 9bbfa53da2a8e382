"""`kilowatch backup` and `kilowatch restore`: the database, history and what was learnt in one file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kilowatch.cli.database import ConfigFile
from kilowatch.config import load_config

if TYPE_CHECKING:
    from kilowatch.app.stores import DataFolder
    from kilowatch.config import Config
    from kilowatch.links.database import Database


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write to, such as kilowatch.tar.gz.")],
    config: ConfigFile = None,
) -> None:
    """Save the database, history, and what an edge has learnt with its log to one file, also while kilowatch runs.

    Not in it: settings, secrets, model files, and what waits to be sent upstream.
    """
    from kilowatch.app.backup import back_up

    with _stores(load_config(config).config) as (database, data):
        manifest = back_up(database, data, file, time.time_ns() // 1_000_000)
    typer.echo(f"Saved {len(manifest.files)} files to {file} ({file.stat().st_size / 1e6:.1f} MB).")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `kilowatch backup` wrote.")],
    config: ConfigFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the data that is there.")] = False,
) -> None:
    """Bring a backup back, into the database of the settings whatever its kind; stop kilowatch before."""
    from kilowatch.app.backup import restore as put_back

    with _stores(load_config(config).config) as (database, data):
        manifest = put_back(database, data, file, force=force)
    typer.echo(f"Restored {len(manifest.files)} files of {file}.")


@contextmanager
def _stores(config: Config) -> Iterator[tuple[Database, DataFolder]]:
    # Half a second of imports that no other command should wait for.
    from kilowatch.app.stores import data_folder, database_settings
    from kilowatch.links.database import Database

    database = Database(database_settings(config))
    try:
        yield database, data_folder(config)
    finally:
        database.close()
