"""`kilowatch device`: who the devices are, as people and discovery know them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.database import AsJson, ConfigFile, now_ms, opened, registry_of, who
from kilowatch.cli.spans import seconds_of
from kilowatch.config import Config, load_config
from kilowatch.core.device import ActsBy
from kilowatch.core.records import DeviceEdit, DevicesOutput, KnownDevice
from kilowatch.errors import ConfigError

app = typer.Typer(
    name="device", help="Look at devices, change what is known of them, delete them.", no_args_is_help=True
)

Site = Annotated[str, typer.Argument(help="The home or meter.")]
Device = Annotated[str, typer.Argument(help="The device, as `kilowatch device list` names it.")]
Side = Annotated[ActsBy, typer.Option("--by", help="The side that owns the switch, where nobody said so before.")]


@app.callback()
def device() -> None:
    """Look at devices, change what is known of them, delete them."""


@app.command("list")
def list_devices(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all devices."""
    with opened(load_config(config).config) as database, database.read() as transaction:
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
    with opened(load_config(config).config) as database, database.read() as transaction:
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
    with registry_of(load_config(config).config) as registry:
        record = registry.edit(site, device, wish, who(), now_ms())
    typer.echo(f"{site}/{device} is at version {record.version}.")


@app.command()
def arm(site: Site, device: Device, side: Side = ActsBy.EDGE, config: ConfigFile = None) -> None:
    """Allow kilowatch to switch a device off; also again, after you had switched it on yourself."""
    from kilowatch.app import arming

    settings = load_config(config).config
    with registry_of(settings) as registry:
        record = arming.arm(registry, site, device, who(), now_ms(), side)
    typer.echo(
        f"{site}/{device} is armed: when it misbehaves, the {record.acts_by.value} may switch {record.plug} off."
    )
    if settings.policy.dry_run:
        typer.echo("It is a dry run still: nothing is switched until policy.dry_run is false.")


@app.command()
def disarm(site: Site, device: Device, config: ConfigFile = None) -> None:
    """Forbid switching a device; it is watched on."""
    from kilowatch.app import arming

    with registry_of(load_config(config).config) as registry:
        arming.disarm(registry, site, device, who(), now_ms())
    typer.echo(f"{site}/{device} is not armed: it is watched, and never switched.")


@app.command()
def protect(site: Site, device: Device, config: ConfigFile = None) -> None:
    """Never switch a device, armed or not."""
    _protect(site, device, config, protected=True)
    typer.echo(f"{site}/{device} is protected: it is never switched.")


@app.command()
def unprotect(site: Site, device: Device, config: ConfigFile = None) -> None:
    """Take the protection of a device away; it is switched only once it is armed too."""
    _protect(site, device, config, protected=False)
    typer.echo(f"{site}/{device} is no longer protected. It is switched only once it is armed: kilowatch device arm")


@app.command()
def mute(
    site: Site,
    device: Device,
    lasts: Annotated[str, typer.Option("--for", help="How long: 8h, 2d; 0 ends it.")] = "8h",
    config: ConfigFile = None,
) -> None:
    """Be told nothing of a device for a while; meanwhile it is not switched either."""
    until_ms = 0 if lasts == "0" else now_ms() + round(seconds_of(lasts) * 1000)
    with registry_of(load_config(config).config) as registry:
        registry.mute(site, device, until_ms, who(), now_ms())
    typer.echo(f"{site}/{device} is muted for {lasts}." if until_ms else f"{site}/{device} is heard again.")


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
    with registry_of(settings) as registry:
        # The files first: while kilowatch runs they cannot be had, and then nothing is half deleted.
        erase_files(settings, site, device)
        registry.delete(site, device, who(), now_ms())
    typer.echo(f"{site}/{device} is deleted.")


def _protect(site: str, device: str, config: Path | None, *, protected: bool) -> None:
    from kilowatch.app import arming

    with registry_of(load_config(config).config) as registry:
        arming.protect(registry, site, device, who(), now_ms(), protected=protected)


def edit_of(fields: list[str]) -> DeviceEdit:
    """Return what FIELD=VALUE words ask for; `ConfigError` where a field or a value makes no sense."""
    said: dict[str, object] = {}
    for word in fields:
        name, separator, value = word.partition("=")
        if not separator:
            raise ConfigError(f"{word!r} is not FIELD=VALUE.", "Write it as kind=fridge.")
        # The words of a shell have no other way to say that a field is to be empty.
        said[name] = None if value == "null" else value
    try:
        # Not strict: a shell gives text alone, for numbers and truths too.
        return msgspec.convert(said, DeviceEdit, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(DeviceEdit.__struct_fields__)
        raise ConfigError(f"That cannot be set: {error}.", f"These can: {names}.") from error


def erase_files(config: Config, site: str, device: str) -> None:
    """Take a device out of the data folder's history; `ComponentError` while another process holds it."""
    from kilowatch.app.stores import data_folder
    from kilowatch.links.history import EdgeHistory

    folder = data_folder(config)
    if folder.history.is_dir():
        history = EdgeHistory(folder.history)
        history.erase(site, device)
        history.close()


def _show(known: KnownDevice) -> None:
    table = Table(box=None, show_header=False)
    for name in known.record.__struct_fields__:
        value = getattr(known.record, name)
        by = "[dim]set by a person[/]" if name in known.edited else ""
        table.add_row(name, "–" if value is None else escape(str(value)), by)
    Console().print(table)
