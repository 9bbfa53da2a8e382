"""`kilowatch doctor`: is everything there that the settings name, and what to do where it is not."""

from __future__ import annotations

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.cli.database import AsJson, ConfigFile, now_ms
from kilowatch.config import load_config
from kilowatch.core.outputs_live import Check, DoctorOutput, Mark
from kilowatch.errors import ConfigError

_STYLES = {Mark.OK: "green", Mark.WARN: "yellow", Mark.FAIL: "bold red"}


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check settings, disk, database, brokers, plugs, clock and learning; the exit code is 1 where something failed."""
    from kilowatch.app.doctor import checks

    console, found = Console(highlight=False), []
    try:
        loaded = load_config(config)
    except ConfigError as error:
        # Settings that make no sense are what a doctor should say first, not what it should die of.
        told = iter([Check(name="settings", mark=Mark.FAIL, found=str(error), fix=error.hint)])
    else:
        told = checks(loaded, now_ms())
    for check in told:
        found.append(check)
        if not as_json:
            _show(console, check)
    if as_json:
        typer.echo(msgspec.json.encode(DoctorOutput(checks=found)))
    if any(check.mark is Mark.FAIL for check in found):
        raise typer.Exit(1)


def _show(console: Console, check: Check) -> None:
    console.print(f"[{_STYLES[check.mark]}]{check.mark.value:<5}[/]{escape(check.name)}: {escape(check.found)}")
    if check.fix:
        console.print(f"     {escape(check.fix)}", style="dim")
