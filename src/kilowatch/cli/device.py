"""`kilowatch device`: who the devices are, as people and discovery know them."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.config import Config, load_config
from kilowatch.core.device import Fleet
from kilowatch.core.records import DeviceEdit, DevicesOutput, KnownDevice
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.app.registry import Registry
    from kilowatch.links.database import Database

app = typer.Typer(
    name="device", help="Look at devices, change what is known of them, delete them.", no_args_is_help=True
)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings; ./kilowatch.toml without it.")]
Site = Annotated[str, typer.Argument(help="The home or meter.")]
Device = Annotated[str, typer.Argument(help="The device, as `kilowatch device list` names it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback()
def device() -> None:
    """Look at devices, change what is known of them, delete them."""


@app.command("list")
def list_devices(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all devices."""
    with _database(load_config(config).config) as database, database.read() as transaction:
        known = transaction.devices.all()
    if as_json:
        typer.echo(msgspec.json.encode(DevicesOutput(devices=known)))
        return
    table = Table("site", "device", "kind", "stage", "protected", "acts by", "source", box=None)
    for one in known:
        record = one.record
        words = (record.site, record.device, record.kind.value, record.stage.value)
        table.add_row(
            *map(escape, words), "yes" if record.protected else "no", record.acts_by.value, escape(record.source)
        )
    Console().print(table if known else "No device is known yet.")


@app.command()
def show(site: Site, device: Device, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show all that is known of a device, and what of it a person decided."""
    with _database(load_config(config).config) as database, database.read() as transaction:
        known = transaction.devices.get(site, device)
    if known is None:
        raise ConfigError(f"Device {device} of site {site} is not known.", "List them with: kilowatch device list.")
    if as_json:
        typer.echo(msgspec.json.encode(DevicesOutput(devices=[known])))
        return
    _show(known)


@app.command("set")
def set_fields(
    site: Site,
    device: Device,
    fields: Annotated[list[str], typer.Argument(help="FIELD=VALUE, such as kind=fridge rating_w=90 plug=null.")],
    config: ConfigFile = None,
) -> None:
    """Change what is known of a device; what a person sets, no source changes."""
    wish = edit_of(fields)
    with _database(load_config(config).config) as database:
        record = _registry(database).edit(site, device, wish, getpass.getuser(), _now_ms())
    typer.echo(f"{site}/{device} is at version {record.version}.")


@app.command()
def delete(
    site: Site,
    device: Device,
    config: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a device with its history, state, incidents and labels; the audit stays."""
    if not yes:
        typer.confirm(f"Delete {site}/{device} and all its history?", abort=True)
    settings = load_config(config).config
    with _database(settings) as database:
        erase_files(settings, site, device)
        _registry(database).delete(site, device, getpass.getuser(), _now_ms())
    typer.echo(f"{site}/{device} is deleted.")


def edit_of(fields: list[str]) -> DeviceEdit:
    """Return what FIELD=VALUE words ask for; `ConfigError` where a field or a value makes no sense."""
    said: dict[str, object] = {}
    for word in fields:
        name, separator, value = word.partition("=")
        if not separator:
            raise ConfigError(f"{word!r} is not FIELD=VALUE.", "Write it as kind=fridge.")
        said[name] = None if value == "null" else value
    try:
        return msgspec.convert(said, DeviceEdit, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(DeviceEdit.__struct_fields__)
        raise ConfigError(f"That cannot be set: {error}.", f"These can: {names}.") from error


def erase_files(config: Config, site: str, device: str) -> None:
    """Take a device out of the data folder's history; `ComponentError` while another process holds it."""
    from kilowatch.app.stores import data_folder
    from kilowatch.links.history import DiskSampleHistory, EdgeHistory

    folder = data_folder(config)
    if folder.history.is_dir():
        history = EdgeHistory(folder.history)
        history.erase(site, device)
        history.close()
    if folder.samples.is_dir():
        samples = DiskSampleHistory(folder.samples, Fleet())
        samples.erase(site, device)
        samples.close()


@contextmanager
def _database(config: Config) -> Iterator[Database]:
    # Half a second of imports that no other command should wait for.
    from kilowatch.app.stores import database_settings
    from kilowatch.links.database import Database

    database = Database(database_settings(config))
    try:
        database.check()
        yield database
    finally:
        database.close()


def _registry(database: Database) -> Registry:
    from kilowatch.app.registry import Registry

    return Registry(database)


def _show(known: KnownDevice) -> None:
    table = Table(box=None, show_header=False)
    for name in known.record.__struct_fields__:
        value = getattr(known.record, name)
        by = "[dim]set by a person[/]" if name in known.edited else ""
        table.add_row(name, "–" if value is None else escape(str(value)), by)
    Console().print(table)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
