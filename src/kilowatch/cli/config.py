"""`kilowatch config`: what is set and where it came from, whether it makes sense, and a file to begin with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.config import Secret, load_config
from kilowatch.config.load import USUAL_FILE
from kilowatch.config.template import TEMPLATE
from kilowatch.config.walk import is_secret, leaves
from kilowatch.core.localtime import zone
from kilowatch.errors import ConfigError
from kilowatch.links.plugs.address import parse_address

app = typer.Typer(no_args_is_help=True, help="What is set, where it came from, and whether it makes sense.")

File = Annotated[Path | None, typer.Option("--config", "-c", help="The file; default: ./kilowatch.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One setting; a secret's value is only whether it is set."""

    name: str
    value: Any
    origin: str


class ConfigOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `config show --json` and `config check --json` print."""

    schema: str = "kilowatch.config"
    version: int = 1
    file: str | None
    settings: list[SettingRow]


@app.command()
def show(file: File = None, as_json: Json = False) -> None:
    """Print every setting with where it came from; secrets stay hidden."""
    output = settings_output(file)
    if as_json:
        typer.echo(msgspec.json.encode(output))
        return
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for row in output.settings:
        style = "dim" if row.origin == "default" else ""
        table.add_row(row.name, escape(_words(row.value)), escape(row.origin), style=style)
    Console().print(table)


@app.command()
def check(file: File = None, as_json: Json = False) -> None:
    """Say whether the settings make sense; the exit code is 2 where they do not."""
    from kilowatch.detectors.registry import create

    output = settings_output(file)
    config = load_config(file).config
    create(config.detector.name)
    for device in config.devices.values():
        if device.plug is not None:
            parse_address(device.plug)
    if as_json:
        typer.echo(msgspec.json.encode(output))
        return
    chosen = sum(row.origin != "default" for row in output.settings)
    Console().print(f"{escape(output.file or 'No file')}: {chosen} settings chosen, all make sense.")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = USUAL_FILE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite one that is there.")] = False,
) -> None:
    """Write a small commented file to begin with."""
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already.", "Choose another name, or overwrite it with --force.")
    file.write_text(TEMPLATE.format(time_zone=_own_zone()), encoding="utf-8")
    Console().print(f"Wrote [bold]{escape(str(file))}[/]. Look it through, then: kilowatch config check")


def settings_output(file: Path | None) -> ConfigOutput:
    """Return all settings with their origins; a secret is only `set` or `not set`."""
    loaded = load_config(file)
    rows = [
        SettingRow(
            name=".".join(path),
            value=_hidden(value) if is_secret(kind) else value,
            origin=loaded.origin(path),
        )
        for path, kind, value in leaves(loaded.config)
    ]
    return ConfigOutput(file=None if loaded.file is None else str(loaded.file), settings=rows)


def _hidden(secret: Secret | None) -> str:
    return "not set" if secret is None else "set"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _own_zone() -> str:
    """Return this machine's zone where it tells it, else UTC."""
    # TZ first: who sets it wants another zone than the machine's.
    names = [os.environ.get("TZ", ""), str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]]
    for name in names:
        try:
            return zone(name).key if name else "UTC"
        except ConfigError:
            continue
    return "UTC"
