"""`kilowatch backup` and `kilowatch restore`: the database and history in one file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from kilowatch.app.backup import back_up
from kilowatch.app.backup import restore as put_back
from kilowatch.app.stores import data_folder, database_settings
from kilowatch.config import load_config
from kilowatch.links.database import Database

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings; ./kilowatch.toml without it.")]


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write to, such as kilowatch.tar.gz.")],
    config: ConfigFile = None,
) -> None:
    """Save the database and the history of all devices to one file, also while kilowatch runs."""
    settings = load_config(config).config
    database = Database(database_settings(settings))
    try:
        manifest = back_up(database, data_folder(settings), file, time.time_ns() // 1_000_000)
    finally:
        database.close()
    typer.echo(f"Saved {len(manifest.files)} files to {file} ({file.stat().st_size / 1e6:.1f} MB).")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `kilowatch backup` wrote.")],
    config: ConfigFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the data that is there.")] = False,
) -> None:
    """Bring a backup back, into the database of the settings whatever its kind; stop kilowatch before."""
    settings = load_config(config).config
    database = Database(database_settings(settings))
    try:
        manifest = put_back(database, data_folder(settings), file, force=force)
    finally:
        database.close()
    typer.echo(f"Restored {len(manifest.files)} files of {file}.")
